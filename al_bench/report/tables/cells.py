"""The words and numbers of a table's cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from al_bench.report.analysis import Analysis
from al_bench.report.comparison import Comparison
from al_bench.report.keys import Method

T = TypeVar("T")
DAGGER = "†"
NONE = "–"
NOT_REACHED = "not reached"
DIAGNOSTICS = ("classes_found", "imbalance_l1", "rarest_count")
TOTALS = ("cost", "n_labels", "model_answers", "oracle_calls")
PLAIN_NUMBERS = ("nll", *DIAGNOSTICS, *TOTALS)  # shown as they are, not in per cent


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
    """A method's name, with a dagger if it reads the truth."""
    return analysis.names.method(method) + DAGGER * (method in analysis.oracles)


def headed(metric: str) -> str:
    """A metric's name with its split; metrics measured on the pool are marked transductive."""
    if metric.startswith("pool_"):
        words = metric.removeprefix("pool_").replace("_", " ")
        return f"{words} (pool, transductive)"
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
    """A share of the budget in %, or `not reached`."""
    return NOT_REACHED if np.isinf(share) else f"{100 * share:.0f}"


def shared(found: Comparison) -> str:
    """A comparison's share of the budget in %, `not reached`, or `flat`."""
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
    return f"{value:+.{digits}f}".replace("-", "−")
