"""Progress reports: a bar on a terminal, elsewhere a line every few seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

Advance = Callable[[int], None]  # called with the number done since the last call
FIRST, EVERY = 1.0, 5.0  # seconds between two lines, in the first minute and later


def pause(elapsed: float) -> float:
    """The seconds to the next line, so many after the start."""
    return min(FIRST, EVERY) if elapsed < 60 else EVERY


class Every:
    """Returns True once in `pause` seconds, first after as many."""

    def __init__(self) -> None:
        self.began = self.last = monotonic()

    def __call__(self) -> bool:
        now = monotonic()
        if now - self.last < pause(now - self.began):
            return False
        self.last = now
        return True


@contextmanager
def progress_bar(name: str, total: int, known: int = 0, what: str = "rows") -> Iterator[Advance]:
    """A progress bar; it yields the function to advance it. known: how many were done before."""
    if not sys.stderr.isatty():
        with lines(name, total, known, what) as advance:
            yield advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        began, done = monotonic(), 0
        said = counts(0, total, 0.0, known, what)
        task = shown.add_task(name, total=total, completed=known, said=said)

        def advance(number: int) -> None:
            nonlocal done
            done += number
            said = counts(done, total, monotonic() - began, known, what)
            shown.update(task, advance=number, said=said)

        yield advance


@contextmanager
def lines(name: str, total: int, known: int, what: str) -> Iterator[Advance]:
    """A line on stderr every `pause` seconds, even during a long step; none for quick work."""
    done, began, ended = [0], monotonic(), Event()

    def speak() -> None:
        while not ended.wait(pause(monotonic() - began)):
            text = line(name, sum(done), total, monotonic() - began, known, what)
            print(text, file=sys.stderr, flush=True)

    speaker = Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield done.append
    finally:
        ended.set()
        speaker.join()


def line(name: str, done: int, total: int, seconds: float, known: int, what: str) -> str:
    """A progress line: how many are done, how many before, the rate and the time left."""
    return f"{name}: {counts(done, total, seconds, known, what)}"


def counts(done: int, total: int, seconds: float, known: int, what: str) -> str:
    before = f" ({known:,} of them before)" if known else ""
    left = f", {span((total - known - done) * seconds / done)} left" if done else ""
    rate = f", {done / seconds:.1f} {what}/s" if seconds else ""
    return f"{known + done:,} of {total:,} {what}{before}{rate}{left}"


def span(seconds: float) -> str:
    """A time in a readable unit: ``0.4 s``, ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
