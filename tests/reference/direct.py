"""DIRECT in plain steps: one pointer move at a time, every sum anew, the same draws."""

from math import ceil

import numpy as np


def select(probs, labels, answers, budget, fraction, parallel, minimum, rng):
    """The rows queried, in order, and the number of oracle_calls."""
    n_classes = probs.shape[1]
    budget = min(budget, int((labels == -1).sum()))
    shuffled = rng.permutation(np.flatnonzero(labels != -2))
    said = {int(row): int(labels[row]) for row in shuffled if labels[row] >= 0}
    queried, oracle_calls = [], 0
    counts = [sum(a == k for a in said.values()) for k in range(n_classes)]
    jitter = rng.random(n_classes)
    search = int(fraction * budget)
    each = max(minimum, search // n_classes)

    def line(k):
        lead = [
            probs[row, k] if probs[row, k] == probs[row].max() else probs[row, k] - probs[row].max()
            for row in shuffled
        ]
        return [int(shuffled[i]) for i in sorted(range(len(shuffled)), key=lambda i: -lead[i])]

    def gain(rows, k, cut):  # members minus others in front, minus the same behind
        w = [0 if row not in said else 1 if said[row] == k else -1 for row in rows]
        return sum(w[:cut]) - sum(w[cut:])

    spent = 0
    for k in sorted(range(n_classes), key=lambda k: (counts[k], jitter[k])):
        rows = line(k)
        quota = min(each, search - spent)
        if quota == 0:
            continue
        members = [i for i, row in enumerate(rows) if said.get(row, -1) == k]
        others = [i for i, row in enumerate(rows) if row in said and said[row] != k]
        front = [i for i in members if not others or i < others[0]]
        back = [i for i in others if not members or i > members[-1]]
        low = front[-1] + 1 if front else 0
        high = back[0] if back else len(rows)
        while quota:
            unknown = [i for i in range(low, high) if rows[i] not in said]
            if not unknown:
                break
            size = min(parallel, quota, len(unknown))
            ranks = rng.choice(len(unknown), size, replace=False)
            batch = [rows[unknown[r]] for r in ranks]
            said.update({row: int(answers[row]) for row in batch})
            queried += batch
            oracle_calls, quota, spent = oracle_calls + 1, quota - size, spent + size
            rounds, left = quota // parallel, len(unknown) - size
            if rounds <= 1:
                continue
            target = ceil(left ** (1 - 1 / rounds))
            while (extra := sum(rows[i] not in said for i in range(low, high)) - target) > 0:
                at_low, at_high = gain(rows, k, low), gain(rows, k, high)
                if at_low == at_high:
                    both = rows[low] not in said and rows[high - 1] not in said
                    if both and extra >= 2:
                        low, high = low + 1, high - 1
                        continue
                    at_low += int(rng.choice([-1, 1]))
                low, high = (low + 1, high) if at_low < at_high else (low, high - 1)

    order = rng.permutation(n_classes)
    rest, last = budget - spent, []
    for turn, k in enumerate(order):
        quota = rest // n_classes + (turn < rest % n_classes)
        rows = line(k)
        gains = [gain(rows, k, cut) for cut in range(len(rows) + 1)]
        plateaus = []
        for cut, value in enumerate(gains):
            if value != max(gains):
                continue
            if plateaus and plateaus[-1][-1] == cut - 1:
                plateaus[-1].append(cut)
            else:
                plateaus.append([cut])
        plateau = plateaus[rng.integers(len(plateaus))]
        cut = (plateau[0] + plateau[-1] + int(rng.integers(2))) // 2
        left = [i for i in range(cut - 1, -1, -1) if rows[i] not in said and rows[i] not in last]
        right = [i for i in range(cut, len(rows)) if rows[i] not in said and rows[i] not in last]
        leftwards = bool(rng.integers(2))
        for _ in range(quota):
            side = left if (leftwards and left) or not right else right
            last.append(rows[side.pop(0)])
            leftwards = not leftwards
    return queried + last, oracle_calls + bool(last)
