"""What benchmarks share: tables and pages in Markdown, and seconds."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any


def row(*cells: object) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in body)]


def published(text: str, page: Path, write: bool) -> None:
    """Print a page, and write it if asked to."""
    print(text)
    if write:
        page.write_text(text, "utf-8")


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the clock and of the processor, children included, that a call takes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    call()
    took, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
