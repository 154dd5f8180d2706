"""The rows that each wrapper shows to the strategy inside it."""

import numpy as np

from tests.reference.ranking import top
from tests.reference.serving import balanced_at_random, guesses


def subsample(rows, size, budget, rng):
    """A random part of the pool."""
    return [int(row) for row in rng.permutation(rows)][: max(size, budget)]


def class_balanced(believed, rows, size, budget, rng):
    """Equally many random rows of each predicted class, while they last."""
    said = guesses(believed, rng)
    nothing = [0] * len(believed[0])
    return [rows[i] for i in balanced_at_random(said, nothing, max(size, budget), rng)]


def prefilter(scorer, rows, size, budget, rng):
    """What another strategy names first."""
    return scorer(rows, max(size, budget), rng)


def bars(prior, labels, n_classes):
    """Mean confidence of the prior on the rows answered with each class; of none, infinite."""
    out = []
    for c in range(n_classes):
        own = [max(q) for q, label in zip(prior, labels, strict=True) if label == c]
        out.append(np.mean(own, dtype=float) if own else np.inf)
    return out


def selective(prior, labels, rows, budget, rng):
    """Rows whose prior is under the bar of the class it predicts; too few: the nearest above."""
    said = guesses(prior[rows], rng)
    height = bars(prior, labels, prior.shape[1])
    short = [height[c] - prior[row][c] for row, c in zip(rows, said, strict=True)]
    unsure = sum(gap > 0 for gap in short)
    return [rows[i] for i in top(short, max(budget, unsure), rng)]
