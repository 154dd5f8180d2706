"""What a user gets: class probabilities as sure as the answers allow, and not by one model alone.

Queries read the model as it was fitted: what a margin is worth to them is measured so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from al_bench.core.arrays import log_softmax, softmax
from al_bench.core.state import Floats, Rows, State

SHARPEST = (-4.0, 5.0)  # powers of two, to which probabilities may be raised
LEAST = 1e-12  # of a probability before its logarithm


@dataclass(frozen=True, eq=False)
class Delivered:
    """What a user gets of a state: its model, made as sure as agrees best with the targets of its
    training set's judges (temperature scaling: Guo et al., 2017), and joined with the belief where
    the training rule says so; the model as it is where it names no judges."""

    state: State

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities of these rows."""
        return self.joined(self.state.model.predict_proba(rows), rows)

    @cached_property
    def pool(self) -> Floats:
        """(n, k) class probabilities of every pool row."""
        return self.joined(self.state.probs, self.state.rows)

    @cached_property
    def power(self) -> float:
        """To which the model's probabilities are raised. O(j k) for j judges."""
        taught = self.state.training
        if taught is None or taught.judges is None or not taught.judges.any():
            return 1.0
        judging = self.state.rows.take(taught.rows[taught.judges])
        scores = logs(self.state.model.predict_proba(judging))
        return sharpness(scores, taught.targets[taught.judges])

    @property
    def beside(self) -> float:
        """The power at which the belief is joined with the model."""
        return 0.0 if self.state.training is None else self.state.training.beside

    def own(self, probs: Floats) -> Floats:
        """(m, k) log-probabilities of the model alone, as sure as they may be."""
        return log_softmax(self.power * logs(probs))

    def joined(self, probs: Floats, rows: Rows) -> Floats:
        """(m, k) of these rows, of whom the model says `probs`."""
        taught = self.state.training
        if taught is None or taught.judges is None:
            return probs
        own = self.own(probs)
        if not self.beside:
            return np.asarray(np.exp(own))
        assert taught.says is not None  # or `Calibrated` would have stopped
        return softmax(pooled(own, logs(taught.says(rows)), self.beside))


def pooled(own: Floats, believed: Floats, beside: float) -> Floats:
    """(m, k) scores of the log-linear pool of a model's and a belief's log-probabilities."""
    return np.asarray((own + beside * believed) / (1 + beside))


def sharpness(scores: Floats, targets: Floats) -> float:
    """The factor of (m, k) scores at which their softmax is likeliest by (m, k) targets."""
    from scipy.optimize import minimize_scalar

    def surprise(power: float) -> float:
        return -float(np.vdot(targets, log_softmax(2**power * scores)))

    found = minimize_scalar(surprise, bounds=SHARPEST, method="bounded", options={"xatol": 0.01})
    return float(2**found.x)


def logs(probs: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probs, LEAST)), dtype=np.float64)
