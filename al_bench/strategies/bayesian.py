"""Disagreement within a posterior: BALD, PowerBALD and BatchBALD, by Laplace or input dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np

from al_bench.state import Floats, Ints, LinearModel, Picked, Rows, State
from al_bench.strategies.distances import blocks
from al_bench.strategies.linear import linear_head
from al_bench.strategies.ranking import top

Predict: TypeAlias = Callable[[Ints], Floats]  # (m,) row numbers -> (m, models, k) probabilities
SMALL = 1024  # rows predicted at once: models times classes numbers each


class Posterior(Protocol):
    """Draws models from what the labels leave open."""

    def draw(self, state: State, models: int, rng: np.random.Generator) -> Predict:
        """The predictions of that many models; the same models whichever rows are asked for."""


class Laplace:
    """Last-layer Laplace with a Kronecker-factored Hessian (Ritter et al., 2018).

    precision: of the Gaussian prior on the weights; a head trained with a sum of losses plus
    l2/2 |W|^2 has precision l2. Without labels all models are the model itself. O(l d^2 + d^3).
    """

    def __init__(self, precision: float) -> None:
        if precision <= 0:
            raise ValueError(f"Laplace got precision={precision}; wanted a number above 0")
        self.precision = precision

    def draw(self, state: State, models: int, rng: np.random.Generator) -> Predict:
        if len(state.labelled) == 0:
            return lambda rows: np.repeat(state.probs[rows][:, None], models, axis=1)
        features, weight, bias = linear_head(state)
        taught, probs = features[state.labelled], state.probs[state.labelled].astype(np.float64)
        taught = np.c_[taught, np.ones(len(taught))].astype(np.float64)  # the bias is a weight
        inner, left = np.linalg.eigh((np.diag(probs.sum(axis=0)) - probs.T @ probs) / len(probs))
        outer, right = np.linalg.eigh(taught.T @ taught)
        noise = rng.standard_normal((models, len(inner), len(outer)))
        noise /= np.sqrt(np.maximum(inner[:, None] * outer, 0) + self.precision)
        weights = np.c_[weight, bias] + left @ noise @ right.T
        heads = weights.reshape(-1, len(outer)).astype(features.dtype)

        def predict(rows: Ints) -> Floats:
            scores = features[rows] @ heads[:, :-1].T + heads[:, -1]
            return softmax(scores.reshape(len(rows), models, -1))

        return predict


class Dropout:
    """Models that each miss the same random features for every row (Gal and Ghahramani, 2016).

    rate: the share of features dropped; the others are scaled up. A model that reads no features
    (the prior) always agrees with itself. O(u d) a model.
    """

    def __init__(self, rate: float) -> None:
        check_rate("Dropout", rate)
        self.rate = rate

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


class Bald:
    """Largest information about the model in one answer (BALD: Houlsby et al., 2011).

    models: drawn from the posterior. O(u t k) time beyond prediction, O(u) memory.
    """

    def __init__(self, posterior: Posterior, models: int) -> None:
        check_models("Bald", models)
        self.posterior, self.models = posterior, models

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        predict = self.posterior.draw(state, self.models, rng)
        return state.unlabelled[top(scores(predict, state.unlabelled), budget, rng)]


class PowerBald:
    """Rows drawn with probability proportional to a power of BALD (Kirsch et al., 2023).

    Gumbel noise on `power` times log BALD, then the largest: sampling without replacement, so a
    batch is not one pile of alike rows. Costs what BALD costs.
    """

    def __init__(self, posterior: Posterior, models: int, power: float) -> None:
        check_models("PowerBald", models)
        if power <= 0:
            raise ValueError(f"PowerBald got power={power}; wanted a number above 0")
        self.posterior, self.models, self.power = posterior, models, power

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        predict = self.posterior.draw(state, self.models, rng)
        logs = np.log(np.maximum(scores(predict, state.unlabelled), 1e-12))
        noisy = self.power * logs + rng.gumbel(size=len(logs))
        return state.unlabelled[top(noisy, budget, rng)]


class BatchBald:
    """Largest joint information of a batch, greedily (BatchBALD: Kirsch et al., 2019).

    Among the `candidates` rows of largest BALD. The answers a batch may get are enumerated while
    they are at most `configurations`, then drawn: past that the estimate is noisy, and beyond some
    ten questions little is left to tell apart. O(b c s t k) time for s configurations and t models,
    O(s c k) memory in blocks. ValueError for fewer configurations than classes.
    """

    def __init__(
        self, posterior: Posterior, models: int, candidates: int, configurations: int
    ) -> None:
        check_models("BatchBald", models)
        if candidates < 1:
            raise ValueError(f"BatchBald got candidates={candidates}; wanted at least 1")
        self.posterior, self.models = posterior, models
        self.candidates, self.configurations = candidates, configurations

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if self.configurations < state.n_classes:
            raise ValueError(
                f"BatchBald got configurations={self.configurations} for {state.n_classes} "
                "classes; wanted at least one for each answer to the first question"
            )
        predict = self.posterior.draw(state, self.models, rng)
        best = top(scores(predict, state.unlabelled), max(self.candidates, budget), rng)
        rows = rng.permutation(state.unlabelled[best])
        chosen = joint_greedy(predict(rows), min(budget, len(rows)), self.configurations, rng)
        return rows[chosen]


def joint_greedy(
    predictions: Floats, budget: int, configurations: int, rng: np.random.Generator
) -> Ints:
    """(budget,) positions that greedily maximise the mutual information of answers and model.

    The gain of a row is its BALD under the posterior left by the answers so far, averaged over
    what these may be. predictions: (c, t, k).
    """
    c, t, _ = predictions.shape
    flat = np.ascontiguousarray(predictions.transpose(1, 0, 2), dtype=np.float64)  # (t, c, k)
    own = entropies(flat)  # (t, c): what an answer leaves open even when the model is known
    beliefs, weights = np.full((1, t), 1 / t), np.ones(1)  # over models, for each configuration
    chosen: list[int] = []
    for _ in range(budget):
        known = weights @ beliefs @ own
        gains = np.concatenate(
            [weights @ entropies(mixture(beliefs, flat[:, part])) for part in blocks(c, 64)]
        )
        gains = np.round(gains - known, 12)  # agreeing models leave rounding, not preference
        gains[chosen] = -np.inf
        chosen.append(int(gains.argmax()))
        answers = flat[:, chosen[-1]]  # (t, k)
        joint = beliefs[:, None] * answers.T  # (s, k, t)
        likely = weights[:, None] * joint.sum(axis=2)
        kept = np.flatnonzero(likely > 0)
        weights, beliefs = likely.ravel()[kept], joint.reshape(-1, t)[kept]
        if len(kept) > configurations:
            drawn = rng.choice(len(kept), size=configurations, p=weights / weights.sum())
            weights, beliefs = np.ones(configurations), beliefs[drawn]
        weights = weights / weights.sum()
        beliefs = beliefs / beliefs.sum(axis=1, keepdims=True)
    return np.array(chosen, dtype=np.int64)


def mixture(beliefs: Floats, predictions: Floats) -> Floats:
    """(s, c, k) predictions averaged over models by (s, t) beliefs; predictions are (t, c, k)."""
    t, c, k = predictions.shape
    mixed: Floats = (beliefs @ predictions.reshape(t, c * k)).reshape(len(beliefs), c, k)
    return mixed


def scores(predict: Predict, rows: Ints) -> Floats:
    """(n,) BALD of each row: entropy of the mean prediction minus mean entropy, in nats, >= 0."""
    out = np.empty(len(rows))
    for part in blocks(len(rows), SMALL):
        probs = predict(rows[part])
        out[part] = entropies(probs.mean(axis=1)) - entropies(probs).mean(axis=1)
    # below float32 rounding of an entropy there is agreement
    return np.where(out < 1e-6, 0, out)


def entropies(probs: Floats) -> Floats:
    """Entropy along the last axis in nats; zeros count as zero."""
    out: Floats = -np.einsum("...k,...k->...", probs, np.log(np.maximum(probs, 1e-30)))
    return out


def softmax(scores: Floats) -> Floats:
    """Along the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def check_models(name: str, models: int) -> None:
    if models < 2:
        raise ValueError(f"{name} got models={models}; wanted at least 2, or none can disagree")


def check_rate(name: str, rate: float) -> None:
    if not 0 < rate < 1:
        raise ValueError(f"{name} got a dropout rate of {rate}; wanted one between 0 and 1")
