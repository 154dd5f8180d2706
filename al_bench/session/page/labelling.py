"""What the page reads of a session and writes into it, for one annotator at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from starlette.exceptions import HTTPException

from al_bench.content import digest
from al_bench.session import Answer, Session
from al_bench.session.engine import ASKED, Ledger
from al_bench.session.page.ahead import Ahead
from al_bench.session.page.followed import Followed
from al_bench.session.page.measured import ESTIMATE, point
from al_bench.session.page.show import curve
from al_bench.session.schema import Answered, Suggested
from al_bench.session.telling import check
from al_bench.session.values import AUDIT

EVERY = 5  # answers after which the model is measured anew


@dataclass(frozen=True)
class Ask:
    """A row to be looked at. guess: the model's, None where it is not to be seen."""

    suggestion: int
    id: str
    text: str | None
    image: bool
    guess: str | None
    confidence: float
    why: str


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
        following = [one.number for one in mine[1:2] if self.store.row(one.row).path is not None]
        return {
            "annotator": annotator,
            "classes": self.session.classes,
            "ask": self.ask(mine[0]) if mine else None,
            "following": following[0] if following else None,
            "others": len(known.open) - len(mine),
            "last": self.said(self.last(known, annotator)),
            "prospect": prospect,
        }

    def ask(self, one: Suggested) -> Ask:
        row = self.store.row(one.row)
        seen = self.guess and one.kind != AUDIT
        text = row.name if row.text is None and row.path is None else row.text
        guess, why = (one.guess, one.why) if seen else (None, "")
        return Ask(one.number, row.name, text, row.path is not None, guess, one.confidence, why)

    def suggestion(self, number: int) -> Suggested:
        """A suggestion by its number; HTTPException where there is none."""
        self.tables.ledger()
        if not 0 < number <= len(self.tables.suggestions):
            raise HTTPException(404, f"nothing was suggested under number {number}")
        return self.tables.suggestions[number - 1]

    def asked(self, annotator: str, number: int) -> Suggested:
        """A suggestion that was made to this annotator; HTTPException where it is none."""
        one = self.suggestion(number)
        if one.annotator != annotator:
            raise HTTPException(403, f"suggestion {number} was not made to {annotator}")
        return one

    def image(self, number: int) -> Path:
        """The file of a row that was suggested; HTTPException where it has none that is as it was
        when it came into the session."""
        row = self.store.row(self.suggestion(number).row)
        if row.path is None:
            raise HTTPException(404, f"row {row.name} has no image")
        try:
            same = digest(Path(row.path)) == row.digest
        except OSError as error:
            raise HTTPException(410, f"the image of row {row.name} cannot be read") from error
        if not same:
            raise HTTPException(410, f"the image of row {row.name} has changed")
        return Path(row.path)

    def answer(
        self, annotator: str, number: int, answer: str | None, seconds: float | None
    ) -> None:
        """Write an answer; it is on the disk when this returns. ValueError where it is no class."""
        one = self.asked(annotator, number)
        check(
            Answer(self.store.row(one.row).name, answer, annotator, seconds), self.session.classes
        )
        self.store.append(
            "answers",
            row=one.row,
            annotator=annotator,
            answer=answer,
            seconds=seconds,
            source=ASKED,
            time=time(),
        )
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

    def last(self, known: Ledger, annotator: str) -> Answered | Suggested | None:
        """The last answer of an annotator or the last row put off, whichever came later."""
        answers = [a for a in known.answers if a.annotator == annotator and a.source == ASKED]
        skipped = [one for one in waiting(known, annotator) if one.number in known.put_off]
        if not skipped or not answers:
            return (answers or skipped or [None])[-1]
        since = self.tables.decisions[known.put_off[skipped[-1].number] - 1].time
        return answers[-1] if answers[-1].time > since else skipped[-1]

    def said(self, last: Answered | Suggested | None) -> str:
        """What was done last, in words."""
        if last is None:
            return ""
        name = self.store.row(last.row).name
        if isinstance(last, Suggested):
            return f"put off: {name}"
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


def waiting(known: Ledger, annotator: str) -> list[Suggested]:
    """The rows that wait for an answer of this annotator, the next one first."""
    return [one for one in known.open if one.annotator == annotator]
