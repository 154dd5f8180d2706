"""Selection via proxy (Coleman et al., 2020): a cheap learner's queries train a dearer one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np

from al_bench.loop import Evaluate, Round, trained
from al_bench.state import Learner, State, Supervision
from al_bench.truth import Problem


class ProxySelection:
    """The rows that the same run with another learner queried (point evaluation).

    learner, supervision: of the run that queried, its proxy and its training rule (null: the one of
    this run); every: train and measure after each so many of its rounds and at the end (null: at
    the end alone).
    """

    def __init__(
        self, learner: Learner, supervision: Supervision | None, every: int | None
    ) -> None:
        if every is not None and every < 1:
            raise ValueError(f"proxy_selection.every is {every}; wanted null or at least 1")
        self.learner, self.supervision, self.every = learner, supervision, every

    def rounds(
        self,
        log: Sequence[Round],
        problem: Problem,
        supervision: Supervision,
        learner: Learner,
        evaluate: Evaluate,
        seed: int,
        done: int,
    ) -> Iterator[Round]:
        """Yield a round for each point of a finished run's log, from the one numbered `done` on.

        A point asks all that was queried since the last one. The proxy is fitted in every round as
        it was, so that training rules that read the model which chose the rows find it; a point's
        numbers do not depend on which other points there are. ValueError where the log does not
        hold this problem's answers.
        """
        state, number = State.start(problem.pool), 0
        since: list[Round] = []  # the rounds after the last point
        for past in log:
            queried = np.array(past.queried, dtype=np.int64)
            if problem.answers[queried].tolist() != past.answers:
                raise ValueError(
                    f"round {past.round} of the proxy run has other answers than this annotator"
                )
            state, since = state.tell(queried, problem.answers[queried]), [*since, past]
            if self.is_point(past.round, len(log) - 1):
                if number >= done:
                    began, now = perf_counter(), state
                    if past.round > 0:
                        now = trained(state, supervision, learner, seed, past.round)
                    yield measured(number, since, now, problem, evaluate, began)
                number, since = number + 1, []
            if 0 < past.round < len(log) - 1:
                rule = self.supervision or supervision
                state = trained(state, rule, self.learner, seed, past.round)

    def is_point(self, number: int, last: int) -> bool:
        """Whether a round of the log is measured: the prior alone, each `every`-th, the last."""
        return number in (0, last) or (self.every is not None and number % self.every == 0)


def measured(
    number: int,
    since: Sequence[Round],
    now: State,
    problem: Problem,
    evaluate: Evaluate,
    began: float,
) -> Round:
    """The point of this number: all that some rounds queried, and what the model now knows."""
    fitted = perf_counter()
    queried = np.array([row for past in since for row in past.queried], dtype=np.int64)
    answers = [answer for past in since for answer in past.answers]
    metrics, recall = evaluate(now, problem, queried)
    seconds = {"select": 0.0, "fit": fitted - began, "evaluate": perf_counter() - fitted}
    oracle_calls = sum(past.oracle_calls for past in since)
    rows, ids = queried.tolist(), problem.own_ids(queried)
    return Round(number, rows, answers, oracle_calls, metrics, recall, seconds, ids)
