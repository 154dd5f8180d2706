"""Reading run folders into one tidy table, a row per run and round, and writing it to parquet.

Measured values keep four decimals: another seed changes the second or third, and the later ones
are most of a file's bytes. Tables from runs and from files are both rounded on reading, so that
reports agree to the last digit; the files of a run keep every digit. Recall by class, a list per
round, is kept for the last round of a run.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from al_bench.core.hashing import replaced
from al_bench.report.keys import METHOD, SETTING, Choice, Setting, group_columns
from al_bench.runs.config import PROBLEM
from al_bench.runs.display import display_name, erring
from al_bench.runs.store import read_manifest, read_round_lines

FACTS = ("n_pool", "n_test", "n_classes", "noise_rate", "class_counts", "class_names")
SAME_PROBLEM = ("n_pool", "n_test", "class_counts", "noise_rate", "prior_balanced_accuracy")
UNKNOWN = "unknown"
NOT_STARTED = "not started"
NOT_AVAILABLE = "data set not available"
SECONDS = ("select", "fit", "evaluate")
PLACES = 4  # decimals
DIGITS = 18  # most digits of a stored decimal: those that fit into 64 bits
GIVEN = ["noise_rate", "cost"]  # configured rates and prices: not rounded, and repeated often


@dataclass(frozen=True)
class Missing:
    """A run without rows, and why; where: its setting's columns, if its data are not available."""

    id: str
    what: str
    why: str
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        groups = [group for group in SETTING if group in self.where]
        return Setting(tuple(Choice(g, self.where[g], self.where[f"{g}_config"]) for g in groups))


@dataclass(frozen=True)
class Results:
    """The input of a report. frame: rows of finished runs; failed, unfinished: the other runs;
    provenance: the distinct commits, devices and versions of the runs."""

    frame: pd.DataFrame
    failed: tuple[Missing, ...]
    unfinished: tuple[Missing, ...]
    provenance: Mapping[str, list[str]]

    @property
    def unavailable(self) -> tuple[Missing, ...]:
        return tuple(run for run in self.unfinished if run.why == NOT_AVAILABLE)

    @property
    def partial(self) -> bool:
        return bool(self.failed or self.unfinished)

    def summary(self) -> str:
        """One sentence: how many runs are finished, and the state of the others."""
        done = self.frame["id"].nunique() if len(self.frame) else 0
        started = [r for r in self.unfinished if r.why not in (NOT_STARTED, NOT_AVAILABLE)]
        waiting = sum(run.why == NOT_STARTED for run in self.unfinished)
        failed, unfinished = (
            "; ".join(f"{run.id} ({run.what}) {run.why}" for run in runs)
            for runs in (self.failed, started)
        )
        parts = {
            f"{len(self.failed)} failed: {failed}": self.failed,
            f"{len(self.unavailable)} not run: {NOT_AVAILABLE}": self.unavailable,
            f"{waiting} not started": waiting,
            f"{len(started)} not finished: {unfinished}": started,
        }
        whole = f"{done} of {done + len(self.failed) + len(self.unfinished)} runs"
        return "; ".join([whole, *(text for text, some in parts.items() if some)])


def read_runs(folder: Path, ids: Collection[str] | None = None) -> Results:
    """Read the runs of a folder, all or those with these ids; none is dropped silently."""
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
        rounds, torn = read_round_lines(folder / name)
        if not manifest["finished"] or torn or not rounds:
            why = "its last line is torn" if torn else "still running or stopped"
            unfinished.append(Missing(name, what, f"has {len(rounds)} rounds, {why}"))
            continue
        rows += tidy(name, manifest, rounds)
        for key in ("commit", "device"):
            provenance[key].add(str(manifest.get(key, UNKNOWN)))
        provenance["versions"] |= {f"{k} {v}" for k, v in manifest["versions"].items()}
    frame = rounded(sorted_rounds(pd.DataFrame(rows))) if rows else pd.DataFrame()
    known = {key: sorted(values) for key, values in provenance.items()}
    return Results(frame, tuple(failed), tuple(unfinished), known)


def describe(choices: Mapping[str, str], science: Mapping[str, Any], seed: int) -> str:
    """A run in words: data set, imbalance, noise or annotators, strategy and seed."""
    groups = ("dataset", "imbalance", erring(science), "strategy")
    parts = [display_name(g, choices.get(g, UNKNOWN), science.get(g) or {}) for g in groups]
    return f"{', '.join(parts)}, seed {seed}"


def tidy(
    name: str, manifest: Mapping[str, Any], rounds: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One flat row per round; labels, oracle calls and cost are running totals."""
    facts = manifest["facts"]
    fixed: dict[str, Any] = {"id": name} | group_columns(manifest["choices"], manifest["science"])
    fixed |= {"seed": int(manifest["seed"]), "digest": str(facts.get("digest") or "")}
    fixed |= {"reads_truth": bool(facts.get("reads_truth", False))}
    fixed |= {fact: facts.get(fact) for fact in FACTS}
    rows, n_labels, oracle_calls, cost = [], 0, 0, 0.0
    paid = any(line["annotators"] for line in rounds)
    for line in rounds:
        n_labels += len(line["queried"])
        oracle_calls += line["oracle_calls"]
        cost += line["cost"]
        totals = {"round": line["round"], "n_labels": n_labels, "oracle_calls": oracle_calls}
        totals |= {"cost": cost} if paid else {}
        totals |= {f"seconds_{part}": line["seconds"].get(part) for part in SECONDS}
        metrics = {key: value for key, value in line["metrics"].items() if key != "oracle_calls"}
        taken = metrics.keys() & (fixed.keys() | totals.keys() | {"recall"})
        if taken:
            raise ValueError(f"run {name} has a metric named {sorted(taken)[0]}, a column's name")
        rows.append(fixed | totals | metrics | {"recall": line["recall"]})
    return rows


def sorted_rounds(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of rounds in the order in which it is always written."""
    order = [*SETTING, *METHOD, "seed", "id", "round"]
    return frame.sort_values(order, kind="stable", ignore_index=True)


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of rounds with values rounded and recall kept for last rounds only; idempotent."""
    last = frame["round"] == frame.groupby("id")["round"].transform("max")
    both = zip(frame["recall"], last, strict=True)
    by_class = [np.round(recall, PLACES).tolist() if keep else [] for recall, keep in both]
    names = frame.select_dtypes("float").columns.difference(GIVEN)
    measured = {name: np.round(frame[name].to_numpy(), PLACES) for name in names}
    return frame.assign(**measured, recall=by_class)


class ProblemCheck(NamedTuple):
    """How many runs have no digest, and how many problems several that differ by rounding."""

    unchecked: int
    rounded: int


def check_problems(frame: pd.DataFrame) -> ProblemCheck:
    """Check that runs with the same problem settings and seed have one digest, or, as processors
    round differently, equal values of `SAME_PROBLEM`."""
    columns = [*(f"{group}_config" for group in PROBLEM), "seed"]
    facts = [name for name in SAME_PROBLEM if name in frame]
    runs = frame[["id", "digest", *PROBLEM, *columns, *facts]].drop_duplicates("id")
    checked = runs[runs["digest"] != ""]
    digests = checked.drop_duplicates([*columns, "digest"])
    known = digests.assign(
        **{name: [str(np.asarray(v, float).tolist()) for v in digests[name]] for name in facts}
    )
    known = known.drop_duplicates([*columns, *facts]) if len(facts) == len(SAME_PROBLEM) else known
    several = known[known.duplicated(columns, keep=False)]
    for _, same in several.groupby(columns, sort=False):
        run = same.iloc[0]
        nodes = {group: json.loads(run[f"{group}_config"]) for group in PROBLEM}
        groups = ("dataset", "imbalance", erring(nodes))
        what = ", ".join(display_name(group, run[group], nodes[group]) for group in groups)
        raise ValueError(
            f"{' and '.join(same['id'])} are runs of {what}, seed {run['seed']}, but not on one "
            "problem: their data, priors or answers differ "
            f"({', '.join(digest[:12] for digest in same['digest'])}); `albench run --again ...` "
            "with what they were made by makes them anew"
        )
    rounded = len(digests[digests.duplicated(columns)].drop_duplicates(columns))
    return ProblemCheck(len(runs) - len(checked), rounded)


def merged_results(several: Sequence[Results]) -> Results:
    """Several results as one; a run in several of them is taken from the first."""
    frames, there = [], set[str]()
    for results in several:
        if len(results.frame):
            frames.append(results.frame[~results.frame["id"].isin(there)])
            there |= set(results.frame["id"])
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def missing(what: str) -> tuple[Missing, ...]:
        runs = {run.id: run for one in reversed(several) for run in getattr(one, what)}
        return tuple(runs[name] for name in sorted(runs.keys() - there))

    failed = missing("failed")
    there |= {run.id for run in failed}
    provenance: dict[str, set[str]] = {}
    for key, values in (pair for one in several for pair in sorted(one.provenance.items())):
        provenance.setdefault(key, set()).update(values)
    known = {key: sorted(provenance[key]) for key in sorted(provenance)}
    return Results(frame, failed, missing("unfinished"), known)


def completed_from(results: Results, others: Sequence[Results]) -> Results:
    """The results, with runs not started here taken from the first of the others that has them."""
    todo = {run.id for run in results.unfinished if run.why == NOT_STARTED}
    parts = [results]
    for other in others:
        frame = other.frame[other.frame["id"].isin(todo)]
        if len(frame):
            parts.append(Results(frame, (), (), other.provenance))
            todo -= set(frame["id"])
    whole = merged_results(parts)
    return replace(whole, frame=sorted_rounds(whole.frame)) if len(parts) > 1 else results


def without_data(results: Results, gone: Mapping[str, Missing]) -> Results:
    """The results with these runs (by id) listed as not available, not as failed or not started."""
    failed = tuple(run for run in results.failed if run.id not in gone)
    rest = [run for run in results.unfinished if run.id not in gone]
    ordered = sorted(gone.values(), key=lambda run: (run.setting, run.what, run.id))
    return replace(results, failed=failed, unfinished=(*rest, *ordered))


def write_parquet(results: Results, path: Path) -> Path:
    """Write the table and the list of missing runs; the same runs give the same bytes.

    Measured values are stored as Parquet decimals. They rarely repeat, so they are written without
    a dictionary and as byte streams. Each column is one page, because the compressor finds
    repetitions only within a page."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = rounded(results.frame)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    measured = []
    for number, column in enumerate(table.schema):
        stored = column.type == pa.float64() and column.name not in GIVEN
        if stored and not np.isinf(frame[column.name]).any():  # decimals cannot express inf
            short = table.column(number).cast(pa.decimal128(DIGITS, PLACES))
            table = table.set_column(number, column.name, short)
            measured.append(column.name)
    about = {
        "failed": [asdict(run) for run in results.failed],
        "unfinished": [asdict(run) for run in results.unfinished],
        "provenance": dict(results.provenance),
    }
    note = json.dumps(about, sort_keys=True).encode()
    table = table.replace_schema_metadata({b"al_bench": note})
    repeated = [
        f"{column.name}.list.element" if pa.types.is_list(column.type) else column.name
        for column in table.schema
        if column.name not in measured
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=19,
            use_dictionary=repeated,
            use_byte_stream_split=measured,
            store_decimal_as_integer=True,
            data_page_size=2**26,
        )
    return path


def read_parquet(path: Path) -> Results:
    """Read a file of `write_parquet`, with numbers as doubles."""
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
    for number, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type) or column.type == pa.float32():
            table = table.set_column(number, column.name, table.column(number).cast(pa.float64()))
    return Results(rounded(table.to_pandas()), failed, unfinished, provenance)


def load(source: str | Path, results: str | Path = "results") -> pd.DataFrame:
    """The tidy table of a parquet file, a folder of runs, or a report in the folder `results`."""
    path, named = Path(source), Path(results) / f"{source}.parquet"
    if path.is_dir():
        return read_runs(path).frame
    if not path.exists() and not named.is_file():
        raise FileNotFoundError(
            f"no results at {path} and no report {named}; wanted a parquet file, a folder of runs "
            "or the name of a report"
        )
    return read_parquet(path if path.exists() else named).frame
