"""Mutual information of answers and model: BALD, PowerBALD and BatchBALD."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from al_bench.core.arrays import above, at_least, entropy
from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.common.distances import blocks
from al_bench.strategies.common.posterior import Laplace, Posterior, Predict
from al_bench.strategies.common.ranking import top

SMALL = 1024  # rows predicted at once: models times classes numbers each


@dataclass(frozen=True)
class Bald:
    """Largest mutual information of one answer and the model (BALD: Houlsby et al., 2011).

    O(u t k) time plus prediction, O(u) memory.

        >>> rows = Bald(Dropout(), models=5).select(state, 10, rng)

    Parameters
    ----------
    posterior : distribution of models: `Laplace` or `Dropout`
    models : number of drawn models, at least two
    """

    title = "BALD"
    posterior: Posterior = field(default_factory=Laplace)
    models: int = 20

    def __post_init__(self) -> None:
        at_least(self, 2, models=self.models)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        predict = self.posterior.draw(state, self.models, rng)
        return state.unlabelled[top(scores(predict, state.unlabelled), budget, rng)]


@dataclass(frozen=True)
class PowerBald(Bald):
    """Rows drawn with probability proportional to a power of BALD (Kirsch et al., 2023).

    Adds Gumbel noise to `power` times log BALD and takes the largest, which samples without
    replacement and diversifies the batch. Costs the same as BALD.

        >>> rows = PowerBald(power=2.0).select(state, 10, rng)

    Parameters
    ----------
    posterior, models : as in `Bald`
    power : exponent of BALD, above 0
    """

    option = "powerbald"
    title = "PowerBALD"
    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        above(self, 0, power=self.power)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        predict = self.posterior.draw(state, self.models, rng)
        logs = np.log(np.maximum(scores(predict, state.unlabelled), 1e-12))
        noisy = self.power * logs + rng.gumbel(size=len(logs))
        return state.unlabelled[top(noisy, budget, rng)]


@dataclass(frozen=True)
class BatchBald(Bald):
    """Largest joint information of a batch, greedily (BatchBALD: Kirsch et al., 2019).

    The batch's possible answers are enumerated up to `configurations`, then sampled, which makes
    the estimate noisy beyond about ten rows. O(b c s t k) time for s configurations, t models.

        >>> rows = BatchBald(candidates=50).select(state, 5, rng)

    Parameters
    ----------
    posterior, models : as in `Bald`
    candidates : rows of largest BALD that may be queried, at least the budget
    configurations : combinations of a batch's answers, at most; at least the number of classes
    """

    option = "batchbald"
    title = "BatchBALD"
    candidates: int = 200
    configurations: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, candidates=self.candidates)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        # one for each answer to the first query
        at_least(self, state.n_classes, configurations=self.configurations)
        if not len(state.unlabelled):
            return state.unlabelled
        predict = self.posterior.draw(state, self.models, rng)
        best = top(scores(predict, state.unlabelled), max(self.candidates, budget), rng)
        rows = rng.permutation(state.unlabelled[best])
        chosen = joint_greedy(predict(rows), min(budget, len(rows)), self.configurations, rng)
        return rows[chosen]


def joint_greedy(
    predictions: Floats, budget: int, configurations: int, rng: np.random.Generator
) -> Ints:
    """(budget,) positions of greatest mutual information of answers and model, (c, t, k)."""
    c, t, _ = predictions.shape
    flat = np.ascontiguousarray(predictions.transpose(1, 0, 2), dtype=np.float64)  # (t, c, k)
    own = entropy(flat)  # (t, c): entropy of an answer given the model
    beliefs, weights = np.full((1, t), 1 / t), np.ones(1)  # over models, for each configuration
    chosen: list[int] = []
    for _ in range(budget):
        known = weights @ beliefs @ own
        gains = np.concatenate(
            [weights @ entropy(mixture(beliefs, flat[:, part])) for part in blocks(c, 64)]
        )
        gains = np.round(gains - known, 12)  # removes rounding errors where models agree
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
    return np.asarray((beliefs @ predictions.reshape(t, c * k)).reshape(len(beliefs), c, k))


def scores(predict: Predict, rows: Ints) -> Floats:
    """(n,) BALD of each row: entropy of the mean prediction minus mean entropy, in nats, >= 0."""
    out = np.empty(len(rows))
    for part in blocks(len(rows), SMALL):
        probs = predict(rows[part])
        out[part] = entropy(probs.mean(axis=1)) - entropy(probs).mean(axis=1)
    # below float32 rounding of an entropy the models agree
    return np.where(out < 1e-6, 0, out)
