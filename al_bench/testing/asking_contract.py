"""What must be kept by whoever answers, by label models, and by who decides whom to ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from al_bench.desk import Desk
from al_bench.problem.types import People, Truth
from al_bench.state import ABSENT, Answers, Consensus
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
from al_bench.testing.situations import make_pool
from al_bench.truth import accuracies


def answer_as_a_crowd(make: Make) -> None:
    """A class or nothing of everybody for every pool row, something of somebody; the same again."""
    rows, truth = make_pool(n=300, k=10)
    votes = np.eye(10, dtype=np.int64)[truth] * 3 + 1
    people = {"three": People((truth[:, None] + np.arange(3)) % 10, ())}
    look = Truth(truth, 10, rows.features, {"votes": votes}, people, rows.prior)
    truth.flags.writeable = False
    crowd = make().crowd(look, generator())
    with global_generators_untouched():  # a library's first import may draw
        again = make().crowd(look, generator())
    if not np.array_equal(crowd.answers, again.answers):
        raise ContractError("equal generators give different answers")
    count = len(crowd.names)
    if crowd.answers.shape != (300, count) or not count:
        raise ContractError(f"{count} annotators have answers of shape {crowd.answers.shape}")
    if crowd.prices.shape != (count,) or crowd.models.shape != (count,) or crowd.prices.min() <= 0:
        raise ContractError("not everybody has a price above 0 and is a model or none")
    if crowd.answers.min() < ABSENT or crowd.answers.max() >= 10:
        raise ContractError("answers are no classes")
    if (crowd.answers == ABSENT).all(axis=1).any():
        raise ContractError("a row has no answer by anybody")


def _answered() -> Iterator[Asked]:
    return (asked for asked in asked_situations() if len(asked.state.answers))


def makes_a_consensus(make: Make) -> None:
    """Probabilities of the rows with an answer, ascending; of each annotator right <= asked."""
    for asked in _answered():
        state = asked.state
        made = make().infer(state, generator())
        rows, k = np.unique(state.answers.rows), state.n_classes
        given = np.bincount(state.answers.annotators, minlength=state.open.shape[1])
        if not np.array_equal(made.rows, rows):
            raise ContractError(f"with {asked.name}: rows are not those with an answer, ascending")
        shapes = {part.shape for part in (made.right, made.asked)}
        if made.probs.shape != (len(rows), k) or shapes != {(len(given), k)}:
            raise ContractError(f"with {asked.name}: probs {made.probs.shape}, counts {shapes}")
        problems = {
            "probabilities that do not sum to one": not np.allclose(made.probs.sum(axis=1), 1),
            "probabilities outside 0..1": not np.all((made.probs >= 0) & (made.probs <= 1 + 1e-9)),
            "more right answers than answers": bool((made.right > made.asked + 1e-9).any()),
            "right answers below 0": not bool((made.right >= 0).all()),
            "other numbers of answers than there are": not np.allclose(made.asked.sum(1), given),
        }
        for what, wrong in problems.items():
            if wrong:
                raise ContractError(f"with {asked.name}: the consensus has {what}")


def makes_the_same_consensus_again(make: Make) -> None:
    """Equal answers and generators give equal consensuses, from a fresh instance and a used one."""
    asked, used = make_asked("several annotators", labelled=25), make()
    first = used.infer(asked.state, generator())
    used.infer(make_asked("others", seed=5).state, generator(1))
    for model in (used, make()):
        if not _equal(first, model.infer(asked.state, generator())):
            raise ContractError("equal answers and generators give different consensuses")


def leaves_the_answers_alone(make: Make) -> None:
    """Arrays of the state are read, never written; no global generator is used."""
    asked = make_asked("several annotators", labelled=25)
    lock(asked.state)
    with global_generators_untouched():
        try:
            make().infer(asked.state, generator())
        except ValueError as error:
            raise ContractError(f"it writes into the state: {error}") from error


def hears_answers_in_any_order(make: Make) -> None:
    """Answers in another order are the same answers."""
    state = make_asked("several annotators", labelled=25).state
    order = np.random.default_rng(8).permutation(len(state.answers))
    answers = Answers(*(part[order] for part in vars(state.answers).values()))
    first = make().infer(state, generator())
    again = make().infer(replace(state, answers=answers), generator())
    if not np.allclose(first.probs, again.probs, atol=1e-6):
        raise ContractError("the consensus changes with the order in which answers came")


def _equal(one: Consensus, other: Consensus) -> bool:
    both = ({**vars(made), "belief": getattr(made.belief, "pool", None)} for made in (one, other))
    return all(np.array_equal(a, b) for a, b in zip(*(each.values() for each in both), strict=True))


def _assignment(make: Make, asked: Asked) -> Any:
    assignment = make()
    return knowing(assignment, accuracies(asked.truth, asked.table))


def names_somebody_open(make: Make) -> None:
    """For each of some distinct rows one annotator who can still be asked; the same again."""
    for asked in asked_situations():
        panel, state = asked.state.panel, asked.state
        if panel is None or not panel.persons:
            continue
        assignment, rows = _assignment(make, asked), state.askable
        for some in (rows, rows[::-3], rows[:1], rows[:0]):
            try:
                who = Desk(asked.table, panel, assignment).whom(state, some, generator())
            except Exception as error:
                raise ContractError(
                    f"with {asked.name}, {len(some)} rows: {type(error).__name__}: {error}"
                ) from error
            if not np.array_equal(who, _assignment(make, asked).assign(state, some, generator())):
                raise ContractError(f"with {asked.name}: equal generators name other annotators")


def assigns_by_bought_answers_alone(make: Make) -> None:
    """No answer that was not bought changes whom it names, for a row's second answer neither."""
    asked = make_asked("several annotators", labelled=20)
    assignment = _assignment(make, asked)
    rows = np.repeat(asked.state.unlabelled[:10], 2)
    told, panel = Answers(), asked.state.panel
    for table in (asked.table, None):
        shown = others_poisoned(asked, told.rows, told.annotators) if table is None else table
        try:
            bought = Desk(shown, panel, assignment).ask(asked.state, rows, generator())
        except ValueError as error:
            raise ContractError(f"with rows that come twice: {error}") from error
        if len(told) and not np.array_equal(told.annotators, bought.annotators):
            raise ContractError("whom it names changes with answers that were not bought")
        told = bought


def assigning_leaves_the_input_alone(make: Make) -> None:
    """Arrays of the state are read, never written; no global generator is used."""
    asked = make_asked("several annotators", labelled=20)
    assignment = _assignment(make, asked)
    lock(asked.state)
    with global_generators_untouched():
        try:
            assignment.assign(asked.state, asked.state.askable, generator())
        except ValueError as error:
            raise ContractError(f"it writes into the state: {error}") from error


CHECKS: dict[str, tuple[Check, ...]] = {
    "annotators": (answer_as_a_crowd,),
    "label_model": (
        makes_a_consensus,
        makes_the_same_consensus_again,
        hears_answers_in_any_order,
        leaves_the_answers_alone,
    ),
    "assignment": (
        names_somebody_open,
        assigns_by_bought_answers_alone,
        assigning_leaves_the_input_alone,
    ),
}
