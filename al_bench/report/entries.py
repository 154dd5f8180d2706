"""Entries: a method's runs on a task as a folder, which others can check, merge and reproduce.

A task is an experiment's settings without a method, by name and version, and the digests of its
problems. The folder holds results, configuration, environment and a card; no code in it is ever
run: a method is named by its options, and code comes only from a folder that the user names.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from secrets import randbelow
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import yaml

from al_bench.core.hashing import check_file_name
from al_bench.core.problem import reads_truth
from al_bench.core.rng import rng
from al_bench.report.merge import MEASURED, check_run_ids, differences, runs_of, science_of
from al_bench.report.results import Results, check_problems, read_parquet, read_runs, write_parquet
from al_bench.report.savings import area
from al_bench.runs.component import identified, name_of
from al_bench.runs.config import PROBLEM, config_folders, instantiate, key_of, resolved
from al_bench.runs.environment import AVX2, versions
from al_bench.runs.experiments import known_plan
from al_bench.runs.plan import Job, Plan, composed, top_level_node
from al_bench.runs.run import Silent, execute
from al_bench.runs.sweep import sweep
from al_bench.testing.contract import check_config

METHOD = (
    *("strategy", "init", "supervision", "learner"),
    *("label_model", "annotator_selection", "proxy_selection"),
)
WHERE = (  # keys that change no number
    *("results", "cache", "threads", "deterministic", "runs_per_job", "logger", "hydra"),
)
RESULTS, CONFIG, ENVIRONMENT = "results.parquet", "config.yaml", "environment.json"
FIELDS = {"name": str, "task": str, "version": int, "overrides": list}  # read from CONFIG
CARD = """# {name}

Entered for the task `{task}` by `albench enter {name} --task {task} {overrides}`.

## The method (please say)

- In one sentence:
- Authors, paper or page, year:
- Code, with a commit; licence:
- What was tuned, on which data sets and seeds (none of the task's?):
- Foundation models besides the task's prior, and what they may have seen of its data:
- What it needs that the task does not give (memory, a GPU, an account):

## Numbers

{numbers}
"""


@dataclass(frozen=True)
class LeaderboardTask:
    """A task, and what is recorded of each problem, by `problem_name`; metric: ranks entries."""

    name: str
    version: int
    metric: str
    problems: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Entry:
    """An entry as read, not checked; version: of the task; environment: of its runs."""

    name: str
    task: str
    version: int
    overrides: tuple[str, ...]
    results: Results
    environment: Mapping[str, Any]


def enter(
    name: str, task: LeaderboardTask, overrides: list[str], out: Path, extra: Path | None
) -> None:
    """Run a method on a task, check its runs and write the entry's folder below `out`."""
    check_file_name(name)
    planned = entered(task, overrides, extra)
    check_blind(name, planned[0])
    if check_config(of_method(overrides), extra):
        raise ValueError(f"{name} breaks a promise of its kind (above), so nothing was run; "
                         "`albench check` with the same options checks it again")  # fmt: skip
    ids = [job.id for job in planned]
    sweep(planned, extra, f"{name} on {task.name}")
    results = read_runs(Path(planned[0].at("results")) / "runs", ids)
    unknown = check_entry(name, results, ids, task)
    written = write_entry(out / name, of_method(overrides), task, results, planned[0])
    print("\n".join([numbers(results.frame, task), *map(str, written)]))
    record = (f"; {unknown} runs met problems of which the task has no digest on record"
              if unknown else ", which are the task's")  # fmt: skip
    print(f"{len(ids)} runs, complete, on problems of one digest each{record}")
    print(f"next: fill in {out / name / 'card.md'} and hand in the folder with the code")


def verify(
    folder: Path,
    overrides: Sequence[str],
    share: float,
    seed: int | None,
    tolerance: float,
    extra: Path | None,
) -> int:
    """Make a random share of an entry's runs again and print which differ; 1 if any does."""
    entry = read_entry(folder)
    task = read_task(entry.task, extra)
    if task.version != entry.version:
        raise ValueError(f"{folder} is of version {entry.version} of {task.name}, which is here of "
                         f"version {task.version}")  # fmt: skip
    planned = entered(task, [*entry.overrides, *overrides], extra)
    check_blind(entry.name, planned[0])
    jobs = {job.id: job for job in planned}
    check_entry(str(folder), entry.results, jobs, task)
    seed = randbelow(2**31) if seed is None else seed
    drawn = sampled_runs(jobs, share, seed)
    print(f"{len(drawn)} of {len(jobs)} runs, drawn by --seed {seed}", flush=True)
    unlike = different(jobs[drawn[0]], entry)
    tolerance = tolerance if unlike else 0.0
    may = f"areas may differ by {tolerance}: not the entry's {', '.join(unlike)}"
    print(may if unlike else "the environment is the entry's: equal, or different", flush=True)
    recorded = entry.results.frame
    with TemporaryDirectory() as results:
        for number, job in enumerate((jobs[name] for name in drawn), start=1):
            print(f"{number} of {len(drawn)}: {' '.join(job.overrides)}", flush=True)
            execute(job.having({"results": results}), say=Silent())
        made = read_runs(Path(results) / "runs", drawn).frame
    return print_differences(recorded[recorded["id"].isin(drawn)], made, task.metric, tolerance)


# --- what is entered for a task -------------------------------------------------------------------


def read_task(name: str, extra: Path | None) -> LeaderboardTask:
    """A task of ours or of the user's folder; ValueError, in one sentence, if there is none."""
    folders = [folder / "task" for folder in config_folders(extra)]
    names = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    if name not in names:
        raise ValueError(f"there is no task {name!r}; there are {', '.join(names)}")
    card = resolved(composed([f"task={name}"], extra))["task"]
    if not isinstance(card, dict) or card.keys() != {"version", "metric"}:
        raise ValueError(f"task={name} says {card!r} of itself; wanted a version and a metric")
    files = [folder / f"{name}.json" for folder in folders]
    known = [json.loads(path.read_text("utf-8")) for path in files if path.is_file()]
    return LeaderboardTask(name, card["version"], str(card["metric"]), known[0] if known else {})


def of_method(overrides: Sequence[str]) -> list[str]:
    """The overrides that define the method, without those about where and how it runs."""
    return [override for override in overrides if top_level_node(override) in METHOD]


def entered(task: LeaderboardTask, overrides: Sequence[str], extra: Path | None) -> Plan:
    """Every run of one method on a task, whose settings no override changes."""
    for override in overrides:
        if top_level_node(override) not in (*METHOD, *WHERE):
            raise ValueError(
                f"{override} changes what task {task.name} fixes; an entry may set "
                f"{', '.join(METHOD)}"
            )
        if "_target_" in override:
            raise ValueError(f"{override} names a class; wanted the options of a config folder")
    if not any(key_of(override) == "strategy" for override in overrides):
        raise ValueError("an entry has no query rule; wanted strategy=<its name>")
    planned = known_plan((f"task={task.name}", *overrides), extra)
    methods = {name_of(method_of(job)) for job in planned}
    if len(methods) != 1:
        raise ValueError(f"an entry is one method, and these are {len(methods)}; enter them singly")
    return planned


def method_of(job: Job) -> dict[str, Any]:
    """The components of a run's method, identified by versions, sources and content."""
    nodes = {group: job.at(group) for group in METHOD}
    return {group: identified(node) for group, node in nodes.items() if node is not None}


def problem_name(nodes: Mapping[str, Any], seed: int) -> str:
    """The hash of a problem's components and seed; nodes: identified; other groups are ignored."""
    made = {group: nodes[group] for group in PROBLEM if nodes.get(group) is not None}
    return name_of(made | {"seed": seed})


# --- the folder -----------------------------------------------------------------------------------


def write_entry(
    folder: Path, overrides: list[str], task: LeaderboardTask, results: Results, job: Job
) -> list[Path]:
    """Write an entry and return its files; a card that somebody filled in is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {"name": folder.name, "task": task.name, "version": task.version}
    method = {"overrides": overrides, "method": method_of(job)}
    made_by = environment(job) | {"runs": {key: list(v) for key, v in results.provenance.items()}}
    table = numbers(results.frame, task)
    texts = {
        CONFIG: yaml.safe_dump(named | method, sort_keys=False, allow_unicode=True),
        ENVIRONMENT: json.dumps(made_by, indent=1) + "\n",
        "card.md": CARD.format(**named, overrides=" ".join(overrides), numbers=table),
    }
    for name, text in texts.items():
        if name != "card.md" or not (folder / name).exists():
            (folder / name).write_text(text, "utf-8")
    return [write_parquet(results, folder / RESULTS), *(folder / name for name in texts)]


def read_entry(folder: Path) -> Entry:
    """Read an entry's folder; FileNotFoundError or ValueError, in one sentence, if it is none."""
    missing = [name for name in (RESULTS, CONFIG, ENVIRONMENT) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} is no entry: it has no {', '.join(missing)}; `albench enter` writes them"
        )
    path = folder / CONFIG
    fields = mapping(path)
    for key, kind in FIELDS.items():
        if not isinstance(fields.get(key), kind):
            raise ValueError(f"{path}: {key} is {fields.get(key)!r}; wanted {kind.__name__}")
    overrides = tuple(map(str, fields["overrides"]))
    for override in overrides:
        if override not in of_method(overrides) or ".." in override:  # may reach other folders
            raise ValueError(f"{path}: overrides has {override!r}; wanted what says the method")
    made_by, results = mapping(folder / ENVIRONMENT), read_parquet(folder / RESULTS)
    return Entry(fields["name"], fields["task"], fields["version"], overrides, results, made_by)


def mapping(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())[:80]})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}; wanted a mapping")
    return found


def environment(job: Job) -> dict[str, Any]:
    """What can change the last bit of a number: versions, kind of processor, instruction limit."""
    return {
        "versions": versions(job.science),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": job.at("threads"),
        "held": {name: os.environ.get(name) for name in AVX2},
    }


def different(job: Job, entry: Entry) -> list[str]:
    """The differences between this environment and the entry's, as recorded or by its runs."""
    ours = environment(job)
    found = [key for key, value in ours.items() if entry.environment.get(key) != value]
    used = set(entry.results.provenance.get("versions", ()))
    same = used == {f"{name} {version}" for name, version in ours["versions"].items()}
    return found if same or "versions" in found else ["versions", *found]


def areas_by_id(frame: pd.DataFrame, metric: str) -> pd.Series[float]:
    """Area under the curve of each run, by id, over labels from the first on."""
    runs = frame[frame["n_labels"] > 0].sort_values("round").groupby("id")[["n_labels", metric]]
    areas = {name: float(area(*run.to_numpy(float).T[::-1])) for name, run in runs}
    return pd.Series(areas, dtype=float)


def numbers(frame: pd.DataFrame, task: LeaderboardTask) -> str:
    """A Markdown table of means over seeds, a row per data set and noise."""
    levels = frame.groupby("id")[task.metric]
    runs = frame.drop_duplicates("id").set_index("id")
    names = {run["id"]: problem_name(science_of(run), run["seed"]) for run in runs_of(frame)}
    ceilings = {run: task.problems.get(name, {}).get("ceiling") for run, name in names.items()}
    runs = runs.assign(
        how=runs["annotators"].where(runs["annotators"] != "none", runs["noise"]),
        floor=levels.first(),
        end=levels.last(),
        area=areas_by_id(frame, task.metric),
        seconds=frame.groupby("id")[list(MEASURED)].sum().sum(axis=1),
        ceiling=pd.Series(ceilings, dtype=float),
    )
    groups = runs.groupby(["dataset", "noise_config", "annotators_config"])
    means = groups[["noise_rate", "floor", "area", "end", "ceiling", "seconds"]].mean()
    rows = means.assign(how=groups["how"].first(), seeds=groups.size()).reset_index()
    lines = [
        f"| data set | answers | wrong, % | seeds | floor | area ({task.metric}, %) "
        "| at the end, % | ceiling | seconds a run |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for _, one in rows.sort_values(["dataset", "noise_rate"]).iterrows():
        top = "–" if np.isnan(one["ceiling"]) else f"{100 * one['ceiling']:.1f}"
        lines.append(
            f"| {one['dataset']} | {one['how']} | {100 * one['noise_rate']:.0f} | {one['seeds']} "
            f"| {100 * one['floor']:.1f} | {100 * one['area']:.1f} | {100 * one['end']:.1f} "
            f"| {top} | {one['seconds']:.2f} |"
        )
    return "\n".join([*lines, "", f"Mean area over these rows: {100 * rows['area'].mean():.2f} %."])


# --- what an entry must be ------------------------------------------------------------------------


def check_blind(name: str, job: Job) -> None:
    """ValueError if a component of a run reads the truth: an upper reference cannot be entered."""
    for group in METHOD:
        node = job.at(group)
        if node is not None and reads_truth(instantiate(node)):
            raise ValueError(
                f"{name} has the {group} {node['_target_']}, which reads the truth; wanted a "
                "method, not an upper reference"
            )


def check_entry(name: str, results: Results, wanted: Collection[str], task: LeaderboardTask) -> int:
    """Check an entry's runs, whose ids are `wanted`; returns how many problems have no digest."""
    frame = results.frame
    if len(frame):
        check_run_ids(frame, name)
    check_complete(name, results, wanted)
    if task.metric not in frame or frame[task.metric].isna().any():
        raise ValueError(f"{name} has rounds without {task.metric}, the metric of {task.name}")
    if frame["reads_truth"].any():
        raise ValueError(f"{name} has runs that read the truth; an upper reference is no entry")
    check_problems(frame)
    rounds = {str(run): one for run, one in frame.sort_values(["id", "round"]).groupby("id")}
    problems = {row["id"]: problem_name(science_of(row), row["seed"]) for row in runs_of(frame)}
    for run, problem in problems.items():
        check_run(f"{name}: run {run}", rounds[run], task.problems.get(problem, {}))
    return sum(problem not in task.problems for problem in problems.values())


def check_complete(name: str, results: Results, wanted: Collection[str]) -> None:
    there = set(results.frame["id"]) if len(results.frame) else set[str]()
    missing, more = sorted(set(wanted) - there), sorted(there - set(wanted))
    if len(missing) == len(wanted):
        raise ValueError(
            f"{name} has no run of what its configuration makes here: another task, version or "
            "code of the method (--config-dir names the folder that it is in)"
        )
    if missing:
        failed = {run.id: run.why for run in results.failed}
        why = next((failed[run] for run in missing if run in failed), "not there")
        raise ValueError(f"{name} has {len(wanted) - len(missing)} of {len(wanted)} runs; the "
                         f"first that is missing is {missing[0]} ({why})")  # fmt: skip
    if more:
        raise ValueError(f"{name} has {len(more)} runs that are not of its task; the first is "
                         f"{more[0]}")  # fmt: skip


def check_run(run: str, rounds: pd.DataFrame, known: Mapping[str, Any]) -> None:
    """ValueError unless a run has each round once, and the task's labels and digest."""
    if rounds["round"].tolist() != list(range(len(rounds))):
        raise ValueError(f"{run} has a round missing or twice")
    labels, digest = rounds["n_labels"].tolist(), rounds["digest"].iloc[0]
    if labels != known.get("labels", labels):
        raise ValueError(f"{run} bought {labels} labels by its rounds; the task has "
                         f"{known['labels']}")  # fmt: skip
    if digest != known.get("digest", digest):
        raise ValueError(
            f"{run} met a problem with the digest {digest[:12]}, where the task has "
            f"{known['digest'][:12]}: its data, prior or answers differ in the last bit at least; "
            "`albench enter` with cache=<an empty folder>, on a processor with AVX2, meets the "
            "task's own"
        )


def sampled_runs(ids: Collection[str], share: float, seed: int) -> list[str]:
    """A random share of some runs, rounded up; the same for equal seeds."""
    if not 0 < share <= 1:
        raise ValueError(f"--share is {share}; wanted a fraction in (0, 1]")
    drawn = rng(seed, "verify").permutation(sorted(ids))[: ceil(share * len(ids))]
    return [str(name) for name in drawn]


def print_differences(
    recorded: pd.DataFrame, made: pd.DataFrame, metric: str, tolerance: float
) -> int:
    """Print how each run differs in two tables of the same runs; 1 if any exceeds the tolerance.
    tolerance: of each area; 0: only seconds may differ. The mean area may differ by the tolerance
    over the square root of the number of runs: random differences average out, a bias does not."""
    shift = areas_by_id(made, metric) - areas_by_id(recorded, metric)
    apart = []
    for name, run in recorded.groupby("id"):
        where, _ = differences(run, made[made["id"] == name]).get(str(name), (None, 0.0))
        close = 0 < tolerance >= abs(shift[name])
        state = "equal" if where is None else "close" if close else "DIFFERS"
        how = f": first in {where}; area {shift[name]:+.4f}" if where else ""
        print(f"{state:8} {name}{how}")
        apart += [str(name)] if state == "DIFFERS" else []
    if apart:
        print(f"{len(apart)} of {len(shift)} runs are not what the entry says: {', '.join(apart)}")
    shifted = bool(abs(shift.mean()) * sqrt(len(shift)) > tolerance)
    if shifted:
        print(f"the mean area of these runs is {shift.mean():+.4f} from what the entry says")
    return 1 if apart or shifted else 0
