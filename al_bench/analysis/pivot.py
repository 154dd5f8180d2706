"""One number a run by what tells runs apart: the tables that an experiment asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from al_bench.analysis.curves import Floats
from al_bench.analysis.keys import Key, Method, Place
from al_bench.analysis.savings import area, last_level
from al_bench.analysis.selection import matches
from al_bench.analysis.spec import Pivot

NEAR = 0.005  # of the pool: a round that ends further from a fraction does not stand for it


@dataclass(frozen=True, order=True)
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
    runs = frame.drop_duplicates("id").set_index("id")[["method", "setting"]]
    if pivot.where is not None:
        every = zip(runs["method"], runs["setting"], strict=True)
        runs = runs[[matches(Key((*m.choices, *s.choices)), pivot.where) for m, s in every]]
    part = frame[frame["id"].isin(runs.index) & (frame["n_labels"] > 0)].sort_values("round")
    found: dict[tuple[Header, Header], Cell] = {}
    for column, metric in enumerate(pivot.metrics):
        if metric not in numbers:
            raise ValueError(f"report.tables {pivot.title!r} has the metric {metric!r}; wanted one "
                             f"of {', '.join(numbers)}")  # fmt: skip
        for name, rounds in part.groupby("id"):
            value = number_of(rounds, metric, pivot.value)
            if not np.isnan(value):
                method, place = runs.loc[name]
                at = header(method, place, pivot.rows), header(method, place, pivot.columns, column)
                cell = found.setdefault(at, Cell({}))
                cell.by_setting.setdefault(place, []).append(value)
    return found


def header(method: Method, place: Place, groups: tuple[str, ...], metric: int = 0) -> Header:
    """A method's and a setting's part of some groups; `method` and `setting` are all of theirs."""
    whole = method if "method" in groups else method.part(groups)
    return Header(place if "setting" in groups else place.part(groups), whole, metric)


def number_of(rounds: pd.DataFrame, metric: str, value: Any) -> float:
    """What one run has of a metric; NaN where no round ends at the fraction of the pool."""
    labels, curve = (rounds[c].to_numpy(dtype=float) for c in ("n_labels", metric))
    if value == "area":
        return float(area(curve, labels, log=False))
    if value == "end":
        return float(last_level(curve[None], labels)[0])
    apart: Floats = np.abs(labels / rounds["n_pool"].to_numpy() - float(value)) if (
        value != "last") else np.abs(labels - labels[-1])  # fmt: skip
    at = int(apart.argmin())
    return float(curve[at]) if apart[at] <= NEAR else float("nan")
