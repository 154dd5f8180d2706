"""Tables: their cells in words; as Markdown, LaTeX (booktabs) and for the terminal, escaped."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from al_bench.core.hashing import UNSEEN
from al_bench.report.analysis import Analysis
from al_bench.report.comparison import Comparison
from al_bench.report.keys import Method

if TYPE_CHECKING:
    from rich.table import Table as RichTable


T = TypeVar("T")
DAGGER = "†"
NONE = "–"
NOT_REACHED = "not reached"
DIAGNOSTICS = ("classes_found", "imbalance_l1", "rarest_count")
TOTALS = ("cost", "n_labels", "model_answers", "oracle_calls")
PLAIN_NUMBERS = ("nll", *DIAGNOSTICS, *TOTALS)  # shown as they are, not in per cent
COLUMNS, WIDTH = 6, 120  # most columns on a terminal; characters per line without a terminal
LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "±": r"$\pm$",
    "−": r"$-$", "∞": r"$\infty$", "≥": r"$\geq$", "†": r"$^\dagger$", "·": r"$\cdot$",
    "–": r"--",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A titled table of text; bold holds (row, column) positions; the first column is a name."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    bold: frozenset[tuple[int, int]] = frozenset()

    @classmethod
    def of(
        cls, title: str, items: Iterable[T], columns: Mapping[str, Callable[[T], str]], **more: Any
    ) -> Table:
        """A table with one row per item; columns: the function that gives each cell, by header."""
        rows = tuple(tuple(cell(item) for cell in columns.values()) for item in items)
        return cls(title, tuple(columns), rows, **more)


def called(analysis: Analysis, method: Method) -> str:
    return analysis.names.method(method) + DAGGER * (method in analysis.oracles)


def headed(metric: str) -> str:
    """A metric's name with its split; metrics measured on the pool are marked transductive."""
    if metric.startswith("pool_"):
        words = metric.removeprefix("pool_").replace("_", " ")
        return f"{words} (pool, transductive)"
    if metric == "found":
        return "share of the class found"
    if metric == "labelled_noise":
        return "label noise (labelled)"
    if metric in DIAGNOSTICS:
        return metric.replace("_", " ") + " (labelled)"
    if metric in TOTALS:
        return metric.replace("_", " ")
    return metric.replace("_", " ") + " (test)"


def percent(value: float, digits: int = 1) -> str:
    return NONE if np.isnan(value) else f"{100 * value:.{digits}f}"


def mean_and_sd(values: Iterable[float], digits: int = 1, scale: float = 100.0) -> str:
    """Mean ± standard deviation over seeds."""
    numbers = scale * np.array([v for v in values if not np.isnan(v)], dtype=float)
    if not len(numbers):
        return NONE
    deviation = f" ± {numbers.std(ddof=1):.{digits}f}" if len(numbers) > 1 else ""
    return f"{numbers.mean():.{digits}f}{deviation}"


def share_text(share: float) -> str:
    return NOT_REACHED if np.isinf(share) else f"{100 * share:.0f}"


def shared(found: Comparison) -> str:
    return "flat" if found.efficiency.flat else share_text(found.efficiency.share)


def interval(low: float, high: float, digits: int = 0) -> str:
    """`[21, 45]` in %, or in points; an end that is not reached is `> 100`."""
    if np.isnan(low):
        return NONE
    ends = ("> 100" if np.isinf(end) else f"{100 * end:.{digits}f}" for end in (low, high))
    return f"[{', '.join(ends)}]".replace("-", "−")


def p_text(value: float) -> str:
    if np.isnan(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def signed(value: float, digits: int = 1) -> str:
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")  # no -0.0


def readable(text: str) -> str:
    return UNSEEN.sub(" ", text)


def latex_text(text: str) -> str:
    return re.sub(".", lambda match: LATEX.get(match[0], match[0]), readable(text))


def markdown_text(text: str) -> str:
    text = readable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|$~])", r"\\\1", text)


def markdown(tables: Sequence[Table], heading: str, summary: str) -> str:
    parts = [f"# {markdown_text(heading)}", markdown_text(summary), *map(section, tables)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(table: Table, text: Callable[[str], str], bold: str) -> list[list[str]]:
    """The header and rows of a table, with a language's escape function and bold template."""
    rows = [
        [
            bold.format(text(cell)) if (r, c) in table.bold else text(cell)
            for c, cell in enumerate(row)
        ]
        for r, row in enumerate(table.rows)
    ]
    return [list(map(text, table.header)), *rows]


def section(table: Table, most: int | None = None) -> str:
    """A table in Markdown with its title and note; most: the number of rows to show."""
    header, *rows = escaped(table, markdown_text, "**{}**")
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, rule, *rows[:most])]
    left = len(rows[most:]) if most else 0
    note = f"{table.note} {left} more rows are in the details." if left else table.note
    parts = [f"## {markdown_text(table.title)}", "\n".join(lines), markdown_text(note)]
    return "\n\n".join(part for part in parts if part)


def latex(tables: Sequence[Table], summary: str) -> str:
    """LaTeX table environments to \\input; needs the packages booktabs and graphicx."""
    parts = ["% needs \\usepackage{booktabs,graphicx}", f"% {readable(summary)}"]
    for table in tables:
        rows = escaped(table, latex_text, r"\textbf{{{}}}")
        header, *body = (f"  {' & '.join(cells)} \\\\" for cells in rows)
        lines = (
            r"\begin{table}[t]\centering",
            rf"\caption{{{latex_text(table.title)}. {latex_text(table.note)}}}",
            r"\resizebox{\linewidth}{!}{%",
            rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            *(r"  \toprule", header, r"  \midrule", *body, r"  \bottomrule"),
            r"\end{tabular}}",
            r"\end{table}",
        )
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def print_tables(tables: Iterable[Table]) -> None:
    from rich.console import Console

    terminal = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in tables:
        terminal.print(console(table, terminal.width))


def console(table: Table, width: int) -> RichTable:
    """The table for a terminal: the columns that fit, at most six, and how many are left out."""
    from rich.cells import cell_len
    from rich.table import Table as RichTable
    from rich.text import Text

    rows = [[readable(cell) for cell in row] for row in table.rows]
    wide = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    wide = wide or [1] * len(table.header)
    ends = accumulate((cells + 3 for cells in wide), initial=1)
    many = max(sum(end <= width for end in list(ends)[1:][:COLUMNS]), 1)
    left = len(table.header) - many
    note = f"{table.note} {left} more columns are in the report." if left > 0 else table.note
    shown = RichTable(
        title=Text(readable(table.title)),
        caption=Text(readable(note.strip())),
        title_justify="left",
        caption_justify="left",
    )
    for number, name in enumerate(table.header[:many]):
        side: Literal["left", "right"] = "right" if number else "left"
        shown.add_column(Text(readable(name)), justify=side, min_width=wide[number])
    for r, row in enumerate(rows):
        styles = ("bold" if (r, c) in table.bold else "" for c in range(many))
        shown.add_row(*(Text(t, s, no_wrap=True) for t, s in zip(row, styles, strict=False)))
    return shown
