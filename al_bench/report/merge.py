"""Results of several machines merged into one; runs with equal ids must be equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from al_bench.report.keys import GROUPS
from al_bench.report.results import (
    PLACES,
    SECONDS,
    Results,
    check_problems,
    merged_results,
    sorted_rounds,
)
from al_bench.runs.component import name_of
from al_bench.runs.config import OPTIONAL, SCIENCE

NEEDED = ("id", "seed", "digest", "round", "n_labels", "reads_truth")
MEASURED = tuple(f"seconds_{part}" for part in SECONDS)  # may differ between equal runs
ROUNDING = 1.5 * 10**-PLACES  # older versions rounded halves differently in the last decimal


def merged_tables(several: Mapping[str, Results]) -> Results:
    """One table from several, given by name; a run in several is taken from the first. ValueError
    if one id has different rows (seconds and rounding aside), an id is not the hash of its run's
    columns, or one problem has different digests."""
    frames = {name: results.frame for name, results in several.items() if len(results.frame)}
    if not frames:
        raise ValueError(f"{', '.join(several)} have no finished run; there is nothing to merge")
    for name, frame in frames.items():
        check_run_ids(frame, name)
    for pair in combinations(frames.items(), 2):
        check_equal_rows(*pair)
    whole = merged_results(list(several.values()))
    check_problems(whole.frame)
    return replace(whole, frame=sorted_rounds(whole.frame))


@lru_cache(maxsize=100_000)
def node(text: str) -> Any:
    return json.loads(text)


def science_of(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {g: node(row[f"{g}_config"]) for g in SCIENCE if g in GROUPS}
    found |= {g: node(row[f"{g}_config"]) for g in OPTIONAL if row[f"{g}_config"] != "null"}
    return found | {"seed": int(row["seed"])}


def runs_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    columns = ["id", "seed", "digest", *(f"{group}_config" for group in GROUPS)]
    runs = frame[columns].drop_duplicates()
    return [{str(key): value for key, value in row.items()} for row in runs.to_dict("records")]


def check_run_ids(frame: pd.DataFrame, where: str) -> None:
    """ValueError unless every id is the hash of its run's columns, and no column is missing."""
    for column in (*NEEDED, *(f"{group}_config" for group in GROUPS)):
        if column not in frame:
            raise ValueError(f"{where} has no column {column!r}; wanted one of `albench report`")
    for row in runs_of(frame):
        try:
            wanted = name_of(science_of(row))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: run {row['id']} has no settings ({error})") from None
        if wanted != row["id"]:
            raise ValueError(
                f"{where}: run {row['id']} is not what its columns say, whose id is {wanted}; it "
                "was edited, or its rows are of several runs"
            )


def check_equal_rows(first: tuple[str, pd.DataFrame], other: tuple[str, pd.DataFrame]) -> None:
    """ValueError if runs that are in both tables, each given with its name, differ."""
    shared = set(first[1]["id"]) & set(other[1]["id"])
    one, two = (frame[frame["id"].isin(shared)] for _, frame in (first, other))
    found = differences(one, two, ROUNDING)
    if found:
        run, (what, _) = next(iter(found.items()))
        most = max(by for _, by in found.values())
        raise ValueError(
            f"{len(found)} of the {len(shared)} runs that {first[0]} and {other[0]} both have "
            f"differ{f' by up to {most:.4f}' if most else ''}, run {run} in {what}; wanted equal "
            "rows of equal runs: leave one out, or make them anew by `albench run --again ...`"
        )


def differences(
    one: pd.DataFrame, two: pd.DataFrame, tolerance: float = 0.0
) -> dict[str, tuple[str, float]]:
    """The runs that differ between two tables of the same runs: the first difference in words, and
    the largest of a measured value. Seconds are not compared, nor columns that one table lacks."""
    one, two = (t.sort_values(["id", "round"], ignore_index=True) for t in (one, two))
    rounds = [table.groupby("id")["round"].agg(tuple) for table in (one, two)]
    if not rounds[0].equals(rounds[1]):
        uneven = [run for run in rounds[0].index if rounds[0][run] != rounds[1].get(run)]
        return dict.fromkeys(map(str, uneven), ("their rounds", 0.0))
    found: dict[str, tuple[str, float]] = {}
    for column in (c for c in one.columns if c in two.columns and c not in MEASURED):
        apart = distances(one[column], two[column])
        for place in np.flatnonzero(apart > tolerance):
            run, by = str(one["id"][place]), float(apart[place])
            first, most = found.get(run, (f"{column} of round {one['round'][place]}", 0.0))
            found[run] = first, max(most, by if np.isfinite(by) else 0.0)
    return found


def distances(one: pd.Series[Any], two: pd.Series[Any]) -> Any:
    """(n,) distances between entries of a column; inf where they differ and are not floats."""
    if one.dtype == two.dtype == float:
        apart = (one - two).abs().fillna(np.inf).to_numpy()
    elif one.dtype == object or two.dtype == object:  # compare lists by elements
        same = [np.array_equal(a, b) or repr(a) == repr(b) for a, b in zip(one, two, strict=True)]
        return np.where(same, 0.0, np.inf)
    else:
        apart = np.full(len(one), np.inf)
    return np.where((one == two) | (one.isna() & two.isna()), 0.0, apart)
