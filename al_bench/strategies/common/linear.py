"""The linear head of a model, for strategies that need its weights or gradients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from al_bench.core.state import Floats, LinearModel, State


class Head(NamedTuple):
    """A softmax over ``features @ weight.T + bias``: (n, d), (k, d) and (k,)."""

    features: Floats
    weight: Floats
    bias: Floats


def linear_head(state: State) -> Head:
    """The model's linear head; a model without one is a softmax over its log-probabilities."""
    model = state.model
    if isinstance(model, LinearModel):
        return Head(state.rows.features, model.weight, model.bias)
    logs = np.log(np.maximum(state.probs, 1e-12))
    k = state.n_classes
    return Head(logs, np.eye(k, dtype=logs.dtype), np.zeros(k, dtype=logs.dtype))
