"""Which rows measure a model: a stratified random design, fixed before a label is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.state import Floats, Ints

NEVER = -1  # in an order: this row is not kept for the audit


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    rows: (a,) audited pool rows that have an answer; strata: (n,) stratum of every pool row;
    answers: (a,) classes, what people said. A row of a stratum was audited with probability
    (audited in the stratum) / (rows of the stratum), whichever row it is.
    """

    rows: Ints
    strata: Ints
    answers: Ints


def reserve(guesses: Ints, fraction: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Strata and, within each, a random order of the rows that may be audited.

    guesses: (n,) class of each row by the foundation model; fraction: of each stratum, rounded up,
    that is kept for the audit. Returns (n,) strata numbered from 0 without gaps, and (n,) places in
    the stratum's order, NEVER for rows that are not kept. O(n log n).
    """
    strata = np.unique(guesses, return_inverse=True)[1].astype(np.int64)
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)
    place = np.empty(len(strata), dtype=np.int64)
    place[order] = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = np.ceil(fraction * sizes).astype(np.int64)[strata]
    return strata, np.where(place < kept, place, NEVER)


def next_audited(strata: Ints, places: Ints, asked: Ints, budget: int) -> Ints:
    """The rows to audit next: the first ones of their strata's orders that were not asked yet.

    asked: rows that were; strata, places: (n,) as of `reserve`. Strata take turns so that their
    counts go by the square root of their sizes (power allocation, Bankier 1988): a rare class is
    measured too, and a large one better. The choice of strata depends on counts alone, never on an
    answer, so which row of a stratum is audited is left to chance. O(n log n).
    """
    weights: Floats = np.sqrt(np.bincount(strata))
    waiting = places != NEVER
    waiting[asked] = False
    rows = np.flatnonzero(waiting)
    rows = rows[np.lexsort((places[rows], strata[rows]))]
    had = np.bincount(strata[asked], minlength=len(weights))
    own = strata[rows]
    starts = np.searchsorted(own, own)
    turn = had[own] + np.arange(len(rows)) - starts + 0.5  # Sainte-Lague's divisors
    first = np.lexsort((own, turn / weights[own]))[: max(budget, 0)]
    return np.asarray(rows[first], dtype=np.int64)
