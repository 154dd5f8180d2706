"""Selection via proxy (Coleman et al., 2020): a cheap learner's queries train a dearer one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from time import perf_counter

import numpy as np

from al_bench.core.loop import Evaluate, Parts, Round, answered, trained
from al_bench.core.problem import Problem
from al_bench.core.state import Answers, Ints, Learner, State, Supervision


class ProxySelection:
    """The rows that the same run with another learner queried (point evaluation).

    learner, supervision: the proxy, which is the learner of the run that queried, and that run's
    training rule (null: this run's); every: train and measure after every so many of its rounds and
    at the end (null: only at the end)."""

    def __init__(
        self, learner: Learner, supervision: Supervision | None, every: int | None
    ) -> None:
        if every is not None and every < 1:
            raise ValueError(f"proxy_selection.every is {every}; wanted null or at least 1")
        self.learner, self.supervision, self.every = learner, supervision, every

    def rounds(
        self, log: Sequence[Round], parts: Parts, problem: Problem, seed: int, done: int = 0
    ) -> Iterator[Round]:
        """Yield a round for each point of a finished run's log, from the one numbered `done` on. A
        point queries all rows queried since the last point. The proxy is fitted in every round as
        in its own run, since some training rules read the model that chose the rows."""
        relabel, number = parts.protocol.allow_relabel, 0
        state = State.start(problem.pool, problem.annotator_pool, relabel)
        since: list[Round] = []  # the rounds after the last point
        for past in log:
            answers = answers_of_rounds([past])
            if problem.table[answers.rows, answers.annotators].tolist() != past.answers:
                raise ValueError(
                    f"round {past.round} of the proxy run has other answers than this problem"
                )
            state = answered(state, answers, parts.label_model, seed, past.round)
            since = [*since, past]
            if self.is_point(past.round, len(log) - 1):
                if number >= done:
                    began, now = perf_counter(), state
                    if past.round > 0:
                        now = trained(state, parts.supervision, parts.learner, seed, past.round)
                    yield measured_point(number, since, now, problem, parts.evaluate, began)
                number, since = number + 1, []
            if 0 < past.round < len(log) - 1:
                rule = self.supervision or parts.supervision
                state = trained(state, rule, self.learner, seed, past.round)

    def is_point(self, number: int, last: int) -> bool:
        """Whether a round of the log is measured: round 0, each `every`-th, and the last."""
        return number in (0, last) or (self.every is not None and number % self.every == 0)


def measured_point(
    number: int,
    since: Sequence[Round],
    now: State,
    problem: Problem,
    evaluate: Evaluate,
    began: float,
) -> Round:
    """The point with this number: all queries of some rounds, and the metrics of the model now."""
    fitted = perf_counter()
    answers = answers_of_rounds(since)
    metrics, recall = evaluate(now, problem, answers.rows)
    seconds = {"select": 0.0, "fit": fitted - began, "evaluate": perf_counter() - fitted}
    return Round(
        number,
        answers.rows.tolist(),
        answers.classes.tolist(),
        sum(past.oracle_calls for past in since),
        metrics,
        recall,
        seconds,
        problem.own_ids(answers.rows),
        [] if problem.annotator_pool is None else answers.annotators.tolist(),
        sum(past.cost for past in since),
    )


def answers_of_rounds(rounds: Sequence[Round]) -> Answers:
    """All answers of some rounds, in order; a single annotator has number 0."""

    def flat(values: Iterable[Sequence[int]]) -> Ints:
        return np.fromiter(chain.from_iterable(values), dtype=np.int64)

    return Answers(
        flat(past.queried for past in rounds),
        flat(past.annotators or [0] * len(past.queried) for past in rounds),
        flat(past.answers for past in rounds),
    )
