"""Point evaluation: the rows that one learner asked, taught to another, dearer one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np

from al_bench.loop import Evaluate, Round, teach
from al_bench.state import Learner, Problem, State, Supervision


class Replay:
    """The rows that the same run with another learner asked (point evaluation).

    learner, supervision: of the run that asked, its proxy and its training rule (null: the one of
    this run); every: teach and measure after each so many of its rounds and at the end (null: at
    the end alone).
    """

    def __init__(
        self, learner: Learner, supervision: Supervision | None, every: int | None
    ) -> None:
        if every is not None and every < 1:
            raise ValueError(f"replay.every is {every}; wanted null or at least 1")
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

        A point asks all that was asked since the last one. The proxy is fitted in every round as
        it was, so that training rules that read the model which chose the rows find it; a point's
        numbers do not depend on which other points there are. ValueError where the log does not
        hold this problem's answers.
        """
        state, number = State.start(problem.pool), 0
        since: list[Round] = []  # the rounds after the last point
        for past in log:
            asked = np.array(past.asked, dtype=np.int64)
            if problem.answers[asked].tolist() != past.answers:
                raise ValueError(
                    f"round {past.round} of the run to replay has other answers than this annotator"
                )
            state, since = state.tell(asked, problem.answers[asked]), [*since, past]
            if self.is_point(past.round, len(log) - 1):
                if number >= done:
                    began, taught = perf_counter(), state
                    if past.round > 0:
                        taught = teach(state, supervision, learner, seed, past.round)
                    yield measured(number, since, taught, problem, evaluate, began)
                number, since = number + 1, []
            if 0 < past.round < len(log) - 1:
                rule = self.supervision or supervision
                state = teach(state, rule, self.learner, seed, past.round)

    def is_point(self, number: int, last: int) -> bool:
        """Whether a round of the log is measured: the prior alone, each `every`-th, the last."""
        return number in (0, last) or (self.every is not None and number % self.every == 0)


def measured(
    number: int,
    since: Sequence[Round],
    taught: State,
    problem: Problem,
    evaluate: Evaluate,
    began: float,
) -> Round:
    """The point of this number: all that some rounds asked, and what the model now knows."""
    fitted = perf_counter()
    asked = [row for past in since for row in past.asked]
    answers = [answer for past in since for answer in past.answers]
    metrics, recall = evaluate(taught, problem, np.array(asked, dtype=np.int64))
    seconds = {"select": 0.0, "fit": fitted - began, "evaluate": perf_counter() - fitted}
    trips = sum(past.trips for past in since)
    return Round(number, asked, answers, trips, metrics, recall, seconds)
