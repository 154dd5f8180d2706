"""From run directories to one tidy table, a row per run and round, and back to a parquet file."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from al_bench.analysis.keys import METHOD, SETTING, Choice, Place, columns_of
from al_bench.analysis.stored import kept, large, options, small
from al_bench.content import replaced
from al_bench.runs.display import erring, words
from al_bench.runs.schema import read_manifest, read_rounds

FACTS = ("n_pool", "n_test", "n_classes", "noise_rate", "class_counts", "class_names")
UNKNOWN = "unknown"
NOT_STARTED = "not started"
NOT_AVAILABLE = "data set not available"
SECONDS = ("select", "fit", "evaluate")


@dataclass(frozen=True)
class Missing:
    """A run that gives no rows, and why; where: its setting's columns, if its data are not here."""

    id: str
    what: str
    why: str
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Its setting, as far as it is known."""
        groups = [group for group in SETTING if group in self.where]
        return Place(tuple(Choice(g, self.where[g], self.where[f"{g}_config"]) for g in groups))


@dataclass(frozen=True)
class Results:
    """All that a report is made of.

    frame: rows of finished runs; failed, unfinished: the runs that are not in it; provenance: the
    distinct commits, devices and versions of the runs.
    """

    frame: pd.DataFrame
    failed: tuple[Missing, ...]
    unfinished: tuple[Missing, ...]
    provenance: Mapping[str, list[str]]

    @property
    def unavailable(self) -> tuple[Missing, ...]:
        """The unfinished runs whose data set was not there."""
        return tuple(run for run in self.unfinished if run.why == NOT_AVAILABLE)

    @property
    def partial(self) -> bool:
        """Whether runs are missing that belong to it."""
        return bool(self.failed or self.unfinished)

    def summary(self) -> str:
        """One sentence: how many runs there are, and what became of the others."""
        done = self.frame["id"].nunique() if len(self.frame) else 0
        parts = [f"{done} of {done + len(self.failed) + len(self.unfinished)} runs"]
        if self.failed:
            reasons = "; ".join(f"{run.id} ({run.what}) {run.why}" for run in self.failed)
            parts.append(f"{len(self.failed)} failed: {reasons}")
        whys = [run.why for run in self.unfinished]
        if NOT_AVAILABLE in whys:
            parts.append(f"{whys.count(NOT_AVAILABLE)} not run: {NOT_AVAILABLE}")
        if NOT_STARTED in whys:
            parts.append(f"{whys.count(NOT_STARTED)} not started")
        started = [run for run in self.unfinished if run.why not in (NOT_STARTED, NOT_AVAILABLE)]
        if started:
            reasons = "; ".join(f"{run.id} ({run.what}) {run.why}" for run in started)
            parts.append(f"{len(started)} not finished: {reasons}")
        return "; ".join(parts)


def without_data(results: Results, gone: Mapping[str, Missing]) -> Results:
    """The results with these runs (by id) listed as not run instead of failed or not started."""
    failed = tuple(run for run in results.failed if run.id not in gone)
    rest = [run for run in results.unfinished if run.id not in gone]
    ordered = sorted(gone.values(), key=lambda run: (run.place, run.what, run.id))
    return replace(results, failed=failed, unfinished=(*rest, *ordered))


def read_runs(folder: Path, ids: Collection[str] | None = None) -> Results:
    """Read the runs of a folder (all, or those of these ids) without dropping any silently.

    Raises FileNotFoundError where the folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of runs at {folder}; wanted its <id>/manifest.json")
    rows: list[dict[str, Any]] = []
    failed: list[Missing] = []
    unfinished: list[Missing] = []
    provenance: dict[str, set[str]] = {"commit": set(), "device": set(), "versions": set()}
    every = ids if ids is not None else (path.name for path in folder.iterdir() if path.is_dir())
    for name in sorted(set(every)):
        if not (folder / name / "manifest.json").is_file():
            unfinished.append(Missing(name, UNKNOWN, NOT_STARTED))
            continue
        try:
            manifest = read_manifest(folder / name)
        except ValueError as problem:
            failed.append(Missing(name, UNKNOWN, str(problem)))
            continue
        what = describe(manifest["choices"], manifest["science"], manifest["seed"])
        if manifest["error"]:
            failed.append(Missing(name, what, str(manifest["error"])))
            continue
        rounds, torn = read_rounds(folder / name)
        if not manifest["finished"] or torn or not rounds:
            why = "its last line is torn" if torn else "still running or stopped"
            unfinished.append(Missing(name, what, f"has {len(rounds)} rounds, {why}"))
            continue
        rows += tidy(name, manifest, rounds)
        for key in ("commit", "device"):
            provenance[key].add(str(manifest.get(key, UNKNOWN)))
        provenance["versions"] |= {f"{k} {v}" for k, v in manifest["versions"].items()}
    frame = kept(in_order(pd.DataFrame(rows))) if rows else pd.DataFrame()
    known = {key: sorted(values) for key, values in provenance.items()}
    return Results(frame, tuple(failed), tuple(unfinished), known)


def completed(results: Results, others: Sequence[Results]) -> Results:
    """The results with the runs that were not started here from others, the first that has each."""
    todo = {run.id for run in results.unfinished if run.why == NOT_STARTED}
    frames, provenance = [results.frame], {k: set(v) for k, v in results.provenance.items()}
    for other in others:
        some = other.frame[other.frame["id"].isin(todo)]
        if len(some):
            frames.append(some)
            todo -= set(some["id"])
            for key, values in other.provenance.items():
                provenance.setdefault(key, set()).update(values)
    found = set().union(*(set(frame["id"]) for frame in frames[1:]))
    frame = in_order(pd.concat([f for f in frames if len(f)])) if found else results.frame
    unfinished = tuple(run for run in results.unfinished if run.id not in found)
    known = {key: sorted(values) for key, values in provenance.items()}
    return Results(frame, results.failed, unfinished, known)


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of rounds in the one order in which it is written."""
    order = [*SETTING, *METHOD, "seed", "id", "round"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def describe(choices: Mapping[str, str], science: Mapping[str, Any], seed: int) -> str:
    """A run in words: its data, imbalance, noise or annotators, its query rule and its seed."""
    groups = ("dataset", "imbalance", erring(science), "strategy")
    parts = [words(g, choices.get(g, UNKNOWN), science.get(g) or {}) for g in groups]
    return f"{', '.join(parts)}, seed {seed}"


def tidy(
    name: str, manifest: Mapping[str, Any], rounds: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One flat row per round; n_labels (answers bought), oracle_calls and, where several
    annotators were there to be paid, cost are running totals."""
    facts = manifest["facts"]
    fixed: dict[str, Any] = {"id": name} | columns_of(manifest["choices"], manifest["science"])
    fixed |= {"seed": int(manifest["seed"]), "digest": str(facts.get("digest") or "")}
    fixed |= {"oracle": bool(facts.get("oracle", False))}
    fixed |= {fact: facts.get(fact) for fact in FACTS}
    rows, n_labels, oracle_calls, cost = [], 0, 0, 0.0
    paid = any(line["annotators"] for line in rounds)
    for line in rounds:
        n_labels, oracle_calls = (
            n_labels + len(line["queried"]),
            oracle_calls + line["oracle_calls"],
        )
        cost += line["cost"]
        moment = {"round": line["round"], "n_labels": n_labels, "oracle_calls": oracle_calls}
        moment |= {"cost": cost} if paid else {}
        moment |= {f"seconds_{part}": line["seconds"].get(part) for part in SECONDS}
        metrics = {key: value for key, value in line["metrics"].items() if key != "oracle_calls"}
        taken = metrics.keys() & (fixed.keys() | moment.keys() | {"recall"})
        if taken:
            raise ValueError(f"run {name} has a metric named {sorted(taken)[0]}, a column's name")
        rows.append(fixed | moment | metrics | {"recall": line["recall"]})
    return rows


def write_parquet(results: Results, path: Path) -> Path:
    """Write the table and what is missing from it; the same runs give the same bytes.

    How it is kept: `al_bench.analysis.stored`. A file that is there is replaced as a whole or,
    where writing fails, not at all.
    """
    import pyarrow.parquet as pq

    about = {
        "failed": [asdict(run) for run in results.failed],
        "unfinished": [asdict(run) for run in results.unfinished],
        "provenance": dict(results.provenance),
    }
    table = small(kept(results.frame))
    note = json.dumps(about, sort_keys=True).encode()
    table = table.replace_schema_metadata({b"al_bench": note})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary:
        pq.write_table(table, temporary, **options(table))
    return path


def read_parquet(path: Path) -> Results:
    """Read what `write_parquet` wrote, now or in an older version, with numbers as doubles;
    FileNotFoundError or ValueError otherwise."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise FileNotFoundError(f"no results at {path}; `albench report` writes them from runs")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        why = str(error).split(".")[0]
        raise ValueError(f"{path} is not a parquet file that can be read ({why})") from None
    note = (table.schema.metadata or {}).get(b"al_bench")
    if note is None:
        raise ValueError(f"{path} is a parquet file, but not one of al_bench results")
    try:
        about = json.loads(note)
        failed, unfinished = (
            tuple(Missing(r["id"], r["what"], r["why"], r["where"]) for r in about[key])
            for key in ("failed", "unfinished")
        )
        provenance = {str(key): sorted(map(str, v)) for key, v in about["provenance"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is damaged: what it says of missing runs and provenance "
                         "cannot be read") from None  # fmt: skip
    frame = kept(large(table).to_pandas())
    return Results(frame, failed, unfinished, provenance)


def load(source: str | Path, results: str | Path = "results") -> pd.DataFrame:
    """The tidy table, a row per run and round, of a parquet file, of a folder of runs, or of the
    report of that name whose parquet file lies in the folder `results`.

    What lies at the path goes before the name. FileNotFoundError where there is neither.
    """
    path, named = Path(source), Path(results) / f"{source}.parquet"
    if path.is_dir():
        return read_runs(path).frame
    if not path.exists() and named.is_file():
        return read_parquet(named).frame
    if not path.exists():
        raise FileNotFoundError(
            f"no results at {path} and no report {named}; wanted a parquet file, a folder of runs "
            "or the name of a report"
        )
    return read_parquet(path).frame
