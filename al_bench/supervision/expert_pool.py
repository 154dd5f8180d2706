"""Predictions that pool the model with the belief that trained it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from al_bench.belief.opinion_pool import mean_pool
from al_bench.core.arrays import require
from al_bench.core.state import State, Supervision, TrainingSet
from al_bench.crowd.crossfit import log_floor
from al_bench.supervision.posterior import PosteriorLabelsPool


@dataclass(frozen=True)
class ExpertPool:
    """A training rule with a belief; users get the log-linear pool of model and belief (ours).

    The two err on different rows (Genest and Zidek, 1986). The model is calibrated on the
    posteriors of labelled rows first. A model that stands on the prior (`ResidualHead`) takes it
    to the power that explains all answers best by itself: near one while there are few, near zero
    if the prior is no better than chance. O(grid m k) for m labelled rows.

        >>> taught = ExpertPool(exponents=(0.5, 0.5)).training_set(state, rng)

    Parameters
    ----------
    rule : the training rule; ValueError if it gives no belief
    exponents : of (model, belief) in their pool
    strength_precision : precision of the normal prior around one of the prior's power
    noise : pseudo-counts of (wrong, right) answers
    """

    version: ClassVar = 2  # 1: exponents learned from what model and belief foresaw
    rule: Supervision = field(default_factory=PosteriorLabelsPool)
    exponents: tuple[float, float] = (0.7, 0.3)
    strength_precision: float = 10.0
    noise: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        for name in ("exponents", "noise"):  # a config gives lists
            values = tuple(map(float, getattr(self, name)))
            object.__setattr__(self, name, values)
            fine = len(values) == 2 and min(values) >= 0
            require(fine, self, "two numbers, none below 0", **{name: list(values)})

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        training = self.rule.training_set(state, rng)
        if training.belief_fn is None:
            raise ValueError(
                f"ExpertPool got {type(self.rule).__name__}, which has no belief; wanted a rule "
                "with a belief"
            )
        return replace(
            training,
            calibration_mask=state.labels[training.rows] >= 0,
            exponents=self.exponents,
            prior_strength=self.prior_strength(state),
        )

    def prior_strength(self, state: State) -> float:
        """The exponent of the prior alone, given all answers; 1 without any."""
        labelled = state.labelled
        if not len(labelled):
            return 1.0
        prior, answers = log_floor(state.rows.prior[labelled])[None], state.labels[labelled]
        before, precision = np.ones(1), np.array([self.strength_precision])
        return float(mean_pool(prior, answers, before, precision, self.noise).exponents[0])
