"""What the page says and draws, from values and image files alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from al_bench.datasets.images import decode

WIDTH, HEIGHT = 300.0, 130.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 8.0, 8.0, 18.0  # margins for the marks

MOST = 100  # points of a line; more are not seen
LARGEST = 256 * 2**20  # bytes of an image file that is read
SIDE = 1600  # pixels of the longer side; more are not seen on a page


@dataclass(frozen=True)
class Point:
    """An estimate after so many answers, with its interval, as fractions."""

    answers: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """A learning curve as SVG takes it: points of the line and of the band around it, and marks:
    places, words, and which end of them is there."""

    width: float
    height: float
    line: str
    band: str
    marks: tuple[tuple[float, float, str, str], ...]
    summary: str


def percent(fraction: float) -> str:
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
        (LEFT - 4, TOP + 8, percent(highest), "end"),
        (LEFT - 4, HEIGHT - BOTTOM, percent(lowest), "end"),
        (LEFT, HEIGHT - 4, str(first), "start"),
        (WIDTH - RIGHT, HEIGHT - 4, f"{last} answers", "end"),
    )
    summary = (
        f"from {percent(points[0].value)} after {first} to {percent(points[-1].value)} "
        f"after {last} answers"
    )
    line = joined([(x(point.answers), y(point.value)) for point in points])
    return Curve(WIDTH, HEIGHT, line, joined(upper + lower), marks, summary)


def shown(path: Path) -> bytes:
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
