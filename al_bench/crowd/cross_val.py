"""What a classifier says that was taught the answers, as CROWDLAB and ActiveLab want it."""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import unit
from al_bench.core.state import Floats, Ints, State
from al_bench.crowd.crossfit import cross_fit, fold_models, fold_numbers, held_out


def enough(classes: Ints, folds: int) -> bool:
    """Whether a classifier can be taught these (m,) classes out of fold."""
    return len(classes) >= folds and len(np.unique(classes)) > 1


def view(
    state: State, rows: Ints, targets: Floats, folds: int, l2: float, rng: np.random.Generator
) -> Floats:
    """(m, k) what a classifier that did not see them says of some rows.

    A class-balanced logistic regression on unit-norm features, out of fold, taught (m, k) targets;
    where `rows` are fewer than the folds or of one class, the state's own model. O(folds m d k) a
    step.
    """
    classes = targets.argmax(axis=1)
    if not enough(classes, folds):
        return np.asarray(state.probs[rows], dtype=float)
    features = unit(state.rows.features[rows])
    models = fold_models(features, targets, fold_numbers(classes, folds, rng), l2)
    return probabilities(held_out(models, features))


def views(
    state: State, rows: Ints, targets: Floats, folds: int, l2: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The same, and what it says of the pool, (n, k). O(folds n d k) besides."""
    classes = targets.argmax(axis=1)
    if not enough(classes, folds):
        pool = np.asarray(state.probs, dtype=float)
        return pool[rows], pool
    numbers = fold_numbers(classes, folds, rng)
    own, pool = cross_fit(unit(state.rows.features), rows, targets, numbers, l2)
    return probabilities(own), probabilities(pool)


def probabilities(logs: Floats) -> Floats:
    """(n, k) of their logarithms, in double precision."""
    odds = np.exp(logs.astype(float))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
