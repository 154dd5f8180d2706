"""Multinomial logistic regression with soft targets: the convex problem of heads and of folds.

A quasi-Newton method needs the fewer steps the rounder a problem is, and what makes this one long
and thin is known before the first step: the few directions in which the features vary most.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np

from al_bench.core.state import Floats
from al_bench.core.threads import one_thread

RANK = 64  # of the sketch, as far as features vary much
STEEPNESS = 0.3  # the curvature where a fit ends, of that at zero, where all classes are alike
LOWEST = -80.0  # a score whose exponential is no denormal of float32: those are slow
# multiplications of a product under which a second thread costs time
ALONE = 2**30


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
    of one; shift: (k,), or (m, k) by row, added to the scores in training. Minimises
    ``sum_i w_i CE(target_i, softmax(x_i W + b + shift)) + l2/2 |W|^2`` by L-BFGS (Zhu et al., 1997)
    from zero, in coordinates where a sketch of the curvature at zero is round (Frangella, Tropp and
    Udell, 2023), until a step lowers the loss a row by less than the fraction `tolerance`, or after
    `iterations` steps. No draw is made: equal input gives equal coefficients. O(m d k) time a step,
    O(m (d + k)) memory.
    """
    from scipy.optimize import minimize

    m, k = targets.shape
    design = np.ones((m, features.shape[1] + 1), dtype=np.float32)
    design[:, :-1] = features
    each = (weights / weights.sum()).astype(np.float32)[:, None]
    goal, shift, ridge = (each * targets).astype(np.float32), shift.astype(np.float32), l2 / m
    rounded = rounding(design, each[:, 0] * (STEEPNESS / k), ridge)

    def coefficients(point: Floats) -> Floats:
        return rounded(point.reshape(-1, k).astype(np.float32))

    def loss(point: Floats) -> tuple[float, Floats]:
        weight = coefficients(point)
        scores = design @ weight
        scores += shift
        scores -= scores.max(axis=1, keepdims=True)
        found = -np.vdot(goal, scores)
        np.maximum(scores, LOWEST, out=scores)
        odds = np.exp(scores, out=scores)
        total = odds.sum(axis=1, keepdims=True)
        found += np.vdot(each, np.log(total))
        odds *= each / total
        odds -= goal  # the slope by score
        slope = design.T @ odds
        slope[:-1] += ridge * weight[:-1]
        found += 0.5 * ridge * np.vdot(weight[:-1], weight[:-1])
        return float(found), rounded(slope).ravel().astype(np.float64)

    options = {"maxiter": iterations, "maxfun": 2 * iterations, "ftol": tolerance, "gtol": 1e-7}
    start = np.zeros(design.shape[1] * k)
    with one_thread() if design.size * k < ALONE else nullcontext():
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return coefficients(found.x)


def rounding(design: Floats, weights: Floats, ridge: float) -> Callable[[Floats], Floats]:
    """Multiplies (d, ...) by the symmetric root of the inverse of ``X' diag(w) X + ridge``, of
    which the RANK directions that a random sketch finds are told apart: O(m d RANK) once."""
    scaled = design * np.sqrt(weights)[:, None]
    draws = np.random.default_rng(0).standard_normal((design.shape[1], min(RANK, *design.shape)))
    basis, _ = np.linalg.qr(scaled.T @ (scaled @ draws.astype(np.float32)))
    seen = scaled @ basis
    curvature, turn = np.linalg.eigh(seen.T @ seen)
    curvature = np.maximum(curvature, 0)
    directions = basis @ turn
    rest = 1 / np.sqrt(ridge + curvature[0])
    more = (1 / np.sqrt(ridge + curvature) - rest)[:, None]

    def rounded(vectors: Floats) -> Floats:
        return np.asarray(rest * vectors + directions @ (more * (directions.T @ vectors)))

    return rounded
