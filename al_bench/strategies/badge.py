"""BADGE: a batch of gradients that are large and differ."""

from __future__ import annotations

import numpy as np

from al_bench.state import Floats, Ints, State
from al_bench.strategies.common.distances import (
    Distance,
    Nearest,
    reach,
    settle,
    spread,
    squared_norms,
)


class Badge:
    """k-means++ seeding on hypothetical last-layer gradients (BADGE: Ash et al., 2020).

    A row's gradient is (p - onehot(argmax p)) times its features, never formed: inner products
    factorise. The largest gradient comes first; each next row is drawn with probability
    proportional to its squared distance to the nearest chosen one. Where all distances are zero (a
    model that is always certain) the rest is random. O(u (d + k) + b u) time and O(u) memory, plus
    the rows whose distances the draw has to look at.
    """

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows = rng.permutation(state.unlabelled)  # so that the first of equals is a random one
        budget = min(budget, len(rows))
        if budget == 0:
            return rows
        norms = gradient_norms(state.probs, state.rows.features)
        first = int(norms[rows].argmax())
        distance = between_gradients(state.probs, state.rows.features, norms)
        nearest = Nearest(rows, distance, reach(norms[rows], first))
        return rows[spread(nearest, first, budget, rng)]


def residuals(probs: Floats) -> Floats:
    """(n, k) p - onehot(argmax p): the gradient of the loss by the logits, for the likeliest class.

    Its largest entry is written as minus the sum of the others, which keeps digits that 1 - p
    loses."""
    out = probs.copy()
    at = np.arange(len(probs)), probs.argmax(axis=1)
    out[at] = 0
    out[at] = -out.sum(axis=1)
    return out


def gradient_norms(probs: Floats, features: Floats) -> Floats:
    """(n,) squared length of each row's gradient."""
    return squared_norms(residuals(probs)) * squared_norms(features)


def between_gradients(probs: Floats, features: Floats, norms: Floats) -> Distance:
    """Squared distances between the gradients of rows, by <g, g'> = <a, a'> <h, h'>."""

    def distance(left: Ints, right: Ints) -> Floats:
        dots = residuals(probs[left]) @ residuals(probs[right]).T
        dots = dots * (features[left] @ features[right].T)
        return settle(dots, norms[left], norms[right])

    return distance
