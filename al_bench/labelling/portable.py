"""Models that can leave a fit: as arrays, and made of these again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from al_bench.arithmetic import log_softmax, softmax
from al_bench.label_models.belief import Expert, Form, Forms
from al_bench.label_models.crossfit import FoldModel
from al_bench.learners.linear import LinearModel
from al_bench.state import Floats, Rows
from al_bench.supervision.delivered import Delivered, logs, pooled

NOBODY = np.empty(0, dtype=bool)  # rows that a regression was not taught, where it left its fit


@dataclass(frozen=True, eq=False)
class Joined:
    """A linear head, as sure as it may be, joined with the belief that taught it, whose power is
    `beside`. It reads the prior of a row."""

    head: LinearModel
    beside: float
    belief: Forms

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities. O(m d k) for the head and every regression of the belief."""
        own = log_softmax(self.head.scores(rows))
        return softmax(pooled(own, logs(self.belief(rows)), self.beside))


Portable: TypeAlias = LinearModel | Joined


def width_of(model: Portable) -> int:
    """Of the features that it reads."""
    head = model if isinstance(model, LinearModel) else model.head
    return int(head.weight.shape[1])


def portable(given: Delivered) -> Portable | None:
    """What predicts as a user is given it, to rounding; None where there is no linear head, or what
    it is joined with is no belief of ours."""
    model, power = given.state.model, np.float32(given.power)
    if not isinstance(model, LinearModel):
        return None
    head = LinearModel(power * model.weight, power * model.bias)
    if not given.beside or given.state.training is None:
        return head
    says = given.state.training.says
    if not isinstance(says, Forms):
        return None
    return Joined(head, given.beside, replace(says, known=None))


def arrays_of(model: Portable) -> dict[str, NDArray[Any]]:
    """Its arrays by name: `weight` (k, d) and `bias` (k,) of the head, and of a belief `beside`.

    The belief has e regressions in f folds: `regressions` (e, f, d + 1, k), NaN where one was
    taught nothing, `biases` (e, k) and classes `unseen` (e, f, k); m forms: which `regression`,
    `shift`, and `share` in the mean (m,), `exponents` (m, 2); of the prior `trust` and
    log-`frequencies` of classes (k,).
    """
    if isinstance(model, LinearModel):
        return {"weight": model.weight, "bias": model.bias}
    belief = model.belief
    experts = list(dict.fromkeys(form.expert for form in belief.forms))
    k, d = model.head.weight.shape
    blank = np.full((d + 1, k), np.nan, dtype=np.float32)
    folds = [[blank if m.weight is None else m.weight for m in e.models] for e in experts]
    return arrays_of(model.head) | {
        "beside": np.array(model.beside),
        "trust": np.array(belief.trust),
        "frequencies": belief.means,
        "regressions": np.array(folds),
        "unseen": np.array([[m.unseen for m in e.models] for e in experts]),
        "biases": np.array([e.bias for e in experts]),
        "regression": np.array([experts.index(form.expert) for form in belief.forms]),
        "shift": np.array([form.shift for form in belief.forms]),
        "exponents": np.array([form.exponents for form in belief.forms]),
        "share": np.array([form.weight for form in belief.forms]),
    }


def model_of(arrays: Mapping[str, NDArray[Any]]) -> Portable:
    """The model of these arrays; ValueError or KeyError where they are none of a model."""
    weight, bias = arrays["weight"], arrays["bias"]
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise ValueError(f"its weights have shapes {weight.shape} and {bias.shape}")
    head = LinearModel(weight, bias)
    if "beside" not in arrays:
        return head
    k, d = weight.shape
    regressions, unseen, biases = arrays["regressions"], arrays["unseen"], arrays["biases"]
    count, m = len(regressions), len(arrays["share"])
    wanted = {
        "frequencies": (k,), "regressions": (count, *regressions.shape[1:2], d + 1, k),
        "unseen": (count, *regressions.shape[1:2], k), "biases": (count, k), "beside": (),
        "trust": (), "regression": (m,), "shift": (m,), "exponents": (m, 2), "share": (m,),
    }  # fmt: skip
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise ValueError(f"its {name} has shape {arrays[name].shape}; wanted {shape}")
    experts = [
        Expert([fold(*one) for one in zip(*both, strict=True)], own)
        for *both, own in zip(regressions, unseen, biases, strict=True)
    ]
    parts = (arrays[name].tolist() for name in ("regression", "shift", "share"))
    forms = [
        Form(experts[number], shift, exponents, share)
        for number, shift, share, exponents in zip(*parts, arrays["exponents"], strict=True)
    ]
    belief = Forms(forms, arrays["frequencies"], float(arrays["trust"]))
    return Joined(head, float(arrays["beside"]), belief)


def fold(weight: Floats, unseen: NDArray[np.bool_]) -> FoldModel:
    return FoldModel(NOBODY, None if np.isnan(weight).any() else weight, unseen)
