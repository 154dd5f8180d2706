"""Multinomial logistic regression with soft targets, for linear heads and cross-fitting.

A quasi-Newton method needs few steps on a well-conditioned problem. This one is ill-conditioned by
the few directions in which the features vary most, which a preconditioner rescales.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np

from al_bench.core.arrays import row_max
from al_bench.core.state import Floats
from al_bench.core.threads import one_thread

RANK, SKETCHED = 16, 512  # of the sketch of the features' covariance; rows that it is made of
STEEPNESS = 0.3  # typical curvature at the optimum relative to that at zero
LOWEST = -80.0  # lower bound of a score, as denormal float32 exponentials are slow
# multiplications of a matrix product below which one thread is faster
ALONE = 2**30
BALANCES = ("none", "weights", "class_weights", "logit_adjustment")
LEAST = 0.5  # rows that a class without mass counts as


def logistic(
    features: Floats,
    targets: Floats,
    weights: Floats,
    l2: float,
    shift: Floats,
    tolerance: float,
    iterations: int,
) -> Floats:
    """(d + 1, k) coefficients, the intercepts in the last row.

    features: (m, d); targets: (m, k), each row's sum to one; weights: (m,), scaled here to a mean
    of one; shift: (k,), or (m, k) by row, added to the scores in training. Minimises ``sum_i w_i
    CE(target_i, softmax(x_i W + b + shift)) + l2/2 |W|^2`` by L-BFGS (Zhu et al., 1997) from zero,
    preconditioned by a sketch of the curvature at zero (Frangella, Tropp and Udell, 2023), until a
    step lowers the mean loss by less than the fraction `tolerance`, or for at most `iterations`
    steps. Deterministic. O(m d k) time a step, O(m (d + k)) memory."""
    from scipy.optimize import minimize

    m, k = targets.shape
    design = np.ones((m, features.shape[1] + 1), dtype=np.float32)
    design[:, :-1] = features
    each = (weights / weights.sum()).astype(np.float32)[:, None]
    goal, shift, ridge = (each * targets).astype(np.float32), shift.astype(np.float32), l2 / m
    rounded = rounding(design, each[:, 0] * (STEEPNESS / k), ridge)
    ones = np.ones((k, 1), dtype=np.float32)

    def coefficients(point: Floats) -> Floats:
        return rounded(point.reshape(-1, k).astype(np.float32))

    def loss(point: Floats) -> tuple[float, Floats]:
        weight = coefficients(point)
        scores = design @ weight
        scores += shift
        scores -= row_max(scores)
        found = -np.vdot(goal, scores)
        np.maximum(scores, LOWEST, out=scores)
        odds = np.exp(scores, out=scores)
        total = odds @ ones
        found += np.vdot(each, np.log(total))
        odds *= each / total
        odds -= goal  # the gradient by score
        slope = design.T @ odds
        slope[:-1] += ridge * weight[:-1]
        found += 0.5 * ridge * np.vdot(weight[:-1], weight[:-1])
        return float(found), rounded(slope).ravel().astype(np.float64)

    options = {"maxiter": iterations, "maxfun": 2 * iterations, "ftol": tolerance, "gtol": 1e-7}
    start = np.zeros(design.shape[1] * k)
    with one_thread() if design.size * k < ALONE else nullcontext():
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return coefficients(found.x)


def curvature(n_classes: int) -> float:
    """Second derivative of the cross-entropy in one class's score, at uniform probabilities."""
    return (n_classes - 1) / n_classes**2


def rounding(design: Floats, weights: Floats, ridge: float) -> Callable[[Floats], Floats]:
    """The preconditioner: multiplies (d, ...) by the inverse square root of ``X' diag(w) X +
    ridge``, approximated in RANK directions found by a random sketch of at most SKETCHED rows:
    O(SKETCHED d RANK) once."""
    rng = np.random.default_rng(0)
    if len(design) > SKETCHED:
        rows = rng.choice(len(design), SKETCHED, replace=False)
        design, weights = design[rows], weights[rows] * (len(design) / SKETCHED)
    scaled = design * np.sqrt(weights)[:, None]
    draws = rng.standard_normal((design.shape[1], min(RANK, *design.shape)), dtype=np.float32)
    basis, _ = np.linalg.qr(scaled.T @ (scaled @ draws))
    seen = scaled @ basis
    curvature, turn = np.linalg.eigh(seen.T @ seen)
    curvature = np.maximum(curvature, 0)
    directions = basis @ turn
    rest = 1 / np.sqrt(ridge + curvature[0])
    more = (1 / np.sqrt(ridge + curvature) - rest)[:, None]

    def rounded(vectors: Floats) -> Floats:
        return np.asarray(rest * vectors + directions @ (more * (directions.T @ vectors)))

    return rounded


def class_mass(targets: Floats, weights: Floats) -> Floats:
    """(k,) weight of each class in a training set."""
    return np.asarray(weights @ targets)


def balanced_weights(targets: Floats, weights: Floats) -> Floats:
    """(m,) weights that give every class with any mass the same total weight."""
    mass = class_mass(targets, weights)
    scale = np.where(mass > 1e-8, 1 / np.maximum(mass, 1e-8), 0.0)
    return np.asarray(weights * (targets @ scale))


def weighted_classes(targets: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """(m, k) targets and (m,) weights of a cross-entropy in which every class has a weight,
    one over its mass: a row that is half of a rare class teaches that class. With hard targets the
    weights are `balanced_weights`."""
    parts = targets / np.maximum(class_mass(targets, weights), LEAST)
    total = parts.sum(axis=1)
    return parts / total[:, None], weights * total


def balance_loss(balance: str, targets: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """(m, k) targets, (m,) row weights, and (k,) an offset of the scores in training, for one of
    BALANCES."""
    shift: Floats = np.zeros(targets.shape[1])
    if balance == "weights":
        weights = balanced_weights(targets, weights)
    elif balance == "class_weights":
        targets, weights = weighted_classes(targets, weights)
    elif balance == "logit_adjustment":
        shift = adjustment(targets, weights)
    return targets, weights, shift


def adjustment(targets: Floats, weights: Floats) -> Floats:
    """(k,) log class frequencies to add to the scores in training (Menon et al., 2021); a class
    without mass counts as half a row."""
    mass = np.maximum(class_mass(targets, weights), LEAST)
    return np.asarray(np.log(mass / mass.sum()))
