"""Wrappers: each hides rows from an inner strategy, which chooses among the others."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np

from al_bench.core.state import Floats, Ints, Querying, State, Strategy
from al_bench.strategies.badge import Badge
from al_bench.strategies.clustered import ClassGuided
from al_bench.strategies.common.distances import blocks, unit_rows
from al_bench.strategies.common.ranking import belief, random_argmax, rarest_first, top, unanswered
from al_bench.strategies.uncertainty import Margin

CELLS = 2**23  # similarities in memory at once
ROWS = 2**16  # pool rows compared at once, so that the pool is read only a few times


def show_only(state: State, rows: Ints) -> State:
    """The state with every other unlabelled row hidden."""
    others = np.ones(len(state.labels), dtype=bool)
    others[rows] = False
    return state.hide(np.flatnonzero(others))


@dataclass(frozen=True)
class Subsample:
    """Any strategy on a random part of the pool (as Ertekin et al., 2007).

        >>> rows = Subsample(Badge(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    size : unlabelled rows that it sees, at least the budget
    """

    inner: Strategy = field(default_factory=Margin)
    size: int = 10_000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        seen = rng.permutation(state.unlabelled)[: max(self.size, budget)]
        return self.inner.select(show_only(state, seen), budget, rng)


@dataclass(frozen=True)
class ClassBalanced:
    """Any strategy on a pool that is balanced by predicted class (under-sampling).

    The inner strategy sees random rows, equally many of each predicted class. O(n k + n log n).

        >>> rows = ClassBalanced(Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    size : rows that it sees, at least the budget
    belief : gives the predictions: model, prior, or product of the two
    floor : lower bound of probabilities in the product
    """

    title = "class-balanced"
    inner: Strategy = field(default_factory=Margin)
    size: int = 1000
    belief: str = "model"
    floor: float = 1e-4

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        rows = state.unlabelled
        classes = random_argmax(belief(state, rows, self.belief, self.floor), rng)
        none, size = np.zeros(state.n_classes, dtype=np.int64), max(self.size, budget)
        seen = rarest_first(classes, rng.random(len(rows)), none, size, rng)
        return self.inner.select(show_only(state, rows[seen]), budget, rng)


@dataclass(frozen=True)
class Prefilter:
    """Any strategy on candidates chosen by another strategy (as Citovsky et al., 2021).

        >>> rows = Prefilter(Badge(), Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the candidates
    scorer : strategy that chooses the candidates; it sees no answers within the batch
    size : candidates, at least the budget
    """

    inner: Strategy = field(default_factory=Badge)
    scorer: Strategy = field(default_factory=Margin)
    size: int = 1000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        seen = unanswered(self.scorer, state, max(self.size, budget), rng)
        return self.inner.select(show_only(state, seen), budget, rng)


@dataclass(frozen=True)
class SelectiveQuerying:
    """Any strategy on the rows where the prior is not confident (CB+SQ: Kim et al., 2024).

    The prior is confident on a row if its largest probability reaches its mean on the rows labelled
    with the predicted class. The paper's pseudo-labels of these rows are left out. O(n k).

        >>> rows = SelectiveQuerying(ClassGuided()).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the other rows
    """

    option = "selective"
    title = "selective querying"
    inner: Strategy = field(default_factory=ClassGuided)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        rows = state.unlabelled
        guesses = random_argmax(state.rows.prior[rows], rng)
        bars = confidence_bars(state)
        doubt = bars[guesses] - state.rows.prior[rows, guesses]
        amount = max(budget, int(np.count_nonzero(doubt > 0)))
        return self.inner.select(show_only(state, rows[top(doubt, amount, rng)]), budget, rng)


def confidence_bars(state: State) -> Floats:
    """(k,) mean largest prior probability on rows labelled with each class, or infinite."""
    best = state.rows.prior[state.labelled].max(axis=1, initial=0).astype(float)
    sums = np.bincount(state.labels[state.labelled], weights=best, minlength=state.n_classes)
    return np.where(state.counts > 0, sums / np.maximum(state.counts, 1), np.inf)


@dataclass(frozen=True)
class AnchorAL:
    """AnchorAL: any strategy near anchors of each labelled class (Lesci and Vlachos, 2024).

    Anchors are labelled rows drawn by k-means++ seeding; each retrieves its most similar unlabelled
    rows (cosine). The inner strategy sees the rows of largest mean similarity to them, or all rows
    without a label. O(k a n d) time; memory O(n d).

        >>> rows = AnchorAL(Margin(), size=50).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    anchors : labelled rows drawn per class, at most
    neighbours : unlabelled rows that each anchor retrieves
    size : rows that the inner strategy sees, at least the budget; the default is that of the
        authors' runs
    """

    option = "anchoral"
    title = "AnchorAL"
    inner: Strategy = field(default_factory=Margin)
    anchors: int = 10
    neighbours: int = 50
    size: int = 10_000

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        if len(state.unlabelled) <= self.size or len(state.labelled) == 0:
            return self.inner.select(state, budget, rng)
        classes = np.flatnonzero(state.counts)
        answered = [np.flatnonzero(state.labels == c) for c in classes]
        anchors = np.concatenate([
            rows[spread_positions(unit_rows(state.rows.features, rows), self.anchors, rng)]
            for rows in answered
        ])  # fmt: skip
        return near(self.inner, state, anchors, self.neighbours, self.size, budget, rng)


@dataclass(frozen=True)
class SEALS:
    """SEALS: any strategy on the nearest neighbours of the labelled rows (Coleman et al., 2022).

    Cosine, exact search, anew in each round; without a label it sees all rows. O(l n d) time.

        >>> rows = SEALS(Margin(), neighbours=5).select(state, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses among the rows it sees
    neighbours : most similar unlabelled rows that it sees of each labelled row
    """

    title = "SEALS"
    inner: Strategy = field(default_factory=Margin)
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
    """The choice of `inner` among the rows nearest to anchors, filled up at random."""
    rows, features = state.unlabelled, state.rows.features
    score = mean_similarity(unit_rows(features, rows), unit_rows(features, anchors), neighbours)
    amount = max(budget, min(most, int(np.isfinite(score).sum())))
    return inner.select(show_only(state, rows[top(score, amount, rng)]), budget, rng)


def spread_positions(features: Floats, amount: int, rng: np.random.Generator) -> Ints:
    from sklearn.cluster import kmeans_plusplus

    if amount >= len(features):
        return np.arange(len(features))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # only duplicates: all distances are zero
        _, chosen = kmeans_plusplus(features, amount, random_state=int(rng.integers(2**31)))
    return np.unique(chosen).astype(np.int64)


def mean_similarity(pool: Floats, anchors: Floats, neighbours: int) -> Floats:
    """(n,) mean inner product with the anchors that have a row among their nearest, or -inf."""
    sums, times = np.zeros(len(pool)), np.zeros(len(pool))
    step = max(1, CELLS // max(1, min(len(pool), ROWS)))
    for start in range(0, len(anchors), step):
        rows, similar = nearest(pool, anchors[start : start + step], neighbours)
        sums += np.bincount(rows, weights=similar, minlength=len(pool))
        times += np.bincount(rows, minlength=len(pool))
    return np.where(times > 0, sums / np.maximum(times, 1), -np.inf)


def nearest(pool: Floats, anchors: Floats, neighbours: int) -> tuple[Ints, Floats]:
    """(f,) rows among the nearest of an anchor, once per anchor, with similarities; in blocks."""
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
