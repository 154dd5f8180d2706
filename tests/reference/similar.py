"""SIMILAR in plain loops: full gradients, the objectives by definition, greedy without tricks."""

import numpy as np


def gradients(probs, features, labels):
    """(n, k d) last-layer gradients, at the answer where there is one, else at the prediction."""
    out = []
    for p, h, answer in zip(probs, features, labels, strict=True):
        a = np.array(p, dtype=float)
        a[answer if answer >= 0 else int(np.argmax(p))] -= 1
        out.append(np.outer(a, np.asarray(h, dtype=float)).ravel())
    return np.array(out)


def similarity(x, z):
    """Cosine moved to [0, 1]."""
    return (1 + x @ z / (np.linalg.norm(x) * np.linalg.norm(z))) / 2


def flqmi(grads, batch, query, eta):
    """Facility-location mutual information of a batch with the query set."""
    if not batch:
        return 0.0
    s = np.array([[similarity(grads[q], grads[a]) for a in batch] for q in query])
    return float(s.max(axis=1).sum() + eta * s.max(axis=0).sum())


def flcg(grads, batch, ground, private, nu):
    """Facility-location conditional gain of a batch given the private set."""
    total = 0.0
    for i in ground:
        near = max((similarity(grads[i], grads[a]) for a in batch), default=0.0)
        known = max((similarity(grads[i], grads[p]) for p in private), default=0.0)
        total += max(near - nu * known, 0.0)
    return total


def is_greedy(chosen, objective, ground):
    """Whether each row had, up to rounding, the largest objective together with those before."""
    batch = []
    for row in chosen:
        best = max(objective([*batch, other]) for other in ground if other not in batch)
        if row in batch or objective([*batch, row]) < best - 1e-5:
            return False
        batch.append(row)
    return True
