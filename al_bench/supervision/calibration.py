"""How sure a model may be: probabilities that agree with the answers, for those who act on them.

Queries read the model as it was fitted: what a margin is worth to them is measured so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from al_bench.arithmetic import log_softmax, softmax
from al_bench.state import Floats, State, Supervision, TrainingSet

SHARPEST = (-4.0, 5.0)  # powers of two, to which probabilities may be raised
LEAST = 1e-12  # of a probability before its logarithm


class Calibrated:
    """Another training rule, whose annotated rows judge how sure its model's probabilities may be.

    Free labels, taught as if they were certain, say nothing of it; the targets of annotated rows,
    doubtful as they are where the rule vets answers, do. Where it teaches annotated rows alone they
    are hardly judges: the model has seen them.
    """

    def __init__(self, rule: Supervision) -> None:
        self.rule = rule

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        taught = self.rule.training_set(state, rng)
        return replace(taught, judges=state.labels[taught.rows] >= 0)


def calibrated(state: State, probs: Floats) -> Floats:
    """(m, k) the state's model's probabilities, made as sharp as agrees best with the targets of
    its training set's judges (temperature scaling: Guo et al., 2017); as they are without judges.

    The likeliest class stays the likeliest. O(j k) for j judges.
    """
    power = sharpness_of(state)
    return probs if power == 1 else softmax(power * logs(probs))


def sharpness_of(state: State) -> float:
    """The power to which the model's probabilities are to be raised."""
    taught = state.training
    if taught is None or taught.judges is None or not taught.judges.any():
        return 1.0
    judging = state.rows.take(taught.rows[taught.judges])
    return sharpness(logs(state.model.predict_proba(judging)), taught.targets[taught.judges])


def sharpness(scores: Floats, targets: Floats) -> float:
    """The factor of (m, k) scores at which their softmax is likeliest by (m, k) targets."""
    from scipy.optimize import minimize_scalar

    def surprise(power: float) -> float:
        return -float(np.vdot(targets, log_softmax(2**power * scores)))

    found = minimize_scalar(surprise, bounds=SHARPEST, method="bounded", options={"xatol": 0.01})
    return float(2**found.x)


def logs(probs: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probs, LEAST)), dtype=np.float64)
