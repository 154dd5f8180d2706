"""One split of a data set made into a pool and a test split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al_bench.arithmetic import one_of
from al_bench.datasets.check import checked
from al_bench.problem.types import Dataset, Source, Split
from al_bench.rng import rng
from al_bench.state import Ints


class Halved:
    """Half of one split of another data set as the pool, the other half as the test split.

    inner: a data set of texts or images; name: what reports call the halves; split: ``train`` or
    ``test``, which one is divided; seed: of the division alone. Each half has half of every class.
    """

    def __init__(self, inner: Source, name: str, split: str, seed: int) -> None:
        one_of(name, ("train", "test"), split=split)
        self.inner, self.name, self.split, self.seed = inner, name, split, seed

    def absent(self) -> str | None:
        """Why the data are not on this machine, None where they are or cannot tell."""
        found: str | None = self.inner.absent() if hasattr(self.inner, "absent") else None
        return found

    def load(self) -> Dataset:
        """ValueError where a class has one row, which cannot be in both halves."""
        whole = self.inner.load()
        if whole.modality == "features":
            raise ValueError(f"{self.name}: halves are made of texts or images, not of features")
        split: Split = getattr(whole, self.split)
        first, second = halves(split.labels, self.seed)
        return checked(
            replace(
                whole,
                name=self.name,
                key=f"{whole.key},half of {self.split},seed={self.seed}",
                train=split.take(first),
                test=split.take(second),
            )
        )


def halves(labels: Ints, seed: int) -> tuple[Ints, Ints]:
    """Row numbers of two halves, each ascending, that differ by one row at most in size and in any
    class; O(n log n)."""
    draws = rng(seed, "halves").random(len(labels))
    order = np.lexsort((draws, labels))  # by class, at random within it
    return np.sort(order[::2]), np.sort(order[1::2])
