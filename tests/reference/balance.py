"""Plain versions of the strategies that serve the class with fewest answers."""

import numpy as np

from tests.reference import ranking


def follows(classes, scores, counts, chosen):
    """Whether each chosen row was a best one of a class that had fewest so far and rows left."""
    counts, free = list(counts), set(range(len(classes)))
    for row in chosen:
        waiting = {classes[i] for i in free}
        k = classes[row]
        if row not in free or counts[k] > min(counts[c] for c in waiting):
            return False
        if scores is not None and scores[row] < max(scores[i] for i in free if classes[i] == k):
            return False
        free.remove(row)
        counts[k] += 1
    return True


def product(p, q, floor):
    """Normalised product of two zero-shot probabilities, row by row."""
    return np.array([ranking.product(one, two, floor) for one, two in zip(p, q, strict=True)])


def entropy(p):
    """Entropy in nats, row by row; 0 log 0 is 0."""
    return np.array([ranking.entropy(row) for row in p])


def jensen_shannon(p, q):
    """Mean Kullback-Leibler divergence to the mean, row by row."""
    return np.array([ranking.jensen_shannon(one, two) for one, two in zip(p, q, strict=True)])
