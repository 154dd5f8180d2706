"""One run: build the parts, run the loop, write every round down."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from al_bench.core.loop import Parts, Round, active_learning
from al_bench.core.metrics import evaluate
from al_bench.core.problem import Problem, knowing, reads_truth
from al_bench.core.progress import span
from al_bench.core.state import Protocol
from al_bench.core.threads import limit_threads
from al_bench.crowd import InTurn, Majority
from al_bench.data.build import build as build_problem
from al_bench.data.datasets.halved import limited
from al_bench.data.types import Dataset
from al_bench.runs.component import Component, identified, name_of
from al_bench.runs.config import GROUPS, OPTIONAL, PROBLEM, instantiate
from al_bench.runs.environment import commit, isa_limited, versions
from al_bench.runs.loggers import log_round, open_loggers, title
from al_bench.runs.options import option_of
from al_bench.runs.plan import Job
from al_bench.runs.store import BusyError, RunFolder, read_manifest, read_rounds


def parts_of(job: Job, problem: Problem) -> tuple[Parts, Any]:
    """The components of a run and its trainer; only here upper references get the truth."""
    protocol = checked_protocol(instantiate(job.at("protocol")))
    check_asking(job, problem, protocol)
    rules = [instantiate(job.at(group)) for group in ("init", "strategy", "supervision")]
    init, strategy, supervision = (knowing(part, problem.truth) for part in rules)
    learner, trainer = instantiate(job.at("learner")), instantiate(job.at("trainer"))
    trainer.lead(learner)
    asking = {} if problem.annotator_pool is None else asking_of(job, problem)
    parts = Parts(init, strategy, supervision, learner, protocol, evaluate, **asking)
    return parts, trainer


def asking_of(job: Job, problem: Problem) -> dict[str, Any]:
    """The label model and the annotator selection: by default a majority vote and each in turn."""
    label_model, annotator_selection = job.at("label_model"), job.at("annotator_selection")
    asked: Any = InTurn() if annotator_selection is None else instantiate(annotator_selection)
    if reads_truth(asked):
        asked = asked.given(problem.accuracies)
    consensus = Majority() if label_model is None else instantiate(label_model)
    return {"label_model": consensus, "annotator_selection": asked}


def checked_protocol(protocol: Any) -> Protocol:
    wanted = ("feedback", "allow_relabel", "annotation_cost")
    if missing := [name for name in wanted if not hasattr(protocol, name)]:
        raise ValueError(
            f"the protocol {type(protocol).__name__} has no {' and no '.join(missing)}; wanted "
            "feedback (within_batch or after_batch), allow_relabel (may a labelled row be queried "
            "again) and annotation_cost (what answers cost: al_bench.core.state.AnnotationCost)"
        )
    made: Protocol = protocol
    return made


def check_asking(job: Job, problem: Problem, protocol: Protocol) -> None:
    """ValueError if a config has parts for several annotators, but no several annotators."""
    if problem.annotator_pool is not None:
        return
    for group in ("label_model", "annotator_selection"):
        if job.at(group) is not None:
            raise ValueError(f"{group} is for several annotators, and there is one; choose some by "
                             "annotators=...")  # fmt: skip
    if protocol.allow_relabel:
        raise ValueError("the protocol lets rows be queried again, but there is one annotator, who "
                         "has one answer a row; choose several by annotators=...")  # fmt: skip


def problem_of(job: Job) -> Problem:
    """The pool and test rows of a run, kept from the run before if they are the same."""
    nodes = {group: job.at(group) for group in PROBLEM}
    made = [Component.of(group, node) for group, node in nodes.items() if node is not None]
    return known_problem(tuple(made), int(job.at("seed")), Path(job.at("cache")).expanduser())


@lru_cache(maxsize=1)
def known_problem(made: tuple[Component, ...], seed: int, cache: Path) -> Problem:
    """The problem of these components; data sets and priors are kept for the next problem."""
    parts = {part.group: part for part in made}
    keep, errors = (instantiate(parts[group].params) for group in ("imbalance", "noise"))
    several = instantiate(parts["annotators"].params) if "annotators" in parts else None
    dataset, prior = load_dataset(parts["dataset"]), known_prior(parts["prior"])
    return build_problem(dataset, keep, errors, prior, seed, cache, several)


@lru_cache(maxsize=4)
def load_dataset(dataset: Component) -> Dataset:
    """A data set, loaded once per process; only some of its rows if it has a limit."""
    node = {key: value for key, value in dataset.params.items() if key != "limit"}
    found: Dataset = instantiate(node).load()
    return limited(found, dataset.params["limit"]) if "limit" in dataset.params else found


@lru_cache(maxsize=4)
def known_prior(prior: Component) -> Any:
    """A prior, made once per process so that weights load once."""
    return instantiate(prior.params)


def given_problem(problem: Problem, name: str) -> Mapping[str, Any]:
    """The entry of a problem made of arrays in a run's settings: its name and digest."""
    return {"_target_": "al_bench.Problem", "name": name, "digest": problem.digest}


class Aloud:
    """The output of a single run: one line per round and one at its end."""

    def round(self, text: str) -> None:
        print(text, flush=True)

    def end(self, text: str, made: bool) -> None:
        """Print the last line; made: whether this call made the run, not an earlier or another."""
        print(text, flush=True)


class Silent(Aloud):
    def round(self, text: str) -> None: ...

    def end(self, text: str, made: bool) -> None: ...


def execute(
    job: Job, *, problem: Problem | None = None, wait: bool = False, say: Aloud | None = None
) -> str:
    """Make one run and return its id. A finished run is skipped (unless its config has `again`), an
    interrupted one resumed; one that another process is making is skipped, or waited for. A failure
    is written to the manifest and raised. problem: made of arrays; say: prints the progress."""
    say, known, results = say or Aloud(), identified(job.science), Path(job.at("results"))
    folder = RunFolder(results / "runs" / name_of(known))
    with started(job, folder, known, wait, say) as manifest:
        if manifest is None:
            return folder.name
        if "proxy_selection" in known:
            manifest["selected_by"] = execute(proxy_of(job), problem=problem, wait=True, say=say)
        limit_threads(int(job.at("threads")))
        problem = problem or problem_of(job)
        parts, trainer = parts_of(job, problem)
        reads = any(map(reads_truth, vars(parts).values()))
        manifest["facts"] = {**problem.facts, "digest": problem.digest, "reads_truth": reads}
        folder.write_manifest(manifest)

        done, seed = folder.resume(), int(job.at("seed"))
        last = f" of {len(parts.protocol.sizes(len(problem.pool), problem.pool.n_classes))}"
        rounds = active_learning(parts, problem, seed, done)
        if "selected_by" in manifest:
            log = read_rounds(results / "runs" / manifest["selected_by"])
            selection, last = instantiate(job.at("proxy_selection")), ""  # it decides on its points
            trainer.lead(selection.learner)
            rounds = selection.rounds(log, parts, problem, seed, len(done))
        factories, labels = [instantiate(node) for node in job.at("logger")["mirrors"]], 0
        with open_loggers(factories, folder.name, manifest, results) as loggers:
            trainer.loggers, trainer.folder = loggers, folder.folder
            for round in chain(done, rounds):
                labels += len(round.queried)
                if new := round.round >= len(done):
                    folder.append(round)
                log_round(loggers, round, labels, problem.class_names)
                if new:
                    say.round(f"{folder.name} {line_of(job, round, last, labels)}")
    return folder.name


@contextmanager
def started(
    job: Job, folder: RunFolder, known: Mapping[str, Any], wait: bool, say: Aloud
) -> Iterator[dict[str, Any] | None]:
    """Hold a run's folder and keep its manifest; None if it is finished, or made elsewhere."""
    try:
        with folder.held(wait):
            manifest = {} if job.at("again") else read_manifest(folder.folder)
            if manifest.get("finished"):
                say.end(f"{folder.name} done before: {title(manifest)}", made=False)
                yield None
                return
            if job.at("again"):
                folder.clear()
            manifest = new_manifest(folder.name, job, known)
            folder.write_manifest(manifest)
            try:
                yield manifest
            except Exception as error:  # not on Ctrl-C: the run can be resumed
                manifest |= {"finished": None, "error": f"{type(error).__name__}: {error}"}
                with suppress(OSError):  # on a full disk report the first error
                    folder.write_manifest(manifest)
                raise
            manifest["finished"] = now()
            folder.write_manifest(manifest)
            say.end(f"{folder.name} finished: {title(manifest)}", made=True)
    except BusyError as busy:
        say.end(f"{folder.name} left alone: {busy}", made=False)
        yield None
    except OSError as error:
        where, runs = Path(error.filename or ""), folder.folder.parent
        if error.filename and (where.is_relative_to(runs) or runs.is_relative_to(where)):
            text = f"cannot write run {folder.name} under {runs}: {error.strerror}"
            raise OSError(text) from error
        raise


def line_of(job: Job, round: Round, last: str, labels: int) -> str:
    """A finished round in a line, with the metric of the experiment's report if it has it."""
    wanted = str(job.at("report").get("metric", "balanced_accuracy"))
    metric = wanted if wanted in round.metrics else next(iter(round.metrics))
    seconds = span(sum(round.seconds.values()))
    text = f"{metric.replace('_', ' ')} {round.metrics[metric]:.3f} ({seconds})"
    return f"round {round.round}{last}: {labels} labels, {text}"


def proxy_of(job: Job) -> Job:
    node = job.at("proxy_selection")
    own = {part: node[part] for part in ("learner", "supervision") if node[part] is not None}
    return job.having(own | {"proxy_selection": None})


def new_manifest(name: str, job: Job, known: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a run before it starts; known: its settings, identified."""
    settings = job.science
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
