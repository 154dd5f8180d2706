"""BASE: balanced selection at the decision boundary (Emam et al., 2021)."""

from __future__ import annotations

import numpy as np

from al_bench.core.state import Floats, Ints, LinearModel, State
from al_bench.strategies.common.ranking import top

BLOCK = 65_536  # rows scored at once


class Base:
    """BASE: equally many rows nearest to the decision boundary of each class (Emam et al., 2021).

    A row's distance to class c is its distance, in feature space, to the boundary between c and the
    predicted class; for this one, to its closest boundary. Classes choose in random order. Without
    a linear head the features are log-probabilities. O(n k (d + k)) time, O(n k) memory.

        >>> rows = Base().select(state, 10, rng)
    """

    title = "BASE"

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = state.unlabelled
        budget, n_classes = min(budget, len(rows)), state.n_classes
        parts = [rows[start : start + BLOCK] for start in range(0, max(len(rows), 1), BLOCK)]
        distance = np.concatenate([boundary_distances(state, part) for part in parts])
        quotas = budget // n_classes + (np.arange(n_classes) < budget % n_classes)
        free = np.ones(len(rows), dtype=bool)
        chosen = []
        for c, quota in zip(rng.permutation(n_classes), quotas, strict=True):
            nearest = top(-distance[:, c], budget, rng)
            chosen.append(nearest[free[nearest]][:quota])
            free[chosen[-1]] = False
        return rows[np.concatenate(chosen)]


def boundary_distances(state: State, rows: Ints) -> Floats:
    if isinstance(state.model, LinearModel):
        scores = state.rows.features[rows] @ state.model.weight.T + state.model.bias
        weight = state.model.weight.astype(float)
        squares = (weight**2).sum(axis=1)
        apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * weight @ weight.T, 0))
    else:
        scores = np.log(np.maximum(state.probs[rows], 1e-12))
        apart = np.full((scores.shape[1],) * 2, np.sqrt(2))
    apart = np.where(apart > 0, apart, np.inf).astype(scores.dtype)  # equal weights: see below
    guesses = scores.argmax(axis=1)
    at = np.arange(len(rows)), guesses
    distance: Floats = (scores[at][:, None] - scores) / apart[guesses]
    # classes of equal weights have no boundary between them: infinitely far, like the own class
    distance[~np.isfinite(apart[guesses])] = np.inf
    distance[at] = np.inf
    distance[at] = distance.min(axis=1)
    return distance
