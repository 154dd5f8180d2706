"""A linear head on frozen features: multinomial logistic regression with soft targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import above, at_least, one_of, require, softmax
from al_bench.core.logistic import BALANCES, balance_loss, curvature, logistic
from al_bench.core.state import Floats, Rows, TrainingSet


@dataclass(frozen=True)
class LinearHeadModel:
    """A softmax over ``features @ weight.T + bias``: weight (k, d), bias (k,)."""

    weight: Floats
    bias: Floats

    def scores(self, rows: Rows) -> Floats:
        return np.asarray(rows.features @ self.weight.T + self.bias)

    def predict_proba(self, rows: Rows) -> Floats:
        return softmax(self.scores(rows))


@dataclass
class LinearHead:
    """Logistic regression: `logistic` on the rows of a training set.

    O(m d k) time a step, O(m d) memory for m rows. A class without a row is kept.

        >>> model = LinearHead(l2=3).fit(state.rows, taught, rng)

    Parameters
    ----------
    l2 : penalty of the weights; the rows' mean weight is one
    balance : ``none``, ``weights`` (rows weigh, so that all classes in the training set weigh the
        same), ``class_weights`` (soft targets weigh too, class by class) or ``logit_adjustment``
        (Menon et al., 2021)
    tolerance : the fit stops once a step lowers the loss by a smaller fraction
    iterations : steps, at most
    """

    option = "linear"
    words = (
        ("balance none", "plain loss"), ("balance weights", "class weights"),
        ("balance logit_adjustment", "logit adjustment"),
        ("balance class_weights", "class weights in soft targets"),
    )  # fmt: skip
    version: ClassVar = 2  # 1: sixty steps without preconditioning
    l2: float = 1.0
    balance: str = "weights"
    tolerance: float = 1e-5
    iterations: int = 200

    def __post_init__(self) -> None:
        above(self, 0, l2=self.l2, tolerance=self.tolerance)
        at_least(self, 1, iterations=self.iterations)
        one_of(self, BALANCES, balance=self.balance)

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> LinearHeadModel:
        return self.beside(np.zeros(rows.n_classes), rows, training)

    def beside(self, offset: Floats, rows: Rows, training: TrainingSet) -> LinearHeadModel:
        """The head fitted with a fixed offset of its training scores, (k,) or (m, k)."""
        if len(training.rows) == 0:
            raise ValueError("LinearHead got a training set without rows; wanted at least one")
        goal = balance_loss(self.balance, training.targets, training.weights)
        (targets, weights, shift), fit = goal, (self.tolerance, self.iterations)
        features = rows.features[training.rows]
        found = logistic(features, targets, weights, self.l2, offset + shift, *fit)
        if not np.isfinite(found).all():
            raise ValueError("LinearHead diverged to a non-finite weight; raise learner.l2")
        return LinearHeadModel(np.ascontiguousarray(found[:-1].T), found[-1])


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
    title = "residual head"
    words = (
        ("balance none", "plain loss"), ("balance weights", "class weights"),
        ("balance logit_adjustment", "logit adjustment"),
    )  # fmt: skip
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
        l2 = self.l2 * curvature(n_classes) if self.by_classes else self.l2
        return LinearHead(l2, self.balance, self.tolerance, self.iterations)

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> ResidualModel:
        strength = self.strength * training.prior_strength
        offset = prior_scores(rows.prior[training.rows], strength, self.floor)
        head = self.head_for(rows.n_classes).beside(offset, rows, training)
        return ResidualModel(head, strength, self.floor)
