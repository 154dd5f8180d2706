"""Slow, plain versions of the arithmetic in al_bench.belief: loops, no matrix algebra."""

import math


def true_class(belief, answers, noise):
    """Bayes' rule, row by row."""
    out = []
    for row, answer in zip(belief, answers, strict=True):
        k = len(row)
        joint = [p * ((1 - noise) if c == answer else noise / (k - 1)) for c, p in enumerate(row)]
        out.append([p / sum(joint) for p in joint])
    return out


def pooled(experts, exponents, frequencies):
    """Product of powers of probabilities times frequencies, normalised."""
    out = []
    for i in range(len(experts[0])):
        row = []
        for c in range(len(experts[0][i])):
            value = frequencies[c]
            for expert, power in zip(experts, exponents, strict=True):
                value *= math.exp(expert[i][c]) ** power
            row.append(value)
        out.append([value / sum(row) for value in row])
    return out


def log_likelihood(exponents, experts, answers, frequencies, noise):
    """Of answers that are right with probability 1 - noise, any other class with an equal
    fraction."""
    total = 0.0
    for row, answer in zip(pooled(experts, exponents, frequencies), answers, strict=True):
        k = len(row)
        total += math.log(
            sum(p * ((1 - noise) if c == answer else noise / (k - 1)) for c, p in enumerate(row))
        )
    return total


def confident_rows(beliefs, rows, fraction, most):
    """Class by class: sort the rows called so, keep the surest."""
    kept = []
    for c in range(len(beliefs[0])):
        members = [r for r in rows if max(range(len(beliefs[r])), key=lambda j: beliefs[r][j]) == c]
        members.sort(key=lambda r: -beliefs[r][c])
        kept += members[: min(math.ceil(fraction * len(members)), most)]
    return sorted(kept)
