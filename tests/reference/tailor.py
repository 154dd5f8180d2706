"""TAILOR as written: every pick a draw for each candidate, every count by hand."""

import numpy as np


def reward(counts):
    """One over the answers of a class; minus that for a class that holds over half of them."""
    total = sum(counts)
    return [(-1 if 2 * n > total else 1) / max(n, 1) for n in counts]


def select(candidates, probs, labels, answers, budget, chunk, trust, rng):
    """The rows queried, in order, and the oracle_calls. `candidates` name rows: f(rows, budget,
    rng); `answers` is None where they are withheld."""
    rows = [int(i) for i in np.flatnonzero(labels == -1)]
    n_classes, budget = probs.shape[1], min(budget, len(rows))
    waiting = [list(candidate(rows, budget, rng)) for candidate in candidates]
    seen = [
        [1 + trust * np.mean([float(probs[i, c]) for i in own]) for c in range(n_classes)]
        for own in waiting
    ]
    counts = [sum(label == c for label in labels) for c in range(n_classes)]
    queried, oracle_calls = [], 0
    while len(queried) < budget:
        batch = []
        while len(batch) < chunk and len(queried) + len(batch) < budget:
            worth, hopes = reward(counts), []
            for own in seen:
                theta = rng.dirichlet([1 + a for a in own])
                hopes.append(sum(t * v for t, v in zip(theta, worth, strict=True)))
            level = [i for i, hope in enumerate(hopes) if hope > max(hopes) - 1e-11]
            if len(level) > 1:  # as where all classes have equally many answers
                luck = rng.random(len(hopes))
                level.sort(key=lambda i, luck=luck: -luck[i])
            winner = level[0]
            taken = queried + [row for row, _ in batch]
            batch.append((next(row for row in waiting[winner] if row not in taken), winner))
        queried, oracle_calls = queried + [row for row, _ in batch], oracle_calls + 1
        for row, winner in batch if answers is not None else []:
            seen[winner][answers[row]] += 1
            counts[answers[row]] += 1
    return queried, oracle_calls
