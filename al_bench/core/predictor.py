"""The probabilities a user gets: the model's, calibrated on the answers and pooled with the belief.

Strategies read the model as it was fitted; this is for metrics and for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from al_bench.core.arrays import log_softmax, softmax
from al_bench.core.state import Floats, Rows, State

LOG2_BOUNDS = (-4.0, 5.0)  # of the inverse temperature
LEAST = 1e-12  # of a probability before its logarithm


@dataclass(frozen=True, eq=False)
class CalibratedPredictor:
    """A state's model with temperature scaling (Guo et al., 2017) on the rows of its training set's
    calibration mask, log-linearly pooled with the belief where the training rule gives it a weight;
    the model as it is where there is no mask."""

    state: State

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities of these rows."""
        return self.blended(self.state.model.predict_proba(rows), rows)

    @cached_property
    def pool(self) -> Floats:
        """(n, k) class probabilities of every pool row."""
        return self.blended(self.state.probs, self.state.rows)

    @cached_property
    def inverse_temperature(self) -> float:
        """The factor of the model's log-probabilities. O(j k) for j rows in the mask."""
        taught = self.state.training
        if taught is None or taught.calibration_mask is None or not taught.calibration_mask.any():
            return 1.0
        masked = self.state.rows.take(taught.rows[taught.calibration_mask])
        scores = logs(self.state.model.predict_proba(masked))
        return fit_inverse_temperature(scores, taught.targets[taught.calibration_mask])

    @property
    def blend_weight(self) -> float:
        """The exponent of the belief in its pool with the model."""
        return 0.0 if self.state.training is None else self.state.training.blend_weight

    def own(self, probs: Floats) -> Floats:
        """(m, k) calibrated log-probabilities of the model alone."""
        return log_softmax(self.inverse_temperature * logs(probs))

    def blended(self, probs: Floats, rows: Rows) -> Floats:
        """(m, k) of these rows, whose probabilities by the model are `probs`."""
        taught = self.state.training
        if taught is None or taught.calibration_mask is None:
            return probs
        own = self.own(probs)
        if not self.blend_weight:
            return np.asarray(np.exp(own))
        assert taught.belief_fn is not None  # or `Calibrated` would have stopped
        return softmax(log_linear_pool(own, logs(taught.belief_fn(rows)), self.blend_weight))


def log_linear_pool(own: Floats, believed: Floats, blend_weight: float) -> Floats:
    """(m, k) scores of the log-linear pool of a model's and a belief's log-probabilities."""
    return np.asarray((own + blend_weight * believed) / (1 + blend_weight))


def fit_inverse_temperature(scores: Floats, targets: Floats) -> float:
    """The factor of (m, k) scores whose softmax has the least cross-entropy to (m, k) targets."""
    from scipy.optimize import minimize_scalar

    def loss(log2: float) -> float:
        return -float(np.vdot(targets, log_softmax(2**log2 * scores)))

    found = minimize_scalar(loss, bounds=LOG2_BOUNDS, method="bounded", options={"xatol": 0.01})
    return float(2**found.x)


def logs(probs: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probs, LEAST)), dtype=np.float64)
