"""Sub-pools around anchors, one pair at a time."""

import numpy as np

from tests.reference.ranking import top


def mean_similarity(pool, anchors, neighbours):
    """Mean cosine of each pool row to the anchors that retrieve it; -inf where none does."""
    found = {i: [] for i in range(len(pool))}
    for anchor in anchors:
        cosine = [
            float(row @ anchor / (np.linalg.norm(row) * np.linalg.norm(anchor))) for row in pool
        ]
        for i in sorted(range(len(pool)), key=lambda i: -cosine[i])[:neighbours]:
            found[i].append(cosine[i])
    return np.array([np.mean(found[i]) if found[i] else -np.inf for i in range(len(pool))])


def anchoral(features, labels, rows, neighbours, size, budget, rng):
    """The rows AnchorAL shows where no class has more answers than it may have anchors."""
    anchors = [i for i, label in enumerate(labels) if label >= 0]
    if len(rows) <= size or not anchors:
        return rows
    return nearest(features, rows, anchors, neighbours, size, budget, rng)


def seals(features, labels, rows, neighbours, budget, rng):
    """The rows SEALS shows: the neighbours of all answered rows."""
    answered = [i for i, label in enumerate(labels) if label >= 0]
    if not answered:
        return rows
    return nearest(features, rows, answered, neighbours, len(rows), budget, rng)


def nearest(features, rows, anchors, neighbours, size, budget, rng):
    """Of the retrieved rows the `size` most similar ones; too few of them: random ones as well."""
    features = np.asarray(features, dtype=float)
    score = mean_similarity(features[rows], features[anchors], neighbours)
    retrieved = sum(value > -np.inf for value in score)
    return [rows[i] for i in top(score, max(budget, min(size, retrieved)), rng)]
