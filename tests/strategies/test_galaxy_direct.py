"""GALAXY and DIRECT do what their papers say, with and without noise in the answers they hear."""

import numpy as np
import pytest

from al_bench.core.arrays import margin
from al_bench.strategies.direct import Direct, shrink
from al_bench.strategies.galaxy import Galaxy, descending
from al_bench.strategies.uncertainty import Margin
from tests.pools import golden_pool, random_state, rare_fraction, run
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


def test_galaxy_asks_a_chunk_a_trip_and_bisects_around_withheld_answers():
    state, truth, answers = golden_pool("separable", 0.0, 2)
    queried, oracle_calls = run(Galaxy(8), state, 100, answers)
    assert oracle_calls == 13
    assert np.mean(truth[queried] != 2) > 0.3
    hidden, _ = run(Galaxy(1), state, 100, answers, feedback="after_batch")
    assert margin(state.probs[hidden]).mean() < 0.2  # without answers it still stays in the gaps
    again, _ = run(Galaxy(1), state, 100, np.zeros_like(answers), feedback="after_batch")
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
    from al_bench.core.rng import rng as named

    expected, expected_trips = plain_direct.select(
        *(state.probs, state.labels, answers, budget, fraction, parallel, minimum),
        named(seed, "strategy", 2),
    )
    assert set(queried) == set(expected)
    assert oracle_calls == expected_trips


def test_direct_needs_neither_recursion_nor_quadratic_time_for_long_searches():
    state, _, answers = golden_pool("overlap", 0.2, 0)
    queried, oracle_calls = run(Direct(1.0, 1, 5000), state, 1500, answers)
    assert len(queried) == 1500
    assert oracle_calls > 1000  # one row an oracle call
    spots, signs = np.arange(0, 40_000, 20), np.tile([1, -1], 1000)
    low, high = shrink(spots, signs, 0, 40_000, 1, np.random.default_rng(0))
    assert high - low <= 3


@pytest.mark.parametrize(
    ("rule", "kind", "noise", "least", "most"),
    [
        (Margin(), "separable", 0.0, 0.0, 0.15),  # a pool that margin cannot balance
        (Galaxy(1), "separable", 0.0, 0.35, 0.55),
        (Galaxy(1), "overlap", 0.0, 0.65, 0.9),
        (Galaxy(1), "separable", 0.1, 0.0, 0.15),  # it collapses under visible noise
        (Galaxy(1), "overlap", 0.2, 0.0, 0.15),
        (Direct(0.5, 1, 1), "separable", 0.0, 0.3, 0.55),
        (Direct(0.5, 5, 1), "separable", 0.2, 0.3, 0.55),
        (Direct(0.5, 5, 1), "overlap", 0.0, 0.75, 0.9),
        (Direct(0.5, 1, 1), "overlap", 0.2, 0.55, 0.9),
        (Direct(0.5, 20, 1), "overlap", 0.2, 0.3, 0.5),  # oracle calls of many rows
    ],
)
def test_rare_rows_are_a_fraction_of_a_batch_as_the_papers_say(rule, kind, noise, least, most):
    assert least <= rare_fraction(rule, kind, noise) <= most


def test_descending_orders_like_a_stable_argsort():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=500), np.zeros(50), [1, -1, 1, -1, 0.5]])
    scores = scores.astype(np.float32)
    assert np.array_equal(descending(scores), np.argsort(-scores, kind="stable"))
