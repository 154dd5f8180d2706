"""Named randomness: every draw of a run comes from ``rng(seed, purpose, round)``."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import numpy as np


def rng(seed: int, purpose: str, round: int = 0) -> np.random.Generator:
    """A fresh generator for one purpose in one round of one run, independent of all others."""
    word = int.from_bytes(sha256(purpose.encode()).digest()[:8], "big")
    return np.random.default_rng([seed, word, round])


@contextmanager
def seeded_global_generator(rng: np.random.Generator) -> Iterator[None]:
    """Seed NumPy's global generator inside, for libraries that use it; restore it afterwards."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(int(rng.integers(2**32)))  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
