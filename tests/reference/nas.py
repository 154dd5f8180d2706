"""NAS as written: buy a share, judge every answer by its course in training, hide the doubted.

`inner(labels, count, rng)` names rows where labels are -1; rows at -2 are not there for it.
"""

import numpy as np
import torch

from tests.reference.centroid import unit


def select(features, labels, truth, budget, k, percentile, epochs, rng, inner):
    """The shares bought, in order; truth: what the annotator answers."""
    labels, points = [int(label) for label in labels], unit(features)
    budget = min(budget, labels.count(-1))
    shares = [k] * (budget // k) or [0]
    shares[0] += budget % k
    bought = []
    for share in shares:
        judged = [i for i, label in enumerate(labels) if label >= 0]
        seen = list(labels)
        if len(judged) >= k:
            for i in doubted(points, labels, judged, k, percentile, epochs, rng):
                seen[i] = -2
        bought.append([int(i) for i in inner(np.array(seen), share, rng)])
        for i in bought[-1]:
            labels[i] = int(truth[i])
    return bought


def doubted(points, labels, judged, k, percentile, epochs, rng):
    """Answers whose margin in training is under a percentile of those of made-up answers."""
    free = [int(i) for i in rng.permutation([i for i, one in enumerate(labels) if one == -1])]
    fake = free[: int(np.ceil(len(judged) / k))]
    rows = judged + fake
    classes = torch.tensor([labels[i] for i in judged] + [k] * len(fake))
    head = torch.nn.Linear(points.shape[1], k + 1, dtype=torch.float64)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    descent = torch.optim.SGD(
        head.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    margins = {i: [] for i in rows}
    for _ in range(epochs):
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), 64):
            batch = [int(at) for at in order[start : start + 64]]
            scores = head(torch.tensor(np.array([points[rows[at]] for at in batch])).double())
            for at, score in zip(batch, scores.tolist(), strict=True):
                own = int(classes[at])
                best = max(other for c, other in enumerate(score) if c != own)
                margins[rows[at]].append(score[own] - best)
            descent.zero_grad()
            torch.nn.functional.cross_entropy(scores, classes[batch]).backward()
            descent.step()
    bar = np.percentile([np.sum(margins[i]) for i in fake], percentile)
    return [i for i in judged if np.sum(margins[i]) < bar]
