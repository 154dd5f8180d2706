"""VeSSAL as written: one row at a time, with an inverse for each."""

import numpy as np


def one_pass(sketch, luck, ridge, budget):
    sketch = np.asarray(sketch, dtype=np.float64)
    span, total, kept = ridge * np.eye(sketch.shape[1]), 0.0, []
    for t, g in enumerate(sketch):
        form = g @ np.linalg.inv(span) @ g
        total += form
        mean = total / (t + 1)
        fraction = (budget - len(kept)) / (len(sketch) - t)
        ratio = form / mean if mean > 0 else 1.0
        if len(kept) < budget and luck[t] < fraction * ratio:
            kept.append(t)
            span = span + np.outer(g, g)
    return np.array(kept, dtype=int)


def select(features, probs, labels, budget, rng, dim, ridge):
    """Gradients, projected row by row; one pass; then random rows."""
    rows = [int(i) for i in rng.permutation(np.flatnonzero(labels == -1))]
    if budget >= len(rows):
        return rows
    (k, d), sketch = (probs.shape[1], features.shape[1]), []
    left, right = rng.standard_normal((k, dim)), rng.standard_normal((d, dim)) / np.sqrt(dim)
    for row in rows:
        gradient = np.outer(probs[row] - np.eye(k)[np.argmax(probs[row])], features[row])
        sketch.append([np.sum(gradient * np.outer(left[:, j], right[:, j])) for j in range(dim)])
    kept = one_pass(sketch, rng.random(len(rows)), ridge, budget)
    rest = rng.permutation([i for i in range(len(rows)) if i not in kept])
    return [rows[i] for i in [*kept, *rest][:budget]]
