"""The active-learning loop: query, tell, train, measure, yield. Read this file first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from al_bench.rng import rng
from al_bench.state import UNLABELLED, Ints, Learner, Protocol, State, Strategy, Supervision
from al_bench.truth import Problem


@dataclass(frozen=True)
class Round:
    """One line of rounds.jsonl. Round 0 queries nothing: the prior alone; round 1 is the start.

    queried: pool row numbers; ids: the data's own names of these rows, empty where they have none.
    """

    round: int
    queried: list[int]
    answers: list[int]
    oracle_calls: int
    metrics: dict[str, float]
    recall: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    ids: list[int | str] = field(default_factory=list)


Evaluate = Callable[[State, Problem, Ints], tuple[dict[str, float], list[float]]]


def active_learning(
    problem: Problem,
    init: Strategy,
    strategy: Strategy,
    supervision: Supervision,
    learner: Learner,
    evaluate: Evaluate,
    protocol: Protocol,
    seed: int,
    done: Sequence[Round] = (),
) -> Iterator[Round]:
    """Yield the rounds of a run, from the first one that is not in `done`.

    The acquisition log is the state: `done` is replayed by telling its answers and fitting its
    models again, since a training rule may read the model before, so that a resumed run yields
    what an uninterrupted one would.
    """
    sizes = protocol.sizes(len(problem.pool), problem.pool.n_classes)
    state = State.start(problem.pool)
    for past in done:
        check_past(past, state, problem.answers, [0, *sizes])
        state = state.tell(np.array(past.queried, dtype=np.int64), np.array(past.answers))
        if past.round > 0:
            state = trained(state, supervision, learner, seed, past.round)

    for number in range(len(done), len(sizes) + 1):
        began = perf_counter()
        queried, oracle_calls = np.empty(0, dtype=np.int64), 0
        if number > 0:
            rule, size = init if number == 1 else strategy, sizes[number - 1]
            queried, oracle_calls = query(
                rule, state, size, problem.answers, protocol.reveal, seed, number
            )
        selected = perf_counter()
        if number > 0:
            state = state.tell(queried, problem.answers[queried])
            state = trained(state, supervision, learner, seed, number)
        fitted = perf_counter()
        metrics, recall = evaluate(state, problem, queried)
        seconds = {"select": selected - began, "fit": fitted - selected}
        seconds["evaluate"] = perf_counter() - fitted
        answers = problem.answers[queried].tolist()
        rows, ids = queried.tolist(), problem.own_ids(queried)
        yield Round(number, rows, answers, oracle_calls, metrics, recall, seconds, ids)


def trained(
    state: State, supervision: Supervision, learner: Learner, seed: int, number: int
) -> State:
    """The state with a model fitted from scratch on what the training rule makes of the answers."""
    training = supervision.training_set(state, rng(seed, "supervision", number))
    model = learner.fit(state.rows, training, rng(seed, "learner", number))
    return replace(state, model=model, training=training)


def query(
    strategy: Strategy,
    state: State,
    budget: int,
    answers: Ints,
    reveal: str,
    seed: int,
    number: int,
) -> tuple[Ints, int]:
    """The rows a strategy queries and the oracle calls this took; checked.

    Where in-batch answers are withheld the whole round is one oracle call.
    """
    name, purpose = type(strategy).__name__, "init" if number == 1 else "strategy"
    wanted = min(budget, len(state.unlabelled))
    choice = strategy.select(state, budget, rng(seed, purpose, number))
    queried, oracle_calls = np.empty(0, dtype=np.int64), 0
    if isinstance(choice, Generator):
        reply: Any = None  # a generator is started with nothing
        while True:
            try:
                rows = np.asarray(choice.send(reply), dtype=np.int64)
            except StopIteration as end:
                rest = end.value
                break
            queried, oracle_calls = np.concatenate([queried, rows]), oracle_calls + 1
            check_choice(name, queried, state, wanted)  # before anything is answered
            reply = answers[rows] if reveal == "sequential" else np.full(len(rows), UNLABELLED)
    else:
        rest = choice
    if rest is not None and len(rest):
        rows = np.asarray(rest, dtype=np.int64)
        queried, oracle_calls = np.concatenate([queried, rows]), oracle_calls + 1
    check_choice(name, queried, state, wanted)
    if len(queried) < wanted:
        raise ValueError(f"{name} returned {len(queried)} rows for a budget of {wanted}")
    return queried, oracle_calls if reveal == "sequential" else min(oracle_calls, 1)


def check_past(past: Round, state: State, answers: Ints, sizes: Sequence[int]) -> None:
    """Raise ValueError unless a logged round is one of this protocol and annotator."""
    who = f"the log's round {past.round}"
    if past.round >= len(sizes):
        raise ValueError(f"{who} is one too many; the protocol ends with {len(sizes) - 1}")
    queried = np.array(past.queried, dtype=np.int64)
    wanted = min(sizes[past.round], len(state.unlabelled))
    check_choice(who, queried, state, wanted)
    if len(queried) != wanted or answers[queried].tolist() != past.answers:
        raise ValueError(
            f"{who} has other rows or answers than this problem; delete the run's folder to run it "
            "anew"
        )


def check_choice(name: str, queried: Ints, state: State, budget: int) -> None:
    """Raise ValueError unless `queried` is at most `budget` distinct rows that may be queried."""
    distinct = len(np.unique(queried))
    if len(queried) > budget or distinct != len(queried):
        raise ValueError(
            f"{name} returned {len(queried)} rows ({distinct} distinct) for a budget of {budget}"
        )
    if np.any((queried < 0) | (queried >= len(state.labels))):
        raise ValueError(f"{name} returned a row number outside 0..{len(state.labels) - 1}")
    if np.any(state.labels[queried] != UNLABELLED):
        wrong = int(queried[state.labels[queried] != UNLABELLED][0])
        raise ValueError(f"{name} queried row {wrong}, which is labelled already or hidden")
