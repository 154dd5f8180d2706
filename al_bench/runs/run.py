"""One run: build the parts, run the loop, write every round down."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from al_bench.configuration.config import GROUPS, OPTIONAL, build, science
from al_bench.configuration.identity import identified, name_of
from al_bench.configuration.options import option_of
from al_bench.configuration.words import erring, words
from al_bench.loop import Round
from al_bench.metrics import evaluate
from al_bench.runs.parts import parts_of, problem_of
from al_bench.runs.provenance import commit, versions
from al_bench.runs.store import BusyError, RunFolder, read_manifest, read_rounds
from al_bench.truth import Problem


def execute(
    config: DictConfig,
    folders: list[Path],
    *,
    problem: Problem | None = None,
    experiment: str | None = None,
    choices: Mapping[str, str] | None = None,
    wait: bool = False,
    say: Callable[[str], None] = print,
) -> str:
    """Run one config to its end and return its id; a finished run is skipped (unless the
    config says `again`), a cut one resumed.

    A failure is written to the manifest and raised. A run that another process is making is left
    alone, or waited for. problem: where the config names one made of arrays; choices: the options
    that it was composed of, by group, as far as they are known.
    """
    limit_threads(int(config.threads))
    settings = science(config)
    known = identified(settings)
    name = name_of(known)
    runs = Path(config.results) / "runs"
    try:
        with RunFolder(runs / name).held(wait) as folder:
            manifest = {} if config.again else read_manifest(folder.folder)
            if manifest.get("finished"):
                say(f"{name} done before: {title(manifest)}")
                return name
            if config.again:
                folder.clear()
            manifest = new_manifest(name, settings, known, folders, experiment, choices or {})
            folder.write_manifest(manifest)
            try:
                if config.proxy_selection is not None:
                    proxy, own = proxy_run(config), dict(choices or {})
                    for part in ("learner", "supervision"):
                        own.pop(part, None)
                    manifest["selected_by"] = execute(
                        proxy, folders, problem=problem, experiment=experiment, choices=own,
                        wait=True, say=say,
                    )  # fmt: skip
                _run(config, folder, manifest, problem or problem_of(config), say)
            except Exception as error:  # an interruption is none: the run is only cut
                manifest |= {"finished": None, "error": f"{type(error).__name__}: {error}"}
                with suppress(OSError):  # on a full disk the first reason is the one to be told
                    folder.write_manifest(manifest)
                raise
    except BusyError as busy:
        say(f"{name} left alone: {busy}")
    except OSError as error:
        where = Path(error.filename) if error.filename else None
        if where and (where.is_relative_to(runs) or runs.is_relative_to(where)):
            raise OSError(f"cannot write run {name} under {runs}: {error.strerror}") from error
        raise
    return name


def _run(
    config: DictConfig,
    folder: RunFolder,
    manifest: dict[str, Any],
    problem: Problem,
    say: Callable[[str], None],
) -> None:
    from al_bench.runs.loggers import log_round, opened

    parts = parts_of(config, problem)
    manifest["facts"] = {**problem.facts, "digest": problem.digest, "oracle": parts.oracle}
    folder.write_manifest(manifest)

    done, seed = folder.resume(), int(config.seed)
    if config.proxy_selection is not None:
        log = read_rounds(folder.folder.parent / manifest["selected_by"])
        selection = build(config.proxy_selection)
        rounds = selection.rounds(
            log,
            problem,
            parts.supervision,
            parts.learner,
            evaluate,
            seed,
            len(done),
            parts.label_model,
            parts.protocol.reask,
        )
    else:
        rounds = parts.rounds(problem, seed, done)
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
    say(f"{folder.folder.name} finished: {title(manifest)}")


def proxy_run(config: DictConfig) -> DictConfig:
    """The configuration of the run whose queries this one's learner is trained on."""
    source = config.copy()
    for part in ("learner", "supervision"):
        if config.proxy_selection[part] is not None:
            source[part] = OmegaConf.to_container(config.proxy_selection[part], resolve=True)
    source.proxy_selection = None
    return source


def limit_threads(threads: int) -> None:
    """Hold every numerical library of this process to `threads` threads; runs share the cores.

    Torch, which most runs never load, reads the variable when it is.
    """
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
    threadpool_limits(threads)


def new_manifest(
    name: str,
    settings: Mapping[str, Any],
    known: Mapping[str, Any],
    folders: list[Path],
    experiment: str | None,
    choices: Mapping[str, str],
) -> dict[str, Any]:
    """What a run is, before it starts; known: its settings, identified; choices: as typed."""
    parts = [*GROUPS, *(group for group in OPTIONAL if group in settings)]
    return {
        "id": name,
        "choices": {g: option_of(g, settings[g], folders, choices.get(g)) for g in parts},
        "experiment": experiment,
        "science": known,  # what the id is a hash of
        "seed": settings["seed"],
        "facts": {},
        "versions": versions(settings),
        "python": platform.python_version(),
        "device": platform.processor() or platform.machine(),
        "commit": commit(),
        "started": now(),
        "finished": None,
        "error": None,
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def title(manifest: Mapping[str, Any]) -> str:
    """One line that says what a run is."""
    choices, science = manifest["choices"], manifest["science"]
    shown = [choices["strategy"], choices["dataset"]]
    shown.append(words("imbalance", choices["imbalance"], science["imbalance"]))
    group = erring(science)
    if science[group]["_target_"] == "al_bench.problem.Clean":
        shown.append("labels as they are")
    else:
        called = "annotators " if group == "annotators" else ""
        shown.append(called + words(group, choices[group], science[group]))
    return " · ".join([*shown, f"seed {manifest['seed']}"])


def say_round(name: str, round: Round, labels: int) -> None:
    """One line a round, on a terminal or where asked for by AL_BENCH_VERBOSE."""
    if not (os.environ.get("AL_BENCH_VERBOSE") or os.isatty(1)):
        return
    seconds = " ".join(f"{part} {value:.2f} s" for part, value in round.seconds.items())
    score = f"{round.metrics['balanced_accuracy']:.3f}"
    print(f"{name} round {round.round}: {labels} labels, {score} ({seconds})", flush=True)
