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
        proxy_rule = self.supervision or supervision
        state, points, since, trips = State.start(problem.pool), 0, 0, 0
        asked = np.concatenate([np.array(past.asked, dtype=np.int64) for past in log])
        said = np.concatenate([np.array(past.answers, dtype=np.int64) for past in log])
        if not np.array_equal(problem.answers[asked], said):
            raise ValueError("the run to replay holds other answers than this problem's annotator")
        for past, bought in zip(log, np.cumsum([len(past.asked) for past in log]), strict=True):
            rows = np.array(past.asked, dtype=np.int64)
            state, trips = state.tell(rows, problem.answers[rows]), trips + past.trips
            if self.is_point(past.round, len(log) - 1):
                if points >= done:
                    began = perf_counter()
                    taught = state
                    if past.round > 0:
                        taught = teach(state, supervision, learner, seed, past.round)
                    fitted, new = perf_counter(), asked[since:bought]
                    metrics, recall = evaluate(taught, problem, new)
                    seconds = {"select": 0.0, "fit": fitted - began}
                    seconds["evaluate"] = perf_counter() - fitted
                    answers = said[since:bought].tolist()
                    yield Round(points, new.tolist(), answers, trips, metrics, recall, seconds)
                points, since, trips = points + 1, int(bought), 0
            if 0 < past.round < len(log) - 1:
                state = teach(state, proxy_rule, self.learner, seed, past.round)

    def is_point(self, number: int, last: int) -> bool:
        """Whether a round of the log is measured: the prior alone, each `every`-th, the last."""
        return number in (0, last) or (self.every is not None and number % self.every == 0)
