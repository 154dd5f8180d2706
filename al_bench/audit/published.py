"""Stopping rules of the literature, at their usual thresholds: none of them promises anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from al_bench.audit.stopping import Advice, Facts
from al_bench.state import Ints


@dataclass(frozen=True)
class Stable:
    """Stop once the guesses of successive models agree: mean kappa of the last `rounds` at least
    `agreement` (stabilising predictions: Bloodgood and Vijay-Shanker, 2009)."""

    agreement: float = 0.99
    rounds: int = 3

    @property
    def promise(self) -> str:
        return "none: predictions have stopped changing, which says nothing of how good they are"

    def advice(self, history: Sequence[Facts]) -> Advice:
        guesses = [facts.guesses for facts in history[-self.rounds - 1 :]]
        if len(guesses) <= self.rounds:
            return Advice(False, f"fewer than {self.rounds + 1} models are there")
        mean = float(np.mean([kappa(*pair) for pair in pairwise(guesses)]))
        return Advice(mean >= self.agreement, f"successive models agree with a kappa of {mean:.3f}")


@dataclass(frozen=True)
class OverallUncertainty:
    """Stop once the mean entropy of unlabelled rows is below a fraction of its largest value
    (overall uncertainty: Zhu, Wang, Hovy and Ma, 2010)."""

    most: float = 0.05

    @property
    def promise(self) -> str:
        return "none: the model is sure, and may be wrong"

    def advice(self, history: Sequence[Facts]) -> Advice:
        now = history[-1].uncertainty
        return Advice(now < self.most, f"mean uncertainty of the unlabelled rows is {now:.3f}")


@dataclass(frozen=True)
class MaxConfidence:
    """Stop once even the most doubtful of the queried rows has an entropy below a fraction of its
    largest value (max confidence: Zhu and Hovy, 2007; maximum uncertainty in Zhu, Wang, Hovy and
    Ma, 2010)."""

    most: float = 0.001

    @property
    def promise(self) -> str:
        return "none: the model is sure of all it asks, and may be wrong"

    def advice(self, history: Sequence[Facts]) -> Advice:
        now = history[-1].doubt
        return Advice(now < self.most, f"the most doubtful row queried has uncertainty {now:.3f}")


@dataclass(frozen=True)
class SelectedAccuracy:
    """Stop once the model guesses the answers about the rows it queries (selected accuracy: Zhu,
    Wang, Hovy and Ma, 2010)."""

    least: float = 0.9

    @property
    def promise(self) -> str:
        return "none: queried rows are not like others, and answers may be wrong"

    def advice(self, history: Sequence[Facts]) -> Advice:
        now = history[-1].right
        return Advice(now >= self.least, f"{now:.0%} of the last answers were guessed beforehand")


def kappa(before: Ints, after: Ints) -> float:
    """Cohen's kappa of two models' guesses for the same rows; 1 where both always guess one class.

    before, after: (n,) classes. O(n + k^2).
    """
    k = int(max(before.max(), after.max())) + 1
    table = np.bincount(before * k + after, minlength=k * k).reshape(k, k) / len(before)
    chance = float(table.sum(axis=0) @ table.sum(axis=1))
    return 1.0 if chance >= 1 else float((np.trace(table) - chance) / (1 - chance))
