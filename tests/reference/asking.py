"""Asking again, row by row."""

from math import log


def in_turns(rows, left, budget):
    """Everybody has a turn before anybody has a second one."""
    out, left = [], dict(enumerate(left))
    while len(out) < budget and any(left[row] for row in rows):
        for row in rows:
            if left[row]:
                out.append(row)
                left[row] -= 1
    return out[:budget]


def chance_of_change(probs, accuracy):
    """Each possible answer: how likely it is, and whether Bayes then prefers another class."""
    k = len(probs)
    error, best, chance = (1 - accuracy) / (k - 1), probs.index(max(probs)), 0.0
    for said in range(k):
        joint = [q * (accuracy if c == said else error) for c, q in enumerate(probs)]
        if max(joint) > joint[best] * (1 + 1e-12):
            chance += sum(joint)
    return chance


def entropy(probs):
    return -sum(p * log(p) for p in probs if p > 0)


def relabel(model, consensus, row, alpha):
    """consensus: by row, of those with answers."""
    k = len(model[row])
    known = entropy(consensus[row]) if row in consensus else log(k)
    return (1 - alpha) * entropy(model[row]) + alpha * known
