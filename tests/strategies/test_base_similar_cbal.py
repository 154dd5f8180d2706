"""BASE, SIMILAR and CBAL do what their papers say."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.state import UNLABELLED, Floats, State
from al_bench.strategies.base import boundary_distances
from al_bench.strategies.cbal import relaxed
from al_bench.strategies.similar import FLCG, FLQMI
from tests.conftest import make_state
from tests.pools import configured, random_state
from tests.reference import base as plain_base
from tests.reference import cbal as plain_cbal
from tests.reference import ranking
from tests.reference import similar as plain_similar

# --- BASE -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_base_measures_and_chooses_as_its_plain_version(seed):
    state, _ = make_state(n=40, k=4, labelled=8, seed=seed)
    weight, bias = np.random.default_rng(seed).normal(size=(4, 8)), np.arange(4) / 10
    state = replace(state, model=replace_head(state, weight, bias))
    distances = boundary_distances(state, np.arange(40))
    expected = plain_base.distances(state.rows.features, weight, bias)
    np.testing.assert_allclose(distances, expected, rtol=1e-4)
    queried = configured("base").select(state, 14, np.random.default_rng(seed))
    order = np.random.default_rng(seed).permutation(4)
    chosen = plain_base.select(*(state.rows.features, weight, bias, state.unlabelled, 14), order)
    assert set(queried) == set(chosen)


def replace_head(state: State, weight: Floats, bias: Floats):
    return type(state.model)(weight, bias)


def test_base_reads_a_model_without_a_head_through_its_log_probabilities():
    state, _ = random_state(30, 3, 5, 0)
    expected = plain_base.distances(np.log(state.probs), np.eye(3), np.zeros(3))
    np.testing.assert_allclose(boundary_distances(state, np.arange(30)), expected, rtol=1e-4)


# --- SIMILAR --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_similar_maximises_its_objectives_greedily(seed):
    state, _ = random_state(30, 3, 9, seed)
    grads = plain_similar.gradients(state.probs, state.rows.features, state.labels)
    ground, private = list(state.unlabelled), list(state.labelled)
    rare = state.counts < state.counts.mean()
    query = [row for row in private if rare[state.labels[row]]] if rare.any() else private
    queried = FLQMI("labels", 100, 0.7).select(state, 6, np.random.default_rng(seed))
    assert plain_similar.is_greedy(
        queried, lambda batch: plain_similar.flqmi(grads, batch, query, 0.7), ground
    )
    queried = FLCG(100, 0.9).select(state, 6, np.random.default_rng(seed))
    assert plain_similar.is_greedy(
        queried, lambda batch: plain_similar.flcg(grads, batch, ground, private, 0.9), ground
    )


def test_similar_is_random_exactly_while_no_rare_class_is_answered():
    state, truth = make_state(n=300, k=3, labelled=60)
    labels = np.full(300, UNLABELLED)
    labels[np.flatnonzero(truth == 0)[:20]] = 0
    alone, strategy = replace(state, labels=labels), FLQMI("labels", 50, 1.0)
    one, two = (strategy.select(alone, 50, np.random.default_rng(s)) for s in (0, 1))
    assert len(np.intersect1d(one, two)) < 25
    labels[np.flatnonzero(truth == 2)[:5]] = 2  # guards on the wrong axis would miss this
    found = replace(state, labels=labels)
    one, two = (strategy.select(found, 50, np.random.default_rng(s)) for s in (0, 1))
    assert set(one) == set(two)
    assert np.mean(truth[one] == 2) > 2 * np.mean(truth == 2)


# --- CBAL -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_cbal_bounds_the_best_batch_and_its_rounding_is_close(seed):
    state, _ = random_state(16, 3, 4, seed)
    probs = state.probs[state.unlabelled].astype(float)
    wanted = np.maximum((4 + 4) / 3 - state.counts, 0)
    cost = -np.array([ranking.entropy(row) for row in probs])
    best = plain_cbal.best(probs, wanted, 0.6, 4)
    for columns in (1, 3):  # one column generation or the whole pool: the same optimum
        fractions = relaxed(cost, probs, wanted, 0.6, 4, columns)
        assert fractions.sum() == pytest.approx(4)
        assert np.count_nonzero((fractions > 1e-9) & (fractions < 1 - 1e-9)) <= 4
        value = float(fractions @ cost + 0.6 * np.abs(fractions @ probs - wanted).sum())
        assert value <= best + 1e-9
    queried = configured("cbal").select(state, 4, np.random.default_rng(0))
    at = np.searchsorted(state.unlabelled, queried)
    assert plain_cbal.objective(at, probs, wanted, 0.6) <= best + 0.6
