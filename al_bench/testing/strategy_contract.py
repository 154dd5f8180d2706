"""The contract of strategies."""

from __future__ import annotations

from types import GeneratorType
from typing import Any

import numpy as np

from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.problem import knowing
from al_bench.core.state import Answers, Ints
from al_bench.testing.promises import (
    Check,
    ContractError,
    Make,
    generator,
    hands_off,
    kept,
    same_again,
)
from al_bench.testing.situations import (
    Situation,
    after_training,
    asked_situations,
    make_asked,
    one_annotator,
    others_poisoned,
    situations,
)


def _bought(
    strategy: Any,
    here: Situation,
    size: int = 10,
    feedback: str = "within_batch",
    seed: int = 0,
    table: Ints | None = None,
) -> Answers:
    """The answers to a strategy's queries in a situation; table: other answers than its own."""
    oracle = Oracle(here.table if table is None else table, here.state.annotator_pool)
    with kept(f"with {here.name}, budget {size}, feedback={feedback}"):
        return query(knowing(strategy, here.truth), here.state, size, oracle, feedback, seed, 2)[0]


def _rows(strategy: Any, here: Situation, seed: int) -> list[Ints]:
    return [_bought(strategy, here, seed=seed).rows]


def queries_exactly_the_budget(make: Make) -> None:
    """Queries min(budget, unlabelled) distinct rows, all queryable."""
    for here in situations():
        left = len(here.state.unlabelled)
        for size in sorted({1, 7, left - 1, left, left + 5}):
            for feedback in ("after_batch", "within_batch"):
                _bought(make(), here, size, feedback)


def hears_bought_answers_alone(make: Make) -> None:
    """Its queries depend only on answers that were bought, never on those of other rows."""
    for here in (one_annotator(0), make_asked("several annotators", labelled=20)):
        answers = _bought(make(), here)
        other = others_poisoned(here, answers.rows, answers.annotators)
        if not np.array_equal(answers.rows, _bought(make(), here, table=other).rows):
            raise ContractError(f"with {here.name}: the choice changes with hidden answers, which "
                                "were not bought")  # fmt: skip


def returns_integers(make: Make) -> None:
    """It returns an array of integers, or a generator of such arrays."""
    here = one_annotator(0)
    rows = knowing(make(), here.truth).select(here.state, 5, generator())
    if isinstance(rows, GeneratorType):
        try:
            rows = next(rows)
        except StopIteration as end:
            rows = end.value
    if not (isinstance(rows, np.ndarray) and rows.dtype.kind == "i" and rows.ndim == 1):
        raise ContractError(f"it returned {type(rows).__name__}; wanted a 1-d integer array")


def asks_again_within_bounds(make: Make) -> None:
    """If rows may be queried again, it queries min(budget, unlabelled) rows or the whole budget."""
    for here in asked_situations():
        state, left = here.state, int(here.state.remaining.sum())
        for size, feedback in ((1, "after_batch"), (7, "within_batch"), (left + 5, "after_batch")):
            bought = _bought(make(), here, size, feedback)
            new = np.unique(bought.rows[state.labels[bought.rows] < 0])
            again = len(new) < len(bought)
            wanted = min(size, left if again else len(state.unlabelled))
            if len(bought) != wanted:
                raise ContractError(
                    f"with {here.name}, budget {size}, feedback={feedback}: {len(bought)} queries, "
                    f"{len(bought) - len(new)} of them ask again; wanted {wanted}"
                )


CHECKS: tuple[Check, ...] = (
    queries_exactly_the_budget,
    same_again(_rows, one_annotator),
    hears_bought_answers_alone,
    hands_off(_rows, after_training),
    returns_integers,
    asks_again_within_bounds,
)
