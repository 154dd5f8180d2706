"""Routing as written: row by row, and every threshold tried from the surest row on."""

from math import log

from scipy.stats import beta


def entropy(p):
    return round(-sum(q * log(q) for q in p if q > 0), 6)


def unsure_to_people(prior, rows, people, rng):
    """Whether each row goes to people: it is among that part of the pool with the most entropy."""
    pool, found = [entropy(p) for p in prior], []
    for row, luck in zip(rows, rng.random(len(rows)), strict=True):
        above = sum(other > pool[row] for other in pool)
        equal = sum(other == pool[row] for other in pool)
        found.append(above + luck * equal < people * len(pool))
    return found


def labelled_by_model(prior, said, checked, error, alpha):
    """The rows a model may answer, of the whole pool. said: what people answered, by row, so many
    as are `checked` first or fewer, when none is known to be safe."""
    doubts = [1 - max(p) for p in prior]
    best: list[int] = []
    if len(said) < checked:
        return best
    for bar in [*sorted(set(doubts)), 2.0]:
        under = [row for row in said if doubts[row] < bar]
        wrong = sum(prior[row].argmax() != said[row] for row in under)
        upper = 1.0 if wrong == len(said) else beta.ppf(1 - alpha, wrong + 1, len(said) - wrong)
        if upper > error:
            break
        best = [row for row, doubt in enumerate(doubts) if doubt < bar]
    return best
