"""CAL as written: neighbour by neighbour."""

import numpy as np

from tests.reference.centroid import unit


def score(features, probs, labels, neighbours):
    """(u,) mean divergence of the nearest labelled rows' predictions from the row's own."""
    points, taught = unit(features), np.flatnonzero(labels >= 0)
    out = []
    for i in np.flatnonzero(labels == -1):
        near = sorted(taught, key=lambda j: np.sum((points[i] - points[j]) ** 2))[:neighbours]
        out.append(np.mean([divergence(probs[j], probs[i]) for j in near]) if near else 0.0)
    return np.array(out)


def divergence(p, q):
    return sum(a * np.log(a / max(b, 1e-12)) for a, b in zip(p, q, strict=True) if a > 0)
