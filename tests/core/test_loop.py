"""The loop: what is queried, told, trained on and yielded, and what a strategy can know."""

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pytest

from al_bench.core.loop import Parts, Round, active_learning
from al_bench.core.metrics import evaluate
from al_bench.core.problem import Problem
from al_bench.core.rng import rng
from al_bench.core.state import HIDDEN, UNLABELLED, Ints, Protocol, Rows, State, TrainingSet
from al_bench.data.protocol import Budget, Counts, Started, WholePool
from al_bench.strategies.random import Random
from al_bench.strategies.uncertainty import Margin
from al_bench.testing.situations import SoftmaxModel, make_pool
from tests.pools import small_problem

PROTOCOL = Counts(start=10, budget=10, rounds=4, feedback="within_batch")


class Hard:
    """Human labels only."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        rows = state.labelled
        return TrainingSet(rows, np.eye(state.n_classes)[state.labels[rows]], np.ones(len(rows)))


class Centroids:
    """A learner made of weighted class means; it remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[TrainingSet] = []

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> SoftmaxModel:
        self.given.append(training)
        mass = training.targets.sum(axis=0)
        weight = training.targets.T @ rows.features[training.rows] / np.maximum(mass, 1)[:, None]
        return SoftmaxModel(weight, np.log(np.maximum(mass, 1e-3)))


def run(
    strategy: Any,
    done: Sequence[Round] = (),
    seed: int = 0,
    protocol: Protocol = PROTOCOL,
    supervision: Any = None,
    problem: Problem | None = None,
) -> list[Round]:
    rule = supervision or Hard()
    parts = Parts(Random(), strategy, rule, Centroids(), protocol, evaluate)
    return list(active_learning(parts, problem or small_problem(), seed, done))


def science(rounds: list[Round]) -> list[dict[str, object]]:
    return [{k: v for k, v in asdict(r).items() if k != "seconds"} for r in rounds]


def test_round_zero_is_the_prior_alone_and_round_one_the_start() -> None:
    rounds = run(Margin())
    assert [r.round for r in rounds] == [0, 1, 2, 3, 4, 5]
    assert [len(r.queried) for r in rounds] == [0, 10, 10, 10, 10, 10]
    assert rounds[0].metrics["balanced_accuracy"] == rounds[0].metrics["prior_balanced_accuracy"]


def test_answers_make_the_model_better_than_guessing_on_rows_it_never_saw() -> None:
    last = run(Margin())[-1].metrics
    assert last["balanced_accuracy"] > 0.75  # four classes, a fifth of the answers wrong


def test_strategies_share_start_and_first_model_at_one_seed() -> None:
    one, other = run(Margin()), run(Random())
    assert science(one)[:2] == science(other)[:2]
    assert one[2].queried != other[2].queried
    assert one[1].queried != run(Margin(), seed=1)[1].queried


def test_no_row_is_queried_twice_and_answers_are_the_annotators() -> None:
    rounds, told = run(Margin()), small_problem().answers
    queried = [row for r in rounds for row in r.queried]
    assert len(set(queried)) == len(queried) == 50
    for r in rounds:
        assert r.answers == told[r.queried].tolist()


def test_a_round_says_the_datas_own_ids_of_its_rows() -> None:
    names = np.array([f"u{119 - row}" for row in range(120)])
    for round in run(Margin(), problem=replace(small_problem(), ids=names)):
        assert round.ids == [f"u{119 - row}" for row in round.queried]
    assert [round.ids for round in run(Margin())] == [[]] * 6


@pytest.mark.parametrize("cut", range(7))
def test_a_run_cut_after_any_round_goes_on_as_if_it_had_not_been(cut: int) -> None:
    whole = run(Margin())
    assert science(whole[:cut] + run(Margin(), whole[:cut])) == science(whole)


class ByTheModel:
    """A training rule that believes the model before it as much as the annotator."""

    def training_set(self, state: State, rng: np.random.Generator) -> TrainingSet:
        rows = state.labelled
        targets = np.eye(state.n_classes)[state.labels[rows]] + state.probs[rows]
        return TrainingSet(rows, targets / 2, np.ones(len(rows)))


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_cut_run_goes_on_as_it_was_where_the_training_rule_reads_the_model(cut: int) -> None:
    whole = run(Margin(), supervision=ByTheModel())
    rest = run(Margin(), whole[:cut], supervision=ByTheModel())
    assert science(whole[:cut] + rest) == science(whole)


@dataclass
class Bisecting:
    """Queries four rows an oracle call and remembers the replies."""

    replies: list[Ints]

    def select(
        self, state: State, budget: int, rng: np.random.Generator
    ) -> Generator[Ints, Ints, Ints]:
        left = state.unlabelled[:budget]
        for start in range(0, budget - 4, 4):
            self.replies.append((yield left[start : start + 4]))
        return left[budget - budget % 4 - (4 if budget % 4 == 0 else 0) :]


def test_in_batch_answers_are_given_or_withheld_and_oracle_calls_counted() -> None:
    told = small_problem().answers
    for feedback in ("within_batch", "after_batch"):
        strategy = Bisecting([])
        protocol = Counts(start=10, budget=10, rounds=1, feedback=feedback)
        last = run(strategy, protocol=protocol)[-1]
        assert last.oracle_calls == (3 if feedback == "within_batch" else 1)
        assert len(last.queried) == 10
        given = np.concatenate(strategy.replies)
        if feedback == "within_batch":
            assert given.tolist() == told[last.queried[:8]].tolist()
        else:
            assert (given == UNLABELLED).all()


class Stuck:
    def __init__(self, rows: list[int]) -> None:
        self.rows = rows

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        return np.array(self.rows)


def test_a_wrong_choice_is_refused_in_one_sentence() -> None:
    for rows, said in (
        ([1, 2, 3], "Stuck returned 3 rows for a budget of 10"),
        ([0] * 10, r"Stuck returned 10 rows \(1 distinct\) for a budget of 10"),
        (list(range(990, 1000)), "outside 0..119"),
        (run(Margin())[1].queried, "labelled already"),
    ):
        with pytest.raises(ValueError, match=said):
            run(Stuck(rows))


@dataclass
class Peeking:
    """Queries the whole pool at once, to keep what it likes."""

    heard: list[Ints]

    def select(
        self, state: State, budget: int, rng: np.random.Generator
    ) -> Generator[Ints, Ints, Ints]:
        self.heard.append((yield state.unlabelled))
        return state.unlabelled[:0]


def test_no_answer_is_given_beyond_the_budget() -> None:
    strategy = Peeking([])
    with pytest.raises(ValueError, match="Peeking returned 110 rows"):
        run(strategy)
    assert strategy.heard == []


def test_a_budget_beyond_the_pool_is_refused_before_anything_is_queried() -> None:
    protocol = Counts(start=100, budget=10, rounds=4, feedback="after_batch")
    with pytest.raises(ValueError, match="asks for 140 rows; the pool has 120"):
        run(Peeking([]), protocol=protocol)


def test_the_state_holds_no_truth_and_no_answer_that_was_not_queried() -> None:
    seen: list[State] = []

    class Watching:
        def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
            seen.append(state)
            return state.unlabelled[:budget]

    rounds = run(Watching())
    assert set(vars(seen[0])) <= {
        "rows", "labels", "model", "training", "labelled", "unlabelled", "counts", "probs",
        "answers", "annotator_pool", "consensus", "allow_relabel", "available", "remaining",
        "queryable",
    }  # fmt: skip
    labelled = [row for r in rounds[:2] for row in r.queried]
    assert sorted(np.flatnonzero(seen[0].labels != UNLABELLED)) == sorted(labelled)
    assert seen[0].answers.rows.tolist() == labelled


def test_telling_and_hiding_make_new_states() -> None:
    state = State.start(make_pool()[0])
    told = state.tell(np.array([3]), np.array([2]))
    hidden = told.hide(np.array([3, 4]))
    assert state.labels[3] == UNLABELLED
    assert (told.labels[3], hidden.labels[3], hidden.labels[4]) == (2, 2, HIDDEN)
    assert 4 not in hidden.unlabelled
    assert told.counts.tolist() == [0, 0, 1, 0]


def test_named_streams_are_independent_and_repeatable() -> None:
    draws = {
        (seed, purpose, number): tuple(rng(seed, purpose, number).integers(0, 2**31, 4))
        for seed in (0, 1)
        for purpose in ("noise", "imbalance")
        for number in (0, 1)
    }
    assert len(set(draws.values())) == 8
    assert draws[0, "noise", 0] == tuple(rng(0, "noise").integers(0, 2**31, 4))


def test_budgets_fit_the_pool_in_rounds_as_equal_as_whole_numbers_are() -> None:
    budget = Budget(per_class=40, fraction=0.15, rounds=10, feedback="after_batch")
    assert budget.sizes(n=100_000, k=6) == [24] * 10
    assert sum(budget.sizes(n=1000, k=6)) == 150
    assert sum(Budget(None, 0.2, 7, "after_batch").sizes(n=999, k=3)) == 199
    assert set(Budget(None, 0.2, 7, "after_batch").sizes(n=999, k=3)) == {28, 29}
    assert WholePool().sizes(n=55, k=3) == [55]
    with pytest.raises(ValueError, match="3 labels for 10 rounds"):
        budget.sizes(n=20, k=6)


def test_a_start_of_its_own_is_followed_by_equal_rounds_up_to_the_whole_fraction() -> None:
    protocol = Started(start=0.02, fraction=0.2, rounds=20, feedback="after_batch")
    assert protocol.sizes(n=1000, k=6) == [20] + [9] * 20
    assert sum(protocol.sizes(n=5452, k=6)) == 1090
    with pytest.raises(ValueError, match=r"1 labels for the start and 9 for 20 rounds"):
        protocol.sizes(n=50, k=6)
    with pytest.raises(ValueError, match=r"start=0.2, fraction=0.2; wanted 0 < start"):
        Started(start=0.2, fraction=0.2, rounds=20, feedback="after_batch")
