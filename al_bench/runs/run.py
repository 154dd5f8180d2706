"""One run: build the parts, run the loop, write every round down."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from al_bench.configuration.config import GROUPS, build, config_dir, label, science
from al_bench.loop import Round, active_learning
from al_bench.metrics import evaluate
from al_bench.problem.build import build as build_problem
from al_bench.problem.types import Dataset
from al_bench.runs.store import BusyError, RunFolder, read_manifest, read_rounds, run_id
from al_bench.state import Problem

PACKAGES = (
    "al-bench",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "pytorch-lightning",
    "hydra-core",
)


def execute(
    config: DictConfig, choices: Mapping[str, str], folders: list[Path], wait: bool = False
) -> str:
    """Run one config to its end and return its id; a finished run is skipped, a cut one resumed.

    A failure is written to the manifest and raised. A run that another process is making is left
    alone, or waited for.
    """
    limit_threads(int(config.threads))
    settings = science(config)
    name = run_id(settings)
    runs = Path(config.results) / "runs"
    try:
        with RunFolder(runs / name).held(wait) as folder:
            manifest = read_manifest(folder.folder)
            if manifest.get("finished"):
                print(f"{name} done before: {title(manifest)}", flush=True)
                return name
            manifest = new_manifest(name, settings, choices, folders)
            folder.write_manifest(manifest)
            try:
                if config.proxy_selection is not None:
                    source, options = proxy_run(config, choices)
                    manifest["selected_by"] = execute(source, options, folders, wait=True)
                _run(config, folder, manifest)
            except Exception as error:  # an interruption is none: the run is only cut
                manifest |= {"finished": None, "error": f"{type(error).__name__}: {error}"}
                with suppress(OSError):  # on a full disk the first reason is the one to be told
                    folder.write_manifest(manifest)
                raise
    except BusyError as busy:
        print(f"{name} left alone: {busy}", flush=True)
    except OSError as error:
        where = Path(error.filename) if error.filename else None
        if where and (where.is_relative_to(runs) or runs.is_relative_to(where)):
            raise OSError(f"cannot write run {name} under {runs}: {error.strerror}") from error
        raise
    return name


def _run(config: DictConfig, folder: RunFolder, manifest: dict[str, Any]) -> None:
    from al_bench.runs.loggers import log_round, opened

    problem = problem_of(config)
    manifest["facts"] = dict(problem.facts)
    parts = [build(config.strategy), build(config.init)]
    manifest["facts"]["oracle"] = any(oracle(part) for part in parts)
    strategy, init = (p.given(problem.truth) if oracle(p) else p for p in parts)
    folder.write_manifest(manifest)

    done, seed = folder.resume(), int(config.seed)
    supervision, learner = build(config.supervision), build(config.learner)
    if config.proxy_selection is not None:
        log = read_rounds(folder.folder.parent / manifest["selected_by"])
        selection = build(config.proxy_selection)
        rounds = selection.rounds(log, problem, supervision, learner, evaluate, seed, len(done))
    else:
        protocol = build(config.protocol)
        rounds = active_learning(
            problem, init, strategy, supervision, learner, evaluate, protocol, seed, done
        )
    mirrors = [build(mirror) for mirror in config.logger.mirrors]
    labels = 0
    with opened(mirrors, folder.folder.name, manifest, Path(config.results)) as loggers:
        for past in done:
            labels += len(past.queried)
            log_round(loggers, past, labels)
        for round in rounds:
            folder.append(round)
            labels += len(round.queried)
            log_round(loggers, round, labels)
            say_round(folder.folder.name, round, labels)
    manifest["finished"] = now()
    folder.write_manifest(manifest)
    print(f"{folder.folder.name} finished: {title(manifest)}", flush=True)


def proxy_run(
    config: DictConfig, choices: Mapping[str, str]
) -> tuple[DictConfig, Mapping[str, str]]:
    """The configuration and choices of the run whose rows this one teaches again."""
    source, options = config.copy(), dict(choices)
    for part in ("learner", "supervision"):
        if config.proxy_selection[part] is not None:
            source[part] = OmegaConf.to_container(config.proxy_selection[part], resolve=True)
            options[part] = choices.get(f"{part}@proxy_selection.{part}", "custom")
    source.proxy_selection = None
    return source, options


def oracle(strategy: Any) -> bool:
    """Whether this is an upper reference: given the truth here, and marked in every table."""
    return bool(getattr(strategy, "oracle", False))


def problem_of(config: DictConfig) -> Problem:
    """The pool and test rows of a config; equal ones, one run after the other, are made once."""
    groups = ("dataset", "prior", "imbalance", "noise")
    nodes = (OmegaConf.to_yaml(config[group], resolve=True) for group in groups)
    return known_problem(*nodes, int(config.seed), Path(config.cache).expanduser())


@lru_cache(maxsize=1)
def known_problem(
    dataset: str, prior: str, imbalance: str, noise: str, seed: int, cache: Path
) -> Problem:
    """The problem of these config nodes (as yaml); data sets and priors are kept for the next."""
    keep, annotator = (build(OmegaConf.create(node)) for node in (imbalance, noise))
    return build_problem(load(dataset), keep, annotator, cached_prior(prior), seed, cache)


@lru_cache(maxsize=4)
def load(node: str) -> Dataset:
    """The data set of a config node (as yaml), loaded once a process."""
    dataset: Dataset = build(OmegaConf.create(node)).load()
    return dataset


@lru_cache(maxsize=4)
def cached_prior(node: str) -> Any:
    """The prior of a config node (as yaml), made once a process so that weights load once."""
    return build(OmegaConf.create(node))


def limit_threads(threads: int) -> None:
    """Hold every numerical library of this process to `threads` threads; runs share the cores."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def new_manifest(
    name: str, settings: dict[str, Any], choices: Mapping[str, str], folders: list[Path]
) -> dict[str, Any]:
    """What a run is, before it starts."""
    chosen = {g: choices.get("strategy@init" if g == "init" else g, "custom") for g in GROUPS}
    labels = {g: label(g, chosen[g], settings[g], folders) for g in GROUPS}
    if "proxy_selection" in settings:
        proxy = choices.get("learner@proxy_selection.learner", "custom")
        shown = label("learner", proxy, settings["proxy_selection"]["learner"], folders)
        labels["learner"] += f" on the rows of {shown}"
    return {
        "id": name,
        "choices": chosen,
        "labels": labels,
        "experiment": choices.get("experiment", "None").replace("None", "") or None,
        "science": settings,
        "seed": settings["seed"],
        "facts": {},
        "versions": dict(versions()),
        "python": platform.python_version(),
        "device": platform.processor() or platform.machine(),
        "commit": commit(),
        "started": now(),
        "finished": None,
        "error": None,
    }


@lru_cache(maxsize=1)
def versions() -> Mapping[str, str]:
    """The installed versions of what can change a number; read once a process."""
    return {package: version(package) for package in PACKAGES}


@lru_cache(maxsize=1)
def commit() -> str | None:
    """The git commit of the checkout the code runs from, with a + where files are changed."""
    root = config_dir().parent
    if not (root / ".git").exists():
        return None
    asking = ["git", "-C", str(root)]
    head = subprocess.run([*asking, "rev-parse", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(
        [*asking, "status", "--porcelain", "--", "al_bench", "configs"],
        capture_output=True,
        text=True,
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "") or None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def title(manifest: Mapping[str, Any]) -> str:
    """One line that says what a run is."""
    labels = manifest["labels"]
    noise = "labels as they are" if labels["noise"] == "clean" else labels["noise"]
    shown = [*(labels[g] for g in ("strategy", "dataset", "imbalance")), noise]
    return " · ".join([*shown, f"seed {manifest['seed']}"])


def say_round(name: str, round: Round, labels: int) -> None:
    """One line a round, on a terminal or where asked for by AL_BENCH_VERBOSE."""
    if not (os.environ.get("AL_BENCH_VERBOSE") or os.isatty(1)):
        return
    seconds = " ".join(f"{part} {value:.2f} s" for part, value in round.seconds.items())
    score = round.metrics["balanced_accuracy"]
    print(f"{name} round {round.round}: {labels} labels, {score:.3f} ({seconds})", flush=True)
