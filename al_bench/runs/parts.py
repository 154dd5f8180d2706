"""From a config's nodes to what a run is made of; equal ones are made once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from al_bench.assignments import InTurn
from al_bench.configuration.config import PROBLEM, build
from al_bench.configuration.identity import identified
from al_bench.label_models import Majority
from al_bench.loop import Round, active_learning
from al_bench.metrics import evaluate
from al_bench.problem.build import build as build_problem
from al_bench.problem.limit import limited
from al_bench.problem.types import Dataset
from al_bench.state import Assignment, LabelModel, Learner, Protocol, Strategy, Supervision
from al_bench.truth import Problem


@dataclass(frozen=True)
class Call:
    """A config node as a value: equal where it names the same code, parameters and content."""

    node: Any = field(compare=False)
    key: str

    @classmethod
    def of(cls, node: Any) -> Call:
        plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
        return cls(plain, json.dumps(identified(plain), sort_keys=True))

    def build(self) -> Any:
        return build(self.node)


@dataclass(frozen=True)
class Parts:
    """The components of one run, besides its problem; oracle: whether one reads the truth."""

    init: Strategy
    strategy: Strategy
    supervision: Supervision
    learner: Learner
    trainer: Any  # of the learner's networks
    protocol: Protocol
    oracle: bool
    label_model: LabelModel | None = None
    assignment: Assignment | None = None

    def rounds(self, problem: Problem, seed: int, done: Sequence[Round] = ()) -> Iterator[Round]:
        """The rounds of the loop with these parts, from the first one that is not in `done`."""
        return active_learning(
            problem,
            self.init,
            self.strategy,
            self.supervision,
            self.learner,
            evaluate,
            self.protocol,
            seed,
            done,
            self.label_model,
            self.assignment,
        )


def parts_of(config: DictConfig, problem: Problem) -> Parts:
    """The components that a config names; an upper reference is given the truth here alone."""
    protocol = checked_protocol(build(config.protocol))
    check_asking(config, problem, protocol)
    rules = [build(config[group]) for group in ("init", "strategy", "supervision")]
    init, strategy, supervision = (p.given(problem.truth) if is_oracle(p) else p for p in rules)
    learner, trainer = build(config.learner), build(config.trainer)
    trainer.lead(learner)
    asking = {} if problem.panel is None else asking_of(config, problem)
    oracle = any(map(is_oracle, [*rules, *asking.values()]))
    return Parts(init, strategy, supervision, learner, trainer, protocol, oracle, **asking)


def asking_of(config: DictConfig, problem: Problem) -> dict[str, Any]:
    """What several annotators' answers come to and whom to ask: a majority and in turn, unless
    the config says otherwise."""
    label_model = Majority() if config.label_model is None else build(config.label_model)
    assignment: Any = InTurn() if config.assignment is None else build(config.assignment)
    if is_oracle(assignment):
        assignment = assignment.given(problem.accuracies)
    return {"label_model": label_model, "assignment": assignment}


def checked_protocol(protocol: Any) -> Protocol:
    """ValueError where a protocol does not say all that it must."""
    missing = [name for name in ("reveal", "reask", "tariff") if not hasattr(protocol, name)]
    if missing:
        raise ValueError(
            f"the protocol {type(protocol).__name__} has no {' and no '.join(missing)}; wanted "
            "reveal (sequential or batch), reask (may a labelled row be queried again) and tariff "
            "(what answers cost: al_bench.state.Tariff)"
        )
    made: Protocol = protocol
    return made


def check_asking(config: DictConfig, problem: Problem, protocol: Protocol) -> None:
    """ValueError where a config has something to ask several annotators by, but not these."""
    if problem.panel is not None:
        return
    for group in ("label_model", "assignment"):
        if config.get(group) is not None:
            raise ValueError(f"{group} is for several annotators, and there is one; choose some by "
                             "annotators=...")  # fmt: skip
    if protocol.reask:
        raise ValueError("the protocol lets rows be queried again, but there is one annotator, who "
                         "has one answer a row; choose several by annotators=...")  # fmt: skip


def is_oracle(part: Any) -> bool:
    """Whether this is an upper reference: it reads the truth, and is marked so in every table."""
    return bool(getattr(part, "oracle", False))


def problem_of(config: DictConfig) -> Problem:
    """The pool and test rows of a config."""
    calls = (Call.of(config[group]) for group in PROBLEM)
    return known_problem(*calls, int(config.seed), Path(config.cache).expanduser())


@lru_cache(maxsize=1)
def known_problem(
    dataset: Call,
    prior: Call,
    imbalance: Call,
    noise: Call,
    annotators: Call,
    seed: int,
    cache: Path,
) -> Problem:
    """The problem of these nodes; data sets and priors are kept for the next."""
    keep, errors = imbalance.build(), noise.build()
    several = None if annotators.node is None else annotators.build()
    return build_problem(loaded(dataset), keep, errors, known_prior(prior), seed, cache, several)


@lru_cache(maxsize=4)
def loaded(dataset: Call) -> Dataset:
    """The data set of a node, loaded once a process; some of its rows where it has a limit."""
    node = {key: value for key, value in dataset.node.items() if key != "limit"}
    found: Dataset = build(node).load()
    return limited(found, dataset.node["limit"]) if "limit" in dataset.node else found


@lru_cache(maxsize=4)
def known_prior(prior: Call) -> Any:
    """The prior of a node, made once a process so that weights load once."""
    return prior.build()


def given_problem(problem: Problem, name: str) -> Mapping[str, Any]:
    """How a problem made of arrays stands in a run's science: by its content."""
    return {"_target_": "al_bench.Problem", "name": name, "digest": problem.digest}
