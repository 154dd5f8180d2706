"""The residual head in plain loops: its loss, minimised without derivatives of ours."""

import math

import numpy as np
from scipy.optimize import minimize


def probabilities(coefficients, features, prior, strength, floor):
    """One row at a time: the softmax of the head's scores plus the prior's."""
    found = []
    for x, q in zip(features, prior, strict=True):
        scores = []
        for c in range(len(q)):
            score = sum(coefficients[j][c] * x[j] for j in range(len(x))) + coefficients[-1][c]
            scores.append(score + strength * math.log(max(q[c], floor)))
        odds = [math.exp(score - max(scores)) for score in scores]
        found.append([one / sum(odds) for one in odds])
    return np.array(found)


def fit(features, prior, classes, l2, strength, floor):
    """(d + 1, k) coefficients where the sum of surprises plus the ridge is least."""
    d, k = features.shape[1], prior.shape[1]

    def loss(point):
        coefficients = point.reshape(d + 1, k)
        probs = probabilities(coefficients, features, prior, strength, floor)
        surprise = -sum(math.log(probs[i][c]) for i, c in enumerate(classes))
        return surprise + 0.5 * l2 * sum(w**2 for w in coefficients[:-1].ravel())

    found = minimize(loss, np.zeros((d + 1) * k), method="BFGS", options={"gtol": 1e-6})
    return found.x.reshape(d + 1, k)
