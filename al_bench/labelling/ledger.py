"""The suggestions and answers of a session that are in force, and the session's progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from al_bench.labelling.store import ASKED, AUDIT, Answer, Decision, Note, Store, Suggestion


@dataclass(frozen=True)
class Ledger:
    """The suggestions and answers that are in force.

    answers: the last answer of each annotator about each row, unless undone; open: suggestions
    neither answered nor withdrawn, skipped ones last; audited: rows suggested for the audit;
    suggested: all suggested rows; neither has a row whose suggestions were all withdrawn before an
    answer, so it can be suggested again; put_off: number and time of the skip, by suggestion
    number; suggestions, decisions: all of them."""

    answers: tuple[Answer, ...]
    open: tuple[Suggestion, ...]
    audited: frozenset[int]
    suggested: frozenset[int]
    put_off: Mapping[int, tuple[int, float]]
    suggestions: Sequence[Suggestion]
    decisions: Sequence[Decision]

    @property
    def batches(self) -> int:
        return self.suggestions[-1].batch if self.suggestions else 0

    @property
    def audit_answers(self) -> tuple[Answer, ...]:
        return tuple(a for a in self.answers if a.row in self.audited and a.source == ASKED)

    def waiting(self, annotator: str | None) -> list[Suggestion]:
        return [one for one in self.open if one.annotator == annotator]

    @property
    def notes(self) -> dict[tuple[int, str], Note]:
        """The last note of each annotator about each row."""
        values = [decision.value for decision in self.decisions if decision.kind == "note"]
        return {(v["row"], v["annotator"]): Note(v["comment"], v["flag"]) for v in values}

    def last(self, annotator: str) -> Answer | Suggestion | None:
        """An annotator's last answer or last skipped suggestion, whichever came later."""
        answers = [answer for answer in self.answers if answer.annotator == annotator]
        skipped = [one for one in self.waiting(annotator) if one.number in self.put_off]
        if not skipped or not answers:
            return (answers or skipped or [None])[-1]
        _, since = self.put_off[skipped[-1].number]
        return answers[-1] if answers[-1].time > since else skipped[-1]


class History:
    """Suggestions, answers and decisions of all processes; a read fetches only what is new."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.answers: list[Answer] = []
        self.ledger = ledger((), (), ())

    def read(self) -> Ledger:
        """The ledger by now; an enclosing transaction must not have written to its tables."""
        with self.store.reading():
            now = self.ledger
            suggestions = self.store.suggestions(len(now.suggestions))
            answers = self.store.answers(len(self.answers))
            decisions = self.store.decisions(len(now.decisions))
            if suggestions or answers or decisions:
                self.answers += answers
                every = [*now.suggestions, *suggestions], self.answers, [*now.decisions, *decisions]
                self.ledger = ledger(*every)
            return self.ledger


def ledger(
    suggestions: Sequence[Suggestion], answers: Sequence[Answer], decisions: Sequence[Decision]
) -> Ledger:
    """The ledger of suggestions, answers and decisions, each ordered by number."""
    undone, withdrawn = (
        {number for d in decisions if d.kind == kind for number in d.value}
        for kind in ("undo", "withdraw")
    )
    put_off: dict[int, tuple[int, float]] = {}
    for d in decisions:
        if d.kind == "skip":
            put_off |= dict.fromkeys(d.value, (d.number, d.time))
        elif d.kind == "unskip":
            put_off = {number: at for number, at in put_off.items() if number not in d.value}
    counting: dict[tuple[int, str], Answer] = {}
    for answer in answers:
        if answer.number not in undone:
            counting[answer.row, answer.annotator] = answer
    asked = {key for key, answer in counting.items() if answer.source == ASKED}
    anybody = {row for row, _ in asked}

    def waits(one: Suggestion) -> bool:
        answered = one.row in anybody
        if one.annotator is not None:
            answered = (one.row, one.annotator) in asked
        return not answered and one.number not in withdrawn

    waiting = sorted(filter(waits, suggestions), key=lambda o: put_off.get(o.number, (0, 0.0)))
    stands = [one for one in suggestions if one.number not in withdrawn or one.row in anybody]
    return Ledger(
        tuple(sorted(counting.values(), key=lambda answer: answer.number)),
        tuple(waiting),
        frozenset(one.row for one in stands if one.kind == AUDIT),
        frozenset(one.row for one in stands),
        put_off,
        suggestions,
        decisions,
    )


@dataclass(frozen=True)
class Status:
    """A session's progress.

    rows: in the session; answered: rows with a label by people, audit rows too; audited: audit rows
    with a label; waiting: open suggestions; unsure: rows with only "not sure" answers; counts:
    labels by class; annotators: answers by annotator; batches, fits: numbers so far."""

    rows: int
    answered: int
    audited: int
    waiting: int
    unsure: int
    counts: Mapping[str, int]
    annotators: Mapping[str, int]
    batches: int
    fits: int


def session_status(known: Ledger, rows: int, classes: Sequence[str], fits: int) -> Status:
    """A session's progress. A row with several answers counts as its majority class."""
    labels = consensus(known.answers)
    by_class = Counter(labels.values())
    unsure = {answer.row for answer in known.answers} - set(labels)
    return Status(
        rows=rows,
        answered=len(labels),
        audited=len(consensus(known.audit_answers)),
        waiting=len(known.open),
        unsure=len(unsure),
        counts={name: by_class[name] for name in classes},
        annotators=dict(Counter(answer.annotator for answer in known.answers)),
        batches=known.batches,
        fits=fits,
    )


def by_row(answers: Sequence[Answer]) -> dict[int, list[Answer]]:
    """The answers about each row without "not sure"; rows ascending."""
    found: dict[int, list[Answer]] = {}
    for answer in answers:
        if answer.answer is not None:
            found.setdefault(answer.row, []).append(answer)
    return dict(sorted(found.items()))


def consensus(answers: Sequence[Answer]) -> dict[int, str]:
    """The majority class of each row that has an answer with a class; the first one of a tie."""
    return {
        row: Counter(str(one.answer) for one in each).most_common(1)[0][0]
        for row, each in by_row(answers).items()
    }


def answered_once(known: Ledger, annotator: str) -> list[int]:
    """Suggested rows, ascending, with one answer, a class by another annotator, and none open."""
    several = Counter(answer.row for answer in known.answers)
    rows = {
        answer.row
        for answer in known.answers
        if several[answer.row] == 1 and answer.source == ASKED
        if answer.annotator != annotator and answer.answer is not None
    }
    return sorted(rows - {one.row for one in known.open})
