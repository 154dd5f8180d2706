"""Batches of last-layer gradients that are large and differ: BADGE, and VeSSAL in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import above
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import (
    Distance,
    Nearest,
    blocks,
    reach,
    settle,
    spread,
    squared_norms,
)
from al_bench.strategies.common.ranking import filled_at_random


class Badge:
    """k-means++ seeding on hypothetical last-layer gradients (BADGE: Ash et al., 2020).

    A row's gradient is (p - onehot(argmax p)) times its features, never formed. The largest comes
    first; each next row is drawn in proportion to its squared distance to the nearest chosen one.
    O(u (d + k) + b u) time plus the distances that a draw needs, O(u) memory.

        >>> rows = Badge().select(state, 10, rng)
    """

    title = "BADGE"

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # breaks ties at random
        budget = min(budget, len(rows))
        if budget == 0:
            return rows
        norms = squared_norms(residuals(state.probs)) * squared_norms(state.rows.features)
        first = int(norms[rows].argmax())
        distance = between_gradients(state.probs, state.rows.features, norms)
        nearest = Nearest(rows, distance, reach(norms[rows], first))
        return rows[spread(nearest, first, budget, rng)]


def residuals(probs: Floats) -> Floats:
    """(n, k) p - onehot(argmax p), the loss gradient; p - 1 is minus the sum of the others."""
    out = probs.copy()
    at = np.arange(len(probs)), probs.argmax(axis=1)
    out[at] = 0
    out[at] = -out.sum(axis=1)
    return out


def between_gradients(probs: Floats, features: Floats, norms: Floats) -> Distance:
    """Squared distances between the gradients of rows, by <g, g'> = <a, a'> <h, h'>."""

    def distance(left: Ints, right: Ints) -> Floats:
        dots = residuals(probs[left]) @ residuals(probs[right]).T
        dots = dots * (features[left] @ features[right].T)
        return settle(dots, norms[left], norms[right])

    return distance


@dataclass(frozen=True)
class Vessal:
    """Streaming volume sampling of gradients (VeSSAL: Saran et al., 2023).

    Rows pass in random order. Each is kept with probability min(1, q g' S^-1 g / mean): S is
    `ridge` I plus the kept gradients' outer products, q the budget left over the rows left; random
    rows fill up. O(u dim^2 + u dim (d + k)) time, O(u dim) memory.

        >>> rows = Vessal(dim=16).select(state, 10, rng)

    Parameters
    ----------
    dim : dimension of the random projection of a gradient
    ridge : added to the diagonal of S
    """

    title = "VeSSAL"
    dim: int = 256
    ridge: float = 0.01

    def __post_init__(self) -> None:
        above(self, 0, dim=self.dim, ridge=self.ridge)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows, budget = rng.permutation(state.unlabelled), min(budget, len(state.unlabelled))
        if budget == len(rows):
            return rows
        sketch = projected(state, rows, self.dim, rng)
        kept = one_pass(sketch, rng.random(len(rows)), self.ridge, budget)
        return np.asarray(rows[filled_at_random(kept, np.arange(len(rows)), budget, rng)])


def projected(state: State, rows: Ints, dim: int, rng: np.random.Generator) -> Floats:
    """(n, dim) random projections of residuals times features: unbiased inner products."""
    features = state.rows.features
    left = rng.standard_normal((state.n_classes, dim)).astype(features.dtype)
    right = rng.standard_normal((features.shape[1], dim)).astype(features.dtype)
    right /= np.sqrt(dim, dtype=features.dtype)
    out = np.empty((len(rows), dim), dtype=features.dtype)
    for part in blocks(len(rows)):
        residual = residuals(state.probs[rows[part]]).astype(features.dtype)
        out[part] = (residual @ left) * (features[rows[part]] @ right)
    return out


def one_pass(sketch: Floats, luck: Floats, ridge: float, budget: int) -> Ints:
    """Positions kept, at most `budget`: row t if luck[t] is below its probability. Blocks are
    computed at once and corrected for rows kept inside."""
    n, dim = sketch.shape
    inverse = np.eye(dim) / ridge
    kept: list[int] = []
    total = 0.0  # sum of the quadratic forms of all rows seen
    for part in blocks(n, 1024):
        block = sketch[part].astype(np.float64)
        forms = np.einsum("ij,ij->i", block @ inverse, block)
        done = 0
        while done < len(block) and len(kept) < budget:
            seen = part.start + done + np.arange(len(block) - done)
            means = (total + np.cumsum(forms[done:])) / (seen + 1)
            fraction = (budget - len(kept)) / (n - seen)
            ratio = np.divide(forms[done:], means, out=np.ones(len(means)), where=means > 0)
            hits = np.flatnonzero(luck[seen] < fraction * ratio)
            if len(hits) == 0:
                break
            at = done + int(hits[0])
            total += forms[done : at + 1].sum()
            row = inverse @ block[at]
            scale = 1 + block[at] @ row
            inverse -= np.outer(row, row) / scale
            kept.append(part.start + at)
            done = at + 1
            forms[done:] = np.maximum(forms[done:] - (block[done:] @ row) ** 2 / scale, 0)
        total += forms[done:].sum()
    return np.array(kept, dtype=np.int64)
