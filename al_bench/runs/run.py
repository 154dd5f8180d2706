"""One run: build the parts, run the loop, write every round down."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from al_bench.core.loop import Round, active_learning
from al_bench.core.problem import Problem, reads_truth
from al_bench.core.progress import span
from al_bench.core.threads import limit_threads
from al_bench.runs.component import identified, name_of
from al_bench.runs.config import GROUPS, OPTIONAL, instantiate
from al_bench.runs.environment import commit, isa_limited, versions
from al_bench.runs.loggers import log_round, open_loggers, title
from al_bench.runs.options import option_of
from al_bench.runs.parts import parts_of, problem_of
from al_bench.runs.plan import Job
from al_bench.runs.store import BusyError, RunFolder, read_manifest, read_rounds


class Aloud:
    """The output of a single run: one line per round and one at its end."""

    def round(self, text: str) -> None:
        print(text, flush=True)

    def end(self, text: str, made: bool) -> None:
        """Print the last line; made: whether this call made the run, not an earlier or another."""
        print(text, flush=True)


class Silent(Aloud):
    """No output."""

    def round(self, text: str) -> None: ...

    def end(self, text: str, made: bool) -> None: ...


def execute(
    job: Job, *, problem: Problem | None = None, wait: bool = False, say: Aloud | None = None
) -> str:
    """Make one run and return its id. A finished run is skipped (unless its config has `again`), an
    interrupted one resumed.

    A failure is written to the manifest and raised. A run that another process is making is
    skipped, or waited for. problem: given if the config names a problem made of arrays; say: prints
    the progress.
    """
    say = say or Aloud()
    settings = job.science
    known = identified(settings)
    name, runs = name_of(known), Path(job.at("results")) / "runs"
    try:
        with RunFolder(runs / name).held(wait) as folder:
            manifest = {} if job.at("again") else read_manifest(folder.folder)
            if manifest.get("finished"):
                say.end(f"{name} done before: {title(manifest)}", made=False)
                return name
            if job.at("again"):
                folder.clear()
            manifest = new_manifest(name, job, settings, known)
            folder.write_manifest(manifest)
            try:
                if "proxy_selection" in settings:
                    proxy = proxy_of(job)
                    manifest["selected_by"] = execute(proxy, problem=problem, wait=True, say=say)
                limit_threads(int(job.at("threads")))
                write_rounds(job, folder, manifest, problem or problem_of(job), say)
            except Exception as error:  # not on Ctrl-C: the run can be resumed
                manifest |= {"finished": None, "error": f"{type(error).__name__}: {error}"}
                with suppress(OSError):  # on a full disk report the first error
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


def write_rounds(
    job: Job, folder: RunFolder, manifest: dict[str, Any], problem: Problem, say: Aloud
) -> None:
    """Run the loop and write each of its rounds, from the first one that is missing."""
    parts, trainer = parts_of(job, problem)
    oracle = any(map(reads_truth, vars(parts).values()))
    manifest["facts"] = {**problem.facts, "digest": problem.digest, "reads_truth": oracle}
    folder.write_manifest(manifest)

    name, done, seed = folder.folder.name, folder.resume(), int(job.at("seed"))
    last = f" of {len(parts.protocol.sizes(len(problem.pool), problem.pool.n_classes))}"
    rounds = active_learning(parts, problem, seed, done)
    if "selected_by" in manifest:
        log = read_rounds(folder.folder.parent / manifest["selected_by"])
        selection, last = (
            instantiate(job.at("proxy_selection")),
            "",
        )  # it decides which points it has
        trainer.lead(selection.learner)
        rounds = selection.rounds(log, parts, problem, seed, len(done))
    factories = [instantiate(node) for node in job.at("logger")["mirrors"]]
    labels, names = 0, problem.class_names
    with open_loggers(factories, name, manifest, Path(job.at("results"))) as loggers:
        trainer.loggers, trainer.folder = loggers, folder.folder
        for past in done:
            labels += len(past.queried)
            log_round(loggers, past, labels, names)
        for round in rounds:
            folder.append(round)
            labels += len(round.queried)
            log_round(loggers, round, labels, names)
            metric = known_metric(job, round)
            say.round(
                f"{name} round {round.round}{last}: {labels} labels, "
                f"{metric.replace('_', ' ')} {round.metrics[metric]:.3f} "
                f"({span(sum(round.seconds.values()))})"
            )
    manifest["finished"] = now()
    folder.write_manifest(manifest)
    say.end(f"{name} finished: {title(manifest)}", made=True)


def known_metric(job: Job, round: Round) -> str:
    """The metric of the experiment's report, if the round has it."""
    wanted = str(job.at("report").get("metric", "balanced_accuracy"))
    return wanted if wanted in round.metrics else next(iter(round.metrics))


def proxy_of(job: Job) -> Job:
    """The run whose queries this one's learner is trained on."""
    node = job.at("proxy_selection")
    own = {part: node[part] for part in ("learner", "supervision") if node[part] is not None}
    return job.having(own | {"proxy_selection": None})


def new_manifest(
    name: str, job: Job, settings: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """The manifest of a run before it starts; known: its settings, identified."""
    groups = [group for group in (*GROUPS, *OPTIONAL) if group in settings]
    typed, folders = job.choices, job.folders
    return {
        "id": name,
        "choices": {g: option_of(g, settings[g], folders, typed.get(g)) for g in groups},
        "experiment": job.experiment,
        "science": known,  # the id is the hash of this
        "seed": settings["seed"],
        "facts": {},
        "versions": versions(settings),
        "python": platform.python_version(),
        "device": platform.processor() or platform.machine(),
        "deterministic": {"asked": bool(job.at("deterministic")), "holds": isa_limited()},
        "commit": commit(),
        "started": now(),
        "finished": None,
        "error": None,
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
