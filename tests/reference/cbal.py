"""CBAL by definition: its objective, the best batch of a tiny pool by trying all of them, and the
linear program over all rows at once."""

from itertools import combinations

import numpy as np
from scipy.optimize import linprog


def objective(batch, probs, wanted, weight):
    """Minus the entropy of the batch plus the penalty on its expected classes."""
    rows = np.asarray(probs, dtype=float)[list(batch)]
    entropy = -np.sum(rows * np.log(np.maximum(rows, 1e-12)))
    return float(-entropy + weight * np.abs(rows.sum(axis=0) - wanted).sum())


def best(probs, wanted, weight, budget):
    """The objective of the best batch of this size."""
    batches = combinations(range(len(probs)), budget)
    return min(objective(batch, probs, wanted, weight) for batch in batches)


def relaxed(probs, wanted, weight, budget):
    """(n,) fractions of the rows in the best fractional batch. What a class has too much and what
    it lacks are variables of their own: fraction.probs - much + little = wanted."""
    probs = np.asarray(probs, dtype=float)
    n, k = probs.shape
    cost = [float(np.sum(p * np.log(np.maximum(p, 1e-30)))) for p in probs]
    balance = np.hstack([probs.T, -np.eye(k), np.eye(k)])
    size = np.array([[1.0] * n + [0.0] * 2 * k])
    solved = linprog(
        cost + [weight] * 2 * k,
        A_eq=np.vstack([balance, size]),
        b_eq=[*wanted, budget],
        bounds=[(0, 1)] * n + [(0, None)] * 2 * k,
    )
    return solved.x[:n]
