"""Codecision: where a class in need of labels may be, and what one more answer is worth."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.belief.belief import AveragedBelief
from al_bench.core.state import UNLABELLED, Floats, Ints, Rows, State, TrainingSet
from al_bench.strategies.codecision import (
    Codecision,
    CodecisionAgain,
    soft_counts,
)
from al_bench.testing.situations import Situation, make_asked
from tests.conftest import FixedModel, make_state


def belief() -> AveragedBelief:
    return AveragedBelief(l2=4.0, prior_exponents=(0.0,))


def codecision(factor: int = 1, value: str = "margin") -> Codecision:
    return Codecision(belief(), value, 0.5, factor)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(n: int, k: int, seed: int) -> Floats:
    scores = np.exp(2 * random(seed).normal(size=(n, k)))
    return scores / scores.sum(axis=1, keepdims=True)


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


def taught_state(state: State, seed: int) -> State:
    """The state after a training rule that left its beliefs."""
    targets = np.eye(3)[state.labels[state.labelled]]
    taught = TrainingSet(state.labelled, targets, np.ones(len(targets)), table(40, 3, seed))
    return replace(state, training=taught)


def test_the_clusters_are_of_as_many_times_the_budget_rows_of_the_largest_scores() -> None:
    for seed in range(5):
        state = taught_state(make_state(n=40, d=5, k=3, labelled=9, seed=seed)[0], seed)
        low, high = np.sort(state.probs[state.unlabelled], axis=1).T[-2:]
        assert state.training is not None
        assert state.training.beliefs is not None
        need = (1 + soft_counts(state)) ** -0.5
        scores = (1 - (high - low)) * (state.training.beliefs[state.unlabelled] @ need)
        best = state.unlabelled[np.argsort(-scores)]
        picked = codecision(factor=3).select(state, 4, random(seed))
        assert len(set(picked.tolist())) == 4
        assert set(picked.tolist()) <= set(best[:12].tolist())
        alone = codecision(factor=3).select(state, 1, random(seed))
        assert alone[0] in best[:3]


def test_of_every_cluster_the_row_nearest_to_the_mean_weighed_by_scores_is_queried() -> None:
    here, there = np.array([0.0, 0.1, 0.3, 0.4, 0.5]), 2.0 + np.array([0.0, 0.1, 0.2, 0.4, 0.9])
    angles = np.concatenate([[-1.0, -1.1], here, there])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    beliefs = np.full((12, 2), [1.0, 0.0], dtype=np.float32)
    beliefs[[6, 11]] = [0.0, 1.0]  # of a class in need: they weigh more
    labels = np.full(12, UNLABELLED)
    labels[:2] = 0
    taught = TrainingSet(np.arange(2), np.array([[400.0, 0], [400.0, 0]]), np.ones(2), beliefs)
    even = FixedModel(np.zeros((2, 2)), np.zeros(2))
    state = State(Rows(range(12), features, beliefs), labels, even, taught)
    weights = np.where(beliefs[:, 1] == 1, 1.0, 801**-0.5)[2:, None]
    expected = []
    for rows in (np.arange(2, 7), np.arange(7, 12)):
        mean = (weights[rows - 2] * features[rows]).sum(axis=0) / weights[rows - 2].sum()
        expected.append(rows[np.square(features[rows] - mean).sum(axis=1).argmin()])
    plain = [rows[np.square(features[rows] - features[rows].mean(axis=0)).sum(axis=1).argmin()]
             for rows in (np.arange(2, 7), np.arange(7, 12))]  # fmt: skip
    assert expected != plain
    for seed in range(5):
        picked = codecision(factor=5).select(state, 2, random(seed))
        assert sorted(picked.tolist()) == expected


def again(most: float = 0.25, factor: int = 1) -> CodecisionAgain:
    return CodecisionAgain(belief(), "margin", 0.5, factor, 4.0, most)


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


@pytest.mark.parametrize("factor", [1, 3])
def test_one_more_answer_is_for_rows_that_are_torn(factor: int) -> None:
    state, settled, torn = torn_and_settled(make_asked("half are torn"))
    chosen = again(factor=factor).select(state, 12, random())
    assert len(chosen) == len(set(chosen.tolist())) == 12
    assert np.isin(chosen, torn).sum() == 3  # a quarter of the batch
    assert not np.isin(chosen, settled).any()


@pytest.mark.parametrize("factor", [1, 3])
def test_where_nothing_is_asked_again_it_is_codecision(factor: int) -> None:
    state, *_ = torn_and_settled(make_asked("rows that are asked about once", allow_relabel=False))
    assert again(factor=factor).select(state, 12, random()).tolist() == (
        codecision(factor=factor).select(state, 12, random()).tolist()
    )


@pytest.mark.parametrize("factor", [1, 3])
def test_where_no_row_is_new_old_ones_fill_the_batch(factor: int) -> None:
    asked = make_asked("an answer about every row", n=24, labelled=24, most=2)
    chosen = again(factor=factor).select(asked.state, 10, random())
    assert len(set(chosen.tolist())) == 10
