"""GALAXY and DIRECT do what their papers say, with and without noise in the answers they hear."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.arithmetic import margin
from al_bench.state import UNLABELLED
from al_bench.strategies.common.lines import descending
from al_bench.strategies.direct import Direct, shrink, threshold
from al_bench.strategies.galaxy import Galaxy
from al_bench.strategies.uncertainty import Margin
from tests.pools import Given, golden_pool, random_state, rare_fraction, run
from tests.reference import direct as plain_direct
from tests.reference import galaxy as plain_galaxy

# --- GALAXY ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_galaxy_asks_what_the_published_graph_algorithm_allows(seed):
    k = 2 + seed % 3
    state, answers = random_state(40, k, 3 + seed % 7, seed)
    queried, _ = run(Galaxy(1), state, 25, answers, seed)
    fitting = set(range(k))  # starts of the round-robin that explain all questions so far
    known = list(state.labelled)
    for step, row in enumerate(queried):
        legal = [row in plain_galaxy.allowed(state.probs, answers, known, c) for c in range(k)]
        fitting = {start for start in fitting if legal[(start + step) % k]}
        known.append(row)
    assert fitting


def test_galaxy_balances_a_separable_pool_near_the_boundary():
    fraction, mean_margin = rare_fraction(Galaxy(1), "separable", 0.0)
    assert 0.35 <= fraction <= 0.55
    assert mean_margin < 0.2
    assert (
        rare_fraction(Margin(), "separable", 0.0)[0] < 0.15
    )  # the pool is one margin cannot balance


def test_galaxy_finds_most_rare_rows_where_classes_overlap():
    assert 0.65 <= rare_fraction(Galaxy(1), "overlap", 0.0)[0] <= 0.9
    assert rare_fraction(Margin(), "overlap", 0.0)[0] > 0.9  # here the model's doubt points at them


@pytest.mark.parametrize("noise", [0.1, 0.2])
@pytest.mark.parametrize("kind", ["separable", "overlap"])
def test_galaxy_collapses_under_visible_noise(kind, noise):
    assert rare_fraction(Galaxy(1), kind, noise)[0] < 0.15


def test_galaxy_recognises_cuts_of_either_orientation():
    state, _, answers = golden_pool("separable", 0.0, 0)
    probs = state.probs
    mirrored = (probs.max() - probs) / (probs.max() - probs).sum(axis=1, keepdims=True)
    turned = replace(state, model=Given(mirrored))
    queried, _ = run(Galaxy(1), turned, 100, answers)
    assert np.mean(answers[queried] != 2) > 0.2  # not the random fallback, which would find 6 %


def test_galaxy_spends_the_turns_of_classes_never_answered_at_random():
    state, _, answers = golden_pool("separable", 0.0, 1)
    blind = replace(state, labels=np.where(state.labels == 2, 2, UNLABELLED))
    queried, oracle_calls = run(Galaxy(1), blind, 60, np.full_like(answers, 2))
    assert oracle_calls == 60
    assert abs(margin(state.probs[queried]).mean() - margin(state.probs).mean()) < 0.12


def test_galaxy_asks_a_chunk_a_trip_and_bisects_around_withheld_answers():
    state, truth, answers = golden_pool("separable", 0.0, 2)
    queried, oracle_calls = run(Galaxy(8), state, 100, answers)
    assert oracle_calls == 13
    assert np.mean(truth[queried] != 2) > 0.3
    hidden, _ = run(Galaxy(1), state, 100, answers, reveal="batch")
    assert margin(state.probs[hidden]).mean() < 0.2  # without answers it still stays in the gaps
    again, _ = run(Galaxy(1), state, 100, np.zeros_like(answers), reveal="batch")
    assert np.array_equal(hidden, again)  # and depends on nothing it was not told


# --- DIRECT ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(16))
def test_direct_chooses_what_its_plain_version_chooses(seed):
    rng = np.random.default_rng(seed)
    k, budget = 2 + seed % 3, int(rng.integers(1, 45))
    state, answers = random_state(60, k, int(rng.integers(0, 25)), seed)
    state = state.hide(rng.choice(60, 5, replace=False))
    fraction, parallel, minimum = rng.choice([0.5, 0.8, 1.0]), 1 + seed % 3, (1, 10)[seed % 2]
    queried, oracle_calls = run(Direct(fraction, parallel, minimum), state, budget, answers, seed)
    from al_bench.rng import rng as named

    expected, expected_trips = plain_direct.select(
        *(state.probs, state.labels, answers, budget, fraction, parallel, minimum),
        named(seed, "strategy", 2),
    )
    assert set(queried) == set(expected)
    assert oracle_calls == expected_trips


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("parallel", [1, 5])
def test_direct_balances_a_separable_pool_with_and_without_visible_noise(parallel, noise):
    fraction, mean_margin = rare_fraction(Direct(0.5, parallel, 1), "separable", noise)
    assert 0.3 < fraction < 0.55
    assert mean_margin < 0.2


@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.75), (0.1, 0.6), (0.2, 0.55)])
@pytest.mark.parametrize("parallel", [1, 5])
def test_direct_finds_most_rare_rows_where_classes_overlap(parallel, noise, least):
    assert least < rare_fraction(Direct(0.5, parallel, 1), "overlap", noise)[0] < 0.9


def test_direct_in_trips_of_many_rows_loses_to_visible_noise_but_not_without_it():
    assert rare_fraction(Direct(0.5, 20, 1), "overlap", 0.0)[0] > 0.75
    for noise in (0.1, 0.2):
        assert 0.3 < rare_fraction(Direct(0.5, 20, 1), "overlap", noise)[0] < 0.5


def test_direct_spends_exactly_its_budget_even_where_an_interval_runs_out():
    state, answers = random_state(300, 3, 250, 0)
    for budget in (1, 2, 3, 7, 49, 50, 80):
        queried, _ = run(Direct(0.5, 4, 60), state, budget, answers)
        assert len(queried) == min(budget, 50)


def test_direct_puts_its_threshold_in_the_middle_of_a_plateau():
    rng = np.random.default_rng(0)
    assert threshold(np.array([9, 20]), np.array([1, -1]), 100, rng) == 15  # cuts 10..20
    assert threshold(np.array([40]), np.array([-1]), 100, rng) == 20
    assert threshold(np.array([40]), np.array([1]), 100, rng) in (70, 71)
    assert threshold(np.array([], int), np.array([], int), 100, rng) == 50
    noisy = np.array([2, 5, 9, 20, 30]), np.array([-1, 1, 1, -1, -1])
    assert threshold(*noisy, 100, rng) == 15  # the early false negative does not move it


def test_direct_needs_neither_recursion_nor_quadratic_time_for_long_searches():
    state, _, answers = golden_pool("overlap", 0.2, 0)
    queried, oracle_calls = run(Direct(1.0, 1, 5000), state, 1500, answers)
    assert len(queried) == 1500
    assert oracle_calls > 1000  # one row an oracle call
    spots, signs = np.arange(0, 40_000, 20), np.tile([1, -1], 1000)
    low, high = shrink(spots, signs, 0, 40_000, 1, np.random.default_rng(0))
    assert high - low <= 3


def test_direct_serves_the_rarest_classes_first_when_each_needs_a_minimum():
    state, _, _ = golden_pool("overlap", 0.0, 0)
    rarest = int(np.argmin(state.counts))
    choice = Direct(0.5, 50, 50).select(state, 100, np.random.default_rng(0))
    first = next(choice)
    assert len(first) == 50
    assert state.probs[first, rarest].mean() > state.probs[:, rarest].mean()


def test_direct_without_answers_in_between_asks_in_the_same_places():
    state, _, answers = golden_pool("separable", 0.0, 0)
    hidden, _ = run(Direct(0.5, 5, 1), state, 100, answers, reveal="batch")
    again, _ = run(Direct(0.5, 5, 1), state, 100, 2 - answers, reveal="batch")
    assert np.array_equal(hidden, again)
    assert margin(state.probs[hidden]).mean() < 0.35


def test_descending_orders_like_a_stable_argsort():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=500), np.zeros(50), [1, -1, 1, -1, 0.5]])
    scores = scores.astype(np.float32)
    assert np.array_equal(descending(scores), np.argsort(-scores, kind="stable"))
