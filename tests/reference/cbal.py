"""CBAL by definition: its objective, and the best batch of a tiny pool by trying all of them."""

from itertools import combinations

import numpy as np


def objective(batch, probs, wanted, weight):
    """Minus the entropy of the batch plus the penalty on its expected classes."""
    rows = np.asarray(probs, dtype=float)[list(batch)]
    entropy = -np.sum(rows * np.log(np.maximum(rows, 1e-12)))
    return float(-entropy + weight * np.abs(rows.sum(axis=0) - wanted).sum())


def best(probs, wanted, weight, budget):
    """The objective of the best batch of this size."""
    batches = combinations(range(len(probs)), budget)
    return min(objective(batch, probs, wanted, weight) for batch in batches)
