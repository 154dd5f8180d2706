"""One run: build the parts, run the loop, write every round down."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from al_bench.configuration.config import GROUPS, OPTIONAL, build, science
from al_bench.configuration.identity import identified, name_of
from al_bench.configuration.options import option_of
from al_bench.configuration.portable import holds
from al_bench.loop import Round
from al_bench.metrics import evaluate
from al_bench.progress import span
from al_bench.runs.loggers import log_round, opened, title
from al_bench.runs.parts import parts_of, problem_of
from al_bench.runs.provenance import commit, versions
from al_bench.runs.saying import Aloud
from al_bench.runs.store import BusyError, RunFolder, read_manifest, read_rounds
from al_bench.threads import limit_threads
from al_bench.truth import Problem


def execute(
    config: DictConfig,
    folders: list[Path],
    *,
    problem: Problem | None = None,
    experiment: str | None = None,
    choices: Mapping[str, str] | None = None,
    wait: bool = False,
    say: Aloud | None = None,
) -> str:
    """Run one config to its end and return its id; a finished run is skipped (unless the
    config says `again`), a cut one resumed.

    A failure is written to the manifest and raised. A run that another process is making is left
    alone, or waited for. problem: where the config names one made of arrays; choices: the options
    that it was composed of, by group, as far as they are known; say: what is said on the way.
    """
    say = say or Aloud()
    limit_threads(int(config.threads))
    settings = science(config)
    known = identified(settings)
    name = name_of(known)
    runs = Path(config.results) / "runs"
    try:
        with RunFolder(runs / name).held(wait) as folder:
            manifest = {} if config.again else read_manifest(folder.folder)
            if manifest.get("finished"):
                say.end(f"{name} done before: {title(manifest)}", made=False)
                return name
            if config.again:
                folder.clear()
            manifest = new_manifest(name, config, settings, known, folders, experiment, choices)
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
        say.end(f"{name} left alone: {busy}", made=False)
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
    say: Aloud,
) -> None:
    parts = parts_of(config, problem)
    manifest["facts"] = {**problem.facts, "digest": problem.digest, "oracle": parts.oracle}
    folder.write_manifest(manifest)

    done, seed = folder.resume(), int(config.seed)
    last = f" of {len(parts.protocol.sizes(len(problem.pool), problem.pool.n_classes))}"
    if config.proxy_selection is not None:
        log = read_rounds(folder.folder.parent / manifest["selected_by"])
        selection, last = build(config.proxy_selection), ""  # which points there are it knows
        parts.trainer.lead(selection.learner)
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
    labels, names = 0, problem.class_names
    with opened(mirrors, folder.folder.name, manifest, Path(config.results)) as loggers:
        parts.trainer.loggers, parts.trainer.folder = loggers, folder.folder
        for past in done:
            labels += len(past.queried)
            log_round(loggers, past, labels, names)
        for round in rounds:
            folder.append(round)
            labels += len(round.queried)
            log_round(loggers, round, labels, names)
            metric = known_metric(config, round)
            say.round(
                f"{folder.folder.name} round {round.round}{last}: {labels} labels, "
                f"{metric.replace('_', ' ')} {round.metrics[metric]:.3f} "
                f"({span(sum(round.seconds.values()))})"
            )
    manifest["finished"] = now()
    folder.write_manifest(manifest)
    say.end(f"{folder.folder.name} finished: {title(manifest)}", made=True)


def known_metric(config: DictConfig, round: Round) -> str:
    """The metric of the experiment's report, where the round has it."""
    wanted = str(config.report.get("metric", "balanced_accuracy"))
    return wanted if wanted in round.metrics else next(iter(round.metrics))


def proxy_run(config: DictConfig) -> DictConfig:
    """The configuration of the run whose queries this one's learner is trained on."""
    source = config.copy()
    for part in ("learner", "supervision"):
        if config.proxy_selection[part] is not None:
            source[part] = OmegaConf.to_container(config.proxy_selection[part], resolve=True)
    source.proxy_selection = None
    return source


def new_manifest(
    name: str,
    config: DictConfig,
    settings: Mapping[str, Any],
    known: Mapping[str, Any],
    folders: list[Path],
    experiment: str | None,
    choices: Mapping[str, str] | None,
) -> dict[str, Any]:
    """What a run is, before it starts; known: its settings, identified; choices: as typed."""
    parts = [*GROUPS, *(group for group in OPTIONAL if group in settings)]
    typed = choices or {}
    return {
        "id": name,
        "choices": {g: option_of(g, settings[g], folders, typed.get(g)) for g in parts},
        "experiment": experiment,
        "science": known,  # what the id is a hash of
        "seed": settings["seed"],
        "facts": {},
        "versions": versions(settings),
        "python": platform.python_version(),
        "device": platform.processor() or platform.machine(),
        "deterministic": {"asked": bool(config.deterministic), "holds": holds()},
        "commit": commit(),
        "started": now(),
        "finished": None,
        "error": None,
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
