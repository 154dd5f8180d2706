"""Tables with any groups as rows and columns: those of an experiment's spec, and of any report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_bench.report.analysis import Analysis
from al_bench.report.curves import aligned
from al_bench.report.keys import Key, Method, Setting
from al_bench.report.savings import area, last_level
from al_bench.report.selection import as_text, matches
from al_bench.report.spec import Pivot
from al_bench.report.stats import Floats
from al_bench.report.tables.cells import DAGGER, NONE, PLAIN_NUMBERS, Table, headed, mean_and_sd

NEAR = 0.005  # largest distance of a round's end from the wanted fraction of the pool
VALUES = {"area": "area under the curve", "end": "mean over the last tenth of the budget",
          "last": "after the last round"}  # fmt: skip
METRICS = (
    *("balanced_accuracy", "macro_f1", "accuracy", "head_recall", "medium_recall", "tail_recall"),
    *("worst_recall", "nll", "ece", "product_balanced_accuracy", "classes_found", "imbalance_l1"),
    *("rarest_count", "labelled_noise", "pool_balanced_accuracy"),
    "pool_unlabelled_balanced_accuracy",
)


@dataclass(frozen=True)
class Header:
    """What the runs of a row or column have in common; metric: the index of a column's metric."""

    setting: Setting
    method: Method
    metric: int = 0


@dataclass(frozen=True)
class Cell:
    """The values of a cell, by setting and seed."""

    by_setting: dict[Setting, list[float]]

    @property
    def mean(self) -> float:
        """The mean over settings of their means over seeds."""
        return float(np.mean([np.mean(seeds) for seeds in self.by_setting.values()]))


def pivots(analysis: Analysis) -> list[Table]:
    """The tables of the spec, in its order."""
    frame = aligned(analysis.every) if analysis.spec.pivots else analysis.every
    return [pivot_table(analysis, pivot, frame) for pivot in analysis.spec.pivots]


def area_table(analysis: Analysis) -> Table:
    """The area under the curve of each method in each setting; the more numerous are the rows."""
    sides = [("setting",), ("method",)]
    rows, columns = sides if len(analysis.settings) >= len(analysis.methods) else sides[::-1]
    pivot = Pivot("Area under the curve", rows, columns, (analysis.spec.metric,))
    return pivot_table(analysis, pivot, analysis.frame)


def final_metrics(analysis: Analysis) -> Table:
    """Every metric that the runs have, after the last label."""
    there = tuple(name for name in METRICS if name in analysis.frame)
    pivot = Pivot("Final metrics", ("setting", "method"), (), there, "last")
    return pivot_table(analysis, pivot, analysis.frame)


def pivoted(frame: pd.DataFrame, pivot: Pivot) -> dict[tuple[Header, Header], Cell]:
    """The cells of a table on a keyed frame, by row and column; none if its selection matches no
    run. ValueError if the frame lacks a metric."""
    numbers = frame.select_dtypes("number").columns
    for metric in pivot.metrics:
        if metric not in numbers:
            raise ValueError(f"report.tables {pivot.title!r} has the metric {metric!r}; wanted one "
                             f"of {', '.join(numbers)}")  # fmt: skip
    found: dict[tuple[Header, Header], Cell] = {}
    labelled = frame[frame["n_labels"] > 0].sort_values("round", kind="stable")
    for _, rounds in labelled.groupby("id"):
        method: Method = rounds["method"].iloc[0]
        setting: Setting = rounds["setting"].iloc[0]
        if pivot.where and not matches(Key((*method.choices, *setting.choices)), pivot.where):
            continue
        row = header(method, setting, pivot.rows)
        for column, value in enumerate(metrics_of_rounds(rounds, pivot.metrics, pivot.value)):
            if not np.isnan(value):
                at = row, header(method, setting, pivot.columns, column)
                cell = found.setdefault(at, Cell({}))
                cell.by_setting.setdefault(setting, []).append(float(value))
    return found


def header(method: Method, setting: Setting, groups: Sequence[str], metric: int = 0) -> Header:
    """A method's and a setting's choices in some groups; `method` or `setting` means all of its
    groups."""
    whole = method if "method" in groups else method.part(groups)
    return Header(setting if "setting" in groups else setting.part(groups), whole, metric)


def metrics_of_rounds(rounds: pd.DataFrame, metrics: Sequence[str], value: str | float) -> Floats:
    """(m,) values of the metrics in one run; NaN if no round ends at the fraction of the pool."""
    labels = rounds["n_labels"].to_numpy(dtype=float)
    curves = rounds[list(metrics)].to_numpy(dtype=float).T
    if value == "area":
        return area(curves, labels)
    if value == "end":
        return last_level(curves, labels)
    if value == "last":
        return np.asarray(curves[:, -1])
    apart = np.abs(labels / rounds["n_pool"].to_numpy() - float(value))
    at = int(apart.argmin())
    return np.asarray(curves[:, at] if apart[at] <= NEAR else np.full(len(metrics), np.nan))


def pivot_table(analysis: Analysis, pivot: Pivot, frame: pd.DataFrame) -> Table:
    """The table of a pivot; bold: the best method in each row or column across methods."""
    cells = pivoted(frame, pivot)
    order = {method: number for number, method in enumerate(analysis.methods)}
    rows, columns = (
        sorted({at[side] for at in cells},
               key=lambda h: (h.setting, order.get(h.method, -1), h.method, h.metric))
        for side in (0, 1)
    )  # fmt: skip
    most = max((len(cell.by_setting) for cell in cells.values()), default=0)
    shown = tuple(
        (
            header_text(row, analysis),
            *(cell_text(cells.get((row, c)), pivot.metrics[c.metric], most) for c in columns),
        )
        for row in rows
    )
    several = len(pivot.metrics) > 1
    titles = [
        joined_text(header_text(column, analysis), headed(pivot.metrics[column.metric]) * several)
        for column in columns
    ]
    bold = set()
    for side, lines in ((0, rows), (1, columns)):
        if "method" in (pivot.rows, pivot.columns)[1 - side] and not several:
            for line in lines:
                here = {at: cell.mean for at, cell in cells.items() if at[side] == line}
                fair = [at for at in here if at[1 - side].method not in analysis.oracles]
                best = max(fair, key=lambda at: here[at], default=None)
                bold |= {(rows.index(best[0]), columns.index(best[1]) + 1)} if best else set()
    what = "" if several else f": {headed(pivot.metrics[0])}"
    at = VALUES.get(str(pivot.value), f"after the round that ends at {pivot.value} of the pool")
    how = "mean ± standard deviation over seeds"
    if most > 1:
        how = f"mean over {most} settings, in brackets how many where they are fewer"
    where = f"; {as_text(pivot.where)}" if pivot.where else ""
    best_of = "; bold: the best method" if bold else ""
    note = f"{at[0].upper()}{at[1:]}, fractions in %; {how}{where}{best_of}. {pivot.note}".strip()
    head = (", ".join(pivot.rows), *titles)
    return Table(f"{pivot.title}{what}", head, shown, note, frozenset(bold))


def joined_text(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def header_text(header: Header, analysis: Analysis) -> str:
    """The text of a header: a setting or parts of one, and a method or parts of one."""
    names, method = analysis.names, header.method
    groups = [choice.group for choice in method.choices]
    whole = names.parts(method, groups) if "strategy" in groups else names.all(method)
    setting = names.setting(header.setting) or names.all(header.setting)
    return joined_text(setting, whole + DAGGER * (method in analysis.oracles))


def cell_text(cell: Cell | None, metric: str, most: int) -> str:
    """`52.1 ± 0.4` for one setting, else `52.1`, or `52.1 (7)` for fewer settings than `most`."""
    if cell is None:
        return NONE
    scale = 1.0 if metric in PLAIN_NUMBERS else 100.0
    settings = list(cell.by_setting.values())
    if most == 1:
        return mean_and_sd(settings[0], scale=scale)
    return f"{scale * cell.mean:.1f}" + (f" ({len(settings)})" if len(settings) < most else "")
