"""The words and numbers of a table's cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from al_bench.report.analysis import Analysis
from al_bench.report.keys import Method
from al_bench.report.savings import Saving
from al_bench.report.stats import Paired

T = TypeVar("T")
DAGGER = "†"
NONE = "–"
NOT_REACHED = "not reached"
LEAST = -0.9995  # savings from here down are printed as -100 %
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
    def of(cls, title: str, items: Iterable[T], columns: Mapping[str, Callable[[T], str]]) -> Table:
        """A table with one row per item; columns: the function that gives each cell, by header."""
        rows = tuple(tuple(cell(item) for cell in columns.values()) for item in items)
        return cls(title, tuple(columns), rows)


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


def share_of_budget(value: float) -> str:
    """A whole number of per cent; values far below any budget are shown alike."""
    if value < -9.995:
        return "< −999"
    return f"{round(100 * value) + 0:d}".replace("-", "−")


def saving_text(saving: Saving | None) -> str:
    """`34 % [21, 45]`, or `−43 % [−80, −14] (not reached)`, where the bracket says who does not
    reach the level; only `not reached` if the saving is then as low as −100 %."""
    if saving is None:
        return NONE
    if not saving.reached_a and (saving.value <= LEAST or not saving.reached_b):
        return NOT_REACHED if saving.reached_b else "neither reached"
    text = f"{share_of_budget(saving.value)} %{limits(saving.low, saving.high)}"
    who = {(False, True): NOT_REACHED, (True, False): f"baseline: {NOT_REACHED}"}
    missing = who.get((saving.reached_a, saving.reached_b))
    return text + (f" ({missing})" if missing else "")


def limits(low: float, high: float) -> str:
    """` [21, 45]`; empty without an interval."""
    return "" if np.isnan(low) else f" [{share_of_budget(low)}, {share_of_budget(high)}]"


def labels_text(needed: float) -> str:
    return f"{needed:.0f}" if np.isfinite(needed) else NOT_REACHED


def difference(found: Paired) -> str:
    """`+1.20 ± 0.35`, in points."""
    return f"{signed(100 * found.difference, 2)} ± {percent(found.error, 2)}"


def p_text(value: float) -> str:
    if np.isnan(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def signed(value: float, digits: int = 1) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
