"""GALAXY as published, on explicit graphs: which rows may a class query next?"""

from collections import deque

import numpy as np


def allowed(probs, said, known, k):
    """The rows that are the middle of a shortest path between opposite answers in the graph of
    class k, at the smallest edge order for which there is a path; all unknown rows without one.

    said: (n,) answers; known: rows answered. Edges join places up to `order` apart, except between
    rows of opposite answers.
    """
    n = len(probs)
    best = probs.max(axis=1)
    line = np.argsort(probs[:, k] - best + 1e-8 * best)
    known = set(known)
    sign = {row: 1 if said[row] == k else -1 for row in known}
    positive = [i for i in range(n) if sign.get(line[i]) == 1]
    negative = [i for i in range(n) if sign.get(line[i]) == -1]
    if not positive or not negative:
        return {row for row in range(n) if row not in known}
    for order in range(1, n):
        forth = _hops(line, sign, positive, order)
        back = _hops(line, sign, negative, order)
        lengths = {
            i: forth[i] + back[i]
            for i in range(n)
            if line[i] not in known and i in forth and i in back
        }
        if lengths:
            shortest = min(lengths.values())
            return {
                int(line[i])
                for i, length in lengths.items()
                if length == shortest and abs(forth[i] - back[i]) <= 1
            }
    return {row for row in range(n) if row not in known}


def _hops(line, sign, sources, order):
    """Edges from the nearest source to each place, through places without an answer."""
    hops = dict.fromkeys(sources, 0)
    queue = deque(sources)
    while queue:
        i = queue.popleft()
        for j in range(i - order, i + order + 1):
            if not 0 <= j < len(line) or j in hops or line[j] in sign:
                continue
            hops[j] = hops[i] + 1
            queue.append(j)
    return hops
