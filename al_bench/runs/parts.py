"""From config nodes to a run's problem and components; equal ones are made once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from al_bench.core.loop import Parts
from al_bench.core.metrics import evaluate
from al_bench.core.problem import Problem, knowing, reads_truth
from al_bench.core.state import Protocol
from al_bench.crowd import InTurn, Majority
from al_bench.data.build import build as build_problem
from al_bench.data.datasets.halved import limited
from al_bench.data.types import Dataset
from al_bench.runs.component import Component
from al_bench.runs.config import PROBLEM, instantiate
from al_bench.runs.plan import Job


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
    """The protocol; ValueError if it lacks an attribute."""
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
