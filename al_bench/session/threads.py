"""How many threads the small fits of a session take: one, as in the suite's own runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products on one thread inside: those of a session's fits are so small that threads
    wait for each other longer than they compute, and more of them would change the last digit."""
    import scipy.optimize  # noqa: F401  # whose BLAS must be loaded to be held
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
