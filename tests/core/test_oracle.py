"""Several annotators in the loop: who is asked, what is paid, and what nobody may know."""

from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest

from al_bench.core.loop import Parts, Round, active_learning
from al_bench.core.metrics import evaluate
from al_bench.core.oracle import Oracle, occurrence_groups
from al_bench.core.problem import Problem
from al_bench.core.state import (
    ABSENT,
    AnnotationCost,
    AnnotatorPool,
    Floats,
    Ints,
    Protocol,
    State,
    Strategy,
)
from al_bench.crowd import AtRandom, Majority
from al_bench.data.protocol import Counts, Priced
from al_bench.strategies.random import Random
from al_bench.strategies.uncertainty import Margin
from al_bench.testing.situations import make_table, people_of
from tests.core.test_loop import Centroids, Hard
from tests.pools import small_problem

COUNTS = Counts(start=10, budget=12, rounds=3, feedback="within_batch")
ANSWERS = Priced(COUNTS, model=0.1, again=0.5)


def asked_problem(seed: int = 0, identified: bool = True, here: float = 0.8) -> Problem:
    """Five annotators, who have answers to most rows."""
    problem = small_problem(seed)
    table = make_table(problem.truth, 4, here, seed)
    return replace(problem, answers=table, annotator_pool=people_of(table, identified))


def run(
    strategy: Strategy,
    problem: Problem,
    protocol: Protocol = ANSWERS,
    done: list[Round] | None = None,
) -> list[Round]:
    asking = (Majority(), AtRandom())
    parts = Parts(Random(), strategy, Hard(), Centroids(), protocol, evaluate, *asking)
    return list(active_learning(parts, problem, 0, done or []))


def science(rounds: list[Round]) -> list[dict[str, object]]:
    return [{k: v for k, v in asdict(r).items() if k != "seconds"} for r in rounds]


class Twice:
    """Half of the batch, each row twice."""

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        free = state.unlabelled[state.available[state.unlabelled].sum(axis=1) > 1]
        return np.repeat(rng.permutation(free)[: budget // 2], 2)


class OneByOne:
    """Queries as it goes, and remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Iterator[Ints]:
        for row in rng.permutation(state.queryable)[:budget]:
            answers = yield np.array([row])
            self.heard += answers.tolist()


def test_a_panel_of_one_gives_what_a_single_annotator_gives() -> None:
    alone = small_problem()
    table = alone.answers[:, None]
    nobody = np.zeros(1, dtype=bool)
    annotator_pool = AnnotatorPool(("one",), table != ABSENT, np.ones(1), nobody, identified=True)
    shared = replace(alone, answers=table, annotator_pool=annotator_pool)
    for one, other in zip(run(Margin(), alone, COUNTS), run(Margin(), shared, COUNTS), strict=True):
        for same in ("queried", "answers", "recall"):
            assert getattr(one, same) == getattr(other, same)
        assert one.metrics.items() <= other.metrics.items()
        assert (one.annotators, other.annotators) == ([], [0] * len(other.queried))
        assert one.cost == other.cost == len(one.queried)


def test_every_answer_is_that_of_whom_it_was_bought_from_and_nobody_is_asked_twice() -> None:
    problem = asked_problem()
    rounds = run(Twice(), problem)
    told = [
        (row, who, said)
        for r in rounds
        for row, who, said in zip(r.queried, r.annotators, r.answers, strict=True)
    ]
    assert len({(row, who) for row, who, _ in told}) == len(told) == 46
    assert all(problem.answers[row, who] == said for row, who, said in told)
    assert min(said for *_, said in told) >= 0


def test_unbought_answers_change_nothing() -> None:
    for strategy in (Margin(), Twice()):
        problem = asked_problem()
        rounds = run(strategy, problem)
        poisoned = (problem.answers + 1) % 4
        poisoned[problem.answers == ABSENT] = ABSENT
        for r in rounds:
            poisoned[r.queried, r.annotators] = problem.answers[r.queried, r.annotators]
        again = run(strategy, replace(problem, answers=poisoned))
        told = ("queried", "annotators", "answers", "recall", "cost")
        assert [[getattr(r, t) for t in told] for r in rounds] == [
            [getattr(r, t) for t in told] for r in again
        ]


def test_a_resumed_run_is_the_run() -> None:
    problem = asked_problem()
    whole = run(Twice(), problem)
    for cut in (1, 2, 4):
        assert science(run(Twice(), problem, done=whole[:cut])) == science(whole[cut:])


def test_a_log_of_other_annotators_is_refused() -> None:
    problem = asked_problem(here=1.0)
    whole = run(Margin(), problem)
    swapped = [(who + 1) % 5 for who in whole[1].annotators]
    for others in (swapped, [9] * len(swapped)):
        with pytest.raises(ValueError, match="log's round 1 has other rows or answers"):
            run(Margin(), problem, done=[whole[0], replace(whole[1], annotators=others)])


def test_places_are_bought_in_their_order() -> None:
    problem = asked_problem(identified=False, here=1.0)
    rounds = run(Twice(), problem)
    seen: dict[int, int] = {}
    for r in rounds:
        for row, who in zip(r.queried, r.annotators, strict=True):
            assert who == seen.get(row, 0)
            seen[row] = who + 1
    assert max(seen.values()) == 2


def test_a_strategy_that_queries_as_it_goes_hears_whom_it_asked() -> None:
    strategy = OneByOne()
    rounds = run(strategy, asked_problem())
    assert strategy.heard == [said for r in rounds[2:] for said in r.answers]
    assert [r.oracle_calls for r in rounds[2:]] == [12, 12, 12]


def test_answers_cost_what_the_tariff_says() -> None:
    problem = asked_problem(here=1.0)
    assert problem.annotator_pool is not None
    had: set[int] = set()
    for r in run(Twice(), problem):
        cost = 0.0
        for row, who in zip(r.queried, r.annotators, strict=True):
            again = 0.5 if row in had else 1.0
            had.add(row)
            cost += (
                0.1
                if problem.annotator_pool.is_model[who]
                else problem.annotator_pool.prices[who] * again
            )
        assert r.cost == pytest.approx(cost)
    for price in ("human", "model", "again"):
        with pytest.raises(
            ValueError, match=f"the annotation_cost has {price}=0; wanted a price above 0"
        ):
            AnnotationCost(**{price: 0})


def test_a_survey_buys_an_answer_about_every_row_first() -> None:
    problem = asked_problem(here=1.0)
    rounds = run(Twice(), problem, Priced(COUNTS, survey=True))
    assert sorted(rounds[1].queried) == list(range(120))
    assert len(rounds) == 6


def test_asking_more_often_than_is_allowed_or_there_are_answers_is_refused() -> None:
    with pytest.raises(ValueError, match="Twice returned 12 rows \\(6 distinct\\)"):
        run(Twice(), asked_problem(here=1.0), Priced(COUNTS, allow_relabel=False))

    class Always:
        def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
            return np.zeros(budget, dtype=np.int64)

    with pytest.raises(ValueError, match="Always queried row 0, about which nobody is left to ask"):
        run(Always(), asked_problem(here=1.0))


class Wrong:
    """Names whomever it is told to, and a wrong number of them if it is to."""

    def __init__(self, who: int, more: int = 0) -> None:
        self.who, self.more = who, more

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        return np.full(len(rows) + self.more, self.who)


def test_an_annotator_selection_names_somebody_who_can_be_asked() -> None:
    problem = asked_problem()
    state = State.start(problem.pool, problem.annotator_pool, allow_relabel=True)
    row = np.flatnonzero(problem.answers[:, 2] == ABSENT)[:1]
    rng = np.random.default_rng(0)
    for annotator_selection, said in (
        (Wrong(2), f"named annotator 3 for row {row[0]}, who cannot be asked about it"),
        (Wrong(5), "an annotator outside 0..4"),
        (Wrong(0, more=1), r"named \(2,\) annotators for 1 rows"),
    ):
        with pytest.raises(ValueError, match=said):
            Oracle(problem.table, problem.annotator_pool, annotator_selection).ask(state, row, rng)


def test_waves_are_first_second_and_further_times() -> None:
    assert [w.tolist() for w in occurrence_groups(np.array([4, 7, 4, 4, 9, 7]))] == [
        [0, 1, 4],
        [2, 5],
        [3],
    ]
    assert [w.tolist() for w in occurrence_groups(np.array([3, 1]))] == [[0, 1]]


def test_metrics_say_how_good_the_consensus_is() -> None:
    problem = asked_problem(here=1.0)
    last = run(Twice(), problem)[-1]
    rounds = run(Twice(), problem)
    votes: dict[int, list[int]] = {}
    for r in rounds:
        for row, said in zip(r.queried, r.answers, strict=True):
            votes.setdefault(row, []).append(said)
    sure = {row: said[0] for row, said in votes.items() if len(set(said)) == 1}
    assert last.metrics["labelled_rows"] == len(votes)
    right = sum(problem.truth[row] == said for row, said in sure.items())
    assert (
        right <= len(votes) * last.metrics["consensus_accuracy"] <= right + len(votes) - len(sure)
    )
    models = sum(who == 0 for r in rounds for who in r.annotators)
    assert last.metrics["model_answers"] == models


def test_ties_of_a_consensus_fall_at_random() -> None:
    problem = asked_problem(here=1.0)
    rows, classes = np.zeros(2, dtype=np.int64), np.array([1, 3])
    state = State.start(problem.pool, problem.annotator_pool, allow_relabel=True)
    state = state.tell(rows, classes, np.array([0, 1]))
    made = Majority().infer(state, np.random.default_rng(0))
    labels = {int(state.agreed(made, np.random.default_rng(s)).labels[0]) for s in range(20)}
    assert labels == {1, 3}
    probs: Floats = made.probs
    assert probs[0].tolist() == [0, 0.5, 0, 0.5]
