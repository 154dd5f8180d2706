"""VeSSAL as written: one row at a time, with an inverse for each."""

import numpy as np


def one_pass(sketch, luck, ridge, budget):
    sketch = np.asarray(sketch, dtype=np.float64)
    span, total, kept = ridge * np.eye(sketch.shape[1]), 0.0, []
    for t, g in enumerate(sketch):
        form = g @ np.linalg.inv(span) @ g
        total += form
        mean = total / (t + 1)
        share = (budget - len(kept)) / (len(sketch) - t)
        ratio = form / mean if mean > 0 else 1.0
        if len(kept) < budget and luck[t] < share * ratio:
            kept.append(t)
            span = span + np.outer(g, g)
    return np.array(kept, dtype=int)
