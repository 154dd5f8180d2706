"""Cross-fitting: out-of-fold probabilities of a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import log_softmax, uniform
from al_bench.core.logistic import balanced_weights, logistic
from al_bench.core.state import Bools, Floats, Ints, State

FLOOR = 1e-6  # lower bound of a probability before its logarithm: an expert's zero is no veto
TOLERANCE, ITERATIONS = 1e-5, 200  # of each fit


def log_floor(probs: Floats) -> Floats:
    """(n, k) logarithms of probabilities, which are raised to FLOOR first."""
    return np.asarray(np.log(np.maximum(probs, FLOOR)))


def fold_numbers(answers: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """(m,) random fold of each labelled row, stratified by answer."""
    order = rng.permutation(len(answers))
    order = order[np.argsort(answers[order], kind="stable")]
    numbers = np.empty(len(answers), dtype=np.int64)
    numbers[order] = np.arange(len(answers)) % folds
    return numbers


@dataclass(frozen=True)
class FoldModel:
    """A regression fitted without the rows of one fold. own: (m,) whether a labelled row is held
    out; weight: (d + 1, k) coefficients, None without training rows; unseen: (k,) whether a class
    has no training row."""

    own: Bools
    weight: Floats | None
    unseen: Bools

    def log_probs(self, features: Floats) -> Floats:
        """(n, k) log-probabilities; -log k for unseen classes, for all if unfitted. O(n d k)."""
        if self.weight is None:
            return log_floor(uniform(len(features), len(self.unseen)))
        scores = log_softmax(features @ self.weight[:-1] + self.weight[-1])
        np.maximum(scores, np.log(FLOOR, dtype=np.float32), out=scores)
        scores[:, self.unseen] = -np.log(len(self.unseen))
        return scores


def fold_models(
    features: Floats, targets: Floats, folds: Ints, l2: float, sureness: Floats | None = None
) -> list[FoldModel]:
    """One `logistic` a fold, fitted on the labelled rows of the other folds. features, targets: (m,
    d) and (m, k) of the labelled rows; sureness: (m,) sample weights within a class. All classes
    with targets have equal weight."""
    k = targets.shape[1]
    sure = np.ones(len(targets)) if sureness is None else sureness
    models = []
    for fold in np.unique(folds):
        others, weight = folds != fold, None
        weights = balanced_weights(targets[others], sure[others])
        if weights.any():
            data = (features[others], targets[others], weights)
            weight = logistic(*data, l2, np.zeros(k), TOLERANCE, ITERATIONS)
        models.append(FoldModel(~others, weight, targets[others].sum(axis=0) == 0))
    return models


def held_out(models: Sequence[FoldModel], features: Floats) -> Floats:
    """(m, k) log-probabilities of the labelled rows, each by the model that held it out."""
    logs = np.zeros((len(features), len(models[0].unseen)), dtype=np.float32)
    for model in models:
        logs[model.own] = model.log_probs(features[model.own])
    return logs


def cross_fit(
    features: Floats,
    rows: Ints,
    targets: Floats,
    folds: Ints,
    l2: float,
    sureness: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Out-of-fold log-probabilities of `rows`, (m, k), and mean ones over the folds of all, (n, k).
    Arguments as in `fold_models`, but features of all rows. O(folds n d k) for predictions."""
    models = fold_models(features[rows], targets, folds, l2, sureness)
    own, all_rows = np.zeros_like(targets), np.zeros((len(features), targets.shape[1]), np.float32)
    for model in models:
        logs = model.log_probs(features)
        own[model.own] = logs[rows[model.own]]
        all_rows += logs / len(models)
    return own, all_rows


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
    features = state.rows.directions[rows]
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
    own, pool = cross_fit(state.rows.directions, rows, targets, numbers, l2)
    return probabilities(own), probabilities(pool)


def probabilities(logs: Floats) -> Floats:
    """(n, k) probabilities from their logarithms, in double precision."""
    odds = np.exp(logs.astype(float))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
