"""Pools, models and ways of asking that tests share."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from hydra import compose

from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.problem import Problem
from al_bench.core.state import UNLABELLED, Floats, Ints, Rows, State
from al_bench.runs.composing import composing
from al_bench.runs.config import instantiate
from al_bench.strategies.common.distances import kmeans, unit_rows
from al_bench.strategies.common.posterior import Laplace
from al_bench.testing.situations import make_pool, make_state

LAPLACE = Laplace(precision=0.1)


class Given:
    """A model whose class probabilities of the pool are an array."""

    def __init__(self, probs: Floats) -> None:
        self.probs = probs

    def predict_proba(self, rows: Rows) -> Floats:
        return self.probs


class Table:
    """Given probabilities for the pool; for rows made of it, those of the first ones."""

    def __init__(self, probs: Floats) -> None:
        self.probs = probs

    def predict_proba(self, rows: Rows) -> Floats:
        return self.probs[: len(rows)]


@cache
def configured(name: str, *overrides: str) -> Any:
    """The strategy a command line with ``strategy=name`` would construct."""
    with composing():
        return instantiate(compose(overrides=[f"+strategy={name}", *overrides]).strategy)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([3, seed])


def budgets(state: State) -> list[int]:
    """From one row to more than there are."""
    free = len(state.unlabelled)
    return [1, 9, free - 1, free, free + 5]


def run(
    strategy: Any, state: State, budget: int, answers: Ints, seed: int = 0, feedback="within_batch"
) -> tuple[Ints, int]:
    """The rows a strategy queries and its oracle calls, checked by the loop."""
    told, calls = query(strategy, state, budget, Oracle(answers[:, None]), feedback, seed, 2)
    return told.rows, calls


def small_problem(seed: int = 0, noise: float = 0.2) -> Problem:
    """120 pool rows and 80 test rows of one draw: the same four classes, a part of the answers
    wrong."""
    rows, truth = make_pool(n=200, seed=seed)
    pool, test = np.arange(120), np.arange(120, 200)
    wrong = np.random.default_rng(seed).random(120) < noise
    answers = np.where(wrong, (truth[pool] + 1) % 4, truth[pool])
    return Problem(rows.take(pool), truth[pool], answers, rows.take(test), truth[test])


def pool_of(features: Floats, k: int = 2) -> State:
    prior = np.full((len(features), k), 1 / k, dtype=np.float32)
    return State.start(Rows(list(range(len(features))), features, prior))


def states(n: int, d: int, seeds: int) -> Iterator[tuple[int, State]]:
    """Small pools: nothing labelled, one label, many; in every second some rows are hidden."""
    for seed in range(seeds):
        state = make_state(n=n, d=d, k=3, labelled=(0, 1, n // 4)[seed % 3], seed=seed)[0]
        if seed % 2:
            state = state.hide(np.arange(0, n, 7))
        yield seed, state


def clustering(state: State, rng: np.random.Generator) -> Callable[[Ints, int], Any]:
    """The library's k-means for a reference, on rows of the pool."""
    return lambda rows, count: kmeans(unit_rows(state.rows.features, rows), count, rng)


def random_state(n: int, k: int, labelled: int, seed: int) -> tuple[State, Ints]:
    """Continuous random probabilities and answers that follow them loosely."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(k), n).astype(np.float32)
    answers = np.array([rng.choice(k, p=p / p.sum()) for p in probs.astype(float)])
    labels = np.full(n, UNLABELLED)
    start = rng.choice(n, labelled, replace=False)
    labels[start] = answers[start]
    prior = rng.dirichlet(np.ones(k), n).astype(np.float32)
    features = rng.normal(size=(n, 6)).astype(np.float32)
    return State(Rows(list(range(n)), features, prior), labels, Given(probs)), answers


def tied_state(seed: int) -> tuple[State, Ints]:
    """60 rows in 2 to 4 classes, with 0, 1, 15 or 30 answers. Of some rows the model, or the prior,
    is certain or has no opinion; in half of the pools each row is there twice, in some rows are
    hidden."""
    k = 2 + seed % 3
    state, answers = random_state(60, k, (0, 1, 15, 30)[seed % 4], seed)
    which = np.arange(60) // 2 if seed // 2 % 2 else np.arange(60)
    probs, prior = state.probs[which], state.rows.prior[which]
    probs[which % 5 == 1] = prior[which % 4 == 0] = np.float32(1 / k)
    probs[which % 7 == 2] = prior[which % 10 == 5] = np.eye(k, dtype=np.float32)[1]
    rows = Rows(list(range(60)), state.rows.features[which], prior)
    state = replace(state, rows=rows, model=Given(probs))
    return (state.hide(np.arange(0, 60, 7)) if seed % 5 < 2 else state), answers


def golden_pool(kind: str, noise: float, seed: int) -> tuple[State, Ints, Ints]:
    """3 % / 3 % / 94 %: a pool where each rare class is apart from the rest on its own score, or
    overlaps with it under a model that favours the common class, so that its least sure rows are
    rare ones; 150 random labels. The state, the truth and the annotator's answers."""
    rng = np.random.default_rng(seed)
    n = 3000
    truth = rng.permutation(np.repeat([0, 1, 2], [90, 90, 2820]))
    if kind == "separable":
        scores = np.zeros((n, 3))
        for k in (0, 1):
            spot = rng.random(n)
            scores[:, k] = np.where(truth == k, 1.5 * spot, -4.5 * spot)
    else:
        scores = rng.normal(size=(n, 3))
        scores[np.arange(n), truth] += 3.5
        scores = 2 * scores + [0, 0, 5]
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < noise
    answers = np.where(wrong, (truth + rng.integers(1, 3, n)) % 3, truth)
    labels = np.full(n, UNLABELLED)
    start = rng.choice(n, 150, replace=False)
    labels[start] = answers[start]
    rows = Rows(list(range(n)), np.zeros((n, 1), np.float32), np.full((n, 3), 1 / 3))
    return State(rows, labels, Given(probs.astype(np.float32))), truth, answers


def rare_fraction(strategy: Any, kind: str, noise: float) -> float:
    """Mean fraction of true rare rows in a batch of 100, over four pools."""
    out = []
    for seed in range(4):
        state, truth, answers = golden_pool(kind, noise, seed)
        queried, _ = run(strategy, state, 100, answers, seed)
        out.append(np.mean(truth[queried] != 2))
    return float(np.mean(out))
