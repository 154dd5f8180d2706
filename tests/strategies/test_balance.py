"""Rules that balance over classes, and what they take a row for: model, prior or their product."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.arithmetic import unit
from al_bench.state import UNLABELLED, State
from al_bench.strategies import balance
from al_bench.strategies.balanced import (
    PCB,
    ClassBalancedByTruth,
    FMBalanced,
    FMStratified,
    MostLikelyPositive,
    TailFirst,
)
from al_bench.strategies.clustered import guided
from al_bench.strategies.uncertainty import Margin, jensen_shannon
from tests.conftest import make_pool, make_state
from tests.pools import configured, random_state
from tests.reference import balance as plain

# --- Service of the class that has least ----------------------------------------------------------


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
        queried = TailFirst(of, 1e-4).select(state, 20, np.random.default_rng(seed))
        probs = {
            "model": state.probs[rows],
            "prior": state.rows.prior[rows],
            "product": plain.product(state.probs[rows], state.rows.prior[rows], 1e-4),
        }[of]
        at = np.searchsorted(rows, queried)
        scores = np.round(plain.entropy(probs), 5)
        assert plain.follows(probs.argmax(axis=1), scores, state.counts, at)


def test_fm_stratified_takes_equally_many_of_each_predicted_class():
    state, _ = make_state(n=400, k=4)
    said = state.rows.prior.argmax(axis=1)
    queried = FMStratified().select(state, 40, np.random.default_rng(0))
    assert np.bincount(said[queried], minlength=4).tolist() == [10] * 4
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
    queried = FMBalanced(20).select(state, 40, np.random.default_rng(0))
    assert np.count_nonzero(truth[queried] == 3) >= 5
    likeliest = np.argsort(-prior[:, 3])[:30]
    assert len(np.intersect1d(queried, likeliest)) >= 10


def test_pcb_passes_over_a_rare_class_without_candidates_and_balances_the_rest():
    state, _ = make_state(n=400, k=4, labelled=30)
    said = state.rows.prior.argmax(axis=1)
    no_rare = state.hide(np.flatnonzero(said == 3))
    queried = PCB(Margin(), 0.5).select(no_rare, 60, np.random.default_rng(0))
    candidates = Margin().select(
        no_rare, int(np.ceil(len(no_rare.unlabelled) / 2)), np.random.default_rng(0)
    )
    assert set(queried) <= set(candidates)
    at = {int(row): i for i, row in enumerate(candidates)}
    order = [at[int(row)] for row in queried]
    assert plain.follows(said[candidates], None, state.counts, order)
    assert 3 not in said[queried]


def test_class_balanced_by_truth_needs_the_truth_and_balances_by_it():
    state, truth = make_state(n=400, k=4, labelled=40)
    strategy = configured("truth_balanced")
    assert strategy.oracle
    with pytest.raises(ValueError, match="was not given the truth"):
        strategy.select(state, 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="truth of 3 rows"):
        ClassBalancedByTruth(truth[:3]).select(state, 5, np.random.default_rng(0))
    queried = strategy.given(truth).select(state, 60, np.random.default_rng(0))
    at = np.searchsorted(state.unlabelled, queried)
    assert plain.follows(truth[state.unlabelled], None, state.counts, at)
    assert strategy.truth is None


# --- Beliefs and rarity ---------------------------------------------------------------------------


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
    labels = np.full(100, UNLABELLED)
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
    queried = MostLikelyPositive("labels").select(state, 30, np.random.default_rng(0))
    likely = state.probs[state.unlabelled][:, rare].sum(axis=1)
    assert set(queried) == set(state.unlabelled[np.argsort(-likely)[:30]])
    assert np.mean(rare[truth[queried]]) > 2 * np.mean(rare[truth])


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
