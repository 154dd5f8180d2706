"""K-centre greedy as written: every distance, every pick, in double precision."""

import numpy as np


def select(features, labels, budget, rng):
    """Candidates stand in a random order, so the first of equally far rows is a random one."""
    features = np.asarray(features, dtype=np.float64)
    points = [row / np.linalg.norm(row) if np.any(row) else row for row in features]
    candidates = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    centres = [int(i) for i in np.flatnonzero(labels >= 0)]
    chosen = []
    while candidates and len(chosen) < budget:
        best, farthest = None, -1.0
        for i in candidates:
            near = min((np.sum((points[i] - points[c]) ** 2) for c in centres), default=4.0)
            near = 0.0 if near < 1e-5 else near  # duplicates are at distance zero
            if near > farthest:
                best, farthest = i, near
        chosen.append(best)
        centres.append(best)
        candidates.remove(best)
    return np.array(chosen)
