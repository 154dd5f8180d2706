"""GLAD, answer by answer: a row's classes by its answers, and how likely the answers are."""

from math import exp, log


def right(ability, ease):
    return 1 / (1 + exp(-ability * exp(ease)))


def posterior(answers, abilities, eases, k):
    """answers: (row, who, said). Probabilities of each row's classes, and the log-posterior of
    abilities and eases an answer, their priors' constants left out."""
    joint = [[1.0] * k for _ in eases]
    for row, who, said in answers:
        chance = right(abilities[who], eases[row])
        for c in range(k):
            joint[row][c] *= chance if c == said else (1 - chance) / (k - 1)
    total = sum(log(sum(one)) for one in joint)
    total -= sum((value - 1) ** 2 for value in [*abilities, *eases]) / 2
    return [[value / sum(one) for value in one] for one in joint], total / len(answers)


def likelihood(answers, abilities, eases):
    """answers: (row, who, probability that it is right). What a step of maximisation climbs."""
    total = -sum((value - 1) ** 2 for value in [*abilities, *eases]) / 2
    for row, who, hit in answers:
        chance = right(abilities[who], eases[row])
        total += hit * log(chance) + (1 - hit) * log(1 - chance)
    return total
