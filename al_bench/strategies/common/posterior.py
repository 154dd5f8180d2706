"""Models drawn from an approximate posterior: last-layer Laplace or input dropout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np

from al_bench.core.arrays import above, require, softmax
from al_bench.core.state import Floats, Ints, LinearModel, Picked, Rows, State

Predict: TypeAlias = Callable[[Ints], Floats]  # (m,) row numbers -> (m, models, k) probabilities


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


class Posterior(Protocol):
    """Draws models from a posterior given the labels."""

    def draw(self, state: State, models: int, rng: np.random.Generator) -> Predict:
        """A function that predicts with `models` drawn models, the same ones in every call."""


@dataclass(frozen=True)
class Laplace:
    """Last-layer Laplace with a Kronecker-factored Hessian (Ritter et al., 2018).

    Without labels all drawn models equal the task model. O(l d^2 + d^3).

        >>> predict = Laplace(precision=3.0).draw(state, 5, rng)

    Parameters
    ----------
    precision : of the Gaussian prior on the weights; a head trained with a sum of losses plus l2/2
        |W|^2 has precision l2
    """

    precision: float = 1.0

    def __post_init__(self) -> None:
        above(self, 0, precision=self.precision)

    def draw(self, state: State, models: int, rng: np.random.Generator) -> Predict:
        if len(state.labelled) == 0:
            return lambda rows: np.repeat(state.probs[rows][:, None], models, axis=1)
        features, weight, bias = linear_head(state)
        known, probs = features[state.labelled], state.probs[state.labelled].astype(np.float64)
        known = np.c_[known, np.ones(len(known))].astype(np.float64)  # the bias is a weight
        inner, left = np.linalg.eigh((np.diag(probs.sum(axis=0)) - probs.T @ probs) / len(probs))
        outer, right = np.linalg.eigh(known.T @ known)
        noise = rng.standard_normal((models, len(inner), len(outer)))
        noise /= np.sqrt(np.maximum(inner[:, None] * outer, 0) + self.precision)
        weights = np.c_[weight, bias] + left @ noise @ right.T
        heads = weights.reshape(-1, len(outer)).astype(features.dtype)

        def predict(rows: Ints) -> Floats:
            scores = features[rows] @ heads[:, :-1].T + heads[:, -1]
            return softmax(scores.reshape(len(rows), models, -1))

        return predict


@dataclass(frozen=True)
class Dropout:
    """Input dropout: each model drops the same random features for all rows (Gal and Ghahramani,
    2016). Models that read no features (the prior) never disagree. O(u d) a model.

        >>> predict = Dropout(rate=0.2).draw(state, 5, rng)

    Parameters
    ----------
    rate : fraction of the features that is dropped, between 0 and 1; the others are scaled up
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        require(0 < self.rate < 1, self, "one between 0 and 1", rate=self.rate)

    def draw(self, state: State, models: int, rng: np.random.Generator) -> Predict:
        pool, model = state.rows, state.model
        dtype = pool.features.dtype
        masks = (rng.random((models, pool.features.shape[1])) >= self.rate).astype(dtype)
        masks /= dtype.type(1 - self.rate)

        def predict(rows: Ints) -> Floats:
            features = pool.features[rows]
            if isinstance(model, LinearModel):  # drop weights instead: one product for all models
                heads = (model.weight * masks[:, None]).reshape(-1, features.shape[1])
                scores = (features @ heads.T).reshape(len(rows), models, -1) + model.bias
                return softmax(scores)
            inputs, prior = Picked(pool.inputs, rows), pool.prior[rows]
            seen = [model.predict_proba(Rows(inputs, features * mask, prior)) for mask in masks]
            return np.stack(seen, axis=1)

        return predict
