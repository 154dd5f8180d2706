"""The loss of a network: soft targets, row weights, class balance, smoothing, label noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from al_bench.core.arrays import fraction, one_of, require
from al_bench.core.balance import BALANCES, balance_loss
from al_bench.core.state import Floats, TrainingSet


class Terms(NamedTuple):
    """A training set as a loss reads it: (m, k) targets, (m,) weights of mean one, and (k,) shift
    of the scores in training."""

    targets: Floats
    weights: Floats
    shift: Floats


@dataclass(frozen=True)
class Loss:
    """Weighted cross-entropy, or its generalisation that is robust to label noise.

        >>> learner = MLPHead(loss=Loss(q=0.7))

    Parameters
    ----------
    balance : as in `LinearHead`
    smoothing : fraction of a target that is spread over all classes, under 1 (Szegedy et al., 2016)
    q : of generalised cross-entropy, ``sum_k t_k (1 - p_k^q) / q`` (Zhang and Sabuncu, 2018), from
        0, cross-entropy, to 1, mean absolute error
    """

    balance: str = "weights"
    smoothing: float = 0.0
    q: float = 0.0

    def __post_init__(self) -> None:
        one_of(self, BALANCES, balance=self.balance)
        require(0 <= self.smoothing < 1, self, "0 or more and under 1", smoothing=self.smoothing)
        fraction(self, q=self.q)

    def terms(self, training: TrainingSet) -> Terms:
        """Targets, weights and shift for a whole training set."""
        targets, weights, shift = balance_loss(self.balance, training.targets, training.weights)
        targets = (1 - self.smoothing) * targets + self.smoothing / len(shift)
        return Terms(targets, weights / weights.mean(), shift)

    def of(
        self, scores: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of a batch; scores: (b, k), with the shift added."""
        logs = torch.log_softmax(scores.float(), dim=1)
        each = -logs if self.q == 0 else -torch.expm1(self.q * logs) / self.q
        return (weights * (targets * each).sum(dim=1)).mean()
