"""Rules that cover the pool choose what their slow, plain versions choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans

from al_bench.core.state import Floats, Ints, State
from al_bench.strategies.badge import Badge
from al_bench.strategies.clustered import Centroid, TypiClust
from al_bench.strategies.common import distances
from al_bench.strategies.common.distances import kmeans, sklearn_kmeans, unit_rows
from al_bench.strategies.coverage import CoreSet, MaxHerding, ProbCover, UHerding
from al_bench.strategies.flips import DropQuery
from tests.conftest import FixedModel, make_state
from tests.pools import clustering, generator, pool_of, states
from tests.reference import badge, centroid, coreset, dropquery, herding, probcover, typiclust

pytestmark = pytest.mark.usefixtures("small_blocks")

CLUSTERS = {  # the library's own, for a reference: rows of a pool and how many -> (n,) numbers
    "scikit_learn": lambda state, rng: (
        lambda rows, count: sklearn_kmeans(unit_rows(state.rows.features, rows), count, rng)
    ),
    "two_passes": lambda state, rng: lambda rows, count: clustering(state, rng)(rows, count)[0],
}

# --- The same choices as the plain versions -------------------------------------------------------


def test_coreset_chooses_what_plain_k_centre_greedy_chooses() -> None:
    for seed, state in states(n=50, d=6, seeds=15):
        expected = coreset.select(state.rows.features, state.labels, 12, generator(seed))
        assert np.array_equal(CoreSet().select(state, 12, generator(seed)), expected)


def test_centroid_takes_the_row_nearest_to_each_centre() -> None:
    for seed, state in states(n=60, d=6, seeds=12):
        rng = generator(seed)
        expected = centroid.select(
            state.rows.features, state.labels, 9, rng, clustering(state, rng)
        )
        assert np.array_equal(Centroid().select(state, 9, generator(seed)), expected)


@pytest.mark.parametrize("clusters", ["scikit_learn", "two_passes"])
@pytest.mark.parametrize("density", ["unlabelled", "cluster"])
def test_typiclust_chooses_what_plain_typiclust_chooses(density: str, clusters: str) -> None:
    for seed, state in states(n=60, d=4, seeds=18):
        rng = generator(seed)
        rule = TypiClust(5, 8, 6, clusters, density)
        expected = typiclust.select(
            *(state.rows.features, state.labels, 27, rng, CLUSTERS[clusters](state, rng)),
            *(5, 8, 6, density),
        )
        assert np.array_equal(rule.select(state, 27, generator(seed)), expected)


@pytest.mark.parametrize("count", [7, 60])
def test_scikit_learns_own_clusters_are_no_looser_than_two_passes(count: int) -> None:
    points = make_state(n=1500, d=6, seed=4)[0].rows.features
    loose, tight = (
        np.mean([spread_of(points, cluster(points, count, generator(seed))) for seed in range(4)])
        for cluster in (lambda *given: kmeans(*given)[0], sklearn_kmeans)
    )
    assert tight < loose


@pytest.mark.parametrize("weighted", [False, True])
def test_lloyd_in_large_pools_ends_where_scikit_learns_ends(weighted: bool) -> None:
    points = make_state(n=1500, d=6, k=5, seed=4)[0].rows.features.astype(np.float64)
    seeds = points[generator().permutation(1500)[:40]]
    weights = generator(1).random(1500) if weighted else None
    method = KMeans(40, init=seeds, n_init=1, tol=0).fit(points, sample_weight=weights)
    assigned, centres = distances.lloyd(points, seeds, weights)
    assert method.n_iter_ > 10
    assert np.array_equal(assigned, method.labels_)
    np.testing.assert_allclose(centres, method.cluster_centers_)


def test_lloyd_that_is_cut_short_assigns_rows_to_its_last_centres(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = make_state(n=300, d=4, seed=4)[0].rows.features
    monkeypatch.setattr(distances, "MOST", 2)
    assigned, centres = distances.lloyd(points, points[:20])
    assert np.array_equal(assigned, distances.assign(points, centres))


def test_large_pools_are_clustered_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    points = make_state(n=600, d=6, seed=4)[0].rows.features.astype(np.float64)
    small = kmeans(points, 12, generator())[0]
    monkeypatch.setattr(distances, "LARGE", 0)
    assert np.array_equal(kmeans(points, 12, generator())[0], small)


def spread_of(points: Floats, assigned: Ints) -> float:
    """The sum of squared distances to the means of clusters."""
    members = [points[assigned == cluster] for cluster in np.unique(assigned)]
    return float(sum(np.sum((own - own.mean(axis=0)) ** 2) for own in members))


def test_probcover_chooses_what_plain_probcover_chooses() -> None:
    for seed, state in states(n=36, d=4, seeds=9):
        rng = generator(seed)
        rule = ProbCover(radius=None, purity=0.9, sample=1000)
        expected = probcover.select(
            state.rows.features, state.labels, 12, rng, clustering(state, rng), 3, 0.9
        )
        assert np.array_equal(rule.select(state, 12, generator(seed)), expected)


@pytest.mark.parametrize("width", [0.3, 1.0])
def test_maxherding_chooses_what_plain_greedy_coverage_chooses(width: float) -> None:
    for seed, state in states(n=30, d=5, seeds=6):
        expected = herding.select(
            state.rows.features, state.labels, 6, generator(seed), width, np.ones(30)
        )
        rule = MaxHerding(width=width, sample=1000)
        assert np.array_equal(rule.select(state, 6, generator(seed)), expected)


def test_uherding_chooses_what_plain_weighted_coverage_chooses() -> None:
    for seed, state in states(n=30, d=5, seeds=9):
        width = herding.smallest_gap(state.rows.features, state.labels)
        doubts = herding.uncertainty(state.probs, 2.0)
        expected = herding.select(
            state.rows.features, state.labels, 6, generator(seed), width, doubts
        )
        rule = UHerding(temperature=2.0, sample=1000)
        assert np.array_equal(rule.select(state, 6, generator(seed)), expected)


@pytest.mark.parametrize("space", ["standardised", "unit"])
def test_dropquery_chooses_what_plain_dropquery_chooses(
    space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distances.blocks, "__defaults__", (4096,))  # draws go block by block
    for seed, state in states(n=70, d=6, seeds=12):
        rng, model = generator(seed), state.model
        assert isinstance(model, FixedModel)
        unit = space == "unit" or not len(state.labelled)
        expected = dropquery.select(
            *(state.rows.features, state.labels, model.weight, model.bias, (4, 30)[seed % 2], rng),
            clustering(state, rng) if unit else normalised_clusters(state, rng, 0.5),
            *(3, 0.5, 3, space),
        )
        rule = DropQuery(passes=3, rate=0.5, factor=3, space=space, lloyd=True)
        assert np.array_equal(rule.select(state, len(expected), generator(seed)), expected)


def normalised_clusters(state: State, rng: np.random.Generator, rate: float) -> Any:
    """The library's k-means for a reference, on features as batch normalisation leaves them."""
    features = state.rows.features
    points = dropquery.batch_normalised(features, features[state.labelled], rate)
    return lambda rows, count: kmeans(points[rows].astype(np.float32), count, rng, np.inf)


def test_lloyd_runs_for_any_number_of_clusters_where_dropquery_is_told_so() -> None:
    state = make_state(n=1500, d=6, k=5, labelled=30, seed=4)[0]
    batches = [
        DropQuery(3, 0.9, 25, "unit", lloyd).select(state, 60, generator())
        for lloyd in (True, False)
    ]
    points = unit_rows(state.rows.features, np.arange(1500))
    tight, loose = (
        distances.squared_distances(points, points[rows]).min(axis=1).mean() for rows in batches
    )
    assert tight < loose


def test_seeding_draws_in_proportion_to_squared_distance() -> None:
    points = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
    wins, rows = np.zeros(4), np.arange(4)

    def distance(left: Ints, right: Ints) -> Floats:
        return distances.squared_distances(points[left], points[right])

    rng = generator()
    for _ in range(2000):
        loose = np.full(4, 50.0, dtype=np.float32)  # bounds far off change the time, not the draw
        wins[distances.spread(distances.Nearest(rows, distance, loose), 0, 2, rng)[1]] += 1
    np.testing.assert_allclose(wins / 2000, np.array([0, 1, 4, 9]) / 14, atol=0.04)


def test_pruning_changes_no_choice_in_a_pool_of_thousands() -> None:
    """Against full updates of every distance, in double precision and in one piece."""
    state = make_state(n=3000, d=24, k=5, labelled=150, seed=2)[0]
    rows = generator().permutation(state.unlabelled)
    points = centroid.unit(state.rows.features)
    near = distances.squared_distances(points[rows], points[state.labelled]).min(axis=1)
    expected = []
    for _ in range(60):
        expected.append(int(near.argmax()))
        added = points[rows[expected[-1:]]]
        near = np.minimum(near, distances.squared_distances(points[rows], added)[:, 0])
        near[expected] = -1
    assert np.array_equal(CoreSet().select(state, 60, generator()), rows[expected])

    rng = generator()
    rows = rng.permutation(state.unlabelled)
    gradient = badge.gradients(state.rows.features, state.probs)[rows]
    chosen, near = [int((gradient**2).sum(axis=1).argmax())], np.full(len(rows), np.inf)
    while len(chosen) < 60:
        added = distances.squared_distances(gradient, gradient[chosen[-1:]])[:, 0]
        near = np.minimum(near, added)
        near[chosen] = -1
        clocks = rng.standard_exponential(len(rows), dtype=np.float32)
        chosen.append(int((near / np.maximum(clocks, 1e-20)).argmax()))
    assert np.array_equal(Badge().select(state, 60, generator()), rows[chosen])


def test_lazy_greedy_coverage_changes_no_choice_in_a_pool_of_hundreds() -> None:
    state = make_state(n=500, d=8, k=5, labelled=30, seed=2)[0]
    rows = generator().permutation(state.unlabelled)
    points = centroid.unit(state.rows.features)
    kernel = np.exp(-4 * distances.squared_distances(points[rows], points[rows]))
    taught = distances.squared_distances(points[rows], points[state.labelled])
    reached, expected = np.exp(-4 * taught).max(axis=1), []
    for _ in range(40):
        gains = np.maximum(kernel - reached, 0).sum(axis=1)
        gains[expected] = -1
        expected.append(int(np.flatnonzero(gains >= gains.max() * (1 - 1e-5))[0]))
        reached = np.maximum(reached, kernel[expected[-1]])
    rule = MaxHerding(width=0.5, sample=1000)
    assert np.array_equal(rule.select(state, 40, generator()), rows[expected])


# --- Behaviour that the papers promise ------------------------------------------------------------


def test_duplicates_among_labels_do_not_shrink_the_herding_kernel_to_nothing() -> None:
    features = make_state(n=40, d=4)[0].rows.features.copy()
    features[1] = features[0]
    state = pool_of(features).tell(np.array([0, 1, 2]), np.array([0, 0, 1]))
    assert len(UHerding(temperature=1.0, sample=1000).select(state, 5, generator())) == 5
