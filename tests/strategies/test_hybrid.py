"""Rules that mix doubt and diversity choose what their slow, plain versions choose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from al_bench.state import Ints
from al_bench.strategies import bait as bait_module
from al_bench.strategies.alfa_mix import AlfaMix
from al_bench.strategies.badge import Badge, one_pass, projected
from al_bench.strategies.bait import Bait
from al_bench.strategies.cal import Cal
from al_bench.strategies.clustered import ClusterMargin
from al_bench.strategies.common.ranking import top
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


@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("weighting", ["published", "counts"])
def test_bait_chooses_what_plain_traces_choose(
    weighting: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, state in states(n=30, d=3, seeds=9):
        monkeypatch.setattr(bait_module, "PENDING", (0, 20, 256)[seed % 3])
        expected = bait.select(
            *(state.rows.features, state.probs, state.labels, 5, generator(seed)),
            *(classes, 0.1, weighting, 2),
        )
        rule = Bait(classes, ridge=0.1, weighting=weighting, oversample=2.0, limit=9)
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


def test_bait_reads_principal_components_where_all_features_are_too_many() -> None:
    """Of features that lie in a plane nothing is lost: the same batch as with room for all."""
    state = make_state(n=40, d=2, k=3, labelled=6, seed=5)[0]
    wide = state.rows.features @ np.linalg.qr(generator().standard_normal((5, 5)))[0][:2]
    spanned = replace(state, rows=replace(state.rows, features=wide), model=FlatHead(state.probs))
    batches = [
        set(Bait(3, 0.1, "counts", 2.0, limit).select(spanned, 5, generator()).tolist())
        for limit in (15, 8)
    ]
    assert batches[0] == batches[1]
    with pytest.raises(ValueError, match="limit=2; wanted at least the number of classes, 3"):
        Bait(3, 0.1, "counts", 2.0, limit=2).select(spanned, 5, generator())


def test_bait_asks_the_unsure_even_where_no_class_has_half_of_the_probability() -> None:
    points = np.tile(np.eye(4, dtype=np.float32), (20, 1))
    sure = np.linspace(0.12, 0.45, 80)
    probs = np.c_[sure, np.repeat((1 - sure)[:, None] / 9, 9, axis=1)]
    state = replace(pool_of(points, k=10), model=FlatHead(probs))
    chosen = Bait(10, 1.0, "counts", 2.0, 999).select(state, 8, generator())
    assert sure[chosen].mean() < sure.mean()


def test_bait_leaves_a_smaller_trace_than_random_batches() -> None:
    state = make_state(n=60, d=4, k=3, labelled=9, seed=2)[0]
    seen = zip(state.probs, state.rows.features, strict=True)
    fisher = [bait.information(p, h, 3) for p, h in seen]

    def trace(batch: Ints) -> float:
        inside = sum((fisher[i] for i in [*state.labelled, *batch]), 0.1 * np.eye(12))
        return float(np.trace(np.linalg.inv(inside) @ sum(fisher)))

    rivals = [trace(generator(s).choice(state.unlabelled, 8, replace=False)) for s in range(20)]
    assert trace(Bait(3, 0.1, "counts", 2.0, 99).select(state, 8, generator())) < min(rivals)


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
