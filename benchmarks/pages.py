"""Tables of the benchmarks' pages, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def row(*cells: object) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in body)]
