"""Out-of-fold probabilities: what a small classifier says of rows that it was not fitted on."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import log_softmax, uniform
from al_bench.learners.balance import balanced_weights
from al_bench.learners.logistic import logistic
from al_bench.state import Floats, Ints

FLOOR = 1e-6  # of a probability before its logarithm: an expert's zero is no veto
TOLERANCE, ITERATIONS = 1e-5, 200  # of the fits


def log_floor(probs: Floats) -> Floats:
    """(n, k) logarithms of probabilities, none under FLOOR."""
    return np.asarray(np.log(np.maximum(probs, FLOOR)))


def fold_numbers(answers: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """(m,) fold of each labelled row, stratified by answer, drawn at random."""
    order = rng.permutation(len(answers))
    order = order[np.argsort(answers[order], kind="stable")]
    numbers = np.empty(len(answers), dtype=np.int64)
    numbers[order] = np.arange(len(answers)) % folds
    return numbers


def cross_fit(
    features: Floats,
    rows: Ints,
    targets: Floats,
    folds: Ints,
    l2: float,
    sureness: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Log-probabilities by models that did not see the row: (m, k) of `rows`, (n, k) of all.

    One `logistic` a fold on the other folds, in which every class that has targets weighs the same,
    its rows as their `sureness` (m,), alike without it; a row outside `rows` gets the folds' mean.
    A class that a fold has no row of gets 1 / k: the model knows nothing of it; so do all where no
    other fold has a row, or none of them says anything. O(f m d k) a step and O(f n d k).
    """
    k = targets.shape[1]
    sure = np.ones(len(targets)) if sureness is None else sureness
    everywhere = np.zeros((len(features), k), dtype=np.float32)
    held_out = np.zeros_like(targets)
    numbers = np.unique(folds)
    for fold in numbers:
        own, others = folds == fold, folds != fold
        weights = balanced_weights(targets[others], sure[others])
        if weights.any():
            taught = (features[rows[others]], targets[others], weights)
            weight = logistic(*taught, l2, np.zeros(k), TOLERANCE, ITERATIONS)
            scores = log_softmax(features @ weight[:-1] + weight[-1])
            np.maximum(scores, np.log(FLOOR, dtype=np.float32), out=scores)
            scores[:, targets[others].sum(axis=0) == 0] = -np.log(k)
        else:
            scores = log_floor(uniform(len(features), k))
        held_out[own] = scores[rows[own]]
        everywhere += scores / len(numbers)
    return held_out, everywhere
