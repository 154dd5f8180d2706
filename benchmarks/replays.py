"""Runs in which a part of the pool is kept for the audit, as files that `stopping.py` scores.

The loop is al_bench's own: the reserve is hidden from strategy, training rule and learner, and a
fifth of each round's labels is left to the audit. As no audited row teaches anything, one replay
serves any number of audits: which rows of the reserve are audited, and what is said of them, is
drawn by whoever scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

import al_bench
from al_bench.api import chosen
from al_bench.core.loop import answered, query, trained
from al_bench.core.oracle import Oracle
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints, State
from al_bench.labelling.audit.design import NEVER, reserve
from al_bench.runs.run import parts_of

METHODS = {
    "codecision": {
        "strategy": "codecision",
        "init": "fm_balanced",
        "supervision": "posterior_labels_pool",
    },
    "margin": {"strategy": "margin", "init": "random", "supervision": "labels"},
}
# twice the usual budget, so that there is a time to stop
PROTOCOL = ("protocol.per_class=80", "protocol.fraction=0.25", "protocol.rounds=16")
SHARE = 0.2  # of each round's labels that are the audit's
FRACTION = 0.3  # of the pool that is kept for it


class Setting(NamedTuple):
    """What one replay is of."""

    dataset: str
    rate: float
    method: str
    seed: int

    def path(self, folder: Path) -> Path:
        return folder / f"{self.dataset}-{self.rate:g}-{self.method}-{self.seed}.npz"


@dataclass(frozen=True)
class Replay:
    """One run, as far as stopping and auditing go.

    strata: (n,) of the pool, as `reserve` gives them; held: (m,) the reserve, truth: (m,)
    its classes; labels: (r,) bought so far, the audit's too; probs: (r, m, k) of the reserve by the
    model of each round.
    """

    strata: Ints
    held: Ints
    truth: Ints
    labels: Ints
    probs: Floats

    def model(self, number: int) -> Floats:
        """(m, k) class probabilities of the reserve by the model of a round."""
        probs = self.probs[number].astype(np.float64)
        return np.asarray(probs / probs.sum(axis=1, keepdims=True))

    @classmethod
    def read(cls, path: Path) -> Replay:
        with np.load(path, allow_pickle=False) as file:
            return cls(**{name: file[name] for name in cls.__annotations__})

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, **vars(self))
        part.replace(path)


def made(setting: Setting, folder: Path) -> Replay:
    """The replay of a setting, read where it was made before."""
    path = setting.path(folder)
    if not path.exists():
        replay(setting).write(path)
    return Replay.read(path)


def replay(setting: Setting) -> Replay:
    """The rounds of one setting, with the audit's rows hidden and its labels left unbought."""
    problem = al_bench.make_problem(
        setting.dataset,
        imbalance="natural_or_longtail",
        noise="symmetric",
        seed=setting.seed,
        overrides=[f"noise.rate={setting.rate}"],
    )
    choices = {**METHODS[setting.method], "learner": "linear", "protocol": "per_class"}
    seed = setting.seed
    parts, _ = parts_of(chosen(choices, seed, PROTOCOL), problem)
    pool, oracle = problem.pool, Oracle(problem.table)
    strata, places = reserve(pool.prior.argmax(axis=1), FRACTION, rng(seed, "audit"))
    held = np.flatnonzero(places != NEVER)
    state, rounds, bought = State.start(pool).hide(held), [], 0
    for number, size in enumerate(parts.protocol.sizes(len(pool), pool.n_classes), start=1):
        rule = parts.init if number == 1 else parts.strategy
        budget = size - round(SHARE * size)
        told, _ = query(rule, state, budget, oracle, parts.protocol.feedback, seed, number)
        state = answered(state, told, None, seed, number)
        state = trained(state, parts.supervision, parts.learner, seed, number)
        bought += size
        rounds.append((bought, state.probs[held].astype(np.float16)))
    labels, probs = (np.array(column) for column in zip(*rounds, strict=True))
    return Replay(strata, held, problem.truth[held], labels, probs)
