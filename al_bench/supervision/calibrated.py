"""Training rules whose answers also calibrate the model, and weigh the belief beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from al_bench.belief.opinion_pool import RATES
from al_bench.core.arrays import at_least, require, softmax
from al_bench.core.predictor import CalibratedPredictor, log_linear_pool, logs
from al_bench.core.state import Ints, Prequential, State, Supervision, TrainingSet

DEVIATIONS = np.linspace(-2.5, 2.5, 21)  # of the power of a belief, that are averaged over


@dataclass(frozen=True)
class Calibrated:
    """Another training rule whose labelled rows calibrate its model's probabilities.

    Pseudo-labels, trained on as if they were certain, cannot; the soft targets of labelled rows
    can. Where a rule trains on labelled rows alone they calibrate poorly: the model has seen them.
    ValueError where a blend weight is given and the rule has no belief.

        >>> taught = Calibrated(PseudoLabelsDecayed(), blend_weight=0.5).training_set(state, rng)

    Parameters
    ----------
    rule : the training rule
    blend_weight : exponent of the rule's belief in its log-linear pool with the model (Genest and
        Zidek, 1986), whose own is one; the two err on different rows (ours)
    blend_log2_sd : standard deviation of the binary logarithm of this exponent before any answer;
        above 0 it is learned from answers that model and belief predicted before they were known
        (`learned_blend_weight`)
    """

    rule: Supervision
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

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        taught = self.rule.training_set(state, rng)
        if self.blend_weight and taught.belief_fn is None:
            raise ValueError(
                f"Calibrated got blend_weight={self.blend_weight} for {type(self.rule).__name__}, "
                "which has no belief; wanted a rule with a belief, or 0"
            )
        mask = state.labels[taught.rows] >= 0
        taught = replace(taught, calibration_mask=mask, blend_weight=self.blend_weight)
        known = prequential_of(state) if self.blend_log2_sd else None
        if known is None:
            return taught
        power = learned_blend_weight(
            known, state.labels[known.rows], self.blend_weight, self.blend_log2_sd
        )
        return replace(taught, blend_weight=power, prequential=known)


def prequential_of(state: State) -> Prequential | None:
    """What the models and beliefs of all rounds so far predicted of rows before they were labelled;
    None where there was no round before.

    State: after new answers, with the model and the training set of the round before. A row that
    is answered again stays what it was. O(h k) for h new rows, and what it takes to predict.
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
    """The exponent of the belief in its pool with the model: two to the posterior mean of its log2.

    answers: (h,) to the rows of `prequential`; with several annotators their consensus, which is no
    independent evidence where the label model is itself the belief. The prior of the log2 is normal
    around that of `blend_weight`, with the standard deviation `blend_log2_sd`. The likelihood of an
    answer is its probability in the pool before it was known (prequential: Dawid, 1984), times the
    classes' frequencies among these answers, with evenly spread errors at a rate that is averaged
    over. O(h k) for each exponent.
    """
    own, believed = prequential.model, prequential.belief
    k, index = own.shape[1], np.arange(len(answers))
    counts = np.bincount(answers, minlength=k) + 0.5
    frequencies = np.log(counts / counts.sum())
    powers = np.log2(blend_weight) + blend_log2_sd * DEVIATIONS
    found = np.empty(len(powers))
    for place, power in enumerate(2**powers):
        hit = softmax(log_linear_pool(own, believed, power) + frequencies)[index, answers]
        chances = np.outer(1 - RATES, hit) + np.outer(RATES / (k - 1), 1 - hit)
        found[place] = np.logaddexp.reduce(np.log(chances).sum(axis=1))
    weights = softmax((found - DEVIATIONS**2 / 2)[None])[0]
    return float(2 ** (weights @ powers))
