"""NAS as written: buy a share, judge every answer by models of other rows, hide what they doubt.

`inner(labels, count, rng)` names rows where labels are -1; rows at -2 are not there for it.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from tests.reference.centroid import unit


def select(features, labels, truth, budget, k, folds, rng, inner):
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
            for i in doubted(points, labels, judged, folds, rng):
                seen[i] = -2
        bought.append([int(i) for i in inner(np.array(seen), share, rng)])
        for i in bought[-1]:
            labels[i] = int(truth[i])
    return bought


def doubted(points, labels, judged, folds, rng):
    order = [judged[at] for at in rng.permutation(len(judged))]
    votes = dict.fromkeys(judged, 0)
    for fold in range(folds):
        own = order[fold::folds]
        classes = {labels[i] for i in own}
        if len(classes) > 1:
            model = LogisticRegression().fit(points[own], [labels[i] for i in own])
        for i in judged:
            if len(classes) > 1:
                votes[i] += int(model.predict(points[i : i + 1])[0]) != labels[i]
            elif classes:
                votes[i] += classes != {labels[i]}
    return [i for i in judged if votes[i] > folds / 2]
