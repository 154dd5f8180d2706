"""What the page shows of a session and writes into it, for one annotator at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from al_bench.core.hashing import digest
from al_bench.data.datasets.images import decode
from al_bench.labelling import Answer, Session, SessionEstimate, Suggestion
from al_bench.labelling.page.background import Background
from al_bench.labelling.schema import AUDIT

EVERY = 5  # answers after which the model is measured anew
ESTIMATE = "estimate"  # kind of a decision

WIDTH, HEIGHT = 300.0, 130.0  # of the curve
LEFT, RIGHT, TOP, BOTTOM = 34.0, 8.0, 8.0, 18.0  # margins for the marks
MOST = 100  # points of a line; more are not seen
LARGEST = 256 * 2**20  # bytes of an image file that is read
SIDE = 1600  # pixels of the longer side; more are not seen on a page


class View:
    """A session as annotators see it.

    batch: rows chosen at a time for each; guess: whether the model's guess is shown, which it never
    is for audit rows. Methods read and write the session's tables alone; slower work is done in the
    `background`, with its own session.
    """

    def __init__(self, session: Session, batch: int, guess: bool, background: Background) -> None:
        self.session = session
        self.batch = batch
        self.guess = guess
        self.background = background
        self.measured_at = 0

    @property
    def name(self) -> str:
        return self.session.service.folder.resolve().name

    def close(self) -> None:
        self.background.close()
        self.session.close()

    def arrive(self, annotator: str) -> None:
        """Somebody opens the page: start choosing rows and measuring, even if that failed
        before."""
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

    def work(self, annotator: str) -> dict[str, Any]:
        """Values of the working part of the page."""
        known = self.session.ledger
        mine = known.waiting(annotator)
        prospect = self.background.prospect(annotator)
        if len(mine) <= self.low and not prospect.exhausted and not prospect.failure:
            self.background.want_rows(annotator)
        following = [one.number for one in mine[1:2] if one.path is not None]
        return {
            "annotator": annotator,
            "classes": self.session.classes,
            "ask": mine[0] if mine else None,
            "seen": self.guess and any(one.kind != AUDIT for one in mine[:1]),
            "following": following[0] if following else None,
            "others": len(known.open) - len(mine),
            "last": in_words(known.last(annotator)),
            "prospect": prospect,
        }

    def suggestion(self, number: int) -> Suggestion:
        """A suggestion by its number; HTTPException where there is none."""
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
        """The image file of a suggested row; HTTPException where there is none, or it has changed
        since it was added."""
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

    def answer(self, annotator: str, number: int, answer: str | None, took: float | None) -> None:
        """Write an answer; it is on the disk when this returns. ValueError where it is no class."""
        self.session.tell([Answer(self.asked(annotator, number).id, answer, annotator, took)])
        if abs(len(self.session.ledger.answers) - self.measured_at) >= EVERY:
            self.measure()

    def skip(self, annotator: str, number: int) -> None:
        """Put a row off until the others of the annotator are done."""
        self.session.skip(self.asked(annotator, number).number)

    def panel(self, annotator: str) -> dict[str, Any]:
        """Values of the part of the page that shows everybody's progress."""
        known, classes = self.session.ledger, self.session.classes
        measured = [decision.value for decision in known.decisions if decision.kind == ESTIMATE]
        answers = Counter(answer.answer for answer in known.answers)
        counts = [(name, answers[name]) for name in classes]
        counts += [("not sure", answers[None])] if answers[None] else []
        return {
            "annotator": annotator,
            "rows": self.session.store.count("rows"),
            "answered": len({answer.row for answer in known.answers}),
            "mine": sum(answer.annotator == annotator for answer in known.answers),
            "measured": measured[-1] if measured else None,
            "trouble": self.background.trouble(),
            "curve": curve([Point(value["answers"], *value["accuracy"]) for value in measured]),
            "counts": counts,
        }


def in_words(last: Answer | Suggestion | None) -> str:
    """The last answer or skip, in words."""
    if last is None:
        return ""
    if isinstance(last, Suggestion):
        return f"put off: {last.id}"
    return f"saved: {last.id} is {last.answer}" if last.answer else f"saved: not sure of {last.id}"


def stored_estimate(estimate: SessionEstimate, answers: int) -> dict[str, Any]:
    """An estimate, and the number of answers before it, as a decision's value, so that the curve
    outlives the server."""
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
    """A learning curve for SVG: points of the line and of the band around it, and marks: x, y,
    text, and the text's anchor."""

    width: float
    height: float
    line: str
    band: str
    marks: tuple[tuple[float, float, str, str], ...]
    summary: str


def whole_percent(fraction: float) -> str:
    """A fraction in whole per cent."""
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
    """An image file as JPEG of at most SIDE pixels a side.

    It is decoded and written anew, so that nothing but pixels gets to the browser, whatever the
    file says it is. ValueError, without the folder's name, where it is no image that can be read.
    """
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
