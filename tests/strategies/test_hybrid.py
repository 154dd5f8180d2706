"""Rules that mix doubt and diversity choose what their slow, plain versions choose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from al_bench.strategies import bait as bait_module
from al_bench.strategies.badge import Badge, projected
from al_bench.strategies.bait import Bait
from al_bench.strategies.cal import Cal
from al_bench.strategies.clustered import ClusterMargin
from al_bench.strategies.common.ranking import top
from al_bench.strategies.flips import AlfaMix
from tests.conftest import FixedModel, make_state
from tests.pools import Table, clustering, generator, states
from tests.reference import alfa_mix, badge, bait, cluster_margin
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
    monkeypatch.setattr(bait_module, "STRIP", 7)
    monkeypatch.setattr(bait_module, "COLUMNS", 2)
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


def test_vessal_projections_keep_inner_products_of_gradients_on_average() -> None:
    state = make_state(n=12, d=4, k=3, labelled=3)[0]
    sketch = projected(state, np.arange(12), 20000, generator())
    gradient = badge.gradients(state.rows.features, state.probs)
    expected = gradient @ gradient.T
    np.testing.assert_allclose(sketch @ sketch.T, expected, atol=0.1 * expected.max())


# --- Behaviour that the papers promise ------------------------------------------------------------


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


class FlatHead(Table):
    """Given probabilities, from a linear head that the features are read by."""

    weight, bias = np.zeros((10, 4)), np.zeros(10)
