"""The number of threads of numerical libraries in a running process."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController, threadpool_limits


def limit_threads(threads: int) -> None:
    """Limit every numerical library of this process to `threads` threads; runs share the cores."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    threadpool_limits(threads)


def one_thread() -> AbstractContextManager[object]:
    """Limit matrix products inside to one thread."""
    limited: AbstractContextManager[object] = _pools().limit(limits=1, user_api="blas")
    return limited


@cache
def _pools() -> ThreadpoolController:
    """The thread pools of the libraries that a fit loads; cached, as finding them is slow."""
    import scipy.optimize  # noqa: F401  # its BLAS must be loaded to be limited

    return ThreadpoolController()
