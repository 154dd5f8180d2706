"""The active-learning loop: query, tell, train, measure, yield. Read this file first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from al_bench.core.oracle import Oracle, occurrence_groups
from al_bench.core.problem import Problem
from al_bench.core.rng import rng
from al_bench.core.state import (
    UNLABELLED,
    AnnotatorSelection,
    Answers,
    Ints,
    LabelModel,
    Learner,
    Protocol,
    State,
    Strategy,
    Supervision,
)


@dataclass(frozen=True)
class Round:
    """One line of rounds.jsonl. Round 0 queries nothing: the prior alone; round 1 is the start.
    queried: pool row numbers; ids: the data's own names of these rows, empty where they have none;
    annotators: who gave each answer, empty with a single annotator; cost: of all these answers."""

    round: int
    queried: list[int]
    answers: list[int]
    oracle_calls: int
    metrics: dict[str, float]
    recall: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    ids: list[int | str] = field(default_factory=list)
    annotators: list[int] = field(default_factory=list)
    cost: float = 0.0


Evaluate = Callable[[State, Problem, Ints], tuple[dict[str, float], list[float]]]


@dataclass(frozen=True)
class Parts:
    """The components of a run besides its problem. init: the strategy of round 1; label_model:
    merges several answers about a row; annotator_selection: chooses whom to ask. These two are
    needed only with several annotators."""

    init: Strategy
    strategy: Strategy
    supervision: Supervision
    learner: Learner
    protocol: Protocol
    evaluate: Evaluate
    label_model: LabelModel | None = None
    annotator_selection: AnnotatorSelection | None = None


def active_learning(
    parts: Parts, problem: Problem, seed: int, done: Sequence[Round] = ()
) -> Iterator[Round]:
    """Yield the rounds of a run, from the first one that is not in `done`. A run is resumed by
    replay: the answers of `done` go into the state and its models are fitted again, so that a
    resumed run yields the same rounds as an uninterrupted one."""
    protocol = parts.protocol
    sizes = protocol.sizes(len(problem.pool), problem.pool.n_classes)
    state = State.start(problem.pool, problem.annotator_pool, protocol.allow_relabel)
    oracle = Oracle(problem.table, problem.annotator_pool, parts.annotator_selection)

    def after(state: State, answers: Answers, number: int) -> State:
        state = answered(state, answers, parts.label_model, seed, number)
        return trained(state, parts.supervision, parts.learner, seed, number) if number else state

    for past in done:
        answers = checked_past(past, state, problem.table, [0, *sizes])
        state = after(state, answers, past.round)

    for number in range(len(done), len(sizes) + 1):
        began = perf_counter()
        answers, oracle_calls = Answers(), 0
        if number > 0:
            rule, size = parts.init if number == 1 else parts.strategy, sizes[number - 1]
            feedback = protocol.feedback
            answers, oracle_calls = query(rule, state, size, oracle, feedback, seed, number)
        selected = perf_counter()
        before = np.ones(len(answers), dtype=bool)  # whether the row already had an answer
        first = occurrence_groups(answers.rows)[0]
        before[first] = state.labels[answers.rows[first]] >= 0
        costs = protocol.annotation_cost.costs(problem.annotator_pool, answers, before)
        state = after(state, answers, number)
        fitted = perf_counter()
        metrics, recall = parts.evaluate(state, problem, answers.rows)
        seconds = {"select": selected - began, "fit": fitted - selected}
        seconds["evaluate"] = perf_counter() - fitted
        yield Round(
            number,
            answers.rows.tolist(),
            answers.classes.tolist(),
            oracle_calls,
            metrics,
            recall,
            seconds,
            problem.own_ids(answers.rows),
            [] if problem.annotator_pool is None else answers.annotators.tolist(),
            float(costs.sum()),
        )


def answered(
    state: State, answers: Answers, label_model: LabelModel | None, seed: int, number: int
) -> State:
    """The state after a round's answers; with several annotators, the label model sets labels."""
    state = state.tell(answers.rows, answers.classes, answers.annotators)
    if number == 0 or state.annotator_pool is None or label_model is None:
        return state
    draws = rng(seed, "label_model", number)
    return state.agreed(label_model.infer(state, draws), draws)


def trained(
    state: State, supervision: Supervision, learner: Learner, seed: int, number: int
) -> State:
    """The state with the training rule's new training set and a model fitted on it from scratch."""
    training = supervision.training_set(state, rng(seed, "supervision", number))
    model = learner.fit(state.rows, training, rng(seed, "learner", number))
    return replace(state, model=model, training=training)


def query(
    strategy: Strategy,
    state: State,
    budget: int,
    oracle: Oracle,
    feedback: str,
    seed: int,
    number: int,
) -> tuple[Answers, int]:
    """Let a strategy query a batch: the answers, and the number of oracle calls (1 if withheld)."""
    name, purpose = type(strategy).__name__, "init" if number == 1 else "strategy"
    draws = rng(seed, "assignment", number)
    choice = strategy.select(state, budget, rng(seed, purpose, number))
    answers, current, oracle_calls = Answers(), state, 0

    def ask(rows: Any) -> Ints:
        nonlocal answers, current, oracle_calls
        rows = np.asarray(rows, dtype=np.int64)
        check_choice(name, np.concatenate([answers.rows, rows]), state, budget)  # before asking
        new = oracle.ask(current, rows, draws)
        answers, oracle_calls = answers.then(new), oracle_calls + 1
        if state.annotator_pool is not None:  # so that no annotator is asked twice about a row
            current = current.tell(rows, new.classes, new.annotators)
        return new.classes

    if isinstance(choice, Generator):
        reply: Any = None  # Python starts a generator with send(None)
        while True:
            try:
                rows = choice.send(reply)
            except StopIteration as end:
                rest = end.value
                break
            labels = ask(rows)
            reply = labels if feedback == "within_batch" else np.full(len(labels), UNLABELLED)
    else:
        rest = choice
    if rest is not None and len(rest):
        ask(rest)
    wanted = min(budget, len(state.unlabelled))
    if len(answers) < wanted:
        raise ValueError(f"{name} returned {len(answers)} rows for a budget of {wanted}")
    return answers, oracle_calls if feedback == "within_batch" else min(oracle_calls, 1)


def checked_past(past: Round, state: State, table: Ints, sizes: Sequence[int]) -> Answers:
    """The answers of a logged round; ValueError unless they fit the problem and the protocol."""
    who = f"the log's round {past.round}"
    if past.round >= len(sizes):
        raise ValueError(f"{who} is one too many; the protocol ends with {len(sizes) - 1}")
    queried = np.array(past.queried, dtype=np.int64)
    annotators = np.array(past.annotators or [0] * len(queried), dtype=np.int64)
    wanted = min(sizes[past.round], len(state.unlabelled))
    check_choice(who, queried, state, sizes[past.round])
    known = len(queried) >= wanted and not np.any(annotators >= table.shape[1])
    if not known or table[queried, annotators].tolist() != past.answers:
        raise ValueError(
            f"{who} has other rows or answers than this problem; delete the run's folder to run it "
            "anew"
        )
    return Answers(queried, annotators, np.array(past.answers, dtype=np.int64))


def check_choice(name: str, queried: Ints, state: State, budget: int) -> None:
    """ValueError unless `queried` has at most `budget` rows that may be queried, none too often."""
    distinct = len(np.unique(queried))
    if len(queried) > budget or (distinct != len(queried) and not state.allow_relabel):
        raise ValueError(
            f"{name} returned {len(queried)} rows ({distinct} distinct) for a budget of {budget}"
        )
    if np.any((queried < 0) | (queried >= len(state.labels))):
        raise ValueError(f"{name} returned a row number outside 0..{len(state.labels) - 1}")
    times = np.bincount(queried, minlength=len(state.labels))
    wrong = queried[times[queried] > state.remaining[queried]]
    if len(wrong):
        why = "which is labelled already or hidden"
        if state.allow_relabel:
            why = "about which nobody is left to ask"
        raise ValueError(f"{name} queried row {wrong[0]}, {why}")
