"""Out-of-fold probabilities: what a small classifier says of rows that it was not fitted on."""

from __future__ import annotations

import numpy as np

from al_bench.arithmetic import softmax, uniform
from al_bench.state import Floats, Ints

FLOOR = 1e-6  # of a probability before its logarithm: an expert's zero is no veto


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


def logistic(
    features: Floats, targets: Floats, l2: float, sureness: Floats | None = None
) -> Floats:
    """(d + 1, k) class-balanced multinomial logistic regression, the last row the intercept.

    Minimises ``sum_i w_i CE(target_i) + l2/2 |W|^2`` by L-BFGS; w_i has mean one and makes every
    class that has targets weigh the same; within a class rows weigh as their `sureness` (m,), alike
    without it. O(m d k) an iteration.
    """
    from scipy.optimize import minimize

    counted = targets if sureness is None else targets * sureness[:, None]
    mass = counted.sum(axis=0)
    weights = counted @ np.where(mass > 1e-8, 1 / np.maximum(mass, 1e-8), 0.0)
    weights = (weights / weights.sum()).astype(np.float32)[:, None]
    design = np.column_stack([features, np.ones(len(features))]).astype(np.float32)
    shape, ridge = (design.shape[1], targets.shape[1]), l2 / len(targets)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight = flat.reshape(shape).astype(np.float32)
        probs = softmax(design @ weight)
        gradient = design.T @ (weights * (probs - targets))
        gradient[:-1] += ridge * weight[:-1]
        surprise = -np.sum(weights * targets * np.log(np.maximum(probs, 1e-30)))
        penalty = 0.5 * ridge * np.sum(weight[:-1] ** 2)
        return float(surprise + penalty), gradient.ravel().astype(np.float64)

    start = np.zeros(shape[0] * shape[1])
    options = {"maxiter": 100, "ftol": 1e-7, "gtol": 1e-6}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x.reshape(shape), dtype=np.float32)


def cross_fit(
    features: Floats,
    rows: Ints,
    targets: Floats,
    folds: Ints,
    l2: float,
    sureness: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Log-probabilities by models that did not see the row: (m, k) of `rows`, (n, k) of all.

    One `logistic` a fold on the other folds; a row outside `rows` gets the folds' mean. A class
    that a fold has no row of gets 1 / k: the model knows nothing of it; so does one of no rows at
    all, where there is a single one to begin with.
    """
    numbers = np.unique(folds)
    everywhere = np.zeros((len(features), targets.shape[1]), dtype=np.float32)
    held_out = np.zeros_like(targets)
    for fold in numbers:
        others = folds != fold
        sure = None if sureness is None else sureness[others]
        if not others.any():
            probs = uniform(len(features), targets.shape[1])
        else:
            weight = logistic(features[rows[others]], targets[others], l2, sure)
            probs = softmax(features @ weight[:-1] + weight[-1])
        probs[:, targets[others].sum(axis=0) == 0] = 1 / targets.shape[1]
        scores = log_floor(probs)
        held_out[~others] = scores[rows[~others]]
        everywhere += scores / len(numbers)
    return held_out, everywhere
