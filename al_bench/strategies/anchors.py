"""Sub-pools around the labelled rows: AnchorAL and SEALS, as wrappers of any strategy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Floats, Ints, Querying, State, Strategy
from al_bench.strategies.common.distances import blocks, unit_rows
from al_bench.strategies.common.ranking import top
from al_bench.strategies.wrappers import show_only

CELLS = 2**23  # similarities that exist at once
ROWS = 2**16  # of the pool that are compared at once, so that it is read a few times only


@dataclass(frozen=True)
class AnchorAL:
    """AnchorAL: any strategy near anchors of each answered class (Lesci and Vlachos, 2024).

    Anchors are drawn by k-means++ seeding; each retrieves its most similar unlabelled rows (cosine,
    exact search); the inner strategy sees those of largest mean similarity to the anchors that
    retrieved them, and everything where nothing is answered or the pool is not larger than `size`.
    O(k a n d) time; memory O(n d).

        >>> rows = AnchorAL(Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    anchors : rows answered with each class that are drawn, at most
    neighbours : unlabelled rows that each anchor retrieves
    size : rows the inner strategy sees, the budget at least
    """

    inner: Strategy
    anchors: int = 10
    neighbours: int = 50
    size: int = 10_000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        if len(state.unlabelled) <= self.size or len(state.labelled) == 0:
            return self.inner.select(state, budget, rng)
        classes = np.flatnonzero(state.counts)
        answered = [np.flatnonzero(state.labels == c) for c in classes]
        chosen = [
            spread_positions(unit_rows(state.rows.features, a), self.anchors, rng) for a in answered
        ]
        anchors = np.concatenate([a[i] for a, i in zip(answered, chosen, strict=True)])
        return near(self.inner, state, anchors, self.neighbours, self.size, budget, rng)


@dataclass(frozen=True)
class SEALS:
    """SEALS: any strategy on the nearest neighbours of the answered rows (Coleman et al., 2022).

    Cosine, exact search; random rows are added up to the budget; everything is seen where nothing
    is answered. Searched anew each round, as strategies keep nothing. O(l n d) time; memory O(n d).

        >>> rows = SEALS(Margin(), neighbours=5).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    neighbours : most similar unlabelled rows of each answered one that it sees
    """

    inner: Strategy
    neighbours: int = 100

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        if not (len(state.labelled) and len(state.unlabelled)):
            return self.inner.select(state, budget, rng)
        known, most = state.labelled, len(state.labels)
        return near(self.inner, state, known, self.neighbours, most, budget, rng)


def near(
    inner: Strategy,
    state: State,
    anchors: Ints,
    neighbours: int,
    most: int,
    budget: int,
    rng: np.random.Generator,
) -> Ints | Querying:
    """What `inner` chooses of at most `most` rows that are most similar to anchors that retrieved
    them, random ones added up to the budget."""
    rows, features = state.unlabelled, state.rows.features
    score = mean_similarity(unit_rows(features, rows), unit_rows(features, anchors), neighbours)
    amount = max(budget, min(most, int(np.isfinite(score).sum())))
    return inner.select(show_only(state, rows[top(score, amount, rng)]), budget, rng)


def spread_positions(features: Floats, amount: int, rng: np.random.Generator) -> Ints:
    """Positions of at most `amount` distinct rows by k-means++ seeding."""
    from sklearn.cluster import kmeans_plusplus

    if amount >= len(features):
        return np.arange(len(features))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # duplicates alone: no distance to draw by
        _, chosen = kmeans_plusplus(features, amount, random_state=int(rng.integers(2**31)))
    return np.unique(chosen).astype(np.int64)


def mean_similarity(pool: Floats, anchors: Floats, neighbours: int) -> Floats:
    """(n,) mean inner product of each row with the anchors that have it among their `neighbours`
    nearest (and any that are equally near); minus infinity for a row that is nobody's neighbour.

    Rows and anchors are at unit length, so these are cosines.
    """
    sums, times = np.zeros(len(pool)), np.zeros(len(pool))
    step = max(1, CELLS // max(1, min(len(pool), ROWS)))
    for start in range(0, len(anchors), step):
        rows, similar = nearest(pool, anchors[start : start + step], neighbours)
        sums += np.bincount(rows, weights=similar, minlength=len(pool))
        times += np.bincount(rows, minlength=len(pool))
    return np.where(times > 0, sums / np.maximum(times, 1), -np.inf)


def nearest(pool: Floats, anchors: Floats, neighbours: int) -> tuple[Ints, Floats]:
    """(f,) rows among the `neighbours` nearest of an anchor, once for each, and how near they are.

    Block by block of the pool: what is under an anchor's bar within a block, or so far, is under it
    in the end.
    """
    best = np.full((len(anchors), min(neighbours, len(pool))), -np.inf, dtype=pool.dtype)
    found: list[tuple[Ints, Ints, Floats]] = []
    for part in blocks(len(pool), ROWS):
        similar = anchors @ pool[part].T
        last = max(similar.shape[1] - best.shape[1], 0)
        parted = np.partition(similar, last, axis=1)[:, last:]
        merged = np.concatenate([best, parted], axis=1)
        best = np.partition(merged, -best.shape[1], axis=1)[:, -best.shape[1] :]
        owner, row = np.nonzero(similar >= best.min(axis=1)[:, None])
        found.append((owner, row + part.start, similar[owner, row]))
    owners, rows, similarities = (np.concatenate(each) for each in zip(*found, strict=True))
    kept = similarities >= best.min(axis=1)[owners]
    return rows[kept], similarities[kept]
