"""What counts in a session, and what follows from it: pure functions of its tables.

The loop is al_bench.loop's own; this says which rows and answers it is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from al_bench.desk import Desk
from al_bench.labelling.components import Components
from al_bench.labelling.schema import ASKED, Answered, Decision
from al_bench.labelling.settings import AUDIT, Status, Suggestion
from al_bench.loop import answered, query, trained
from al_bench.state import UNLABELLED, Answers, Floats, Ints, Panel, Rows, State
from al_bench.supervision import Calibrated


@dataclass(frozen=True)
class Ledger:
    """What counts of the tables.

    answers: the last of each annotator about each row, none that was undone; open: suggestions that
    were neither answered nor withdrawn, those put off by a skip last; audited: rows suggested for
    the audit; suggested: all that were; of both none whose suggestions were all withdrawn before an
    answer, so that it comes again; put_off: the decision by which, of suggestions by number;
    batches: so far.
    """

    answers: tuple[Answered, ...]
    open: tuple[Suggestion, ...]
    audited: frozenset[int]
    suggested: frozenset[int]
    put_off: Mapping[int, int]
    batches: int

    @property
    def audit_answers(self) -> tuple[Answered, ...]:
        """Those about rows of the audit, to a question that was put."""
        return tuple(a for a in self.answers if a.row in self.audited and a.source == ASKED)


def ledger(
    suggestions: Sequence[Suggestion], answers: Sequence[Answered], decisions: Sequence[Decision]
) -> Ledger:
    """What counts of suggestions, answers and decisions, each in the order of their numbers."""
    undone, withdrawn = (
        {number for d in decisions if d.kind == kind for number in d.value}
        for kind in ("undo", "withdraw")
    )
    put_off: dict[int, int] = {}  # 0 where a skip was taken back
    for d in decisions:
        if d.kind in ("skip", "unskip"):
            put_off |= dict.fromkeys(d.value, d.number if d.kind == "skip" else 0)
    counting: dict[tuple[int, str], Answered] = {}
    for answer in answers:
        if answer.number not in undone:
            counting[answer.row, answer.annotator] = answer
    asked = {key for key, answer in counting.items() if answer.source == ASKED}
    anybody = {row for row, _ in asked}
    waiting = [
        one
        for one in suggestions
        if one.number not in withdrawn
        and (
            one.row not in anybody
            if one.annotator is None
            else (one.row, one.annotator) not in asked
        )
    ]
    waiting.sort(key=lambda one: put_off.get(one.number, 0))
    stands = [one for one in suggestions if one.number not in withdrawn or one.row in anybody]
    return Ledger(
        tuple(sorted(counting.values(), key=lambda answer: answer.number)),
        tuple(waiting),
        frozenset(one.row for one in stands if one.kind == AUDIT),
        frozenset(one.row for one in stands),
        {number: decision for number, decision in put_off.items() if decision},
        suggestions[-1].batch if suggestions else 0,
    )


@dataclass(frozen=True)
class Told:
    """The answers that may train a model, in arrays, and by whom; unsure: rows about which somebody
    said only that he is not sure."""

    answers: Answers
    annotators: tuple[str, ...]
    unsure: Ints


def told(answers: Sequence[Answered], classes: Sequence[str], apart: Ints) -> Told:
    """What people said, but not about the rows kept `apart`."""
    number = {name: c for c, name in enumerate(classes)}
    hidden = set(apart.tolist())
    sure = [a for a in answers if a.answer is not None and a.row not in hidden]
    names = tuple(dict.fromkeys(a.annotator for a in sure))
    place = {name: i for i, name in enumerate(names)}
    known = {a.row for a in sure}
    unsure = {a.row for a in answers if a.answer is None} - known - hidden
    bought = Answers(
        np.array([a.row for a in sure], dtype=np.int64),
        np.array([place[a.annotator] for a in sure], dtype=np.int64),
        np.array([number[a.answer] for a in sure if a.answer is not None], dtype=np.int64),
    )
    return Told(bought, names, np.array(sorted(unsure), dtype=np.int64))


def start(rows: Rows, annotators: Sequence[str], apart: Ints) -> State:
    """The state before any answer; several annotators are a panel, in which everybody has an answer
    about every row and costs the same."""
    panel = None
    if (count := len(annotators)) > 1:
        everybody = np.ones((len(rows), count), dtype=bool)
        nobody = np.zeros(count, dtype=bool)
        panel = Panel(tuple(annotators), everybody, np.ones(count), nobody, persons=True)
    return State.start(rows, panel).hide(apart)


def fitted(state: State, said: Told, parts: Components, seed: int, number: int) -> State:
    """The state after all answers, with a model where there is one at least; a session's fits are
    numbered from 1.

    Where the training rule learns from what was said of rows before they were answered, the model
    of the earlier half of the answers says it of the others.
    """
    rule, count = parts.supervision, len(said.answers)
    if count == 0:
        return state
    looks_back = isinstance(rule, Calibrated) and rule.doubt > 0
    for told in halves(said.answers) if looks_back and count > 1 else [said.answers]:
        state = answered(state, told, parts.label_model, seed, number)
        state = trained(state, rule, parts.learner, seed, number)
    return state


def halves(answers: Answers) -> list[Answers]:
    """The earlier half, and the rest."""
    middle = len(answers) // 2
    parts = (answers.rows, answers.annotators, answers.classes)
    return [Answers(*(part[side] for part in parts)) for side in (np.s_[:middle], np.s_[middle:])]


def drawn(
    state: State, said: Told, parts: Components, busy: Ints, budget: int, seed: int, batch: int
) -> tuple[Ints, list[str | None]]:
    """The rows that the strategy queries, and whom an assignment would ask (None: anybody).

    busy: rows that wait for an answer, which are kept from it. Answers are withheld until people
    give them, so this is a batch of the loop bought at a desk that has none.
    """
    state = state.hide(np.concatenate([busy, said.unsure]))
    budget = min(budget, len(state.unlabelled))
    if budget == 0:
        return np.empty(0, dtype=np.int64), []
    shape = (len(state.labels), 1 if state.panel is None else len(state.panel))
    desk = Desk(np.broadcast_to(np.int64(UNLABELLED), shape), state.panel, parts.assignment)
    rule = parts.strategy if len(state.labelled) else parts.init
    queried, _ = query(rule, state, budget, desk, "batch", seed, batch)
    if state.panel is None or parts.assignment is None:
        return queried.rows, [None] * len(queried)
    return queried.rows, [state.panel.names[who] for who in queried.annotators]


def status(counts: Ledger, rows: int, classes: Sequence[str], fits: int) -> Status:
    """How far a session has come. A row that several people answered counts as most of them say."""
    said = consensus(counts.answers)
    by_class = Counter(said.values())
    unsure = {a.row for a in counts.answers} - set(said)
    return Status(
        rows=rows,
        answered=len(said),
        audited=len(consensus(counts.audit_answers)),
        waiting=len(counts.open),
        unsure=len(unsure),
        counts={name: by_class[name] for name in classes},
        annotators=dict(Counter(a.annotator for a in counts.answers)),
        batches=counts.batches,
        fits=fits,
    )


def audit_share(share: float, suggested: int, audited: int, budget: int) -> int:
    """How many of a batch are for the audit, so that it has its share of all suggestions so far."""
    return int(np.clip(round(share * (suggested + budget)) - audited, 0, budget))


def answered_once(counts: Ledger, annotator: str) -> list[int]:
    """Rows that were suggested and have a class from one other annotator alone, ascending; none
    that waits for an answer."""
    said: dict[int, list[Answered]] = {}
    for answer in counts.answers:
        said.setdefault(answer.row, []).append(answer)
    single = (each[0] for each in said.values() if len(each) == 1)
    others = (a for a in single if a.source == ASKED and a.annotator != annotator)
    rows = {a.row for a in others if a.answer is not None}
    return sorted(rows - {one.row for one in counts.open})


def consensus(answers: Sequence[Answered]) -> dict[int, str]:
    """What most annotators said of each row that they have a class for, the first of equals; by
    row, ascending."""
    said: dict[int, list[str]] = {}
    for answer in answers:
        if answer.answer is not None:
            said.setdefault(answer.row, []).append(answer.answer)
    return {row: Counter(words).most_common(1)[0][0] for row, words in sorted(said.items())}


def reason(by: str, classes: Sequence[str], probs: Floats, prior: Floats, learned: bool) -> str:
    """Why a row was chosen, in words: by what, what the model is torn between, and what the
    foundation model says. probs, prior: (k,)."""
    first, second = np.argsort(-probs, kind="stable")[:2]
    guess = int(prior.argmax())
    fm = f"foundation model: {classes[guess]} {prior[guess]:.0%}"
    if not learned:
        return f"{by}; {fm}"
    torn = f"{classes[first]} {probs[first]:.0%} or {classes[second]} {probs[second]:.0%}"
    return f"{by}; {torn}; {fm}"
