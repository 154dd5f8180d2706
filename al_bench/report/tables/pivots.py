"""Tables with any groups as rows and columns: those of an experiment's spec, and of any report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from al_bench.report.analysis import Analysis
from al_bench.report.curves import aligned
from al_bench.report.keys import Key, Method, Setting
from al_bench.report.names import TITLES
from al_bench.report.spec import Pivot, as_text, matches
from al_bench.report.stats import Floats
from al_bench.report.tables.render import DAGGER, NONE, PLAIN_NUMBERS, Table, headed, mean_and_sd

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


Cell: TypeAlias = dict[Setting, list[float]]  # its values by seed


def mean_of(cell: Cell) -> float:
    return float(np.mean([np.mean(seeds) for seeds in cell.values()]))


def pivots(analysis: Analysis) -> list[Table]:
    frame = aligned(analysis.every) if analysis.spec.pivots else analysis.every
    return [pivot_table(analysis, pivot, frame) for pivot in analysis.spec.pivots]


def area_table(analysis: Analysis) -> Table:
    """The area under the curve of each method in each setting; the more numerous are the rows."""
    sides = [("setting",), ("method",)]
    rows, columns = sides if len(analysis.settings) >= len(analysis.methods) else sides[::-1]
    pivot = Pivot("Area under the curve", rows, columns, (analysis.spec.metric,))
    return pivot_table(analysis, pivot, analysis.frame)


def final_metrics(analysis: Analysis) -> Table:
    there = tuple(name for name in METRICS if name in analysis.frame)
    pivot = Pivot("Final metrics", ("setting", "method"), (), there, "last")
    return pivot_table(analysis, pivot, analysis.frame)


def pivoted(frame: pd.DataFrame, pivot: Pivot) -> dict[tuple[Header, Header], Cell]:
    """The cells of a table on a keyed frame, by row and column."""
    numbers = frame.select_dtypes("number").columns
    for metric in pivot.metrics:
        if metric not in numbers:
            raise ValueError(f"report.tables {pivot.title!r} has the metric {metric!r}; wanted one "
                             f"of {', '.join(numbers)}")  # fmt: skip
    labelled = frame[frame["n_labels"] > 0].sort_values(["id", "round"], kind="stable")
    values = values_of_runs(labelled, pivot.metrics, pivot.value)
    runs = labelled.drop_duplicates("id")
    found: dict[tuple[Header, Header], Cell] = {}
    columns = range(len(pivot.metrics))
    made: dict[tuple[Method, Setting], Sequence[Header]] = {}
    for method, setting, own in zip(runs["method"], runs["setting"], values, strict=True):
        if (method, setting) not in made:
            key = Key((*method.choices, *setting.choices))
            there = pivot.where is None or matches(key, pivot.where)
            row = header(method, setting, pivot.rows)
            rest = [header(method, setting, pivot.columns, column) for column in columns]
            made[method, setting] = [row, *rest] if there else []
        row_and_columns = made[method, setting]
        for column, value in zip(row_and_columns[1:], own, strict=bool(row_and_columns)):
            if not np.isnan(value):
                cell = found.setdefault((row_and_columns[0], column), {})
                cell.setdefault(setting, []).append(float(value))
    return found


def header(method: Method, setting: Setting, groups: Sequence[str], metric: int = 0) -> Header:
    """A method's and a setting's choices in some groups; `method`, `setting`: in all of them."""
    whole = method if "method" in groups else method.part(groups)
    return Header(setting if "setting" in groups else setting.part(groups), whole, metric)


def values_of_runs(frame: pd.DataFrame, metrics: Sequence[str], value: str | float) -> Floats:
    """(r, m) values of the metrics in each run, sorted; NaN without a round at the fraction."""
    run = np.unique(frame["id"].to_numpy(dtype=str), return_inverse=True)[1]
    last = np.append(np.diff(run) > 0, True)
    first = np.append(True, last[:-1])
    labels = frame["n_labels"].to_numpy(dtype=float)
    curves = frame[list(metrics)].to_numpy(dtype=float)

    def sums(rows: Floats) -> Floats:
        return np.asarray(np.add.reduceat(rows, np.flatnonzero(first), axis=0))

    if value == "last":
        return np.asarray(curves[last])
    if value == "area":
        steps = np.where(last, 0.0, np.append(np.diff(labels), 0.0))
        middles = (curves + np.roll(curves, -1, axis=0)) / 2
        under, wide = sums(middles * steps[:, None]), sums(steps)[:, None]
        return np.asarray(np.where(wide > 0, under / np.where(wide > 0, wide, 1.0), curves[last]))
    if value == "end":
        late = (labels >= 0.9 * labels[last][run])[:, None]
        return sums(np.where(late, curves, 0.0)) / sums(late.astype(float))
    apart = np.abs(labels / frame["n_pool"].to_numpy() - float(value))
    nearest = np.minimum.reduceat(apart, np.flatnonzero(first))
    there = (apart == nearest[run]) & (apart <= NEAR)
    number = sums(there.astype(float))[:, None]
    with np.errstate(invalid="ignore"):
        return sums(np.where(there[:, None], curves, 0.0)) / np.where(number > 0, number, np.nan)


def pivot_table(analysis: Analysis, pivot: Pivot, frame: pd.DataFrame) -> Table:
    """The table of a pivot; bold: the best method in each row or column across methods."""
    cells = pivoted(frame, pivot)
    rows, columns = sides(cells, analysis)
    most = max(map(len, cells.values()), default=0)
    shown = tuple(
        (
            header_text(row, analysis),
            *(cell_text(cells.get((row, c)), pivot.metrics[c.metric], most) for c in columns),
        )
        for row in rows
    )
    several = len(pivot.metrics) > 1
    titles = [column_text(column, pivot, analysis) for column in columns]
    bold = set()
    for side, lines in ((0, rows), (1, columns)):
        if "method" in (pivot.rows, pivot.columns)[1 - side] and not several:
            for line in lines:
                here = {at: mean_of(cell) for at, cell in cells.items() if at[side] == line}
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
    head = (", ".join(TITLES.get(group, group).lower() for group in pivot.rows), *titles)
    return Table(f"{pivot.title}{what}", head, shown, note, frozenset(bold))


def sides(cells: Collection[tuple[Header, Header]], analysis: Analysis) -> list[list[Header]]:
    """The headers of the rows and of the columns, in their order."""
    order = {method: number for number, method in enumerate(analysis.methods)}
    return [
        sorted({at[side] for at in cells},
               key=lambda h: (h.setting, order.get(h.method, -1), h.method, h.metric))
        for side in (0, 1)
    ]  # fmt: skip


def joined_text(*parts: str) -> str:
    return " · ".join(filter(None, parts))


def header_text(header: Header, analysis: Analysis) -> str:
    """The text of a header: a setting or parts of one, and a method or parts of one."""
    names, method = analysis.names, header.method
    groups = [choice.group for choice in method.choices]
    whole = names.parts(method, groups) if "strategy" in groups else names.all(method)
    setting = names.setting(header.setting) or names.all(header.setting)
    return joined_text(setting, whole + DAGGER * (method in analysis.oracles))


def column_text(column: Header, pivot: Pivot, analysis: Analysis) -> str:
    """The text of a column's header: what its runs share, and its metric if there are several."""
    metric = headed(pivot.metrics[column.metric]) * (len(pivot.metrics) > 1)
    return joined_text(header_text(column, analysis), metric)


def cell_text(cell: Cell | None, metric: str, most: int) -> str:
    """`52.1 ± 0.4` for one setting, else `52.1`, or `52.1 (7)` for fewer settings than `most`."""
    if cell is None:
        return NONE
    scale = 1.0 if metric in PLAIN_NUMBERS else 100.0
    if most == 1:
        return mean_and_sd(next(iter(cell.values())), scale=scale)
    return f"{scale * mean_of(cell):.1f}" + (f" ({len(cell)})" if len(cell) < most else "")
