"""REFINE and BoSS as written: rules are functions of (rows, budget, rng) that name rows.

A batch is named on a random part of some rows; the filter keeps whatever a batch held, the upper
reference the batch under which a head that is told its true classes errs least elsewhere.
"""

import numpy as np

from al_bench.core.state import Rows, TrainingSet
from al_bench.learners import LinearHead


def named(rules, batches, rows, size, budget, rng):
    found = []
    for rule in rules:
        for _ in range(max(1, batches // len(rules))):
            part = [int(row) for row in rng.permutation(rows)][: max(size, budget)]
            found.append([int(row) for row in rule(sorted(part), budget, rng)])
    return found


def refine(rules, chooser, depth, batches, part, first, most, rows, budget, rng):
    left, size = [int(row) for row in rows], first
    if len(left) > budget:
        for _ in range(depth):
            kept = set()
            for batch in named(rules, batches, left, size, budget, rng):
                kept |= set(batch)
            order = rng.permutation(len(kept))
            left = [sorted(kept)[at] for at in order][: max(most, budget)]
            size = int(part * len(left))
    return [int(row) for row in chooser(sorted(left), budget, rng)]


def boss(rules, batches, first, scored, features, said, labels, truth, budget, rng):
    """said: (n,) the classes that the task model predicts."""
    rows = [int(row) for row in np.flatnonzero(labels == -1)]
    if budget >= len(rows):
        return [int(row) for row in rng.permutation(rows)]
    judged = [int(row) for row in rng.permutation(rows)][:scored]
    best, least = None, np.inf
    for batch in named(rules, batches, rows, first, budget, rng):
        predict = head(features, labels, truth, batch)
        shares = []
        for c in set(truth[judged].tolist()):
            own = [row for row in judged if truth[row] == c]
            wrong = [(said[row] if row in batch else predict(row)) != c for row in own]
            shares.append(np.mean(wrong))
        if np.sum(shares) < least - 1e-9:
            best, least = batch, np.sum(shares)
    return best


def head(features, labels, truth, batch):
    known = {int(row): int(labels[row]) for row in np.flatnonzero(labels >= 0)}
    known |= {row: int(truth[row]) for row in batch}
    k = max(truth) + 1
    rows = Rows([], features, np.full((len(features), k), 1 / k))
    taught = TrainingSet(
        np.array(list(known)), np.eye(k)[list(known.values())], np.ones(len(known))
    )
    model = LinearHead(iterations=50).fit(rows, taught, None)
    return lambda row: model.scores(rows.take(np.array([row])))[0].argmax()
