"""Codecision: where a class in need of labels may be, and what one more answer is worth."""

import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.belief.belief import AveragedBelief
from al_bench.core.state import UNLABELLED, Floats, Ints, Rows, State, TrainingSet
from al_bench.strategies.codecision import (
    Codecision,
    CodecisionAgain,
    needy_batch,
    soft_counts,
)
from al_bench.testing.asking import make_asked
from al_bench.testing.situations import Situation
from tests.conftest import FixedModel, make_state
from tests.reference import belief as slow


def belief() -> AveragedBelief:
    return AveragedBelief(l2=4.0, prior_exponents=(0.0,))


def codecision() -> Codecision:
    return Codecision(belief())


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(n: int, k: int, seed: int) -> Floats:
    scores = np.exp(2 * random(seed).normal(size=(n, k)))
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_greedy_batch_equals_the_slow_version(power: float) -> None:
    beliefs, value, counts = table(40, 4, 0), random(1).random(40), np.array([9.0, 3, 0, 1])
    fast = needy_batch(value, beliefs, counts, power, 15)
    assert fast.tolist() == slow.needy_batch(value, beliefs.tolist(), counts, power, 15)
    assert counts.tolist() == [9, 3, 0, 1]


def test_soft_counts_are_the_targets_of_annotated_rows_alone() -> None:
    state, _ = make_state(n=30, k=3, labelled=2)
    rows = np.concatenate([state.labelled, state.unlabelled[:5]])
    targets = np.tile(np.array([0.5, 0.3, 0.2]), (7, 1))
    assert_allclose(soft_counts(state), state.counts)
    taught = replace(state, training=TrainingSet(rows, targets, np.ones(7)))
    assert_allclose(soft_counts(taught), [1.0, 0.6, 0.4])


def test_beliefs_of_the_training_rule_are_used_where_it_leaves_some() -> None:
    state, _ = make_state(n=60, k=3, labelled=12)
    told = np.full((60, 3), 0.0)
    told[:, 0] = 1.0
    wanted = state.unlabelled[5]
    told[wanted] = [0, 0, 1]  # the only row of the class that has no label
    targets = np.tile([0.5, 0.5, 0.0], (12, 1))
    taught = TrainingSet(state.labelled, targets, np.ones(12), told)
    flat = FixedModel(np.zeros((3, 8)), np.zeros(3))
    picked = codecision().select(replace(state, training=taught, model=flat), 1, random())
    assert picked.tolist() == [wanted]


def test_margin_decides_between_rows_of_equal_need() -> None:
    prior = np.full((50, 2), 0.5, dtype=np.float32)
    features = np.linspace(-2, 2, 50, dtype=np.float32)[:, None]
    labels = np.full(50, UNLABELLED)
    labels[[0, 49]] = [0, 1]
    taught = TrainingSet(np.array([0, 49]), np.eye(2), np.ones(2), prior)
    model = FixedModel(np.array([[-1.0], [1.0]]), np.zeros(2))
    state = State(Rows(range(50), features, prior), labels, model, taught)
    assert sorted(codecision().select(state, 2, random())) == [24, 25]


@pytest.mark.parametrize("value", ["margin", "none"])
def test_a_batch_is_greedy_in_margin_times_need(value: str) -> None:
    for seed in range(3):
        state = make_state(n=40, d=5, k=3, labelled=9, seed=seed)[0]
        targets = np.eye(3)[state.labels[state.labelled]]
        left = TrainingSet(state.labelled, targets, np.ones(len(targets)), table(40, 3, seed))
        state, rows = replace(state, training=left), state.unlabelled
        low, high = np.sort(state.probs[rows], axis=1).T[-2:]
        worth = 1 - (high - low) if value == "margin" else np.ones(len(rows))
        beliefs = table(40, 3, seed)[rows].tolist()
        wanted = rows[slow.needy_batch(worth, beliefs, state.counts.astype(float), 0.5, 6)]
        picked = Codecision(belief(), value).select(state, 6, random(seed))
        assert sorted(picked.tolist()) == sorted(wanted.tolist())


def test_a_large_pool_takes_seconds() -> None:
    n, k = 50_000, 100
    beliefs = np.full((n, k), 0.001, dtype=np.float32)
    beliefs[np.arange(n), np.arange(n) % k] = 0.901
    began = time.perf_counter()
    needy_batch(random().random(n), beliefs, np.ones(k), 0.5, 100)
    assert time.perf_counter() - began < 3


def again(most: float = 0.25) -> CodecisionAgain:
    return CodecisionAgain(belief(), most=most)


def torn_and_settled(asked: Situation) -> tuple[State, Ints, Ints]:
    """The state, believing half of its labelled rows to be of one class and torn over the rest."""
    state = asked.state
    rows = np.intersect1d(state.labelled, state.queryable)
    beliefs = np.tile(np.array([0.4, 0.3, 0.2, 0.1]), (len(state.labels), 1))
    settled, torn = rows[::2], rows[1::2]
    beliefs[settled] = [0.97, 0.01, 0.01, 0.01]
    beliefs[torn] = [0.26, 0.25, 0.25, 0.24]
    everything = np.arange(len(beliefs))
    taught = TrainingSet(everything, beliefs, np.ones(len(beliefs)), beliefs)
    return replace(state, training=taught), settled, torn


def test_one_more_answer_is_for_rows_that_are_torn() -> None:
    state, settled, torn = torn_and_settled(make_asked("half are torn"))
    chosen = again().select(state, 12, random())
    assert len(chosen) == len(set(chosen.tolist())) == 12
    assert np.isin(chosen, torn).sum() == 3  # a quarter of the batch
    assert not np.isin(chosen, settled).any()


def test_where_nothing_is_asked_again_it_is_codecision() -> None:
    state, *_ = torn_and_settled(make_asked("rows that are asked about once", allow_relabel=False))
    assert again().select(state, 12, random()).tolist() == (
        codecision().select(state, 12, random()).tolist()
    )


def test_where_no_row_is_new_old_ones_fill_the_batch() -> None:
    asked = make_asked("an answer about every row", n=24, labelled=24, most=2)
    chosen = again().select(asked.state, 10, random())
    assert len(set(chosen.tolist())) == 10
