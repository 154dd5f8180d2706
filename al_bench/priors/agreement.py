"""The accuracy of models' plain answers, estimated from their agreement, without labels."""

from __future__ import annotations

import numpy as np

from al_bench.core.arrays import one_hot, softmax
from al_bench.core.state import ABSENT, Floats, Ints

SHARED = 1.5  # factor on the errors seen by disagreement: shared errors cannot be seen
MARGIN = 0.05  # smallest distance of an estimated accuracy above chance
SUREST = 0.99  # largest estimated accuracy
ROUNDS = 50


def smoothed(probabilities: Floats, accuracy: float) -> Floats:
    """(n, k) probabilities mixed with uniform ones, so that probability 1 becomes `accuracy`."""
    rest = (1 - accuracy) / (probabilities.shape[1] - 1)
    return np.asarray(rest + probabilities * (accuracy - rest), dtype=np.float32)


def accuracies(answers: Ints, n_classes: int) -> Floats:
    """(m,) accuracy of each of m models, from the agreement of (n, m) answers, ABSENT without an
    answer; no label is read. O(n m k) per step.

    By expectation maximisation (Dawid and Skene, 1979). Models share errors, which agreement cannot
    show; so the error rate is multiplied by 1.5."""
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
