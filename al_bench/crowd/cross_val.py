"""Out-of-fold predictions of a classifier trained on the answers, for CROWDLAB and ActiveLab."""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import unit
from al_bench.core.state import Floats, Ints, State
from al_bench.crowd.crossfit import cross_fit, fold_models, fold_numbers, held_out


def enough(classes: Ints, folds: int) -> bool:
    """Whether a classifier can be cross-fitted on these (m,) classes."""
    return len(classes) >= folds and len(np.unique(classes)) > 1


def view(
    state: State, rows: Ints, targets: Floats, folds: int, l2: float, rng: np.random.Generator
) -> Floats:
    """(m, k) out-of-fold class probabilities of some rows by a class-balanced logistic regression
    on unit-norm features; of the task model with fewer rows than folds, or one class."""
    classes = targets.argmax(axis=1)
    if not enough(classes, folds):
        return np.asarray(state.probs[rows], dtype=float)
    features = unit(state.rows.features[rows])
    models = fold_models(features, targets, fold_numbers(classes, folds, rng), l2)
    return probabilities(held_out(models, features))


def views(
    state: State, rows: Ints, targets: Floats, folds: int, l2: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """`view`, and the classifier's class probabilities of the pool, (n, k). Adds O(folds n d k)."""
    classes = targets.argmax(axis=1)
    if not enough(classes, folds):
        pool = np.asarray(state.probs, dtype=float)
        return pool[rows], pool
    numbers = fold_numbers(classes, folds, rng)
    own, pool = cross_fit(unit(state.rows.features), rows, targets, numbers, l2)
    return probabilities(own), probabilities(pool)


def probabilities(logs: Floats) -> Floats:
    """(n, k) probabilities from their logarithms, in double precision."""
    odds = np.exp(logs.astype(float))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
