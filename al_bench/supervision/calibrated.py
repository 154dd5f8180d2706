"""Training rules whose labelled rows also calibrate the model and pool it with the belief."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from al_bench.belief.opinion_pool import RATES
from al_bench.core.arrays import at_least, require, softmax
from al_bench.core.predictor import CalibratedPredictor, logs
from al_bench.core.state import Ints, Prequential, State, Supervision, TrainingSet
from al_bench.supervision.posterior import PosteriorLabelsPool

DEVIATIONS = np.linspace(-2.5, 2.5, 21)  # grid of the blend weight's log2, in prior sds


@dataclass(frozen=True)
class Calibrated:
    """Any training rule, whose labelled rows also calibrate the model's probabilities.

    Calibration needs the soft targets of labelled rows; pseudo-labels, which are trained on as
    certain, cannot serve. It is poor with a rule that trains on labelled rows alone, as the model
    was fitted on them. ValueError if a blend weight is given and the rule has no belief.

        >>> taught = Calibrated(PseudoLabelsDecayed(), blend_weight=0.5).training_set(state, rng)

    Parameters
    ----------
    rule : the training rule
    blend_weight : exponent of the rule's belief in its log-linear pool with the model (Genest and
        Zidek, 1986), whose exponent is one; the two err on different rows (ours)
    blend_log2_sd : prior standard deviation of the binary logarithm of this exponent; above 0 the
        exponent is learned from how model and belief predicted answers in advance
        (`learned_blend_weight`)
    """

    rule: Supervision = field(default_factory=PosteriorLabelsPool)
    blend_weight: float = 0.0
    blend_log2_sd: float = 0.0

    def __post_init__(self) -> None:
        at_least(self, 0, blend_weight=self.blend_weight, blend_log2_sd=self.blend_log2_sd)
        known = not self.blend_log2_sd or self.blend_weight > 0
        require(
            known,
            self,
            "blend_weight above 0",
            blend_log2_sd=self.blend_log2_sd,
            blend_weight=self.blend_weight,
        )

    @property
    def looks_back(self) -> bool:
        """Whether it learns from how past models predicted the answers."""
        return self.blend_log2_sd > 0

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        training = self.rule.training_set(state, rng)
        if self.blend_weight and training.belief_fn is None:
            raise ValueError(
                f"Calibrated got blend_weight={self.blend_weight} for {type(self.rule).__name__}, "
                "which has no belief; wanted a rule with a belief, or 0"
            )
        training, weight = calibrating(training, state), self.blend_weight
        known = prequential_of(state) if self.looks_back else None
        if known is not None:
            answers = state.labels[known.rows]
            weight = learned_blend_weight(known, answers, weight, self.blend_log2_sd)
        exponents = (1 / (1 + weight), weight / (1 + weight))
        return replace(training, exponents=exponents, prequential=known)


def calibrating(training: TrainingSet, state: State) -> TrainingSet:
    """A training set whose labelled rows calibrate the model's probabilities."""
    return replace(training, calibration_mask=state.labels[training.rows] >= 0)


def prequential_of(state: State) -> Prequential | None:
    """Predictions of all past models and beliefs for the rows that were labelled next; None before
    the second round.

    state: after new answers, with the model and training set of the previous round. A row that is
    queried again keeps its first prediction. O(h k) for h new rows, plus their prediction.
    """
    before = state.training
    if before is None or before.calibration_mask is None or before.belief_fn is None:
        return None
    past = before.prequential
    known = before.rows[before.calibration_mask]
    if past is not None:
        known = np.concatenate([known, past.rows])
    rows = np.setdiff1d(state.labelled, known)
    new, given = state.rows.take(rows), CalibratedPredictor(state)
    own = given.own(state.model.predict_proba(new))
    believed = logs(before.belief_fn(new))
    if past is None:
        return Prequential(rows, own, believed)
    return Prequential(
        np.concatenate([past.rows, rows]),
        np.concatenate([past.model, own]),
        np.concatenate([past.belief, believed]),
    )


def learned_blend_weight(
    prequential: Prequential, answers: Ints, blend_weight: float, blend_log2_sd: float
) -> float:
    """The exponent of the belief in its pool with the model: 2 to the posterior mean of its log2.

    answers: (h,) labels of the rows of `prequential`; with several annotators the consensus, which
    is no independent evidence if the label model is the belief itself. The log2 has a normal prior
    around that of `blend_weight`, with standard deviation `blend_log2_sd`. The likelihood of an
    answer is its probability under the pool's prediction in advance (prequential: Dawid, 1984),
    times the class frequencies among these answers. Errors are evenly spread, at a rate that is
    averaged over. O(h k) for each exponent.
    """
    own, believed = prequential.model, prequential.belief
    k, index = own.shape[1], np.arange(len(answers))
    counts = np.bincount(answers, minlength=k) + 0.5
    frequencies = np.log(counts / counts.sum())
    powers = np.log2(blend_weight) + blend_log2_sd * DEVIATIONS
    found = np.empty(len(powers))
    for place, power in enumerate(2**powers):
        pooled = (own + power * believed) / (1 + power)
        hit = softmax(pooled + frequencies)[index, answers]
        chances = np.outer(1 - RATES, hit) + np.outer(RATES / (k - 1), 1 - hit)
        found[place] = np.logaddexp.reduce(np.log(chances).sum(axis=1))
    weights = softmax((found - DEVIATIONS**2 / 2)[None])[0]
    return float(2 ** (weights @ powers))
