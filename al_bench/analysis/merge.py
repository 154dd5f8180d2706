"""Results of many machines as one: equal names are equal runs, or it is said which are not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from al_bench.analysis.frame import SECONDS, Missing, Results, in_order
from al_bench.analysis.keys import GROUPS
from al_bench.runs.component import name_of
from al_bench.runs.config import OPTIONAL, PROBLEM, SCIENCE
from al_bench.runs.display import erring

NEEDED = ("id", "seed", "digest", "round", "n_labels", "oracle")
MEASURED = tuple(f"seconds_{part}" for part in SECONDS)  # may differ between equal runs


def merged(several: Mapping[str, Results]) -> Results:
    """One table of results from several, by the name of each; of a run in several the first.

    ValueError, in one sentence, where one id has different rows (seconds apart), an id is not the
    hash of what its columns say, or one problem has different digests. O(rows log rows).
    """
    frames = {name: results.frame for name, results in several.items() if len(results.frame)}
    if not frames:
        raise ValueError(f"{', '.join(several)} have no finished run; there is nothing to merge")
    for name, frame in frames.items():
        check_ids(frame, name)
    check_equal_rows(frames)
    seen = set[str]()
    parts = []
    for frame in frames.values():
        parts.append(frame[~frame["id"].isin(seen)])
        seen |= set(frame["id"])
    whole = in_order(pd.concat([part for part in parts if len(part)], ignore_index=True))
    check_digests(whole)
    failed = missing([results.failed for results in several.values()], seen)
    gone = seen | {run.id for run in failed}
    unfinished = missing([results.unfinished for results in several.values()], gone)
    provenance = provenances([results.provenance for results in several.values()])
    return Results(whole, failed, unfinished, provenance)


def missing(several: Sequence[Sequence[Missing]], there: set[str]) -> tuple[Missing, ...]:
    """Runs that gave no rows anywhere, each once, in the order of their ids."""
    found = {run.id: run for some in reversed(several) for run in some if run.id not in there}
    return tuple(found[name] for name in sorted(found))


def provenances(several: Sequence[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """The distinct commits, devices and versions of all."""
    keys = sorted({key for one in several for key in one})
    return {key: sorted({v for one in several for v in one.get(key, ())}) for key in keys}


@lru_cache(maxsize=100_000)
def node(text: str) -> Any:
    return json.loads(text)


def science_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What decided a run's numbers, from its columns."""
    found = {g: node(row[f"{g}_config"]) for g in SCIENCE if g in GROUPS}
    found |= {g: node(row[f"{g}_config"]) for g in OPTIONAL if row[f"{g}_config"] != "null"}
    return found | {"seed": int(row["seed"])}


def runs_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What each run's columns say of it, by id."""
    columns = ["id", "seed", "digest", *(f"{group}_config" for group in GROUPS)]
    runs = frame[columns].drop_duplicates()
    return [{str(key): value for key, value in row.items()} for row in runs.to_dict("records")]


def check_ids(frame: pd.DataFrame, where: str) -> None:
    """ValueError unless every id is the hash of what its run's columns say, and these are there."""
    for column in (*NEEDED, *(f"{group}_config" for group in GROUPS)):
        if column not in frame:
            raise ValueError(
                f"{where} has no column {column!r}; wanted a table of `albench report`"
            )
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


def check_equal_rows(frames: Mapping[str, pd.DataFrame]) -> None:
    """ValueError where a run that several tables have is not the same in two of them."""
    homes: dict[str, list[str]] = {}
    for name, frame in frames.items():
        for run in frame["id"].unique():
            homes.setdefault(run, []).append(name)
    pairs: dict[tuple[str, str], list[str]] = {}
    for run, (first, *others) in homes.items():
        for other in others:
            pairs.setdefault((first, other), []).append(run)
    for (first, other), shared in pairs.items():
        one, two = (frames[name][frames[name]["id"].isin(shared)] for name in (first, other))
        difference = first_difference(one, two)
        if difference is not None:
            run, what = difference
            raise ValueError(
                f"run {run} is in {first} and in {other}, and they differ in {what}; wanted equal "
                "rows of equal runs: leave one out, or make it anew by `albench run --again ...`"
            )


def first_difference(one: pd.DataFrame, two: pd.DataFrame) -> tuple[str, str] | None:
    """(id, column) where two tables of the same runs differ; None where nowhere.

    Seconds are not compared, nor columns that one table has not.
    """
    one, two = (t.sort_values(["id", "round"], ignore_index=True) for t in (one, two))
    sizes = [table.groupby("id")["round"].agg(tuple) for table in (one, two)]
    other = sizes[0].compare(sizes[1]) if sizes[0].index.equals(sizes[1].index) else sizes[0]
    if len(other):
        return str(other.index[0]), "their rounds"
    for column in (c for c in one.columns if c in two.columns and c not in MEASURED):
        same = equal(one[column], two[column])
        if not same.all():
            place = int(np.flatnonzero(~same)[0])
            return str(one["id"][place]), f"{column} of round {one['round'][place]}"
    return None


def equal(one: pd.Series[Any], two: pd.Series[Any]) -> Any:
    """(n,) which entries are equal; nothing equals nothing, and lists go by their elements."""
    if one.dtype == object or two.dtype == object:
        pairs = zip(one, two, strict=True)
        return np.array([np.array_equal(a, b) or (_none(a) and _none(b)) for a, b in pairs])
    return ((one == two) | (one.isna() & two.isna())).to_numpy()


def _none(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def check_digests(frame: pd.DataFrame) -> None:
    """ValueError where runs on one problem, by what it is made of, say different digests."""
    columns = [*(f"{group}_config" for group in PROBLEM), "seed"]
    runs = frame.loc[frame["digest"] != "", ["id", "digest", *columns]].drop_duplicates("id")
    known = runs.drop_duplicates([*columns, "digest"])
    several = known[known.duplicated(columns, keep=False)]
    for _, same in several.groupby(columns, sort=False):
        whole = frame[frame["id"] == same["id"].iloc[0]].iloc[0]
        noise = erring({"annotators": node(whole["annotators_config"])})
        raise ValueError(
            f"{' and '.join(same['id'])} ran on {whole['dataset']}, {whole[noise]}, seed "
            f"{whole['seed']}, but not on one problem: their data, priors or answers differ "
            f"({', '.join(text[:12] for text in same['digest'])}); wanted one digest a problem"
        )
