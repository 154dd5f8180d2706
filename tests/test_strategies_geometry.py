"""Uncertainty, coverage and hybrid query rules choose what their slow, plain versions choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_bench.state import HIDDEN, UNASKED, Floats, Ints, Rows, State
from al_bench.strategies import distances
from al_bench.strategies.alfa_mix import AlfaMix
from al_bench.strategies.badge import Badge
from al_bench.strategies.bait import Bait
from al_bench.strategies.bayesian import (
    Bald,
    BatchBald,
    PowerBald,
    joint_greedy,
    scores,
)
from al_bench.strategies.cal import Cal
from al_bench.strategies.centroid import Centroid
from al_bench.strategies.cluster_margin import ClusterMargin
from al_bench.strategies.clusters import kmeans
from al_bench.strategies.coreset import CoreSet
from al_bench.strategies.distances import unit_rows
from al_bench.strategies.dropquery import DropQuery
from al_bench.strategies.herding import MaxHerding, UHerding
from al_bench.strategies.posterior import Dropout, Laplace
from al_bench.strategies.probcover import ProbCover
from al_bench.strategies.random import Random
from al_bench.strategies.ranking import top
from al_bench.strategies.typiclust import TypiClust
from al_bench.strategies.vessal import Vessal, one_pass, projected
from tests.conftest import FixedModel, make_state
from tests.reference import (
    alfa_mix,
    badge,
    bait,
    bayesian,
    centroid,
    cluster_margin,
    coreset,
    dropquery,
    herding,
    probcover,
    typiclust,
    vessal,
)
from tests.reference import cal as cal_reference
from tests.reference import random as random_reference

LAPLACE = Laplace(precision=0.1)
RULES: dict[str, Any] = {
    "random": Random(),
    "coreset": CoreSet(),
    "badge": Badge(),
    "centroid": Centroid(),
    "bald": Bald(LAPLACE, models=10),
    "bald_dropout": Bald(Dropout(rate=0.5), models=10),
    "powerbald": PowerBald(LAPLACE, models=10, power=1.0),
    "batchbald": BatchBald(LAPLACE, models=10, candidates=20, configurations=50),
    "typiclust": TypiClust(neighbours=20, most_clusters=500, least_size=6),
    "probcover": ProbCover(radius=None, purity=0.95, sample=1000),
    "probcover_sampled": ProbCover(radius=0.4, purity=0.95, sample=20),
    "maxherding": MaxHerding(width=1.0, sample=1000),
    "maxherding_sampled": MaxHerding(width=1.0, sample=20),
    "uherding": UHerding(temperature=1.0, sample=1000),
    "dropquery": DropQuery(passes=3, rate=0.75, factor=25),
    "bait": Bait("binary", ridge=1.0, oversample=2.0, limit=512),
    "bait_exact": Bait("exact", ridge=1.0, oversample=2.0, limit=512),
    "cluster_margin": ClusterMargin(factor=10, sample=1000),
    "alfamix": AlfaMix(step=0.03125),
    "cal": Cal(neighbours=10),
    "vessal": Vessal(dim=16, ridge=0.01),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools of these tests do not fit one block, and not a whole number of blocks either."""
    monkeypatch.setattr(distances, "BLOCK", 16)
    monkeypatch.setattr(distances.blocks, "__defaults__", (16,))


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([3, seed])


def states(n: int, d: int, seeds: int) -> Iterator[tuple[int, State]]:
    """Small pools: nothing labelled, one label, many; some rows hidden; half of them doubled."""
    for seed in range(seeds):
        state = make_state(n=n, d=d, k=3, labelled=(0, 1, n // 4)[seed % 3], seed=seed)[0]
        if seed % 2:
            state = state.hide(np.arange(0, n, 7))
        yield seed, state


def clustering(state: State, rng: np.random.Generator) -> Callable[[Ints, int], Any]:
    """The library's k-means for a reference, on rows of the pool."""
    return lambda rows, count: kmeans(unit_rows(state.rows.features, rows), count, rng)


# --- the same choices as the plain versions -------------------------------------------------------


def test_coreset_chooses_what_plain_k_centre_greedy_chooses() -> None:
    for seed, state in states(n=50, d=6, seeds=15):
        expected = coreset.select(state.rows.features, state.labels, 12, generator(seed))
        assert np.array_equal(CoreSet().select(state, 12, generator(seed)), expected)


def test_badge_draws_what_plain_badge_draws() -> None:
    for seed, state in states(n=50, d=6, seeds=15):
        features, probs = state.rows.features, state.probs
        expected = badge.select(features, probs, state.labels, 15, generator(seed))
        assert np.array_equal(Badge().select(state, 15, generator(seed)), expected)


def test_centroid_takes_the_row_nearest_to_each_centre() -> None:
    for seed, state in states(n=60, d=6, seeds=12):
        rng = generator(seed)
        expected = centroid.select(
            state.rows.features, state.labels, 9, rng, clustering(state, rng)
        )
        assert np.array_equal(Centroid().select(state, 9, generator(seed)), expected)


def test_typiclust_chooses_what_plain_typiclust_chooses() -> None:
    for seed, state in states(n=60, d=4, seeds=18):
        rng = generator(seed)
        rule = TypiClust(neighbours=5, most_clusters=8, least_size=6)
        expected = typiclust.select(
            state.rows.features, state.labels, 11, rng, clustering(state, rng), 5, 8, 6
        )
        assert np.array_equal(rule.select(state, 11, generator(seed)), expected)


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


def test_dropquery_chooses_what_plain_dropquery_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances.blocks, "__defaults__", (4096,))  # draws go block by block
    for seed, state in states(n=70, d=6, seeds=12):
        rng, model = generator(seed), state.model
        assert isinstance(model, FixedModel)
        expected = dropquery.select(
            state.rows.features,
            state.labels,
            model.weight,
            model.bias,
            (4, 30)[seed % 2],
            rng,
            clustering(state, rng),
            3,
            0.5,
            3,
        )
        rule = DropQuery(passes=3, rate=0.5, factor=3)
        assert np.array_equal(rule.select(state, len(expected), generator(seed)), expected)


@pytest.mark.parametrize("form", ["binary", "exact"])
def test_bait_chooses_what_plain_traces_choose(form: str) -> None:
    for seed, state in states(n=30, d=3, seeds=9):
        information = bait.binary if form == "binary" else bait.exact
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


# --- Bayesian rules -------------------------------------------------------------------------------


def test_bald_is_what_plain_entropies_give_for_dropped_features() -> None:
    state = make_state(n=50, d=6, k=3, seed=4)[0]
    model = state.model
    assert isinstance(model, FixedModel)
    predict = Dropout(rate=0.5).draw(state, 8, generator())
    expected = bayesian.dropout_predictions(
        state.rows.features, model.weight, model.bias, 8, 0.5, generator()
    )
    np.testing.assert_allclose(predict(np.arange(50)), expected, atol=1e-5)
    np.testing.assert_allclose(scores(predict, np.arange(50)), bayesian.bald(expected), atol=1e-5)


def test_dropout_asks_any_other_model_what_it_would_ask_a_linear_one() -> None:
    state = make_state(n=50, d=6, k=3, seed=4)[0]
    other = replace(state, model=Opaque(state.model))
    rows = np.arange(50)
    expected = Dropout(rate=0.5).draw(state, 8, generator())(rows)
    np.testing.assert_allclose(
        Dropout(rate=0.5).draw(other, 8, generator())(rows), expected, atol=1e-5
    )


class Opaque:
    """A model that shows no weights."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict_proba(self, rows: Rows) -> Floats:
        return np.asarray(self.model.predict_proba(rows))


def test_laplace_draws_have_the_covariance_of_the_kronecker_hessian() -> None:
    state = make_state(n=60, d=2, k=3, labelled=30, seed=2)[0]
    basis = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    labelled = state.labelled
    features = state.rows.features.copy()
    features[:3] = basis  # logits at these rows give the bias, and the weights after subtraction
    state = replace(state, rows=replace(state.rows, features=features))
    drawn = np.log(LAPLACE.draw(state, 40000, generator())(np.arange(3)).astype(np.float64))
    logits = drawn - drawn.mean(axis=2, keepdims=True)
    heads = np.stack([logits[1] - logits[0], logits[2] - logits[0], logits[0]], axis=2)
    measured = np.cov(heads.reshape(40000, -1).T)

    taught = np.c_[features[labelled], np.ones(len(labelled))]
    probs = state.probs[labelled]
    inner = np.mean([np.diag(p) - np.outer(p, p) for p in probs], axis=0)
    covariance = np.linalg.inv(np.kron(inner, taught.T @ taught) + 0.1 * np.eye(9))
    centring = np.kron(np.eye(3) - 1 / 3, np.eye(3))  # a softmax does not see a common shift
    expected = centring @ covariance @ centring.T
    np.testing.assert_allclose(measured, expected, atol=0.04 * np.abs(expected).max())


def test_batchbald_chooses_what_enumerating_all_answers_chooses() -> None:
    for seed in range(10):
        predictions = generator(seed).dirichlet(np.ones(3) * 0.4, size=(12, 6))
        chosen = joint_greedy(predictions, 4, 10_000, generator(seed))
        assert np.array_equal(chosen, bayesian.batch_bald(predictions, 4))


def test_batchbald_with_drawn_configurations_is_close_to_enumeration() -> None:
    shares = []
    for seed in range(10):
        predictions = generator(seed).dirichlet(np.ones(3) * 0.4, size=(12, 6))
        exact = bayesian.batch_bald(predictions, 4)
        drawn = joint_greedy(predictions, 4, 20, generator(seed))
        best = bayesian.joint_information(predictions, exact)
        shares.append(bayesian.joint_information(predictions, drawn) / best)
    assert np.mean(shares) > 0.95


def test_batchbald_does_not_buy_the_same_information_twice() -> None:
    rng = generator()
    predictions = rng.dirichlet(np.ones(3) * 0.3, size=(10, 6))
    predictions = np.concatenate([predictions, predictions])  # every row twice
    chosen = joint_greedy(predictions, 3, 10_000, rng)
    assert len(set(chosen % 10)) == 3


def test_batchbald_refuses_fewer_configurations_than_classes() -> None:
    rule = BatchBald(LAPLACE, models=4, candidates=10, configurations=3)
    with pytest.raises(ValueError, match="configurations=3 for 4 classes"):
        rule.select(make_state()[0], 2, generator())


def test_powerbald_draws_in_proportion_to_bald() -> None:
    state = make_state(n=12, d=3, k=3, labelled=4, seed=3)[0]
    predict = Dropout(0.5).draw(state, 6, generator(0))

    class Given:
        def draw(self, state: State, models: int, rng: np.random.Generator) -> Any:
            return predict

    rng, wins = generator(1), np.zeros(12)
    for _ in range(2000):
        wins[PowerBald(Given(), models=6, power=1.0).select(state, 1, rng)] += 1
    bald = scores(predict, state.unlabelled)
    np.testing.assert_allclose(wins[state.unlabelled] / 2000, bald / bald.sum(), atol=0.05)


# --- what holds for all of them -------------------------------------------------------------------


def hard_states() -> Iterator[tuple[str, State]]:
    state, truth = make_state(n=37, d=5, k=3, labelled=9)
    rows = state.rows
    sure = replace(state, model=Table(np.eye(3, dtype=np.float32)[truth]))
    zeros = np.where(np.eye(3)[truth] == 1, 0.0, 0.5)
    one_class = np.full(37, UNASKED)
    one_class[truth == 0] = np.where(np.arange(np.sum(truth == 0)) < 4, 0, UNASKED)
    nothing = rows.features.copy()
    nothing[::3] = 0
    yield "ordinary", state
    yield "nothing labelled", State.start(rows)
    yield "a flat prior", State.start(replace(rows, prior=np.full((37, 3), 1 / 3)))
    yield "one class labelled", replace(state, labels=one_class)
    yield "only duplicates", replace(state, rows=replace(rows, features=rows.features * 0 + 1))
    yield "only zeros", replace(state, rows=replace(rows, features=rows.features * 0))
    yield "zero rows", replace(state, rows=replace(rows, features=nothing))
    yield "always certain", sure
    yield "exact zeros", replace(state, model=Table(zeros))
    yield "hidden rows", state.hide(np.arange(0, 37, 2))
    yield (
        "double precision",
        replace(state, rows=replace(rows, features=rows.features.astype(np.float64))),
    )
    yield "two classes", make_state(n=37, d=5, k=2, labelled=6)[0]
    yield "more classes than rows", make_state(n=20, d=5, k=25, labelled=4)[0]


class Table:
    """Given probabilities for the pool; for rows made of it, those of the first ones."""

    def __init__(self, probs: Floats) -> None:
        self.probs = probs

    def predict_proba(self, rows: Rows) -> Floats:
        return self.probs[: len(rows)]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_asks_exactly_the_budget_wherever_it_may_saturate(name: str) -> None:
    for situation, state in hard_states():
        left = len(state.unlabelled)
        for budget in (1, 7, left - 1, left, left + 5):
            with np.errstate(divide="raise", invalid="raise", over="raise"):
                chosen = RULES[name].select(state, budget, generator(budget))
            distinct = np.unique(chosen)
            assert len(chosen) == len(distinct) == min(budget, left), (situation, budget)
            assert np.all(state.labels[chosen] == UNASKED), (situation, budget)
            assert chosen.dtype == np.int64, (situation, budget)


@pytest.mark.parametrize("name", sorted(set(RULES) - {"random"}))
def test_every_rule_prefers_some_rows_to_others(name: str) -> None:
    """Two generators agree far more often than two random batches do, or the batch differs from
    random ones in what the rule looks at: here in how evenly it covers three distant groups."""
    same = other = 0.0
    for seed in range(12):
        state = grouped(seed)
        first = RULES[name].select(state, 6, generator(seed))
        second = RULES[name].select(state, 6, generator(seed + 100))
        control = [Random().select(state, 6, generator(seed + shift)) for shift in (0, 100)]
        same += likeness(state, first, second)
        other += likeness(state, *control)
    assert same > other


def grouped(seed: int) -> State:
    """Three distant groups of very unequal size, a few rows on their borders."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1, 2], [60, 9, 6])
    centres = np.array([[4.0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]])
    features = (centres[group] + 0.8 * rng.standard_normal((75, 4))).astype(np.float32)
    labels = np.full(75, UNASKED)
    labels[[0, 1, 2, 60, 69]] = group[[0, 1, 2, 60, 69]]
    rows = Rows(list(range(75)), features, np.full((75, 3), 1 / 3, dtype=np.float32))
    return State(rows, labels, FixedModel(0.3 * centres, np.zeros(3)))


def likeness(state: State, first: Ints, second: Ints) -> float:
    """Shared rows, and how alike the batches are in the mean of what rules look at."""
    probs = state.probs
    shared = len(np.intersect1d(first, second))
    low = np.sort(probs, axis=1)
    gap = low[:, -1] - low[:, -2]
    return shared - 6 * abs(gap[first].mean() - gap[second].mean())


@pytest.mark.parametrize("name", sorted(set(RULES) - {"centroid", "dropquery", "typiclust"}))
def test_hidden_rows_weigh_nothing(name: str) -> None:
    """Hiding rows is as good as their not being there."""
    state = make_state(n=40, d=5, k=3, labelled=8)[0]
    hidden = state.hide(np.arange(0, 40, 3))
    strange = hidden.rows.features.copy()
    strange[hidden.labels == HIDDEN] = 77.0
    model = Table(hidden.probs) if "dropout" not in name else hidden.model
    plain = replace(hidden, model=model)
    changed = replace(plain, rows=replace(hidden.rows, features=strange))
    rule = RULES[name]
    assert np.array_equal(rule.select(plain, 6, generator()), rule.select(changed, 6, generator()))


# --- behaviour that the papers promise ------------------------------------------------------------


def test_random_sampling_is_uniform_and_so_is_the_plain_urn() -> None:
    state = make_state(n=12, labelled=4)[0]
    for draw in (
        lambda seed: Random().select(state, 3, generator(seed)),
        lambda seed: random_reference.select(state.labels, 3, generator(seed)),
    ):
        counts = np.bincount(np.concatenate([draw(seed) for seed in range(1500)]), minlength=12)
        np.testing.assert_allclose(counts[state.unlabelled] / 1500, 3 / 8, atol=0.06)
        assert counts[state.labelled].sum() == 0


def test_coreset_covers_all_but_duplicates_before_it_repeats_one() -> None:
    directions = np.eye(6, dtype=np.float32)
    state = pool_of(directions[np.arange(60) % 6] * np.linspace(1, 9, 60)[:, None])
    chosen = CoreSet().select(state, 6, generator())
    assert len(set(chosen % 6)) == 6


def test_ties_do_not_follow_the_order_of_rows() -> None:
    state = pool_of(np.ones((300, 3), dtype=np.float32))
    for name in ("coreset", "badge", "maxherding", "probcover", "cal", "bait", "typiclust"):
        means = [RULES[name].select(state, 5, generator(seed)).mean() for seed in range(12)]
        assert 90 < np.mean(means) < 210, name


@pytest.mark.parametrize("name", ["coreset", "uherding", "bait", "bait_exact", "cal"])
def test_rules_without_luck_choose_the_same_rows_in_any_order(name: str) -> None:
    state = make_state(n=80, d=6, k=3, labelled=12, seed=1)[0]
    order = generator().permutation(80)
    moved = replace(state, rows=state.rows.take(order), labels=state.labels[order])
    expected = set(RULES[name].select(state, 8, generator(1)).tolist())
    assert set(order[RULES[name].select(moved, 8, generator(2))].tolist()) == expected


def test_badge_starts_with_the_longest_gradient_and_shuns_the_certain() -> None:
    state = make_state(n=60, d=5, k=3, labelled=6, seed=8)[0]
    norms = (badge.gradients(state.rows.features, state.probs) ** 2).sum(axis=1)
    chosen = Badge().select(state, 10, generator())
    assert chosen[0] == state.unlabelled[norms[state.unlabelled].argmax()]
    assert norms[chosen].mean() > norms[state.unlabelled].mean()


def test_typiclust_visits_clusters_without_labels_first() -> None:
    group = np.repeat(np.arange(4), 20)
    points = np.eye(4)[group] + 0.05 * generator().standard_normal((80, 4))
    state = pool_of(points.astype(np.float32)).tell(np.array([0, 21]), np.array([0, 1]))
    chosen = TypiClust(20, 500, 6).select(state, 2, generator())
    assert set(group[chosen]) == {2, 3}


def test_probcover_picks_the_middle_of_the_largest_heap_first() -> None:
    angles = np.concatenate([np.linspace(0, 0.4, 21), np.linspace(2, 2.1, 5)])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    rule = ProbCover(radius=0.21, purity=0.95, sample=1000)
    chosen = rule.select(pool_of(points), 2, generator())
    assert chosen[0] == 10
    assert chosen[1] >= 21


def test_probcover_takes_the_largest_radius_whose_balls_are_pure() -> None:
    angles = np.concatenate([np.linspace(0, 0.2, 10), np.linspace(1.2, 1.4, 10)])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    state = pool_of(points, k=2)
    chosen = ProbCover(radius=None, purity=1.0, sample=1000).select(state, 2, generator())
    assert sorted(chosen >= 10) == [False, True]


def test_herding_with_doubts_stays_where_the_model_is_unsure() -> None:
    state = make_state(n=80, d=4, k=3, labelled=12, seed=3)[0]
    doubts = herding.uncertainty(state.probs, 1.0)
    sure = MaxHerding(width=0.3, sample=1000).select(state, 8, generator())
    unsure = UHerding(temperature=1.0, sample=1000).select(state, 8, generator())
    assert doubts[unsure].mean() > doubts[sure].mean()


def test_duplicates_among_labels_do_not_shrink_the_herding_kernel_to_nothing() -> None:
    features = make_state(n=40, d=4)[0].rows.features.copy()
    features[1] = features[0]
    state = pool_of(features).tell(np.array([0, 1, 2]), np.array([0, 0, 1]))
    assert len(UHerding(temperature=1.0, sample=1000).select(state, 5, generator())) == 5


def test_exact_bait_refuses_problems_beyond_its_limit() -> None:
    with pytest.raises(ValueError, match="3 classes times 5 features to be at most 14"):
        Bait("exact", 1.0, 2.0, limit=14).select(make_state(n=30, d=5, k=3)[0], 3, generator())


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


def test_dropquery_starts_with_centroids() -> None:
    state = State.start(make_state(n=60)[0].rows)
    expected = Centroid().select(state, 5, generator())
    assert np.array_equal(RULES["dropquery"].select(state, 5, generator()), expected)


def pool_of(features: Floats, k: int = 2) -> State:
    prior = np.full((len(features), k), 1 / k, dtype=np.float32)
    return State.start(Rows(list(range(len(features))), features, prior))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Laplace(precision=0.0), "precision=0.0"),
        (lambda: Dropout(rate=1.0), "rate of 1.0"),
        (lambda: Bald(LAPLACE, models=1), "models=1"),
        (lambda: PowerBald(LAPLACE, models=5, power=0.0), "power=0.0"),
        (lambda: BatchBald(LAPLACE, 5, candidates=0, configurations=9), "candidates=0"),
        (lambda: TypiClust(0, 500, 6), "neighbours=0"),
        (lambda: ProbCover(radius=-1.0, purity=0.9, sample=9), "radius=-1.0"),
        (lambda: ProbCover(radius=None, purity=1.5, sample=9), "purity=1.5"),
        (lambda: MaxHerding(width=0.0, sample=9), "width=0.0"),
        (lambda: UHerding(temperature=1.0, sample=0), "sample=0"),
        (lambda: DropQuery(passes=0, rate=0.5, factor=2), "passes=0"),
        (lambda: Bait("diagonal", 1.0, 2.0, 9), "form='diagonal'"),
        (lambda: Bait("binary", 0.0, 2.0, 9), "ridge=0.0"),
        (lambda: ClusterMargin(factor=0, sample=9), "factor=0"),
        (lambda: AlfaMix(step=1.0), "step=1.0"),
        (lambda: Cal(neighbours=0), "neighbours=0"),
        (lambda: Vessal(dim=0, ridge=1.0), "dim=0"),
    ],
)
def test_an_impossible_parameter_is_refused_by_name(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
