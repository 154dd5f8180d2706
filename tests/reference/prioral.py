"""PriorAL as written: pseudo-labels, weights, the noise set and the query, row by row."""

import numpy as np

from tests.reference.ranking import entropy, product, top


def weights(how, said, labels, n_classes):
    """A factor of each class, the largest one: by the pseudo-labels of the unlabelled rows."""
    sizes, out = [], []
    for c in range(n_classes):
        called = [label for guess, label in zip(said, labels, strict=True) if guess == c]
        size = max(sum(label == -1 for label in called), 1)
        right, answered = called.count(c), sum(label >= 0 for label in called)
        sizes.append(size)
        out.append(
            {
                "as_published": size,
                "none": 1,
                "inverse": 1 / size,
                "precision": 1 - (1 + right) / (2 + answered),
            }[how]
        )
    return [w / max(out) for w in out]


def select(probs, prior, labels, budget, rng, rho, how, pooled, floor):
    """The rows of largest entropy of the task model within the fraction `rho` of largest weighted
    entropy."""
    rows, n_classes = [int(i) for i in np.flatnonzero(labels == -1)], prior.shape[1]
    luck, said = rng.uniform(1, 2, size=prior.shape), []
    for q, lucky in zip(prior, luck, strict=True):
        level = [c for c in range(n_classes) if q[c] == max(q)]
        said.append(max(level, key=lambda c, lucky=lucky: lucky[c]))
    factor = weights(how, said, list(labels), n_classes)
    scores = []
    for row in rows:
        other = prior[row] if pooled else np.ones(n_classes)
        scores.append(factor[said[row]] * entropy(product(probs[row], other, floor)))
    size = min(max(round(rho * len(rows)), budget), len(rows))
    order = [int(i) for i in rng.permutation(len(rows))]
    noisy = [rows[i] for i in sorted(order, key=lambda i: -scores[i])[:size]]
    return [noisy[i] for i in top([entropy(probs[row]) for row in noisy], budget, rng)]
