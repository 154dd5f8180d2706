"""Work in the background while people label: choosing the next rows and measuring the model."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property


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
        """Start choosing rows, unless that is running."""
        running = self.chosen.get(annotator)
        if running is None or running.done():
            self.chosen[annotator] = self.thread.submit(self.choose, annotator)

    def want_estimate(self) -> None:
        """Start measuring the model, unless that is running."""
        if self.measured is None or self.measured.done():
            self.measured = self.thread.submit(self.measure)

    def prospect(self, annotator: str) -> Prospect:
        """The result of the last choice of rows for an annotator."""
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
