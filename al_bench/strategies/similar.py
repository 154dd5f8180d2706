"""SIMILAR: submodular information measures for rare classes (Kothawade et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import unit
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import blocks, unit_rows
from al_bench.strategies.common.ranking import lazy_greedy, rare_classes


@dataclass(frozen=True)
class FLQMI:
    """SIMILAR: rows whose gradients resemble those of rare-class labels (Kothawade et al., 2021).

    Maximises the facility-location mutual information with the query set: the sum over its rows of
    their largest similarity to the batch, plus `eta` times that over the batch. Without labels of a
    rare class the batch is random. Lazy greedy; O(n q (d + k)) time, 4 n q bytes.

        >>> rows = FLQMI(eta=0.5).select(state, 10, rng)

    Parameters
    ----------
    rare : ``labels``: classes with fewer labels than average; ``prior``: with less prior mass
    queries : labelled rows of rare classes in the query set, drawn at random, at most
    eta : weight of the batch's similarity to the query set
    """

    title = "FLQMI"
    rare: str = "labels"
    queries: int = 200
    eta: float = 1.0

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        rare = rare_classes(state, self.rare)
        query = state.labelled[rare[state.labels[state.labelled]]]
        if len(query) == 0:
            return rows[:budget]
        query = rng.choice(query, min(self.queries, len(query)), replace=False)
        similar = gradient_similarity(state, rows, query)
        relevance = self.eta * similar.max(axis=1)
        return rows[cover(similar, np.zeros(len(query), similar.dtype), relevance, budget)]


@dataclass(frozen=True)
class FLCG:
    """SIMILAR: rows whose gradients resemble no labelled row yet (Kothawade et al., 2021).

    Maximises the facility-location conditional gain: the sum over candidates of by how much their
    similarity to the batch exceeds `nu` times that to the labelled rows. Lazy greedy; O(c (c + l)
    (d + k)) time, 4 c^2 bytes.

        >>> rows = FLCG(candidates=50).select(state, 10, rng)

    Parameters
    ----------
    candidates : random rows that may be queried and are to be covered, at least the budget
    nu : weight of the similarity to labelled rows
    """

    title = "FLCG"
    candidates: int = 2000
    nu: float = 1.0

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)[: max(self.candidates, budget)]
        known = np.zeros(len(rows), state.rows.features.dtype)
        if len(state.labelled):
            for part in blocks(len(rows)):
                near = gradient_similarity(state, rows[part], state.labelled).max(axis=1)
                known[part] = self.nu * near
        similar = gradient_similarity(state, rows, rows)
        return rows[cover(similar, known, np.zeros(len(rows), similar.dtype), budget)]


def gradient_similarity(state: State, left: Ints, right: Ints) -> Floats:
    """(m, c) cosine of last-layer gradients in 0..1, at a row's label or predicted class."""
    residual, features = _directions(state, right)
    out = np.empty((len(left), len(right)), dtype=np.float32)
    for part in blocks(len(left)):
        own_residual, own_features = _directions(state, left[part])
        out[part] = (own_residual @ residual.T) * (own_features @ features.T)
    out += 1
    out /= 2
    return out


def _directions(state: State, rows: Ints) -> tuple[Floats, Floats]:
    probs = state.probs[rows]
    classes = np.where(state.labels[rows] >= 0, state.labels[rows], probs.argmax(axis=1))
    residual = probs.copy()
    residual[np.arange(len(rows)), classes] -= 1
    return unit(residual), unit_rows(state.rows.features, rows)


def cover(similar: Floats, start: Floats, bonus: Floats, budget: int) -> Ints:
    """Positions chosen greedily to raise the best similarity, (m, c), to each of c targets."""
    best = start.copy()

    def gain(at: Ints) -> Floats:
        return np.asarray(np.maximum(similar[at] - best, 0).sum(axis=1) + bonus[at])

    def take(at: int) -> None:
        np.maximum(best, similar[at], out=best)

    n, c = similar.shape
    many = n // max(c, 64)  # gains are cheap with few targets
    return lazy_greedy(gain, take, n, budget, batch=max(64, many))
