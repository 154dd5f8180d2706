"""Plain versions of the strategies that serve the class with fewest answers."""

import numpy as np


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
    """Normalised product of two opinions, row by row."""
    out = []
    for one, two in zip(p, q, strict=True):
        both = [max(a, floor) * max(b, floor) for a, b in zip(one, two, strict=True)]
        out.append([value / sum(both) for value in both])
    return np.array(out)


def entropy(p):
    """Entropy in nats, row by row; 0 log 0 is 0."""
    return np.array([-sum(a * np.log(a) for a in row if a > 0) for row in p])


def jensen_shannon(p, q):
    """Mean Kullback-Leibler divergence to the mean, row by row."""
    out = []
    for one, two in zip(p, q, strict=True):
        mean = [(a + b) / 2 for a, b in zip(one, two, strict=True)]
        out.append(
            sum(a * np.log(a / m) / 2 for a, m in zip(one, mean, strict=True) if a > 0)
            + sum(b * np.log(b / m) / 2 for b, m in zip(two, mean, strict=True) if b > 0)
        )
    return np.array(out)
