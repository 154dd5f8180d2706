"""Uncertainty of the task model (Lewis and Gale, 1994), alone, and against the prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import entropy, margin
from al_bench.core.state import Floats, State
from al_bench.strategies.common.ranking import Ranking, product


class Confidence(Ranking):
    """Least confidence: smallest largest-probability (Lewis and Gale, 1994).

    >>> rows = Confidence().select(state, 10, rng)
    """

    title = "least confidence"

    def score(self, state: State) -> Floats:
        return np.asarray(-state.probs[state.unlabelled].max(axis=1))


class Margin(Ranking):
    """Smallest margin between the two most probable classes (Scheffer et al., 2001).

    >>> rows = Margin().select(state, 10, rng)
    """

    def score(self, state: State) -> Floats:
        return -margin(state.probs[state.unlabelled])


class Entropy(Ranking):
    """Largest predictive entropy (Shannon, 1948; Settles, 2009).

    >>> rows = Entropy().select(state, 10, rng)
    """

    def score(self, state: State) -> Floats:
        return entropy(state.probs[state.unlabelled])


@dataclass(frozen=True)
class Product(Ranking):
    """Base of strategies that score the product of task model and prior. O(n k)."""

    floor: float = 1e-4

    def joint(self, state: State) -> Floats:
        rows = state.unlabelled
        return product(state.probs[rows], state.rows.prior[rows], self.floor)


class ProductMargin(Product):
    """Smallest margin of the product of task model and prior (experts: Hinton, 2002).

        >>> rows = ProductMargin(floor=1e-3).select(state, 10, rng)

    Parameters
    ----------
    floor : lower bound of probabilities, so that no zero is a veto
    """

    def score(self, state: State) -> Floats:
        return -margin(self.joint(state))


class ProductEntropy(Product):
    """Largest entropy of the product of task model and prior (experts: Hinton, 2002).

        >>> rows = ProductEntropy(floor=1e-3).select(state, 10, rng)

    Parameters
    ----------
    floor : lower bound of probabilities, so that no zero is a veto
    """

    def score(self, state: State) -> Floats:
        return entropy(self.joint(state))


class Disagreement(Ranking):
    """Largest Jensen-Shannon divergence of task model and prior (McCallum and Nigam, 1998).

    Query by a committee of two, with divergence from their mean. O(n k).

        >>> rows = Disagreement().select(state, 10, rng)
    """

    def score(self, state: State) -> Floats:
        return jensen_shannon(state.probs[state.unlabelled], state.rows.prior[state.unlabelled])


def jensen_shannon(left: Floats, right: Floats) -> Floats:
    """(n,) Jensen-Shannon divergence of two distributions per row, in nats, 0 to log 2."""
    mean = (left + right) / 2
    return np.asarray(entropy(mean) - (entropy(left) + entropy(right)) / 2)
