"""What the page shows of a session and writes into it, for one annotator at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, field
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from al_bench.core.hashing import digest
from al_bench.data.datasets.images import decode
from al_bench.labelling import Answer, Session, SessionEstimate, Suggestion
from al_bench.labelling.ledger import Ledger
from al_bench.labelling.store import GIVEN, QUERY, Note


@dataclass(frozen=True)
class Prospect:
    """Whether more rows come; exhausted: none is left; failure: why choosing failed, or None."""

    exhausted: bool = False
    failure: str | None = None


@dataclass
class Background:
    """One thread that chooses rows and measures the model, each at most once at a time. choose:
    stores rows for an annotator and returns how many; measure: stores an estimate; end: is called
    last."""

    choose: Callable[[str], int]
    measure: Callable[[], None]
    end: Callable[[], None] = lambda: None
    chosen: dict[str, Future[int]] = field(default_factory=dict)
    measured: Future[None] | None = None

    @cached_property
    def thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, "background")

    def want_rows(self, annotator: str) -> None:
        running = self.chosen.get(annotator)
        if running is None or running.done():
            self.chosen[annotator] = self.thread.submit(self.choose, annotator)

    def want_estimate(self) -> None:
        if self.measured is None or self.measured.done():
            self.measured = self.thread.submit(self.measure)

    def prospect(self, annotator: str) -> Prospect:
        last = self.chosen.get(annotator)
        if last is None or not last.done():
            return Prospect()
        error = last.exception()
        if error is not None:
            return Prospect(failure=f"No rows could be chosen: {error_sentence(error)}")
        return Prospect(exhausted=last.result() == 0)

    def trouble(self) -> str | None:
        """Why the model could not be measured, in a sentence; None where it could."""
        if self.measured is None or not self.measured.done():
            return None
        error = self.measured.exception()
        return None if error is None else error_sentence(error)

    def close(self) -> None:
        """Wait for what is running, and start nothing more."""
        self.thread.shutdown(wait=True, cancel_futures=True)
        self.end()


def error_sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__


EVERY = 5  # answers after which the model is measured anew
ESTIMATE, GUIDELINE = "estimate", "guideline"  # kinds of decisions
COLOURS = 10  # of classes, in page.css

WIDTH, HEIGHT = 300.0, 130.0  # of the curve
LEFT, RIGHT, TOP, BOTTOM = 34.0, 8.0, 8.0, 18.0  # margins for the marks
RECENT = 40  # answers of which the page says how many are of the rarest class
LISTED = 200  # earlier answers shown at a time
FIRST = 60  # characters of a text that stand for it
MOST = 100  # points of a line; more are not seen
LARGEST = 256 * 2**20  # bytes of an image file that is read
SIDE = 1600  # pixels of the longer side; more are not seen on a page


@dataclass
class View:
    """A session as annotators see it.

    batch: rows chosen at a time for each; guess: whether the model's guess is shown after an
    answer, which it never is for rows that measure the model; goal: wanted number of answered rows;
    target: wanted balanced accuracy. Methods read and write the session's tables alone; slower work
    is done in the `background`, with its own session."""

    session: Session
    batch: int
    guess: bool
    background: Background
    goal: int | None = None
    target: float | None = None
    measured_at: int = 0

    @property
    def name(self) -> str:
        return self.session.service.folder.resolve().name

    def close(self) -> None:
        self.background.close()
        self.session.close()

    def arrive(self, annotator: str) -> None:
        """Somebody opens the page: choose rows and measure, even if that failed before."""
        if len(self.session.ledger.waiting(annotator)) <= self.low:
            self.background.want_rows(annotator)
        self.measure()

    def measure(self) -> None:
        self.measured_at = len(self.session.ledger.answers)
        self.background.want_estimate()

    @property
    def low(self) -> int:
        """With so many open rows for an annotator or fewer, the next ones are chosen."""
        return max(2, self.batch // 2)

    def work(self, annotator: str, again: int | None = None) -> dict[str, Any]:
        """Values of the working part: the next row, or suggestion `again` to correct its answer."""
        known = self.session.ledger
        mine = known.waiting(annotator)
        prospect = self.background.prospect(annotator)
        if len(mine) <= self.low and not prospect.exhausted and not prospect.failure:
            self.background.want_rows(annotator)
        ask = self.asked(annotator, again) if again else mine[0] if mine else None
        about = (ask.row if ask else -1, annotator)
        given = {(a.row, a.annotator): a.answer for a in known.answers} if again else {}
        following = [one.number for one in mine[1:2] if one.path is not None]
        return {
            "annotator": annotator,
            "classes": self.session.classes,
            "guideline": self.guideline(),
            "ask": ask,
            "beside": self.session.store.metadata(ask.row) if ask else {},
            "given": given.get(about),
            "note": known.notes.get(about, Note()),
            "following": following[0] if following else None,
            "others": len(known.open) - len(mine),
            "last": self.last(known, annotator),
            "prospect": prospect,
        }

    def last(self, known: Ledger, annotator: str) -> str:
        """The last answer or skip in words, with the model's guess where it biases nobody."""
        last = known.last(annotator)
        if last is None:
            return ""
        if isinstance(last, Suggestion):
            return f"put off: {first_words(last)}"
        asked = [one for one in known.suggestions if one.row == last.row]
        one = next((one for one in reversed(asked) if one.annotator == annotator), None)
        said = f"saved: {first_words(one) if one else last.id} – {last.answer or 'not sure'}"
        if one is None or one.kind != QUERY or not self.guess:
            return said
        if one.guess == last.answer:
            return f"{said}, as the model guessed"
        return f"{said}; the model guessed {one.guess} ({whole_percent(one.confidence)})"

    def answers(self, annotator: str, q: str, only: str, flagged: bool) -> dict[str, Any]:
        """Values of the page of earlier answers, the last one first. q: part of the text, name or
        comment; only: one answer, or ""; flagged: whether only flagged ones are shown."""
        known, classes = self.session.ledger, self.session.classes
        own = {one.row: one for one in known.suggestions if one.annotator == annotator}
        notes, found = known.notes, []
        for answer in reversed(known.answers):
            one, note = own.get(answer.row), notes.get((answer.row, annotator), Note())
            if one is None or answer.annotator != annotator or (flagged and not note.flag):
                continue
            said = answer.answer or "not sure"
            if only not in ("", said):
                continue
            text = "\n".join((one.text or "", one.path or "", one.id, note.comment))
            if q.casefold() not in text.casefold():
                continue
            colour = classes.index(said) % COLOURS if said in classes else "none"
            found.append(Earlier(one.number, first_words(one), said, colour, note, answer.time))
        return {
            "annotator": annotator,
            "classes": classes,
            "q": q,
            "only": only,
            "flagged": flagged,
            "found": len(found),
            "shown": found[:LISTED],
        }

    def guideline(self) -> dict[str, Any]:
        """What people wrote about the task and each class, and who did so when."""
        written = [one for one in self.session.ledger.decisions if one.kind == GUIDELINE]
        value = written[-1].value if written else {"text": "", "classes": {}, "by": None}
        classes = {name: value["classes"].get(name, "") for name in self.session.classes}
        return value | {"classes": classes, "time": written[-1].time if written else 0.0}

    def suggestion(self, number: int) -> Suggestion:
        every = self.session.ledger.suggestions
        if not 0 < number <= len(every):
            raise HTTPException(404, f"nothing was suggested under number {number}")
        return every[number - 1]

    def asked(self, annotator: str, number: int) -> Suggestion:
        """A suggestion for this annotator; HTTPException where it is for another."""
        one = self.suggestion(number)
        if one.annotator != annotator:
            raise HTTPException(403, f"suggestion {number} was not made to {annotator}")
        return one

    def image(self, number: int) -> Path:
        """The image file of a row; HTTPException where there is none, or it has changed."""
        one = self.suggestion(number)
        if one.path is None:
            raise HTTPException(404, f"row {one.id} has no image")
        try:
            same = digest(Path(one.path)) == self.session.store.digest(one.row)
        except OSError as error:
            raise HTTPException(410, f"the image of row {one.id} cannot be read") from error
        if not same:
            raise HTTPException(410, f"the image of row {one.id} has changed")
        return Path(one.path)

    def answer(
        self, annotator: str, number: int, answer: str | None, took: float | None, note: Note
    ) -> None:
        """Write an answer and a note to the disk. ValueError where it is no class."""
        one = self.asked(annotator, number)
        before = self.session.ledger.notes.get((one.row, annotator), Note())
        with self.session.store.writing():
            self.session.tell([Answer(one.id, answer, annotator, took)])
            if note != before:
                about = {"row": one.row, "annotator": annotator}
                self.session.store.decide("note", about | asdict(note))
        if abs(len(self.session.ledger.answers) - self.measured_at) >= EVERY:
            self.measure()

    def skip(self, annotator: str, number: int) -> None:
        self.session.skip(self.asked(annotator, number).number)

    def panel(self, annotator: str) -> dict[str, Any]:
        known, classes = self.session.ledger, self.session.classes
        measured = [decision.value for decision in known.decisions if decision.kind == ESTIMATE]
        answers = Counter(answer.answer for answer in known.answers)
        counts = [(name, answers[name]) for name in classes]
        counts += [("not sure", answers[None])] if answers[None] else []
        return {
            "annotator": annotator,
            "classes": classes,
            "goal": self.goal,
            "target": self.target,
            "rarest": rarest(known.answers, classes),
            "answered": len({answer.row for answer in known.answers}),
            "mine": sum(answer.annotator == annotator for answer in known.answers),
            "measured": measured[-1] if measured else None,
            "trouble": self.background.trouble(),
            "curve": curve([Point(value["answers"], *value["accuracy"]) for value in measured]),
            "counts": counts,
        }


@dataclass(frozen=True)
class Earlier:
    """An answer in a list. number: of its suggestion; words: the row's first ones."""

    number: int
    words: str
    answer: str
    colour: int | str
    note: Note
    time: float


def first_words(one: Suggestion) -> str:
    """A row by the first words of its text, its file's name, or its id."""
    if one.text is None:
        return Path(one.path).name if one.path else one.id
    line = " ".join(one.text[: 4 * FIRST].split())
    return f"“{line}”" if len(line) <= FIRST else f"“{line[:FIRST].rstrip()} …”"


def rarest(answers: Sequence[Answer], classes: Sequence[str]) -> str:
    """How many rows of the rarest class people found, and how many of late, in words."""
    own = [answer for answer in answers if answer.source != GIVEN]
    if not own:
        return ""
    found = Counter(answer.answer for answer in own)
    name = min(classes, key=lambda one: found[one])
    late = sum(answer.answer == name for answer in own[-RECENT:])
    recently = f", {late or 'none'} in the last {RECENT}" if len(own) >= RECENT else ""
    return f"{name}: {found[name] or 'none'} found{recently}"


def stored_estimate(estimate: SessionEstimate, answers: int) -> dict[str, Any]:
    """An estimate and the number of answers before it, so that the curve outlives the server."""
    return {
        "answers": answers,
        "audited": estimate.audited,
        "accuracy": astuple(estimate.accuracy),
        "balanced_accuracy": astuple(estimate.balanced_accuracy),
        "recalls": {name: astuple(recall) for name, recall in estimate.recalls.items()},
        "advice": estimate.advice,
    }


@dataclass(frozen=True)
class Point:
    """An estimate after so many answers, with its interval, as fractions."""

    answers: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A learning curve for SVG: points of line and band, and marks (x, y, text, its anchor)."""

    width: float
    height: float
    line: str
    band: str
    marks: tuple[tuple[float, float, str, str], ...]
    summary: str


def day(time: float) -> str:
    """A time in seconds since 1970, to the minute."""
    return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M")


def whole_percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %"


def curve(points: Sequence[Point]) -> Curve | None:
    """The curve through two estimates or more, thinned to MOST; None where there are fewer."""
    if len(points) < 2:
        return None
    points = [*points[: -1 : -(-len(points) // MOST)], points[-1]]
    first, last = points[0].answers, points[-1].answers
    lowest = min(point.low for point in points)
    highest = max(point.high for point in points)
    span, rise = max(last - first, 1), max(highest - lowest, 0.01)

    def x(answers: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (answers - first) / span

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (highest - value) / rise

    def joined(places: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{across:.1f},{down:.1f}" for across, down in places)

    upper = [(x(point.answers), y(point.high)) for point in points]
    lower = [(x(point.answers), y(point.low)) for point in reversed(points)]
    marks = (
        (LEFT - 4, TOP + 8, whole_percent(highest), "end"),
        (LEFT - 4, HEIGHT - BOTTOM, whole_percent(lowest), "end"),
        (LEFT, HEIGHT - 4, str(first), "start"),
        (WIDTH - RIGHT, HEIGHT - 4, f"{last} answers", "end"),
    )
    summary = (
        f"from {whole_percent(points[0].value)} after {first} to {whole_percent(points[-1].value)} "
        f"after {last} answers"
    )
    line = joined([(x(point.answers), y(point.value)) for point in points])
    return Curve(WIDTH, HEIGHT, line, joined(upper + lower), marks, summary)


def thumbnail(path: Path) -> bytes:
    """An image file as JPEG of at most SIDE pixels a side: only pixels get to the browser, whatever
    the file says it is. ValueError, without the folder's name, where it cannot be read."""
    from PIL import ImageOps

    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} is larger than {LARGEST:,} bytes, too large to be shown")
        encoded = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from error
    image = ImageOps.exif_transpose(decode(encoded, path.name))
    image.thumbnail((SIDE, SIDE))
    written = BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()
