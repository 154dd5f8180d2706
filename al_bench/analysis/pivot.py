"""One number a run by what tells runs apart: the tables that an experiment asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from al_bench.analysis.curves import Floats
from al_bench.analysis.keys import Key, Method, Place
from al_bench.analysis.savings import area, last_level
from al_bench.analysis.selection import matches
from al_bench.analysis.spec import Pivot

NEAR = 0.005  # of the pool: a round that ends further from a fraction does not stand for it


@dataclass(frozen=True)
class Header:
    """What the runs of a row or a column have in common; the number of the metric in a column."""

    place: Place
    method: Method
    metric: int = 0


@dataclass(frozen=True)
class Cell:
    """A number by setting, each of its seeds."""

    by_setting: dict[Place, list[float]]

    @property
    def mean(self) -> float:
        """The mean over settings of their means over seeds."""
        return float(np.mean([np.mean(seeds) for seeds in self.by_setting.values()]))


def pivoted(frame: pd.DataFrame, pivot: Pivot) -> dict[tuple[Header, Header], Cell]:
    """The cells of a table on a keyed frame, by row and column; none where its selection is of no
    run. ValueError where the frame does not have a metric."""
    numbers = frame.select_dtypes("number").columns
    for metric in pivot.metrics:
        if metric not in numbers:
            raise ValueError(f"report.tables {pivot.title!r} has the metric {metric!r}; wanted one "
                             f"of {', '.join(numbers)}")  # fmt: skip
    found: dict[tuple[Header, Header], Cell] = {}
    labelled = frame[frame["n_labels"] > 0].sort_values("round", kind="stable")
    for _, rounds in labelled.groupby("id"):
        method: Method = rounds["method"].iloc[0]
        place: Place = rounds["setting"].iloc[0]
        if pivot.where and not matches(Key((*method.choices, *place.choices)), pivot.where):
            continue
        row = header(method, place, pivot.rows)
        for column, value in enumerate(numbers_of(rounds, pivot.metrics, pivot.value)):
            if not np.isnan(value):
                at = row, header(method, place, pivot.columns, column)
                found.setdefault(at, Cell({})).by_setting.setdefault(place, []).append(float(value))
    return found


def header(method: Method, place: Place, groups: Sequence[str], metric: int = 0) -> Header:
    """A method's and a setting's part of some groups; `method` and `setting` are all of theirs."""
    whole = method if "method" in groups else method.part(groups)
    return Header(place if "setting" in groups else place.part(groups), whole, metric)


def numbers_of(rounds: pd.DataFrame, metrics: Sequence[str], value: str | float) -> Floats:
    """(m,) what one run has of metrics; NaN where no round ends at the fraction of the pool."""
    labels = rounds["n_labels"].to_numpy(dtype=float)
    curves = rounds[list(metrics)].to_numpy(dtype=float).T
    if value == "area":
        return area(curves, labels, log=False)
    if value == "end":
        return last_level(curves, labels)
    if value == "last":
        return np.asarray(curves[:, -1])
    apart = np.abs(labels / rounds["n_pool"].to_numpy() - float(value))
    at = int(apart.argmin())
    return np.asarray(curves[:, at] if apart[at] <= NEAR else np.full(len(metrics), np.nan))
