"""Uncertainty that reads the prior: its product with the task model, or their disagreement."""

from __future__ import annotations

from al_bench.arithmetic import entropy, margin
from al_bench.state import Floats, State
from al_bench.strategies.balance import product
from al_bench.strategies.common.ranking import Ranking


class ProductMargin(Ranking):
    """Smallest margin of the product of task model and prior (experts: Hinton, 2002).

    Probabilities under `floor` are raised to it first, so that no exact zero is a veto. O(n k).
    """

    def __init__(self, floor: float) -> None:
        self.floor = floor

    def score(self, state: State) -> Floats:
        rows = state.unlabelled
        return -margin(product(state.probs[rows], state.rows.prior[rows], self.floor))


class ProductEntropy(Ranking):
    """Largest entropy of the product of task model and prior (experts: Hinton, 2002).

    Probabilities under `floor` are raised to it first, so that no exact zero is a veto. O(n k).
    """

    def __init__(self, floor: float) -> None:
        self.floor = floor

    def score(self, state: State) -> Floats:
        rows = state.unlabelled
        return entropy(product(state.probs[rows], state.rows.prior[rows], self.floor))


class Disagreement(Ranking):
    """Largest Jensen-Shannon divergence of task model and prior (McCallum and Nigam, 1998).

    Query by a committee of two, disagreement measured from the mean. O(n k).
    """

    def score(self, state: State) -> Floats:
        return jensen_shannon(state.probs[state.unlabelled], state.rows.prior[state.unlabelled])


def jensen_shannon(left: Floats, right: Floats) -> Floats:
    """(n,) divergence of two distributions a row in nats, between 0 and log 2."""
    mean = (left + right) / 2
    divergence: Floats = entropy(mean) - (entropy(left) + entropy(right)) / 2
    return divergence
