"""A session's model as plain arrays: a linear head, and the belief that it is pooled with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.belief.belief import CrossFitModel, Mixture, MixtureComponent
from al_bench.core.arrays import log_softmax, softmax
from al_bench.core.predictor import CalibratedPredictor, logs
from al_bench.core.state import Floats, Rows
from al_bench.crowd.crossfit import FoldModel
from al_bench.learners.linear import LinearHeadModel, ResidualModel, prior_scores

NOBODY = np.empty(0, dtype=bool)  # rows held out of a regression, of which an export keeps none


@dataclass(frozen=True, eq=False)
class PortableModel:
    """A calibrated linear head, which may stand on the prior, pooled with the belief that trained
    it if the training rule gives that an exponent.

    exponents: of head and belief; strength, floor: factor of the prior's log-probabilities in the
    head's scores, and lower bound of its probabilities.
    """

    head: LinearHeadModel
    exponents: tuple[float, float] = (1.0, 0.0)
    belief: Mixture | None = None
    strength: float = 0.0
    floor: float = 1e-4

    @classmethod
    def of(cls, given: CalibratedPredictor) -> PortableModel | None:
        """A model with the delivered predictions, up to rounding; None where there is no linear
        head, or the belief is no `Mixture`."""
        model, power = given.state.model, np.float32(given.inverse_temperature)
        on_prior = (0.0, cls.floor)
        if isinstance(model, ResidualModel):
            on_prior, model = (float(power) * model.strength, model.floor), model.head
        if not isinstance(model, LinearHeadModel):
            return None
        head = LinearHeadModel(power * model.weight, power * model.bias)
        training = given.state.training
        if training is None or not training.exponents[1]:
            exponents = (1.0 if training is None else training.exponents[0], 0.0)
            return cls(head, exponents, None, *on_prior)
        if not isinstance(training.belief_fn, Mixture):
            return None
        return cls(head, training.exponents, replace(training.belief_fn, known=None), *on_prior)

    @property
    def reads_prior(self) -> bool:
        return self.belief is not None or self.strength > 0

    @property
    def width(self) -> int:
        """Number of features that it reads."""
        return int(self.head.weight.shape[1])

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities. O(m d k) for the head and every regression of the belief."""
        scores, (model, belief) = self.head.scores(rows), self.exponents
        if self.strength:
            scores = scores + prior_scores(rows.prior, self.strength, self.floor)
        own = model * log_softmax(scores)
        return softmax(own if self.belief is None else own + belief * logs(self.belief(rows)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name: `weight` (k, d) and `bias` (k,) of the head, the exponents `pool` (2,) of head
        and belief, and `on_prior` (2,), the head's strength and floor.

        The belief has e regressions in f folds: `regressions` (e, f, d + 1, k), NaN where one was
        not fitted, `biases` (e, k) and classes `unseen` (e, f, k); m components: `regression`,
        `shift` and `share` in the mean (m,), `exponents` (m, 2); of the prior the
        log-`frequencies` of classes (k,).
        """
        head, belief = {"weight": self.head.weight, "bias": self.head.bias}, self.belief
        on_prior = np.array([self.strength, self.floor])
        head |= {"pool": np.array(self.exponents), "on_prior": on_prior}
        if belief is None:
            return head
        experts = list(dict.fromkeys(form.expert for form in belief.forms))
        k, d = self.head.weight.shape
        blank = np.full((d + 1, k), np.nan, dtype=np.float32)
        folds = [[blank if m.weight is None else m.weight for m in e.models] for e in experts]
        return head | {
            "frequencies": belief.means,
            "regressions": np.array(folds),
            "unseen": np.array([[m.unseen for m in e.models] for e in experts]),
            "biases": np.array([e.bias for e in experts]),
            "regression": np.array([experts.index(form.expert) for form in belief.forms]),
            "shift": np.array([form.shift for form in belief.forms]),
            "exponents": np.array([form.exponents for form in belief.forms]),
            "share": np.array([form.weight for form in belief.forms]),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PortableModel:
        """The model of these arrays; ValueError, KeyError or IndexError where arrays are missing or
        have other shapes."""
        if "pool" not in arrays:  # an earlier format; version 1.0 called the weight beside
            blend = float(arrays.get("blend_weight", arrays.get("beside", np.zeros(()))))
            pool = np.array([1.0, blend]) / (1 + blend)
            arrays = {**arrays, "pool": pool, "on_prior": np.array([0.0, cls.floor])}
        weight, bias = arrays["weight"], arrays["bias"]
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise ValueError(f"its weights have shapes {weight.shape} and {bias.shape}")
        head = LinearHeadModel(weight, bias)
        (of_head, of_belief), on_prior = arrays["pool"].tolist(), arrays["on_prior"].tolist()
        if "frequencies" not in arrays:
            return cls(head, (of_head, of_belief), None, *on_prior)
        (k, d), (e, f, *_), m = weight.shape, arrays["unseen"].shape, len(arrays["share"])
        wanted = {
            "frequencies": (k,), "regressions": (e, f, d + 1, k), "unseen": (e, f, k),
            "biases": (e, k), "pool": (2,), "on_prior": (2,), "regression": (m,),
            "shift": (m,), "exponents": (m, 2), "share": (m,),
        }  # fmt: skip
        for name, shape in wanted.items():
            if arrays[name].shape != shape:
                raise ValueError(f"its {name} has shape {arrays[name].shape}; wanted {shape}")
        experts = [
            CrossFitModel([fold_model(*one) for one in zip(*both, strict=True)], own)
            for *both, own in zip(
                arrays["regressions"], arrays["unseen"], arrays["biases"], strict=True
            )
        ]
        parts = (arrays[name].tolist() for name in ("regression", "shift", "share"))
        exponents = arrays["exponents"] * [1, arrays.get("trust", 1)]  # once a factor of its own
        forms = [
            MixtureComponent(experts[number], shift, exponents, share)
            for number, shift, share, exponents in zip(*parts, exponents, strict=True)
        ]
        belief = Mixture(forms, arrays["frequencies"])
        return cls(head, (of_head, of_belief), belief, *on_prior)


def fold_model(weight: Floats, unseen: NDArray[np.bool_]) -> FoldModel:
    return FoldModel(NOBODY, None if np.isnan(weight).any() else weight, unseen)
