"""Synthetic states with several annotators: small, with the awkward cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from al_bench.core.state import ABSENT, AnnotatorPool, Ints, State
from al_bench.crowd.consensus import Majority
from al_bench.testing.situations import Situation, make_state

SKILLS = (0.9, 0.8, 0.7, 0.6, 0.3)  # accuracies; with two classes, the last is mostly wrong


def make_table(truth: Ints, k: int, here: float, seed: int) -> Ints:
    """(n, a) answers by annotators with the accuracies SKILLS, each to a fraction `here` of the
    rows."""
    rng = np.random.default_rng([seed, 5])
    shape = (len(truth), len(SKILLS))
    right = rng.random(shape) < np.array(SKILLS)
    wrong = (truth[:, None] + rng.integers(1, k, size=shape)) % k
    table = np.where(right, truth[:, None], wrong)
    chance = rng.random(shape)
    away = (chance >= here) & (chance > chance.min(axis=1, keepdims=True))
    return np.where(away, ABSENT, table)


def people_of(table: Ints, identified: bool) -> AnnotatorPool:
    """The annotator pool of a table; if identified, the first is a model, the last costs more."""
    count = table.shape[1]
    prices, models = np.ones(count), np.zeros(count, dtype=bool)
    if identified:
        prices[-1], models[0] = 3.0, True
    names = tuple(f"annotator {number + 1}" for number in range(count))
    return AnnotatorPool(names, table != ABSENT, prices, models, identified)


def bought(state: State, table: Ints, rows: Ints, rng: np.random.Generator) -> State:
    """The state after one more answer to each of these rows, by a random annotator or the next
    place."""
    pool = state.annotator_pool
    assert pool is not None
    draw = rng.uniform(1, 2, size=(len(rows), len(pool))) if pool.identified else 1.0
    annotators = np.argmax(state.available[rows] * draw, axis=1)
    return state.tell(rows, table[rows, annotators], annotators)


def make_asked(
    name: str,
    n: int = 60,
    k: int = 4,
    labelled: int = 20,
    most: int = 3,
    here: float = 1.0,
    identified: bool = True,
    agreed: bool = True,
    allow_relabel: bool = True,
    seed: int = 0,
) -> Situation:
    """A pool in which some rows have one to `most` answers. here: fraction of the rows that each
    annotator answers; identified: persons, else places; agreed: whether there is a consensus."""
    fitted, truth = make_state(n=n, k=k, labelled=min(max(labelled, k), n), seed=seed)
    table = make_table(truth, k, here, seed)
    if not identified:  # the answers of a row fill its first places
        table = np.take_along_axis(table, np.argsort(table == ABSENT, axis=1, kind="stable"), 1)
    state = State.start(fitted.rows, people_of(table, identified), allow_relabel=True)
    rng = np.random.default_rng([seed, 6])
    rows = rng.permutation(n)[:labelled]
    for time in range(most):
        again = rows[: len(rows) * (most - time) // most]
        state = bought(state, table, again[state.available[again].any(axis=1)], rng)
    if labelled:
        state = replace(state, model=fitted.model)
    if agreed and labelled:
        state = state.agreed(Majority().infer(state, rng), rng)
    return Situation(name, replace(state, allow_relabel=allow_relabel), truth, table)


def asked_situations() -> Iterator[Situation]:
    """States that occur with several annotators; all but the first have answers."""
    yield make_asked("no answer yet", labelled=0)
    yield make_asked("a panel of persons")
    yield make_asked("a panel of places", identified=False, here=0.7)
    yield make_asked("persons who are away", here=0.5)
    yield make_asked("labelled rows that nobody is left to ask about", labelled=12, most=5)
    yield make_asked("one answer a row", most=1)
    yield make_asked("answers without a consensus", agreed=False)
    yield make_asked("rows that are asked about once", allow_relabel=False)
    yield make_asked("an answer about every row", n=24, labelled=24, most=2)
    yield make_asked("two classes of several answers", n=40, k=2, labelled=10)
    yield make_asked("more classes than rows", n=30, k=40, labelled=6)
    hidden = make_asked("hidden rows beside several answers")
    yield replace(hidden, state=hidden.state.hide(np.arange(0, 60, 2)))
    single = make_asked("all answers of one class")
    state = replace(single.state, consensus=None)
    answers = replace(state.answers, classes=np.zeros_like(state.answers.classes))
    labels = np.where(state.labels >= 0, 0, state.labels)
    same = replace(state, labels=labels, answers=answers)
    yield replace(single, state=same, table=np.where(single.table == ABSENT, ABSENT, 0))


def others_poisoned(asked: Situation, rows: Ints, annotators: Ints) -> Ints:
    """The table with another class wherever an answer was not bought, neither before nor now."""
    k = asked.state.n_classes
    other = np.where(asked.table == ABSENT, ABSENT, (asked.table + 1) % k)
    before = asked.state.answers
    known = np.append(before.rows, rows), np.append(before.annotators, annotators)
    other[known] = asked.table[known]
    return other
