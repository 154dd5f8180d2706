"""Out-of-fold probabilities: what a small classifier says of rows that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import log_softmax, uniform
from al_bench.core.balance import balanced_weights
from al_bench.core.logistic import logistic
from al_bench.core.state import Bools, Floats, Ints

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


@dataclass(frozen=True)
class FoldModel:
    """A regression and what it was fitted without.

    own: (m,) the labelled rows that it did not see; weight: (d + 1, k) coefficients, None where it
    was taught nothing; unseen: (k,) the classes that it had no row of.
    """

    own: Bools
    weight: Floats | None
    unseen: Bools

    def log_probs(self, features: Floats) -> Floats:
        """(n, k) log-probabilities, even where it knows nothing. O(n d k)."""
        if self.weight is None:
            return log_floor(uniform(len(features), len(self.unseen)))
        scores = log_softmax(features @ self.weight[:-1] + self.weight[-1])
        np.maximum(scores, np.log(FLOOR, dtype=np.float32), out=scores)
        scores[:, self.unseen] = -np.log(len(self.unseen))
        return scores


def fold_models(
    features: Floats, targets: Floats, folds: Ints, l2: float, sureness: Floats | None = None
) -> list[FoldModel]:
    """One `logistic` a fold, fitted on the labelled rows of the other folds.

    features, targets: (m, d) and (m, k) of the labelled rows; every class that has targets weighs
    the same, its rows as their `sureness` (m,), alike without it. A class that a fold has no row of
    gets 1 / k: the model knows nothing of it; so do all where no other fold has a row, or none of
    them says anything. O(folds m d k) a step.
    """
    k = targets.shape[1]
    sure = np.ones(len(targets)) if sureness is None else sureness
    models = []
    for fold in np.unique(folds):
        others, weight = folds != fold, None
        weights = balanced_weights(targets[others], sure[others])
        if weights.any():
            taught = (features[others], targets[others], weights)
            weight = logistic(*taught, l2, np.zeros(k), TOLERANCE, ITERATIONS)
        models.append(FoldModel(~others, weight, targets[others].sum(axis=0) == 0))
    return models


def held_out(models: Sequence[FoldModel], features: Floats) -> Floats:
    """(m, k) log-probabilities of the labelled rows, each by the model that did not see it."""
    said = np.zeros((len(features), len(models[0].unseen)), dtype=np.float32)
    for model in models:
        said[model.own] = model.log_probs(features[model.own])
    return said


def everywhere(models: Sequence[FoldModel], features: Floats) -> Floats:
    """(n, k) mean log-probabilities by all models. O(folds n d k)."""
    said = np.zeros((len(features), len(models[0].unseen)), dtype=np.float32)
    for model in models:
        said += model.log_probs(features) / len(models)
    return said


def cross_fit(
    features: Floats, rows: Ints, targets: Floats, folds: Ints, l2: float
) -> tuple[Floats, Floats]:
    """Log-probabilities by models that did not see the row: (m, k) of `rows`, (n, k) of all; a row
    outside `rows` gets the folds' mean. O(folds m d k) a step and O(folds n d k)."""
    models = fold_models(features[rows], targets, folds, l2)
    own, all_rows = np.zeros_like(targets), np.zeros((len(features), targets.shape[1]), np.float32)
    for model in models:
        said = model.log_probs(features)
        own[model.own] = said[rows[model.own]]
        all_rows += said / len(models)
    return own, all_rows
