"""Rules that mix doubt and diversity choose what their slow, plain versions choose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from al_bench.strategies.alfa_mix import AlfaMix
from al_bench.strategies.badge import Badge
from al_bench.strategies.bait import Bait
from al_bench.strategies.cal import Cal
from al_bench.strategies.cluster_margin import ClusterMargin
from al_bench.strategies.common.ranking import top
from al_bench.strategies.vessal import one_pass, projected
from tests.conftest import FixedModel, make_state
from tests.pools import Table, clustering, generator, pool_of, states
from tests.reference import alfa_mix, badge, bait, cluster_margin, vessal
from tests.reference import cal as cal_reference

pytestmark = pytest.mark.usefixtures("small_blocks")

# --- The same choices as the plain versions -------------------------------------------------------


def test_badge_draws_what_plain_badge_draws() -> None:
    for seed, state in states(n=50, d=6, seeds=15):
        features, probs = state.rows.features, state.probs
        expected = badge.select(features, probs, state.labels, 15, generator(seed))
        assert np.array_equal(Badge().select(state, 15, generator(seed)), expected)


@pytest.mark.parametrize("form", ["binary", "isotropic", "exact"])
def test_bait_chooses_what_plain_traces_choose(form: str) -> None:
    for seed, state in states(n=30, d=3, seeds=9):
        information = getattr(bait, form)
        expected = bait.select(
            state.rows.features, state.probs, state.labels, 5, generator(seed), information, 0.5, 2
        )
        rule = Bait(form, ridge=0.5, oversample=2.0, limit=20)
        assert set(rule.select(state, 5, generator(seed))) == set(expected)


def test_cluster_margin_chooses_what_plain_cluster_margin_chooses() -> None:
    for seed, state in states(n=28, d=4, seeds=9):
        expected = cluster_margin.select(
            state.rows.features, state.probs, state.labels, 5, generator(seed), 3, top
        )
        rule = ClusterMargin(factor=3, sample=1000)
        assert np.array_equal(rule.select(state, 5, generator(seed)), expected)


def test_alfa_mix_finds_the_flips_that_mixing_and_predicting_finds() -> None:
    for seed, state in states(n=60, d=5, seeds=12):
        rng, model = generator(seed), state.model
        assert isinstance(model, FixedModel)
        budget = (4, 40)[seed % 2]
        expected = alfa_mix.select(
            state.rows.features,
            state.labels,
            model.weight,
            model.bias,
            budget,
            rng,
            clustering(state, rng),
            0.05,
        )
        assert np.array_equal(AlfaMix(step=0.05).select(state, budget, generator(seed)), expected)


def test_cal_scores_are_the_mean_divergences_of_neighbours() -> None:
    for _, state in states(n=50, d=5, seeds=9):
        expected = cal_reference.score(state.rows.features, state.probs, state.labels, 4)
        np.testing.assert_allclose(Cal(neighbours=4).score(state), expected, atol=2e-6)


def test_vessal_keeps_what_a_row_by_row_pass_keeps() -> None:
    for seed in range(30):
        rng = generator(seed)
        sketch = rng.standard_normal((70, 5)) * rng.exponential(size=(70, 1))
        luck = rng.random(70)
        expected = vessal.one_pass(sketch, luck, 0.1, 12)
        assert np.array_equal(one_pass(sketch, luck, 0.1, 12), expected)


def test_vessal_projections_keep_inner_products_of_gradients_on_average() -> None:
    state = make_state(n=12, d=4, k=3, labelled=3)[0]
    sketch = projected(state, np.arange(12), 20000, generator())
    gradient = badge.gradients(state.rows.features, state.probs)
    expected = gradient @ gradient.T
    np.testing.assert_allclose(sketch @ sketch.T, expected, atol=0.1 * expected.max())


# --- Behaviour that the papers promise ------------------------------------------------------------


def test_badge_starts_with_the_longest_gradient_and_shuns_the_certain() -> None:
    state = make_state(n=60, d=5, k=3, labelled=6, seed=8)[0]
    norms = (badge.gradients(state.rows.features, state.probs) ** 2).sum(axis=1)
    chosen = Badge().select(state, 10, generator())
    assert chosen[0] == state.unlabelled[norms[state.unlabelled].argmax()]
    assert norms[chosen].mean() > norms[state.unlabelled].mean()


def test_exact_bait_refuses_problems_beyond_its_limit() -> None:
    with pytest.raises(ValueError, match="3 classes times 5 features to be at most 14"):
        Bait("exact", 1.0, 2.0, limit=14).select(make_state(n=30, d=5, k=3)[0], 3, generator())


def test_isotropic_bait_is_exact_for_two_classes() -> None:
    for seed in range(5):
        state = make_state(n=60, d=5, k=2, labelled=8, seed=seed)[0]
        batches = [
            set(Bait(form, 0.5, 2.0, limit=20).select(state, 7, generator(seed)).tolist())
            for form in ("isotropic", "exact")
        ]
        assert batches[0] == batches[1]


def test_only_isotropic_bait_asks_the_unsure_where_no_class_has_half_of_the_probability() -> None:
    """The binary question is whether a row is of its likeliest class: most open at one half."""
    points = np.tile(np.eye(4, dtype=np.float32), (20, 1))
    sure = np.linspace(0.12, 0.45, 80)
    probs = np.c_[sure, np.repeat((1 - sure)[:, None] / 9, 9, axis=1)]
    state = replace(pool_of(points, k=10), model=FlatHead(probs))
    mean = {
        form: sure[Bait(form, 1.0, 2.0, 999).select(state, 8, generator())].mean()
        for form in ("binary", "isotropic", "exact")
    }
    assert mean["binary"] > 0.4
    assert mean["isotropic"] < 0.2
    assert mean["exact"] < sure.mean()


class FlatHead(Table):
    """Given probabilities, from a linear head that the features are read by."""

    weight, bias = np.zeros((10, 4)), np.zeros(10)


def test_cluster_margin_takes_small_clusters_first() -> None:
    group = np.repeat([0, 1, 2], [30, 6, 3])
    points = np.eye(3)[group] + 0.02 * generator().standard_normal((39, 3))
    state = pool_of(points.astype(np.float32), k=3)
    chosen = ClusterMargin(factor=13, sample=1000).select(state, 3, generator())
    assert group[chosen].tolist() == [2, 1, 0]


def test_cal_prefers_a_row_that_contradicts_its_neighbours() -> None:
    points = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 1]]
    probs = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]])
    state = replace(pool_of(points, k=2), model=Table(probs))
    state = state.tell(np.array([0, 3]), np.array([0, 1]))
    assert Cal(neighbours=1).select(state, 1, generator()).tolist() == [2]
