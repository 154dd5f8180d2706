"""The contracts of strategies, label models and annotator selection."""

from __future__ import annotations

from dataclasses import replace
from types import GeneratorType
from typing import Any

import numpy as np

from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.problem import accuracies, knowing
from al_bench.core.state import Answers, Ints
from al_bench.testing.situations import (
    Check,
    ContractError,
    Make,
    Situation,
    after_training,
    asked_situations,
    generator,
    hands_off,
    kept,
    make_asked,
    none_of,
    one_annotator,
    others_poisoned,
    same_again,
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


def _several(seed: int) -> Situation:
    return make_asked("several annotators", labelled=25, seed=seed)


def _inferred(model: Any, here: Situation, seed: int) -> list[Any]:
    made = model.infer(here.state, generator(seed))
    parts = {**vars(made), "belief": getattr(made.belief, "pool", None)}
    return list(parts.values())


def makes_a_consensus(make: Make) -> None:
    """Probabilities for the rows with an answer, ascending; right <= asked for each annotator."""
    for here in asked_situations():
        state = here.state
        if not len(state.answers):
            continue
        made = make().infer(state, generator())
        rows, k = np.unique(state.answers.rows), state.n_classes
        given = np.bincount(state.answers.annotators, minlength=state.available.shape[1])
        if not np.array_equal(made.rows, rows):
            raise ContractError(f"with {here.name}: rows are not those with an answer, ascending")
        shapes = {part.shape for part in (made.right, made.asked)}
        if made.probs.shape != (len(rows), k) or shapes != {(len(given), k)}:
            raise ContractError(f"with {here.name}: probs {made.probs.shape}, counts {shapes}")
        problems = {
            "probabilities that do not sum to one": not np.allclose(made.probs.sum(axis=1), 1),
            "probabilities outside 0..1": not np.all((made.probs >= 0) & (made.probs <= 1 + 1e-9)),
            "more right answers than answers": (made.right > made.asked + 1e-9).any(),
            "right answers below 0": not (made.right >= 0).all(),
            "other numbers of answers than there are": not np.allclose(made.asked.sum(1), given),
        }
        none_of(problems, f"with {here.name}: the consensus has")


def hears_answers_in_any_order(make: Make) -> None:
    """The order of answers does not change the consensus."""
    state = _several(0).state
    order = np.random.default_rng(8).permutation(len(state.answers))
    answers = Answers(*(part[order] for part in vars(state.answers).values()))
    first = make().infer(state, generator())
    again = make().infer(replace(state, answers=answers), generator())
    if not np.allclose(first.probs, again.probs, atol=1e-6):
        raise ContractError("the consensus changes with the order in which answers came")


def _named(annotator_selection: Any, here: Situation, seed: int) -> list[Any]:
    rule = _skilled(annotator_selection, here)
    return [rule.assign(here.state, here.state.queryable, generator(seed))]


def _skilled(annotator_selection: Any, here: Situation) -> Any:
    return knowing(annotator_selection, accuracies(here.truth, here.table))


def names_somebody_open(make: Make) -> None:
    """One annotator who can still be asked for each row; equal generators, equal annotators."""
    for here in asked_situations():
        annotator_pool, state = here.state.annotator_pool, here.state
        if annotator_pool is None or not annotator_pool.identified:
            continue
        every = state.queryable
        for some in (every, every[::-3], every[:1], every[:0]):
            with kept(f"with {here.name}, {len(some)} rows"):
                oracle = Oracle(here.table, annotator_pool, _skilled(make(), here))
                named = oracle.whom(state, some, generator())
            if not np.array_equal(named, _skilled(make(), here).assign(state, some, generator())):
                raise ContractError(f"with {here.name}: equal generators name other annotators")


def assigns_by_bought_answers_alone(make: Make) -> None:
    """Answers that were not bought do not change which annotators are chosen."""
    here = make_asked("several annotators", labelled=20)
    rows, rule = np.repeat(here.state.unlabelled[:10], 2), _skilled(make(), here)
    with kept("with rows that come twice"):
        first = Oracle(here.table, here.state.annotator_pool, rule).ask(
            here.state, rows, generator()
        )
        other = others_poisoned(here, first.rows, first.annotators)
        again = Oracle(other, here.state.annotator_pool, rule).ask(here.state, rows, generator())
    if not np.array_equal(first.annotators, again.annotators):
        raise ContractError("whom it names changes with answers that were not bought")


CHECKS: dict[str, tuple[Check, ...]] = {
    "strategy": (
        queries_exactly_the_budget,
        same_again(_rows, one_annotator),
        hears_bought_answers_alone,
        hands_off(_rows, after_training),
        returns_integers,
        asks_again_within_bounds,
    ),
    "label_model": (
        makes_a_consensus,
        same_again(_inferred, _several),
        hears_answers_in_any_order,
        hands_off(_inferred, _several),
    ),
    "annotator_selection": (
        names_somebody_open,
        assigns_by_bought_answers_alone,
        hands_off(_named, _several),
    ),
}
