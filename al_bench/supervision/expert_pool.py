"""Predictions that pool the model with the belief, by how well each foresaw the answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from al_bench.belief.opinion_pool import mean_pool
from al_bench.core.arrays import require
from al_bench.core.state import State, Supervision, TrainingSet
from al_bench.crowd.crossfit import log_floor
from al_bench.supervision.calibrated import calibrating, prequential_of
from al_bench.supervision.posterior import PseudoLabelsDecayed


@dataclass(frozen=True)
class ExpertPool:
    """A training rule with a belief; users get the log-linear pool of model and belief (ours).

    The exponents of both are learned from answers that neither had seen (prequential: Dawid, 1984):
    posterior means given how the last round's model and belief predicted the rows labelled next,
    with an unknown rate of wrong answers (`mean_pool`). The model is calibrated on the posteriors
    of labelled rows first. O(grid m k) for m labelled rows.

    A model that stands on the prior (`ResidualHead`) takes it to the power that explains all
    answers best by itself: near one while there are few, near zero if the prior is no better than
    chance.

        >>> taught = ExpertPool(exponents=(0.7, 0.3)).training_set(state, rng)

    Parameters
    ----------
    rule : the training rule; ValueError if it gives no belief
    exponents : prior means of the exponents of (model, belief); used as they are in the first round
    precision : precision of their normal prior
    noise : pseudo-counts of (wrong, right) answers
    strength_precision : precision of the normal prior around one of the prior's power
    """

    version: ClassVar = 2  # with `mean_pool`
    looks_back: ClassVar = True  # learns from how past models predicted the answers
    rule: Supervision = field(default_factory=PseudoLabelsDecayed)
    exponents: tuple[float, float] = (0.5, 0.5)
    precision: tuple[float, float] = (2.0, 2.0)
    noise: tuple[float, float] = (0.5, 2.0)
    strength_precision: float = 10.0

    def __post_init__(self) -> None:
        for name in ("exponents", "precision", "noise"):  # a config gives lists
            values = tuple(map(float, getattr(self, name)))
            object.__setattr__(self, name, values)
            fine = len(values) == 2 and min(values) >= 0
            require(fine, self, "two numbers, none below 0", **{name: list(values)})

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        training = calibrating(self.rule.training_set(state, rng), state)
        if training.belief_fn is None:
            raise ValueError(
                f"ExpertPool got {type(self.rule).__name__}, which has no belief; wanted a rule "
                "with a belief"
            )
        training = replace(training, prior_strength=self.prior_strength(state))
        known = prequential_of(state)
        if known is None:
            return replace(training, exponents=self.exponents)
        experts, answers = np.stack([known.model, known.belief]), state.labels[known.rows]
        before, precision = np.array(self.exponents), np.array(self.precision)
        model, belief = mean_pool(experts, answers, before, precision, self.noise).exponents
        return replace(training, exponents=(float(model), float(belief)), prequential=known)

    def prior_strength(self, state: State) -> float:
        """The exponent of the prior alone, given all answers; 1 without any."""
        labelled = state.labelled
        if not len(labelled):
            return 1.0
        prior, answers = log_floor(state.rows.prior[labelled])[None], state.labels[labelled]
        before, precision = np.ones(1), np.array([self.strength_precision])
        return float(mean_pool(prior, answers, before, precision, self.noise).exponents[0])
