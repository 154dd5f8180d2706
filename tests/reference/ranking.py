"""Rules that ask the rows of highest score: scores row by row, then a plain sort."""

from math import log


def top(scores, budget, rng):
    """Positions, best first. The last places are drawn among rows that are equally good, and equal
    rows come in a random order."""
    budget = min(budget, len(scores))
    if budget == 0:
        return []
    bar = sorted(scores, reverse=True)[budget - 1]
    better = [i for i, score in enumerate(scores) if score > bar]
    level = [int(i) for i in rng.permutation([i for i, s in enumerate(scores) if s == bar])]
    order = [int(i) for i in rng.permutation(better + level[: budget - len(better)])]
    return sorted(order, key=lambda i: -scores[i])


def select(score, rows, budget, rng):
    """The rows of highest score; `score` looks at one row."""
    return [rows[i] for i in top([score(row) for row in rows], budget, rng)]


def at_random(rows, budget, rng):
    """Any rows."""
    return rng.choice(rows, min(budget, len(rows)), replace=False).tolist()


def doubt(p):
    """Least confidence."""
    return -max(p)


def margin(p):
    """Minus the lead of the likeliest class over the second."""
    first, second = sorted(p, reverse=True)[:2]
    return second - first


def entropy(p):
    """In nats; 0 log 0 is 0."""
    return -sum(a * log(a) for a in p if a > 0)


def product(p, q, floor):
    """Two experts multiplied, entries under `floor` raised to it, and normalised."""
    both = [max(a, floor) * max(b, floor) for a, b in zip(p, q, strict=True)]
    return [value / sum(both) for value in both]


def jensen_shannon(p, q):
    """Mean Kullback-Leibler divergence from the mean of both."""
    total = 0.0
    for a, b in zip(p, q, strict=True):
        mean = (a + b) / 2
        total += a / 2 * log(a / mean) if a > 0 else 0.0
        total += b / 2 * log(b / mean) if b > 0 else 0.0
    return total


def rare_classes(fractions):
    """Classes with less than the average fraction; all where none has."""
    average = sum(fractions) / len(fractions)
    rare = [c for c, fraction in enumerate(fractions) if fraction < average - 1e-6 * average]
    return rare or list(range(len(fractions)))


def shares_by(word, prior, labels, n_classes):
    """What makes a class rare: its answers so far, or its prior mass over the rows in sight."""
    if word == "labels":
        return [sum(label == c for label in labels) for c in range(n_classes)]
    seen = [q for q, label in zip(prior, labels, strict=True) if label != -2]
    return [sum(float(q[c]) for q in seen) for c in range(n_classes)]


def rare_first(probs, prior, state, target, budget, rng):
    """The likeliest rows of one class, of the foundation model before it has a label."""
    rows = state.unlabelled.tolist()
    known = sum(label == target for label in state.labels)
    scores = probs if known else prior
    return select(lambda row: scores[row][target], rows, min(budget, len(rows)), rng)
