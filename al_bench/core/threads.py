"""How many threads numerical libraries use: the one place that sets it in a running process.

What they start with is in the environment (`al_bench.runs.environment`).
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController, threadpool_limits


def limit_threads(threads: int) -> None:
    """Hold every numerical library of this process to `threads` threads; runs share the cores.

    Torch, which most runs never load, reads the variable when it is.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    threadpool_limits(threads)


def one_thread() -> AbstractContextManager[object]:
    """No second thread for the products of matrices inside."""
    limited: AbstractContextManager[object] = _pools().limit(limits=1, user_api="blas")
    return limited


@cache
def _pools() -> ThreadpoolController:
    """Of the libraries that a fit loads; to find them takes long."""
    import scipy.optimize  # noqa: F401  # whose BLAS must be loaded to be held

    return ThreadpoolController()
