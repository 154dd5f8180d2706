"""Some runs of an entry made again, and how far they lie from what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import pandas as pd

from al_bench.analysis.merge import first_difference
from al_bench.entries.card import areas
from al_bench.rng import rng


@dataclass(frozen=True)
class Again:
    """A run made twice: where the two first differ (None: nowhere), how much larger the area is
    that was found now (NaN without labels that are held out); apart: whether it is farther from the
    other than it may be."""

    id: str
    where: str | None
    area: float
    apart: bool


def sample(ids: Sequence[str], share: float, seed: int) -> list[str]:
    """A random share of some runs, rounded up; the same for equal seeds. ValueError unless the
    share is in (0, 1]."""
    if not 0 < share <= 1:
        raise ValueError(f"--share is {share}; wanted a fraction in (0, 1]")
    drawn = rng(seed, "verify").permutation(sorted(ids))[: ceil(share * len(ids))]
    return [str(name) for name in drawn]


def compare(
    said: pd.DataFrame, made: pd.DataFrame, metric: str, tolerance: float
) -> tuple[Again, ...]:
    """Each run of two tables of the same runs, in the order of ids; tolerance: by how much areas
    may differ, 0 where nothing may in any column but seconds. Without the metric all is NaN."""
    found = []
    more = pd.Series(np.nan, index=said["id"].unique())
    if metric in said:
        more = areas(made, metric) - areas(said, metric)
    for name, run in said.groupby("id"):
        difference = first_difference(run, made[made["id"] == name])
        where = None if difference is None else difference[1]
        close = tolerance > 0 and bool(abs(more[name]) <= tolerance)
        found.append(Again(str(name), where, float(more[name]), where is not None and not close))
    return tuple(found)


def shifted(found: Sequence[Again], tolerance: float) -> float | None:
    """The mean difference of areas where that is more than chance would have it: for what is
    random in single runs averages out, and what was added to all of them does not."""
    mean = sum(one.area for one in found) / len(found)
    return mean if abs(mean) * sqrt(len(found)) > tolerance else None
