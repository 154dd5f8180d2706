"""Sub-pools around anchors, one pair at a time."""

import numpy as np


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
