"""What query strategies must keep."""

from __future__ import annotations

from collections.abc import Generator
from types import GeneratorType
from typing import Any

import numpy as np

from al_bench.desk import Desk
from al_bench.loop import query
from al_bench.state import Answers, Ints, State
from al_bench.testing.asking import Asked, asked_situations, make_asked, others_poisoned
from al_bench.testing.promises import (
    Check,
    ContractError,
    Make,
    generator,
    global_generators_untouched,
    knowing,
    lock,
)
from al_bench.testing.situations import make_state, make_trained, situations


def _strategy(make: Make, truth: Ints) -> Any:
    return knowing(make(), truth)


def _query(
    strategy: Any, state: State, size: int, answers: Ints, reveal: str, seed: int = 3
) -> Ints:
    return query(strategy, state, size, Desk(answers[:, None]), reveal, seed, 2)[0].rows


def queries_exactly_the_budget(make: Make) -> None:
    """Queries min(budget, unlabelled) distinct rows that may be queried."""
    for name, state, truth in situations():
        left = len(state.unlabelled)
        for size in sorted({1, 7, left - 1, left, left + 5}):
            for reveal in ("batch", "sequential"):
                try:
                    _query(_strategy(make, truth), state, size, truth, reveal)
                except Exception as error:
                    raise ContractError(
                        f"with {name}, budget {size}, reveal={reveal}: {type(error).__name__}: "
                        f"{error}"
                    ) from error


def repeats_itself(make: Make) -> None:
    """Equal generators give equal rows, from a fresh instance and from a used one."""
    state, truth = make_state()
    used = _strategy(make, truth)
    first = _query(used, state, 10, truth, "sequential")
    _query(used, make_state(seed=5)[0], 10, make_state(seed=5)[1], "sequential", seed=9)
    if not np.array_equal(first, _query(used, state, 10, truth, "sequential")):
        raise ContractError("a used instance chooses other rows than before: it keeps state")
    if not np.array_equal(first, _query(_strategy(make, truth), state, 10, truth, "sequential")):
        raise ContractError("a fresh instance with an equal generator chooses other rows")


def sees_only_queried_answers(make: Make) -> None:
    """What it queries depends on the answers it was given, never on those of other rows."""
    state, truth = make_state()
    strategy = _strategy(make, truth)
    queried = _query(strategy, state, 10, truth, "sequential")
    other = (truth + 1) % state.n_classes
    other[queried] = truth[queried]
    if not np.array_equal(queried, _query(strategy, state, 10, other, "sequential")):
        raise ContractError(
            "the choice changes with the hidden labels of rows that were not queried"
        )


def leaves_its_input_alone(make: Make) -> None:
    """Arrays of the state are read, never written."""
    state, truth = make_trained()
    lock(state)
    try:
        _query(_strategy(make, truth), state, 10, truth, "sequential")
    except ValueError as error:
        raise ContractError(f"it writes into the state: {error}") from error


def draws_from_its_generator_alone(make: Make) -> None:
    """The global generators of NumPy, random and torch are where they were."""
    state, truth = make_state()
    with global_generators_untouched():
        _query(_strategy(make, truth), state, 10, truth, "sequential")


def first_rows(choice: Generator[Any, Any, Any]) -> Any:
    """What a generator asks about first, or ends with."""
    try:
        return next(choice)
    except StopIteration as end:
        return end.value


def returns_integers(make: Make) -> None:
    """Rows come as an array of whole numbers, or a generator of such arrays."""
    state, truth = make_state()
    choice = _strategy(make, truth).select(state, 5, generator())
    rows = first_rows(choice) if isinstance(choice, GeneratorType) else choice
    if not (isinstance(rows, np.ndarray) and rows.dtype.kind == "i" and rows.ndim == 1):
        raise ContractError(f"it returned {type(rows).__name__}; wanted a 1-d integer array")


def asks_again_within_bounds(make: Make) -> None:
    """Where rows may be queried again: min(budget, unlabelled) rows, or it fills the budget."""
    for asked in asked_situations():
        state, left = asked.state, int(asked.state.left.sum())
        strategy = _strategy(make, asked.truth)
        for size, reveal in ((1, "batch"), (7, "sequential"), (left + 5, "batch")):
            told = _buy(strategy, asked, asked.table, size, reveal)
            new = np.unique(told.rows[state.labels[told.rows] < 0])
            again = len(new) < len(told)
            wanted = min(size, left if again else len(state.unlabelled))
            if len(told) != wanted:
                raise ContractError(
                    f"with {asked.name}, budget {size}, reveal={reveal}: {len(told)} queries, of "
                    f"which {len(told) - len(new)} ask again; wanted {wanted}"
                )


def hears_bought_answers_alone(make: Make) -> None:
    """Where several can be asked, no answer that was not bought changes what it queries."""
    asked = make_asked("several annotators", labelled=20)
    strategy = _strategy(make, asked.truth)
    told = _buy(strategy, asked, asked.table, 10, "sequential")
    other = others_poisoned(asked, told.rows, told.annotators)
    again = _buy(strategy, asked, other, 10, "sequential")
    if not np.array_equal(told.rows, again.rows):
        raise ContractError("the choice changes with answers that were not bought")


def _buy(strategy: Any, asked: Asked, table: Ints, size: int, reveal: str) -> Answers:
    """What it queries of several annotators, each row's first ones first."""
    desk = Desk(table, asked.state.panel)
    try:
        return query(strategy, asked.state, size, desk, reveal, 3, 2)[0]
    except Exception as error:
        raise ContractError(
            f"with {asked.name}, budget {size}, reveal={reveal}: {type(error).__name__}: {error}"
        ) from error


CHECKS: tuple[Check, ...] = (
    queries_exactly_the_budget,
    repeats_itself,
    sees_only_queried_answers,
    leaves_its_input_alone,
    draws_from_its_generator_alone,
    returns_integers,
    asks_again_within_bounds,
    hears_bought_answers_alone,
)
