"""BALD and BatchBALD as written, on given predictions (n, models, k)."""

from itertools import product
from math import log

import numpy as np

from tests.reference.ranking import top


def entropy(distribution):
    return -sum(p * log(p) for p in distribution if p > 0)


def bald(predictions):
    return np.array(
        [entropy(own.mean(axis=0)) - np.mean([*map(entropy, own)]) for own in predictions]
    )


def joint_information(predictions, batch):
    """I(answers of the batch; model): all configurations of answers, one by one."""
    predictions = np.asarray(predictions, dtype=np.float64)
    _, t, k = predictions.shape
    joint = []
    for answers in product(range(k), repeat=len(batch)):
        each = np.ones(t)
        for i, answer in zip(batch, answers, strict=True):
            each *= predictions[i, :, answer]
        joint.append(each.mean())
    own = sum(np.mean([entropy(p) for p in predictions[i]]) for i in batch)
    return entropy(joint) - own


def batch_bald(predictions, budget):
    chosen = []
    for _ in range(budget):
        rest = [i for i in range(len(predictions)) if i not in chosen]
        chosen.append(max(rest, key=lambda i: joint_information(predictions, [*chosen, i])))
    return np.array(chosen)


def dropout_predictions(features, weight, bias, models, rate, rng):
    """Every model misses the same features for every row."""
    keep = rng.random((models, features.shape[1])) >= rate
    out = np.empty((len(features), models, len(bias)))
    for i, h in enumerate(np.asarray(features, dtype=np.float64)):
        for t in range(models):
            scores = np.exp((h * keep[t] / (1 - rate)) @ weight.T + bias)
            out[i, t] = scores / scores.sum()
    return out


def power_bald(predictions, budget, power, rng):
    """Draws without replacement in proportion to a power of BALD: Gumbel noise on its logarithm,
    then the largest."""
    luck = rng.gumbel(size=len(predictions))
    noisy = [power * log(max(b, 1e-12)) + g for b, g in zip(bald(predictions), luck, strict=True)]
    return top(noisy, budget, rng)
