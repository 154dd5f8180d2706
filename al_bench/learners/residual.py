"""A linear head on top of the prior: it learns the residual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import above, at_least, require, softmax
from al_bench.core.logistic import curvature
from al_bench.core.state import Floats, Rows, TrainingSet
from al_bench.learners.linear import LinearHead, LinearHeadModel


def prior_scores(prior: Floats, strength: float, floor: float) -> Floats:
    """(n, k) scores of the prior: ``strength * log(max(prior, floor))``."""
    return np.asarray(strength * np.log(np.maximum(prior, floor)))


@dataclass(frozen=True)
class ResidualModel:
    """A softmax over the sum of a head's scores and the prior's."""

    head: LinearHeadModel
    strength: float
    floor: float

    def predict_proba(self, rows: Rows) -> Floats:
        return softmax(self.head.scores(rows) + prior_scores(rows.prior, self.strength, self.floor))


@dataclass
class ResidualHead:
    """Logistic regression on top of the prior: its log-probabilities are a fixed offset of each
    row's scores, in training and in prediction (an offset: McCullagh and Nelder, 1989).

    With a uniform prior it equals LinearHead. `l2` does not penalise the intercepts, so the labels
    decide how often each class is predicted. Time and memory as LinearHead, plus O(m k) memory.

        >>> model = ResidualHead(strength=0.5).fit(state.rows, taught, rng)

    Parameters
    ----------
    l2, balance, tolerance, iterations : as in `LinearHead`
    strength : factor of the offset; 0 is LinearHead, 1 the product of prior and head. A training
        rule may multiply it by what the answers show (`TrainingSet.prior_strength`)
    floor : lower bound of probabilities, so that no zero is a veto
    by_classes : whether l2 is in units of `curvature`, so that the penalty is no stronger for many
        classes than for two
    """

    option = "linear_residual"
    version: ClassVar = 1  # to be raised with LinearHead's too
    later: ClassVar = (("by_classes", False),)
    l2: float = 1.0
    balance: str = "weights"
    tolerance: float = 1e-5
    iterations: int = 200
    strength: float = 1.0
    floor: float = 1e-4
    by_classes: bool = False

    def __post_init__(self) -> None:
        above(self, 0, l2=self.l2)
        at_least(self, 0, strength=self.strength)
        require(0 < self.floor < 1, self, "one between 0 and 1", floor=self.floor)
        self.head_for(2)  # refuses bad parameters

    def head_for(self, n_classes: int) -> LinearHead:
        """The head for a number of classes."""
        l2 = self.l2 * curvature(n_classes) if self.by_classes else self.l2
        return LinearHead(l2, self.balance, self.tolerance, self.iterations)

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> ResidualModel:
        strength = self.strength * training.prior_strength
        offset = prior_scores(rows.prior[training.rows], strength, self.floor)
        head = self.head_for(rows.n_classes).beside(offset, rows, training)
        return ResidualModel(head, strength, self.floor)
