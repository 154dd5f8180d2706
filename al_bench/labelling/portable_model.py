"""A session's model as plain arrays: a calibrated linear head, which may stand on the prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import softmax
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.state import Floats, Rows
from al_bench.learners.linear import LinearHeadModel, ResidualModel, prior_scores


@dataclass(frozen=True, eq=False)
class PortableModel:
    """A calibrated linear head. strength, floor: factor of the prior's log-probabilities in its
    scores, 0 if it does not read the prior, and lower bound of the prior's probabilities."""

    head: LinearHeadModel
    strength: float = 0.0
    floor: float = 1e-4

    @classmethod
    def of(cls, given: CalibratedPredictor) -> PortableModel | None:
        """A model with the predictions that users get, up to rounding; None where there is no
        linear head."""
        model, power = given.state.model, np.float32(given.inverse_temperature)
        strength, floor = 0.0, cls.floor
        if isinstance(model, ResidualModel):
            strength, floor, model = float(power) * model.strength, model.floor, model.head
        if not isinstance(model, LinearHeadModel):
            return None
        return cls(LinearHeadModel(power * model.weight, power * model.bias), strength, floor)

    @property
    def reads_prior(self) -> bool:
        return self.strength > 0

    @property
    def width(self) -> int:
        """Number of features that it reads."""
        return int(self.head.weight.shape[1])

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities. O(m d k)."""
        scores = self.head.scores(rows)
        if self.strength:
            scores = scores + prior_scores(rows.prior, self.strength, self.floor)
        return softmax(scores)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name: `weight` (k, d) and `bias` (k,) of the head, and `on_prior` (2,), strength and
        floor."""
        on_prior = np.array([self.strength, self.floor])
        return {"weight": self.head.weight, "bias": self.head.bias, "on_prior": on_prior}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PortableModel:
        """The model of these arrays; ValueError or KeyError where arrays are missing or have other
        shapes."""
        weight, bias, on_prior = (arrays[name] for name in ("weight", "bias", "on_prior"))
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or on_prior.shape != (2,):
            shapes = f"{weight.shape}, {bias.shape} and {on_prior.shape}"
            raise ValueError(f"its weight, bias and on_prior have shapes {shapes}")
        return cls(LinearHeadModel(weight, bias), *on_prior.tolist())
