"""What the page reads of a session and writes into it, for one annotator at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from al_bench.content import digest
from al_bench.labelling import Answer, Session
from al_bench.labelling.annotations import append
from al_bench.labelling.ledger import Ledger, ledger
from al_bench.labelling.page.ahead import Ahead
from al_bench.labelling.page.show import Point, curve
from al_bench.labelling.schema import ASKED, Answered, Decision
from al_bench.labelling.settings import AUDIT, Estimate, Interval, Suggestion
from al_bench.labelling.store import Store

EVERY = 5  # answers after which the model is measured anew
ESTIMATE = "estimate"  # kind of a decision


class Followed:
    """Suggestions, answers and decisions of all processes, as far as they were read, so that a key
    press reads only what is new: each reading goes on from where the last one ended."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.suggestions: list[Suggestion] = []
        self.answers: list[Answered] = []
        self.decisions: list[Decision] = []
        self._ledger = ledger((), (), ())

    def ledger(self) -> Ledger:
        """What counts now. O(1) where nothing is new, else linear in all there is."""
        with self.store.reading():
            suggestions = self.store.suggestions(len(self.suggestions))
            answers = self.store.answers(len(self.answers))
            decisions = self.store.decisions(len(self.decisions))
        if suggestions or answers or decisions:
            self.suggestions += suggestions
            self.answers += answers
            self.decisions += decisions
            self._ledger = ledger(self.suggestions, self.answers, self.decisions)
        return self._ledger


class Labelling:
    """A session as annotators see it.

    batch: rows chosen at a time for each; guess: whether the model's guess is shown, which it never
    is about a row that measures the model. Reading and writing is on the session's tables alone;
    what takes longer than a key press may is done `ahead`, on a thread with a session of its own.
    """

    def __init__(self, session: Session, batch: int, guess: bool, ahead: Ahead) -> None:
        self.session = session
        self.store = session.bench.store
        self.tables = Followed(self.store)
        self.batch = batch
        self.guess = guess
        self.ahead = ahead
        self.measured_at = 0  # so many answers
        self.name = session.bench.folder.resolve().name

    def close(self) -> None:
        self.ahead.close()
        self.session.close()

    def arrive(self, annotator: str) -> None:
        """Somebody opens the page: have rows and an estimate ready, whatever came of it before."""
        if len(waiting(self.tables.ledger(), annotator)) <= self.low:
            self.ahead.want_rows(annotator)
        self.measure()

    def measure(self) -> None:
        self.measured_at = len(self.tables.ledger().answers)
        self.ahead.want_estimate()

    @property
    def low(self) -> int:
        """So many rows before an annotator or fewer, and the next ones are chosen."""
        return max(2, self.batch // 2)

    def work(self, annotator: str) -> dict[str, Any]:
        """What the working part of the page shows."""
        known = self.tables.ledger()
        mine = waiting(known, annotator)
        prospect = self.ahead.prospect(annotator)
        if len(mine) <= self.low and not prospect.exhausted and not prospect.failure:
            self.ahead.want_rows(annotator)
        following = [one.number for one in mine[1:2] if one.path is not None]
        return {
            "annotator": annotator,
            "classes": self.session.classes,
            "ask": mine[0] if mine else None,
            "seen": self.guess and any(one.kind != AUDIT for one in mine[:1]),
            "following": following[0] if following else None,
            "others": len(known.open) - len(mine),
            "last": self.said(self.last(known, annotator)),
            "prospect": prospect,
        }

    def suggestion(self, number: int) -> Suggestion:
        """A suggestion by its number; HTTPException where there is none."""
        self.tables.ledger()
        if not 0 < number <= len(self.tables.suggestions):
            raise HTTPException(404, f"nothing was suggested under number {number}")
        return self.tables.suggestions[number - 1]

    def asked(self, annotator: str, number: int) -> Suggestion:
        """A suggestion that was made to this annotator; HTTPException where it is none."""
        one = self.suggestion(number)
        if one.annotator != annotator:
            raise HTTPException(403, f"suggestion {number} was not made to {annotator}")
        return one

    def image(self, number: int) -> Path:
        """The file of a row that was suggested; HTTPException where it has none that is as it was
        when it came into the session."""
        one = self.suggestion(number)
        if one.path is None:
            raise HTTPException(404, f"row {one.id} has no image")
        try:
            same = digest(Path(one.path)) == self.store.digest(one.row)
        except OSError as error:
            raise HTTPException(410, f"the image of row {one.id} cannot be read") from error
        if not same:
            raise HTTPException(410, f"the image of row {one.id} has changed")
        return Path(one.path)

    def answer(
        self, annotator: str, number: int, answer: str | None, seconds: float | None
    ) -> None:
        """Write an answer; it is on the disk when this returns. ValueError where it is no class."""
        given = Answer(self.asked(annotator, number).id, answer, annotator, seconds)
        append(self.store, [given], self.session.classes)
        if abs(len(self.tables.ledger().answers) - self.measured_at) >= EVERY:
            self.measure()

    def skip(self, annotator: str, number: int) -> None:
        """Put a row off until the others of the annotator are done."""
        self.asked(annotator, number)
        self.store.decide("skip", [number])

    def undo(self, annotator: str) -> None:
        """Take back what an annotator did last, an answer or a skip, if there is one."""
        last = self.last(self.tables.ledger(), annotator)
        if isinstance(last, Answered):
            self.store.decide("undo", [last.number])
        elif last is not None:
            self.store.decide("unskip", [last.number])

    def last(self, known: Ledger, annotator: str) -> Answered | Suggestion | None:
        """The last answer of an annotator or the last row put off, whichever came later."""
        answers = [a for a in known.answers if a.annotator == annotator and a.source == ASKED]
        skipped = [one for one in waiting(known, annotator) if one.number in known.put_off]
        if not skipped or not answers:
            return (answers or skipped or [None])[-1]
        since = self.tables.decisions[known.put_off[skipped[-1].number] - 1].time
        return answers[-1] if answers[-1].time > since else skipped[-1]

    def said(self, last: Answered | Suggestion | None) -> str:
        """What was done last, in words."""
        if last is None:
            return ""
        if isinstance(last, Suggestion):
            return f"put off: {last.id}"
        name = self.store.name(last.row)
        return f"saved: {name} is {last.answer}" if last.answer else f"saved: not sure about {name}"

    def panel(self, annotator: str) -> dict[str, Any]:
        """What the part of the page shows that tells how far everybody is."""
        known = self.tables.ledger()
        measured = [d.value for d in self.tables.decisions if d.kind == ESTIMATE]
        said = Counter(a.answer for a in known.answers)
        counts = [(name, said[name]) for name in self.session.classes]
        counts += [("not sure", said[None])] if said[None] else []
        return {
            "annotator": annotator,
            "rows": self.store.count("rows"),
            "answered": len({a.row for a in known.answers}),
            "mine": sum(a.annotator == annotator for a in known.answers),
            "measured": measured[-1] if measured else None,
            "trouble": self.ahead.trouble(),
            "curve": curve([point(value) for value in measured]),
            "counts": counts,
        }


def waiting(known: Ledger, annotator: str) -> list[Suggestion]:
    """The rows that wait for an answer of this annotator, the next one first."""
    return [one for one in known.open if one.annotator == annotator]


def stored(estimate: Estimate, answers: int) -> dict[str, Any]:
    """An estimate that was made after so many answers, as a decision's value, so that a curve
    outlives the server."""
    return {
        "answers": answers,
        "audited": estimate.audited,
        "accuracy": numbers(estimate.accuracy),
        "balanced_accuracy": numbers(estimate.balanced_accuracy),
        "recalls": {name: numbers(recall) for name, recall in estimate.recalls.items()},
        "advice": estimate.advice,
    }


def numbers(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def point(value: Mapping[str, Any]) -> Point:
    """Where the estimate of a decision's value lies on the learning curve of accuracy."""
    return Point(value["answers"], *value["accuracy"])
