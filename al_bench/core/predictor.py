"""The probabilities a user gets: the model's, calibrated on the answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from al_bench.core.arrays import log_softmax, softmax
from al_bench.core.state import Floats, Rows, State

LOG2_BOUNDS = (-4.0, 5.0)  # of the inverse temperature
LEAST = 1e-12  # lower bound of a probability before its logarithm


@dataclass(frozen=True, eq=False)
class CalibratedPredictor:
    """A state's model with temperature scaling (Guo et al., 2017) on the rows of the calibration
    mask. Without a mask the model is used uncalibrated."""

    state: State

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities of these rows."""
        return self.calibrated(self.state.model.predict_proba(rows))

    @cached_property
    def pool(self) -> Floats:
        """(n, k) class probabilities of every pool row."""
        return self.calibrated(self.state.probs)

    @cached_property
    def inverse_temperature(self) -> float:
        """The factor of the model's log-probabilities. O(j k) for j rows in the mask."""
        training = self.state.training
        mask = None if training is None else training.calibration_mask
        if training is None or mask is None or not mask.any():
            return 1.0
        scores = logs(self.state.model.predict_proba(self.state.rows.take(training.rows[mask])))
        return fit_inverse_temperature(scores, training.targets[mask])

    def calibrated(self, probs: Floats) -> Floats:
        """(m, k) calibrated probabilities; probs: the model's."""
        training = self.state.training
        if training is None or training.calibration_mask is None:
            return probs
        return softmax(self.inverse_temperature * logs(probs))


def fit_inverse_temperature(scores: Floats, targets: Floats) -> float:
    """The factor of (m, k) scores that minimises their cross-entropy to (m, k) targets."""
    from scipy.optimize import minimize_scalar

    def loss(log2: float) -> float:
        return -float(np.vdot(targets, log_softmax(2**log2 * scores)))

    found = minimize_scalar(loss, bounds=LOG2_BOUNDS, method="bounded", options={"xatol": 0.01})
    return float(2**found.x)


def logs(probs: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probs, LEAST)), dtype=np.float64)
