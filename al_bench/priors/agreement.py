"""How far plain answers may be trusted, from how models agree and from no label."""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import one_hot, softmax
from al_bench.core.state import ABSENT, Floats, Ints

SHARED = 1.5  # how many errors there are for one that agreement shows: the others are in common
MARGIN = 0.05  # how far above chance an estimated accuracy is at least
SUREST = 0.99  # and what it is at most
ROUNDS = 50


def smoothed(probabilities: Floats, accuracy: float) -> Floats:
    """(n, k) mixed with even ones, so that a class that was sure has this probability."""
    rest = (1 - accuracy) / (probabilities.shape[1] - 1)
    return np.asarray(rest + probabilities * (accuracy - rest), dtype=np.float32)


def accuracies(answers: Ints, n_classes: int) -> Floats:
    """(m,) how often each of m models is right, from how (n, m) answers agree, ABSENT where one
    named none; no label is read. O(n m k) a step.

    By expectation maximisation (Dawid and Skene, 1979), which takes errors to be independent given
    the class. They are not, and those in common are not seen: so there are taken to be half as many
    again. Between chance + 0.05 and 0.99.
    """
    n, m = answers.shape
    given = [np.flatnonzero(answers[:, j] != ABSENT) for j in range(m)]
    seen = [one_hot(answers[rows, j], n_classes) for j, rows in enumerate(given)]
    belief = np.full((n, n_classes), 1 / n_classes)
    for rows, one in zip(given, seen, strict=True):
        belief[rows] += one
    belief /= belief.sum(axis=1, keepdims=True)
    for _ in range(ROUNDS):
        logs = np.tile(np.log(belief.mean(axis=0) + 1e-9), (n, 1))
        for rows, one in zip(given, seen, strict=True):
            says = belief[rows].T @ one + 1 / n_classes
            logs[rows] += one @ np.log(says / says.sum(axis=1, keepdims=True)).T
        belief = softmax(logs)
    pairs = zip(given, seen, strict=True)
    right = np.array([(belief[rows] * one).sum() / max(len(rows), 1) for rows, one in pairs])
    return np.clip(1 - SHARED * (1 - right), 1 / n_classes + MARGIN, SUREST)
