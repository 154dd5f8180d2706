"""Whom to ask: plainly, by skill, by price, by class."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.problem import accuracies
from al_bench.core.state import ABSENT, AnnotatorPool, Consensus, Ints, State
from al_bench.crowd import BySkill, InTurn, KnownSkill, ModelFirst, Only
from al_bench.testing.situations import make_pool

K = 4


def state_of(
    right: list[list[float]],
    asked: list[list[float]],
    prices: list[float] | None = None,
    models: list[bool] | None = None,
    n: int = 200,
) -> State:
    """A state in which so many answers of each annotator were right, by true class."""
    rows, _ = make_pool(n=n, k=K)
    count = len(right)
    annotator_pool = AnnotatorPool(
        tuple(f"a{number}" for number in range(count)),
        np.ones((n, count), dtype=bool),
        np.array(prices or [1.0] * count),
        np.array(models or [False] * count),
        identified=True,
    )
    state = State.start(rows, annotator_pool, allow_relabel=True)
    probs = np.full((1, K), 1 / K)
    made = Consensus(np.zeros(1, dtype=np.int64), probs, np.array(right), np.array(asked))
    return replace(state, consensus=made, labels=np.where(np.arange(n) == 0, 0, state.labels))


def shares(state: State, annotator_selection: object, rows: Ints | None = None) -> np.ndarray:
    rows = np.arange(1, len(state.labels)) if rows is None else rows
    who = annotator_selection.assign(state, rows, np.random.default_rng(0))  # type: ignore[attr-defined]
    return np.bincount(who, minlength=len(state.annotator_pool or ())) / len(rows)


EVEN = [[10.0] * K, [10.0] * K, [10.0] * K]


@pytest.mark.parametrize("rule", ["thompson", "ucb"])
def test_the_skilled_are_asked(rule: str) -> None:
    state = state_of([[9.5] * K, [6.0] * K, [2.0] * K], EVEN)
    found = shares(state, BySkill(rule))
    assert found[0] > 0.95
    assert found[2] == 0


def test_who_was_hardly_asked_is_tried() -> None:
    state = state_of([[8.0] * K, [0.0] * K], [[10.0] * K, [0.0] * K])
    assert 0.05 < shares(state, BySkill(width=1.0))[1] < 0.6
    assert shares(state, BySkill("ucb", width=3.0))[1] == 1


def test_a_dear_annotator_must_be_worth_it() -> None:
    state = state_of([[9.5] * K, [8.5] * K], EVEN[:2], prices=[5.0, 1.0])
    assert shares(state, BySkill())[0] > 0.9
    assert shares(state, BySkill(per_cost=True))[1] > 0.99


def test_who_knows_a_class_is_asked_about_its_rows() -> None:
    first, second = [10.0, 10.0, 1.0, 1.0], [1.0, 1.0, 10.0, 10.0]
    state = state_of([first, second], EVEN[:2])
    classes = state.rows.prior.argmax(axis=1)
    sure = state.rows.prior.max(axis=1) > 0.9
    for c in range(K):
        rows = np.flatnonzero((classes == c) & sure)[:20]
        assert shares(state, BySkill(by_class=True), rows)[int(c > 1)] > 0.9


def test_models_come_first_and_people_after() -> None:
    state = state_of(EVEN, EVEN, models=[False, True, False])
    assert shares(state, ModelFirst())[1] == 1
    again = shares(state, ModelFirst(), np.zeros(1, dtype=np.int64))
    assert again[1] == 0
    assert shares(state, Only(models=True))[1] == 1
    people = shares(state, Only(models=False))
    assert people[1] == 0
    assert 0.3 < people[0] < 0.7


def test_where_nobody_liked_is_left_the_others_are_asked() -> None:
    state = state_of(EVEN, EVEN, models=[False, True, False])
    state = state.tell(np.array([5]), np.array([1]), np.array([1]))
    who = Only(models=True).assign(state, np.array([5]), np.random.default_rng(0))
    assert who[0] in (0, 2)


def test_in_turn_passes_over_whom_it_cannot_ask() -> None:
    state = state_of(EVEN, EVEN)
    assert state.annotator_pool is not None
    free = state.annotator_pool.has_answer.copy()
    free[10:14, 1] = False
    state = replace(state, annotator_pool=replace(state.annotator_pool, has_answer=free))
    who = InTurn().assign(state, np.arange(10, 16), np.random.default_rng(0))
    assert who.tolist() == [0, 2, 2, 0, 1, 2]


def test_the_upper_reference_knows_who_is_good() -> None:
    state = state_of(EVEN, EVEN)
    _, truth = make_pool(n=200, k=K)
    table = np.stack([(truth + 1) % K, truth, np.full(200, ABSENT)], axis=1)
    known = KnownSkill(per_cost=False)
    assert known.reads_truth
    assert shares(state, known.given(accuracies(truth, table)))[1] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [({"rule": "best"}, "rule='best'; wanted one of thompson, ucb"), ({"right": 0}, "right=0")],
)
def test_a_rule_that_is_none_is_refused(change: dict[str, object], said: str) -> None:
    plain = {"rule": "ucb", "right": 1, "wrong": 1, "width": 1, "by_class": 0, "per_cost": 0}
    with pytest.raises(ValueError, match=said):
        BySkill(**(plain | change))  # type: ignore[arg-type]
