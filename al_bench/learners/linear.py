"""A linear head on frozen features: multinomial logistic regression with soft targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import above, at_least, one_of, softmax
from al_bench.core.balance import BALANCES, balance_loss
from al_bench.core.logistic import logistic
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
    balance : ``none``, ``weights`` (all classes in the training set weigh the same) or
        ``logit_adjustment`` (Menon et al., 2021)
    tolerance : the fit stops once a step lowers the loss by a smaller fraction
    iterations : steps, at most
    """

    option = "linear"
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
        weights, shift = balance_loss(self.balance, training.targets, training.weights)
        features, fit = rows.features[training.rows], (self.tolerance, self.iterations)
        found = logistic(features, training.targets, weights, self.l2, offset + shift, *fit)
        if not np.isfinite(found).all():
            raise ValueError("LinearHead diverged to a non-finite weight; raise learner.l2")
        return LinearHeadModel(np.ascontiguousarray(found[:-1].T), found[-1])
