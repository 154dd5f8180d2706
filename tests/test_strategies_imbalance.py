"""The imbalance-aware and prior-aware strategies do what their papers say."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from al_bench.arithmetic import margin, unit
from al_bench.loop import ask
from al_bench.state import HIDDEN, UNASKED, Floats, Ints, Rows, State
from al_bench.strategies import balance
from al_bench.strategies.anchors import SEALS, AnchorAL, mean_similarity, spread
from al_bench.strategies.base import boundary_distances
from al_bench.strategies.cbal import relaxed
from al_bench.strategies.class_guided import guided
from al_bench.strategies.direct import Direct, shrink, threshold
from al_bench.strategies.fm import jensen_shannon
from al_bench.strategies.galaxy import Galaxy
from al_bench.strategies.likely import MostLikelyPositive
from al_bench.strategies.lines import descending
from al_bench.strategies.pcb import PCB
from al_bench.strategies.random import Random
from al_bench.strategies.similar import FLCG, FLQMI, cover
from al_bench.strategies.stratified import FMBalanced, FMStratified
from al_bench.strategies.tail_first import TailFirst
from al_bench.strategies.tailor import Tailor, reward
from al_bench.strategies.truth import ClassBalancedByTruth
from al_bench.strategies.uncertainty import Margin
from al_bench.strategies.wrappers import Prefilter, SelectiveQuerying, Subsample, confidence_bars
from tests.conftest import make_pool, make_state
from tests.reference import anchors as plain_anchors
from tests.reference import balance as plain
from tests.reference import base as plain_base
from tests.reference import cbal as plain_cbal
from tests.reference import direct as plain_direct
from tests.reference import galaxy as plain_galaxy
from tests.reference import similar as plain_similar

CONFIGS = Path(__file__).parents[1] / "configs"
METHODS = [
    *("galaxy", "direct", "fm_stratified", "fm_balanced", "tail_first", "tail_first_product"),
    *("tail_first_prior", "base", "likely", "flqmi", "flcg", "cbal", "product_margin"),
    *("product_entropy", "disagreement", "class_guided"),
]
AROUND_OTHERS = [
    *("tailor", "pcb", "subsample", "class_balanced", "prefilter", "selective"),
    *("anchoral", "seals"),
]


class Given:
    """A model whose class probabilities of the pool are an array."""

    def __init__(self, probs: Floats) -> None:
        self.probs = probs

    def predict_proba(self, rows: Rows) -> Floats:
        return self.probs


@cache
def configured(name: str, *overrides: str):
    """The strategy a command line with ``strategy=name`` would construct."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return instantiate(compose(overrides=[f"+strategy={name}", *overrides]).strategy)


def run(strategy, state: State, budget: int, answers: Ints, seed=0, reveal="sequential"):
    """The rows a strategy asks and the trips, checked by the loop."""
    return ask(strategy, state, budget, answers, reveal, seed, 2)


def random_state(n: int, k: int, labelled: int, seed: int) -> tuple[State, Ints]:
    """Continuous random probabilities and answers that follow them loosely."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(k), n).astype(np.float32)
    answers = np.array([rng.choice(k, p=p / p.sum()) for p in probs.astype(float)])
    labels = np.full(n, UNASKED)
    start = rng.choice(n, labelled, replace=False)
    labels[start] = answers[start]
    prior = rng.dirichlet(np.ones(k), n).astype(np.float32)
    features = rng.normal(size=(n, 6)).astype(np.float32)
    return State(Rows(list(range(n)), features, prior), labels, Given(probs)), answers


def golden_pool(kind: str, noise: float, seed: int) -> tuple[State, Ints, Ints]:
    """3 % / 3 % / 94 %: a pool where each rare class is apart from the rest on its own score, or
    overlaps with it; 150 random labels. The state, the truth and the annotator's answers."""
    rng = np.random.default_rng(seed)
    n = 3000
    truth = rng.permutation(np.repeat([0, 1, 2], [90, 90, 2820]))
    if kind == "separable":
        scores = np.zeros((n, 3))
        for k in (0, 1):
            spot = rng.random(n)
            scores[:, k] = np.where(truth == k, 1.5 * spot, -4.5 * spot)
    else:
        scores = rng.normal(size=(n, 3))
        scores[np.arange(n), truth] += 2.5
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    wrong = rng.random(n) < noise
    answers = np.where(wrong, (truth + rng.integers(1, 3, n)) % 3, truth)
    labels = np.full(n, UNASKED)
    start = rng.choice(n, 150, replace=False)
    labels[start] = answers[start]
    rows = Rows(list(range(n)), np.zeros((n, 1), np.float32), np.full((n, 3), 1 / 3))
    return State(rows, labels, Given(probs.astype(np.float32))), truth, answers


def rare_share(strategy, kind: str, noise: float, reveal="sequential") -> tuple[float, float]:
    """Mean share of true rare rows in a batch of 100, and its mean margin, over four pools."""
    out = []
    for seed in range(4):
        state, truth, answers = golden_pool(kind, noise, seed)
        asked, _ = run(strategy, state, 100, answers, seed, reveal)
        out.append((np.mean(truth[asked] != 2), margin(state.probs[asked]).mean()))
    return tuple(np.mean(out, axis=0))


# --- GALAXY -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_galaxy_asks_what_the_published_graph_algorithm_allows(seed):
    k = 2 + seed % 3
    state, answers = random_state(40, k, 3 + seed % 7, seed)
    asked, _ = run(Galaxy(1), state, 25, answers, seed)
    fitting = set(range(k))  # starts of the round-robin that explain all questions so far
    known = list(state.labelled)
    for step, row in enumerate(asked):
        legal = [row in plain_galaxy.allowed(state.probs, answers, known, c) for c in range(k)]
        fitting = {start for start in fitting if legal[(start + step) % k]}
        known.append(row)
    assert fitting


def test_galaxy_balances_a_separable_pool_near_the_boundary():
    share, mean_margin = rare_share(Galaxy(1), "separable", 0.0)
    assert 0.35 <= share <= 0.55
    assert mean_margin < 0.2
    assert rare_share(Margin(), "separable", 0.0)[0] < 0.15  # the pool is one margin cannot balance


@pytest.mark.parametrize("noise", [0.1, 0.2])
@pytest.mark.parametrize("kind", ["separable", "overlap"])
def test_galaxy_collapses_under_visible_noise(kind, noise):
    assert rare_share(Galaxy(1), kind, noise)[0] < 0.15


def test_galaxy_recognises_cuts_of_either_orientation():
    state, _, answers = golden_pool("separable", 0.0, 0)
    probs = state.probs
    mirrored = (probs.max() - probs) / (probs.max() - probs).sum(axis=1, keepdims=True)
    turned = replace(state, model=Given(mirrored))
    asked, _ = run(Galaxy(1), turned, 100, answers)
    assert np.mean(answers[asked] != 2) > 0.2  # not the random fallback, which would find 6 %


def test_galaxy_spends_the_turns_of_classes_never_answered_at_random():
    state, _, answers = golden_pool("separable", 0.0, 1)
    blind = replace(state, labels=np.where(state.labels == 2, 2, UNASKED))
    asked, trips = run(Galaxy(1), blind, 60, np.full_like(answers, 2))
    assert trips == 60
    assert abs(margin(state.probs[asked]).mean() - margin(state.probs).mean()) < 0.12


def test_galaxy_asks_a_chunk_a_trip_and_bisects_around_withheld_answers():
    state, truth, answers = golden_pool("separable", 0.0, 2)
    asked, trips = run(Galaxy(8), state, 100, answers)
    assert trips == 13
    assert np.mean(truth[asked] != 2) > 0.3
    hidden, _ = run(Galaxy(1), state, 100, answers, reveal="batch")
    assert margin(state.probs[hidden]).mean() < 0.2  # without answers it still stays in the gaps
    again, _ = run(Galaxy(1), state, 100, np.zeros_like(answers), reveal="batch")
    assert np.array_equal(hidden, again)  # and depends on nothing it was not told


# --- DIRECT -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(16))
def test_direct_chooses_what_its_plain_version_chooses(seed):
    rng = np.random.default_rng(seed)
    k, budget = 2 + seed % 3, int(rng.integers(1, 45))
    state, answers = random_state(60, k, int(rng.integers(0, 25)), seed)
    state = state.hide(rng.choice(60, 5, replace=False))
    share, parallel, minimum = rng.choice([0.5, 0.8, 1.0]), 1 + seed % 3, (1, 10)[seed % 2]
    asked, trips = run(Direct(share, parallel, minimum), state, budget, answers, seed)
    from al_bench.rng import rng as named

    expected, expected_trips = plain_direct.select(
        *(state.probs, state.labels, answers, budget, share, parallel, minimum),
        named(seed, "strategy", 2),
    )
    assert set(asked) == set(expected)
    assert trips == expected_trips


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("kind", ["separable", "overlap"])
@pytest.mark.parametrize("parallel", [1, 5])
def test_direct_finds_rare_rows_with_and_without_visible_noise(parallel, kind, noise):
    share, mean_margin = rare_share(Direct(0.5, parallel, 1), kind, noise)
    assert share > 0.3
    if kind == "separable" and noise == 0.0:
        assert share < 0.55
        assert mean_margin < 0.2


def test_direct_spends_exactly_its_budget_even_where_an_interval_runs_out():
    state, answers = random_state(300, 3, 250, 0)
    for budget in (1, 2, 3, 7, 49, 50, 80):
        asked, _ = run(Direct(0.5, 4, 60), state, budget, answers)
        assert len(asked) == min(budget, 50)


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
    asked, trips = run(Direct(1.0, 1, 5000), state, 1500, answers)
    assert len(asked) == 1500
    assert trips > 1000  # one row a trip
    spots, signs = np.arange(0, 40_000, 20), np.tile([1, -1], 1000)
    low, high = shrink(spots, signs, 0, 40_000, 1, np.random.default_rng(0))
    assert high - low <= 3


def test_direct_serves_the_rarest_classes_first_when_each_needs_a_minimum():
    state, _, _ = golden_pool("overlap", 0.2, 0)
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


# --- Balance, starts, tail-first, PCB, upper reference ------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_rarest_first_serves_the_class_with_least_so_far(seed):
    rng = np.random.default_rng(seed)
    classes, scores = rng.integers(0, 5, 30), rng.random(30)
    classes[classes == 3] = 4  # a class without rows
    counts = rng.integers(0, 6, 5)
    chosen = balance.rarest_first(classes, scores, counts, 25, rng)
    assert plain.follows(classes, scores, counts, chosen)


@pytest.mark.parametrize("seed", range(5))
def test_tail_first_takes_the_most_uncertain_row_predicted_as_the_least_answered_class(seed):
    state, _ = random_state(60, 4, 12, seed)
    rows = state.unlabelled
    for of in ("model", "prior", "product"):
        asked = TailFirst(of, 1e-4).select(state, 20, np.random.default_rng(seed))
        probs = {
            "model": state.probs[rows],
            "prior": state.rows.prior[rows],
            "product": plain.product(state.probs[rows], state.rows.prior[rows], 1e-4),
        }[of]
        at = np.searchsorted(rows, asked)
        scores = np.round(plain.entropy(probs), 5)
        assert plain.follows(probs.argmax(axis=1), scores, state.counts, at)


def test_fm_stratified_takes_equally_many_of_each_predicted_class():
    state, _ = make_state(n=400, k=4)
    said = state.rows.prior.argmax(axis=1)
    asked = FMStratified().select(state, 40, np.random.default_rng(0))
    assert np.bincount(said[asked], minlength=4).tolist() == [10] * 4
    free = np.bincount(said[state.unlabelled], minlength=4)
    many = FMStratified().select(state, 4 * int(free.min()) + 40, np.random.default_rng(0))
    assert np.bincount(said[many], minlength=4).min() == free.min()  # the rare class is exhausted


def test_fm_balanced_asks_for_every_class_also_one_that_is_never_predicted():
    rows, truth = make_pool(n=600, k=4)
    prior = 0.8 * rows.prior / (1 - rows.prior[:, [3]] + 1e-9) + 1e-9
    prior[:, 3] = 0.2 * rows.prior[:, 3]
    prior /= prior.sum(axis=1, keepdims=True)
    assert 3 not in prior.argmax(axis=1)
    state = State.start(replace(rows, prior=prior))
    asked = FMBalanced(20).select(state, 40, np.random.default_rng(0))
    assert np.count_nonzero(truth[asked] == 3) >= 5
    likeliest = np.argsort(-prior[:, 3])[:30]
    assert len(np.intersect1d(asked, likeliest)) >= 10


def test_pcb_passes_over_a_rare_class_without_candidates_and_balances_the_rest():
    state, _ = make_state(n=400, k=4, labelled=30)
    said = state.rows.prior.argmax(axis=1)
    no_rare = state.hide(np.flatnonzero(said == 3))
    asked = PCB(Margin(), 0.5).select(no_rare, 60, np.random.default_rng(0))
    candidates = Margin().select(
        no_rare, int(np.ceil(len(no_rare.unlabelled) / 2)), np.random.default_rng(0)
    )
    assert set(asked) <= set(candidates)
    at = {int(row): i for i, row in enumerate(candidates)}
    order = [at[int(row)] for row in asked]
    assert plain.follows(said[candidates], None, state.counts, order)
    assert 3 not in said[asked]


def test_class_balanced_by_truth_needs_the_truth_and_balances_by_it():
    state, truth = make_state(n=400, k=4, labelled=40)
    strategy = configured("truth_balanced")
    assert strategy.reads_truth
    with pytest.raises(ValueError, match="was not given the truth"):
        strategy.select(state, 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="truth of 3 rows"):
        ClassBalancedByTruth(truth[:3]).select(state, 5, np.random.default_rng(0))
    asked = strategy.given(truth).select(state, 60, np.random.default_rng(0))
    at = np.searchsorted(state.unlabelled, asked)
    assert plain.follows(truth[state.unlabelled], None, state.counts, at)
    assert strategy.truth is None


# --- Scores -------------------------------------------------------------------------------------


def test_product_and_divergence_agree_with_their_definitions_also_at_exact_zeros():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(4), 30), rng.dirichlet(np.ones(4), 30)
    p[0], q[0] = [1, 0, 0, 0], [0, 1, 0, 0]
    p[1], q[1] = [0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]
    np.testing.assert_allclose(balance.product(p, q, 1e-4), plain.product(p, q, 1e-4))
    np.testing.assert_allclose(jensen_shannon(p, q), plain.jensen_shannon(p, q), atol=1e-10)
    assert jensen_shannon(p, q)[0] == pytest.approx(np.log(2))
    assert balance.product(p, q, 1e-4)[0, :2].tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


def test_rare_classes_are_those_under_the_average_of_a_hand_made_labelled_set():
    state, _ = make_state(n=100, k=4, labelled=0)
    labels = np.full(100, UNASKED)
    labels[:12] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2]
    counted = replace(state, labels=labels)
    assert balance.rare_classes(counted, "labels").tolist() == [False, False, True, True]
    assert balance.rare_classes(state, "labels").all()
    mass = state.rows.prior.sum(axis=0)
    assert balance.rare_classes(state, "prior").tolist() == (mass < 25).tolist()
    with pytest.raises(ValueError, match="'truth'; wanted labels or prior"):
        balance.rare_classes(state, "truth")


def test_most_likely_positive_asks_the_rows_likeliest_to_be_rare():
    state, truth = make_state(n=400, k=4, labelled=40)
    rare = balance.rare_classes(state, "labels")
    asked = MostLikelyPositive("labels").select(state, 30, np.random.default_rng(0))
    likely = state.probs[state.unlabelled][:, rare].sum(axis=1)
    assert set(asked) == set(state.unlabelled[np.argsort(-likely)[:30]])
    assert np.mean(rare[truth[asked]]) > 2 * np.mean(rare[truth])


@pytest.mark.parametrize("seed", range(4))
def test_base_measures_and_chooses_as_its_plain_version(seed):
    state, _ = make_state(n=40, k=4, labelled=8, seed=seed)
    weight, bias = np.random.default_rng(seed).normal(size=(4, 8)), np.arange(4) / 10
    state = replace(state, model=replace_head(state, weight, bias))
    distances = boundary_distances(state, np.arange(40))
    expected = plain_base.distances(state.rows.features, weight, bias)
    np.testing.assert_allclose(distances, expected, rtol=1e-4)
    asked = configured("base").select(state, 14, np.random.default_rng(seed))
    order = np.random.default_rng(seed).permutation(4)
    chosen = plain_base.select(*(state.rows.features, weight, bias, state.unlabelled, 14), order)
    assert set(asked) == set(chosen)


def replace_head(state: State, weight: Floats, bias: Floats):
    return type(state.model)(weight, bias)


def test_base_reads_a_model_without_a_head_through_its_log_probabilities():
    state, _ = random_state(30, 3, 5, 0)
    expected = plain_base.distances(np.log(state.probs), np.eye(3), np.zeros(3))
    np.testing.assert_allclose(boundary_distances(state, np.arange(30)), expected, rtol=1e-4)


# --- SIMILAR, CBAL, TAILOR ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_similar_maximises_its_objectives_greedily(seed):
    state, _ = random_state(30, 3, 9, seed)
    grads = plain_similar.gradients(state.probs, state.rows.features, state.labels)
    ground, private = list(state.unlabelled), list(state.labelled)
    rare = state.counts < state.counts.mean()
    query = [row for row in private if rare[state.labels[row]]] if rare.any() else private
    asked = FLQMI("labels", 100, 0.7).select(state, 6, np.random.default_rng(seed))
    assert plain_similar.is_greedy(
        asked, lambda batch: plain_similar.flqmi(grads, batch, query, 0.7), ground
    )
    asked = FLCG(100, 0.9).select(state, 6, np.random.default_rng(seed))
    assert plain_similar.is_greedy(
        asked, lambda batch: plain_similar.flcg(grads, batch, ground, private, 0.9), ground
    )


def test_similar_is_random_exactly_while_no_rare_class_is_answered():
    state, truth = make_state(n=300, k=3, labelled=60)
    labels = np.full(300, UNASKED)
    labels[np.flatnonzero(truth == 0)[:20]] = 0
    alone, strategy = replace(state, labels=labels), FLQMI("labels", 50, 1.0)
    one, two = (strategy.select(alone, 50, np.random.default_rng(s)) for s in (0, 1))
    assert len(np.intersect1d(one, two)) < 25
    labels[np.flatnonzero(truth == 2)[:5]] = 2  # guards on the wrong axis would miss this
    found = replace(state, labels=labels)
    one, two = (strategy.select(found, 50, np.random.default_rng(s)) for s in (0, 1))
    assert set(one) == set(two)
    assert np.mean(truth[one] == 2) > 2 * np.mean(truth == 2)


def test_lazy_greedy_chooses_what_greedy_does():
    rng = np.random.default_rng(0)
    similar, bonus = rng.random((200, 30)), rng.random(200)
    best, expected = np.zeros(30), []
    for _ in range(40):
        gains = np.maximum(similar - best, 0).sum(axis=1) + bonus
        gains[expected] = -np.inf
        expected.append(int(gains.argmax()))
        best = np.maximum(best, similar[expected[-1]])
    assert cover(similar, np.zeros(30), bonus, 40).tolist() == expected


@pytest.mark.parametrize("seed", range(5))
def test_cbal_bounds_the_best_batch_and_its_rounding_is_close(seed):
    state, _ = random_state(16, 3, 4, seed)
    probs = state.probs[state.unlabelled].astype(float)
    wanted = np.maximum((4 + 4) / 3 - state.counts, 0)
    cost = -plain.entropy(probs)
    best = plain_cbal.best(probs, wanted, 0.6, 4)
    for columns in (1, 3):  # one column generation or the whole pool: the same optimum
        shares = relaxed(cost, probs, wanted, 0.6, 4, columns)
        assert shares.sum() == pytest.approx(4)
        assert np.count_nonzero((shares > 1e-9) & (shares < 1 - 1e-9)) <= 4
        value = float(shares @ cost + 0.6 * np.abs(shares @ probs - wanted).sum())
        assert value <= best + 1e-9
    asked = configured("cbal").select(state, 4, np.random.default_rng(0))
    at = np.searchsorted(state.unlabelled, asked)
    assert plain_cbal.objective(at, probs, wanted, 0.6) <= best + 0.6


def test_cbal_asks_for_classes_that_lack_answers():
    state, _ = make_state(n=500, k=4, labelled=60)
    asked = configured("cbal", "strategy.weight=5").select(state, 40, np.random.default_rng(0))
    entropic = configured("entropy").select(state, 40, np.random.default_rng(0))
    lacking = np.maximum(100 / 4 - state.counts, 0)
    off = [np.abs(state.probs[rows].sum(axis=0) - lacking).sum() for rows in (asked, entropic)]
    assert off[0] < 0.6 * off[1]


def test_tailor_learns_within_a_batch_which_candidate_finds_rare_classes():
    state, truth = make_state(n=900, k=3, labelled=60)
    rare = truth == 2

    class Finder:
        def __init__(self, away: int) -> None:
            self.away = away  # asks for the class farthest from this one

        def select(self, state, budget, rng):
            rows = rng.permutation(state.unlabelled)
            return rows[np.argsort(-np.abs(truth[rows] - self.away))][:budget]

    flat = replace(state, model=Given(np.full((900, 3), 1 / 3)))
    tailor = Tailor({"rare": Finder(0), "common": Finder(2)}, 1, 0.0)
    shares = [np.mean(rare[run(tailor, flat, 80, truth, seed)[0]]) for seed in range(4)]
    blind = [np.mean(rare[run(tailor, flat, 80, truth, seed, "batch")[0]]) for seed in range(4)]
    assert np.mean(shares) > np.mean(blind) + 0.1
    assert reward(np.array([60, 10, 0])).tolist() == pytest.approx([-1 / 60, 0.1, 1])


# --- Wrappers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_anchor_similarity_is_the_mean_over_the_anchors_that_retrieved_a_row(seed):
    rng = np.random.default_rng(seed)
    pool, anchors = (unit(rng.normal(size=(m, 5))) for m in (40, 6))
    expected = plain_anchors.mean_similarity(pool, anchors, 7)
    np.testing.assert_allclose(mean_similarity(pool, anchors, 7), expected, rtol=1e-6)


def test_anchoral_and_seals_show_the_inner_strategy_only_what_anchors_retrieve():
    state, _ = make_state(n=400, k=3, labelled=30)
    features, free = state.rows.features, state.unlabelled
    near = plain_anchors.mean_similarity(features[free], features[state.labelled], 15)
    anchoral = AnchorAL(Random(), anchors=100, neighbours=15, size=60)
    asked = anchoral.select(state, 60, np.random.default_rng(0))
    assert set(asked) == set(free[np.argsort(-near)[:60]])
    united = free[np.isfinite(near)]
    asked = SEALS(Random(), neighbours=15).select(state, len(united), np.random.default_rng(0))
    assert set(asked) == set(united)


def test_anchors_are_distinct_rows_spread_over_a_class():
    state, _ = make_state(n=400, k=3)
    assert len(np.unique(spread(state.rows.features, 10, np.random.default_rng(0)))) == 10
    assert spread(state.rows.features[:4], 10, np.random.default_rng(0)).tolist() == [0, 1, 2, 3]
    assert len(spread(np.ones((50, 3)), 10, np.random.default_rng(0))) >= 1


def test_selective_querying_never_asks_where_the_prior_is_sure():
    state, _ = make_state(n=400, k=3, labelled=60)
    said, best = state.rows.prior.argmax(axis=1), state.rows.prior.max(axis=1)
    bars = [best[state.labels == c].mean() for c in range(3)]
    np.testing.assert_allclose(confidence_bars(state), bars, rtol=1e-6)
    assert np.isinf(confidence_bars(State.start(state.rows))).all()
    sure = best >= np.array(bars)[said]
    amount = int(np.count_nonzero(~sure[state.unlabelled]))
    asked = SelectiveQuerying(Random()).select(state, amount, np.random.default_rng(0))
    assert set(asked) == set(state.unlabelled[~sure[state.unlabelled]])


def test_class_guided_features_keep_distances_of_feature_and_mixed_class_directions():
    rng = np.random.default_rng(0)
    features = unit(rng.normal(size=(30, 6)))
    prior = rng.dirichlet(np.ones(3), 30)
    directions = np.array(
        [sum(q[c] * h for q, h in zip(prior, features, strict=True)) for c in range(3)]
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mixed = prior @ directions
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    plainly = np.concatenate([features, 0.5 * mixed], axis=1)
    ours = guided(features, prior, 0.5)
    assert ours.shape == (30, 9)
    for i in range(30):
        expected = np.linalg.norm(plainly - plainly[i], axis=1)
        np.testing.assert_allclose(np.linalg.norm(ours - ours[i], axis=1), expected, atol=1e-6)


def test_wrappers_hide_rows_and_let_an_asking_strategy_ask():
    state, _, answers = golden_pool("separable", 0.0, 0)
    asked, trips = run(Subsample(Galaxy(1), 500), state, 30, answers)
    assert trips == 30
    twice = Prefilter(Subsample(Direct(0.5, 5, 1), 60), Margin(), 200)
    asked, trips = run(twice, state, 30, answers)
    assert trips > 1
    lowest = np.argsort(margin(state.probs[state.unlabelled]))[:200]
    assert set(asked) <= set(state.unlabelled[lowest])


def test_wrappers_compose_from_the_command_line():
    assert isinstance(configured("subsample").inner, Margin)
    for outer in ("subsample", "class_balanced", "anchoral", "seals", "selective", "pcb"):
        assert isinstance(configured(outer, "strategy@strategy.inner=galaxy").inner, Galaxy)
    nested = configured(
        *("subsample", "strategy@strategy.inner=prefilter"),
        *("strategy@strategy.inner.inner=direct", "strategy@strategy.inner.scorer=likely"),
    )
    assert isinstance(nested.inner.inner, Direct)
    assert isinstance(nested.inner.scorer, MostLikelyPositive)
    assert "galaxy" in configured("tailor").candidates


# --- All of them --------------------------------------------------------------------------------


def hard_states() -> dict[str, tuple[State, Ints]]:
    """States that have broken published code, with answers for them."""
    state, truth = make_state(n=48, k=4, labelled=8)
    n, start = 48, State.start(state.rows)
    alike = np.ones((n, 8), np.float32)
    certain = np.eye(4, dtype=np.float32)[truth]
    flat = np.full((n, 4), 0.25, np.float32)
    holes = state.rows.prior * (state.rows.prior == state.rows.prior.max(axis=1, keepdims=True))
    two, two_truth = make_state(n=48, k=2, labelled=8)
    many, many_truth = make_state(n=24, k=40, labelled=0)
    one_class = np.where((truth == 0) & (np.arange(n) < 30), 0, UNASKED)
    return {
        "nothing labelled": (start, truth),
        "one class labelled": (replace(state, labels=one_class), truth),
        "duplicates": (replace(state, rows=replace(state.rows, features=alike)), truth),
        "certain model": (replace(state, model=Given(certain)), truth),
        "certain and alike": (
            replace(state, rows=Rows(list(range(n)), alike, certain), model=Given(certain)),
            truth,
        ),
        "flat": (State.start(replace(state.rows, prior=flat)), truth),
        "zeros in the prior": (
            replace(state, rows=replace(state.rows, prior=holes / holes.sum(1, keepdims=True))),
            truth,
        ),
        "hidden rows": (state.hide(np.arange(0, 48, 3)), truth),
        "two classes": (two, two_truth),
        "more classes than rows": (many, many_truth % 40),
    }


HARD = hard_states()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", [*METHODS, *AROUND_OTHERS])
def test_every_hard_state_and_budget_gets_exactly_the_budget(name):
    strategy = configured(name)
    for state, answers in HARD.values():
        free = len(state.unlabelled)
        for budget in (1, 7, free - 1, free, free + 5):
            for reveal in ("sequential", "batch"):
                asked, _ = run(strategy, state, budget, answers, reveal=reveal)
                assert len(asked) == min(budget, free)
                assert np.all(state.labels[asked] == UNASKED)


@pytest.mark.parametrize("name", [*METHODS, *AROUND_OTHERS])
def test_the_same_generator_gives_the_same_rows_and_inputs_stay(name):
    state, truth = make_state(n=120, k=4, labelled=20)
    state = state.hide(np.arange(5))
    before = state.labels.copy(), state.probs.copy(), state.rows.features.copy()
    np.random.seed(0)  # noqa: NPY002 (the global generator must stay where it is)
    held = np.random.get_state()[1].copy()  # noqa: NPY002
    first, _ = run(configured(name), state, 15, truth, seed=3)
    second, _ = run(configured(name), state, 15, truth, seed=3)
    assert np.array_equal(first, second)
    after = state.labels, state.probs, state.rows.features
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(held, np.random.get_state()[1])  # noqa: NPY002


ORDERLY = [
    *("tail_first", "tail_first_prior", "tail_first_product", "base", "likely", "flqmi", "cbal"),
    *("product_margin", "product_entropy", "disagreement"),
]


@pytest.mark.parametrize("name", ORDERLY)
def test_the_order_of_the_pool_changes_no_choice(name):
    state, _ = make_state(n=150, k=4, labelled=20)
    order = np.random.default_rng(1).permutation(150)
    turned = replace(state, rows=state.rows.take(order), labels=state.labels[order])
    strategy = configured(name)
    straight = strategy.select(state, 20, np.random.default_rng(0))
    shuffled = strategy.select(turned, 20, np.random.default_rng(0))
    assert len(np.intersect1d(straight, order[shuffled])) >= 19  # rounding may swap one


@pytest.mark.parametrize("name", METHODS)
def test_ties_do_not_follow_the_order_of_the_pool(name):
    n = 200
    rows = Rows(list(range(n)), np.ones((n, 4), np.float32), np.full((n, 4), 0.25, np.float32))
    state = State.start(rows).tell(np.array([0, 50, 100, 150]), np.arange(4))
    asked = np.concatenate(
        [run(configured(name), state, 10, np.arange(n) // 50, seed)[0] for seed in range(12)]
    )
    quarters = np.bincount(asked // 50, minlength=4)
    assert quarters.min() >= 12  # 30 expected in each
    assert len(np.unique(asked)) > 60


@pytest.mark.parametrize("name", [n for n in METHODS if not n.startswith("fm_")])
def test_choices_are_not_those_of_random_sampling(name):
    state, truth = make_state(n=600, k=4, labelled=60)
    strategy = configured(name)
    batches = [run(strategy, state, 30, truth, seed)[0] for seed in range(6)]
    free = len(state.unlabelled)
    overlaps = [len(np.intersect1d(a, b)) for i, a in enumerate(batches) for b in batches[:i]]
    chance = 30 * 30 / free
    assert np.mean(overlaps) > 2 * chance  # independent random batches share about 1.7 of 30


@pytest.mark.parametrize("name", [*METHODS, *AROUND_OTHERS])
def test_choices_depend_on_no_answer_that_was_not_given(name):
    state, truth = make_state(n=120, k=4, labelled=20)
    one, _ = run(configured(name), state, 12, truth, reveal="batch")
    two, _ = run(configured(name), state, 12, 3 - truth, reveal="batch")
    assert np.array_equal(one, two)


@pytest.mark.parametrize("name", ["galaxy", "direct"])
def test_hidden_rows_are_never_on_a_line(name):
    state, truth = make_state(n=200, k=3, labelled=20)
    hidden = state.unlabelled[::2]
    asked, _ = run(configured(name), state.hide(hidden), 40, truth)
    assert not np.isin(asked, hidden).any()
    assert np.all(state.hide(hidden).labels[hidden] == HIDDEN)
