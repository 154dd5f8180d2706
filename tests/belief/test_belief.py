"""The belief: Bayes by hand, parameters recovered from answers, useless priors ignored."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from al_bench.belief.belief import (
    AveragedBelief,
    class_bias,
    confident_rows,
    divided_prior,
)
from al_bench.core.arrays import softmax, unit
from al_bench.core.logistic import curvature
from al_bench.core.state import UNLABELLED, Floats, Ints, Rows, State
from al_bench.crowd.crossfit import (
    cross_fit,
    fold_numbers,
    log_floor,
)
from tests.belief.test_opinion_pool import flipped
from tests.reference import belief as slow

BEFORE, PRECISION, NOISE = np.array([1.5, 0.5]), np.array([4.0, 1.0]), (1.0, 9.0)


def belief_rule(**changed: Any) -> AveragedBelief:
    first: dict[str, Any] = {"l2": 4.5, "prior_exponents": (0.0,)}  # one, with three classes
    return AveragedBelief(**first | changed)


def gaussian_state(prior: str, rate: float, m: int = 160, n: int = 600) -> tuple[State, Ints]:
    """Three classes in ten dimensions, m rows answered at a noise rate; (state, truth)."""
    rng = np.random.default_rng(5)
    truth = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    features = (rng.normal(size=(3, 10))[truth] * 2 + rng.normal(size=(n, 10))).astype(np.float32)
    good = softmax(3 * np.eye(3)[truth] + rng.normal(size=(n, 3)))
    table = {"good": good, "flat": np.full((n, 3), 1 / 3), "shuffled": good[rng.permutation(n)]}
    queried = rng.choice(n, size=m, replace=False)
    labels = np.full(n, UNLABELLED, dtype=np.int64)
    labels[queried] = flipped(truth, 3, rate, 9)[queried]
    return State(Rows(range(n), features, table[prior].astype(np.float32)), labels), truth


def test_the_class_bias_is_the_mean_over_classes_by_hand_and_zero_once_taken_away() -> None:
    held_out = np.array([[-1.0, -3.0], [-2.0, -4.0], [-3.0, -1.0], [-1.0, -5.0]])
    answers = np.array([0, 0, 1, 0])
    shift = class_bias(held_out, answers, 0.0)
    assert_allclose(shift, [-13 / 6 + 7 / 3, -5 / 2 + 7 / 3])
    assert_allclose(class_bias(held_out - shift, answers, 0.0), 0, atol=1e-12)
    # three rows and one, each class doubted by one row: 3/4 and 1/2 of the class means
    assert_allclose(class_bias(held_out, answers, 1.0), [-1.25 + 1.5, -1.75 + 1.5])
    assert_allclose(class_bias(np.empty((0, 3)), np.empty(0, dtype=np.int64), 1.0), 0)


def test_with_few_rare_answers_the_model_is_biased_and_without_its_bias_rare_rows_are_found() -> (
    None
):
    rng = np.random.default_rng(4)
    truth = (np.arange(600) % 20 == 0).astype(int)
    features = (rng.normal(size=(2, 40))[truth] * 0.3 + rng.normal(size=(600, 40))).astype("f4")
    labels = np.full(600, UNLABELLED, dtype=np.int64)
    labels[:80] = truth[:80]  # four of them rare
    state = State(Rows(range(600), features, np.full((600, 2), 0.5, dtype="f4")), labels)
    recall = {}
    for doubt in (1e6, 0.0):
        pool = belief_rule(bias_pseudocount=doubt).believe(state, np.random.default_rng(0)).pool
        right = pool[80:].argmax(axis=1) == truth[80:]
        recall[doubt] = [right[truth[80:] == c].mean() for c in (0, 1)]
    assert recall[1e6][1] < 0.4 < 0.6 < recall[0.0][1]
    assert np.mean(recall[0.0]) > np.mean(recall[1e6]) + 0.05


def test_a_fold_weighs_every_class_the_same_however_rare() -> None:
    features = np.repeat([[1.0, 0.0], [0.0, 1.0]], [90, 10], axis=0)
    targets = np.repeat(np.eye(2, dtype=np.float32), [90, 10], axis=0)
    _, logs = cross_fit(features, np.arange(100), targets, np.arange(100) % 2, 1.0)
    assert_allclose(np.exp(logs[0, 0]), np.exp(logs[-1, 1]), atol=5e-3)


def test_a_fold_is_scikit_learns_balanced_regression_of_the_other_folds() -> None:
    rng = np.random.default_rng(2)
    features = unit(rng.normal(size=(80, 5)))
    answers = (features[:, 0] > 0.3).astype(int) + (features[:, 1] > 0.5)
    targets, folds = np.eye(3, dtype=np.float32)[answers], fold_numbers(answers, 4, rng)
    held_out, _ = cross_fit(features, np.arange(80), targets, folds, 0.5)
    for fold in range(4):
        own = folds == fold
        theirs = LogisticRegression(C=2.0, class_weight="balanced", tol=1e-8, max_iter=1000)
        theirs.fit(features[~own], answers[~own])
        found = np.exp(held_out[own].astype(float))
        assert_allclose(found, theirs.predict_proba(features[own]), atol=0.01)


def test_folds_are_stratified_and_of_equal_size() -> None:
    answers = np.repeat([0, 1, 2], [20, 8, 4])
    folds = fold_numbers(answers, 4, np.random.default_rng(0))
    table = np.array([np.bincount(folds[answers == c], minlength=4) for c in range(3)])
    assert_allclose(table, np.repeat([[5], [2], [1]], 4, axis=1))


def test_a_held_out_opinion_does_not_know_its_own_answer() -> None:
    state, _ = gaussian_state("flat", 0.0)
    rows, answers = state.labelled, state.labels[state.labelled]
    folds = fold_numbers(answers, 4, np.random.default_rng(0))
    other = answers.copy()
    other[folds == 1] = (other[folds == 1] + 1) % 3
    features = unit(state.rows.features)
    one, _ = cross_fit(features, rows, np.eye(3, dtype=np.float32)[answers], folds, 1.0)
    two, _ = cross_fit(features, rows, np.eye(3, dtype=np.float32)[other], folds, 1.0)
    assert_allclose(one[folds == 1], two[folds == 1])
    assert not np.allclose(one[folds == 0], two[folds == 0])


def test_a_class_nobody_named_is_not_ruled_out() -> None:
    features = unit(np.random.default_rng(0).normal(size=(30, 4)))
    targets = np.eye(5, dtype=np.float32)[np.arange(12) % 2]
    _, everywhere = cross_fit(features, np.arange(12), targets, np.arange(12) % 4, 1.0)
    assert_allclose(everywhere[:, 2:], np.log(1 / 5), rtol=1e-5)


@pytest.mark.parametrize("told", [np.zeros(12), np.full(12, 1e-12)])
def test_answers_that_say_nothing_teach_nothing(told: Floats) -> None:
    features = unit(np.random.default_rng(0).normal(size=(30, 4)))
    targets, rows = np.eye(3, dtype=np.float32)[np.arange(12) % 3], np.arange(12)
    _, logs = cross_fit(features, rows, targets, rows % 4, 1.0, told)
    assert_allclose(logs, np.log(1 / 3), rtol=1e-5)


@pytest.mark.parametrize("prior", ["good", "flat", "shuffled"])
def test_beliefs_are_probabilities(prior: str) -> None:
    state, _ = gaussian_state(prior, 0.2)
    belief = belief_rule().believe(state, np.random.default_rng(0))
    assert belief.pool.shape == (600, 3)
    assert_allclose(belief.pool.sum(axis=1), 1, rtol=1e-5)
    assert belief.fit is not None
    assert_allclose(belief.pool[state.labelled], belief.fit.posterior)


def test_a_good_prior_keeps_its_weight_and_a_shuffled_one_loses_it() -> None:
    weight = {}
    for prior in ("good", "shuffled"):
        fit = belief_rule().believe(gaussian_state(prior, 0.2)[0], np.random.default_rng(0)).fit
        assert fit is not None
        weight[prior] = fit.exponents[1]
    assert weight["good"] > 3 * weight["shuffled"]
    assert weight["shuffled"] < 0.15


def test_before_any_label_the_belief_is_the_prior() -> None:
    state, _ = gaussian_state("good", 0.0)
    belief = belief_rule().believe(State.start(state.rows), np.random.default_rng(0))
    assert_allclose(belief.pool, state.rows.prior, rtol=1e-4)


def test_the_belief_depends_on_given_answers_alone() -> None:
    state, _ = gaussian_state("good", 0.0)
    hidden = state.hide(state.unlabelled[::2])
    one = belief_rule().believe(state, np.random.default_rng(0)).pool
    two = belief_rule().believe(hidden, np.random.default_rng(0)).pool
    assert_allclose(one, two)


def test_the_surest_share_of_each_class_is_kept_as_in_the_slow_version() -> None:
    beliefs = softmax(np.random.default_rng(3).normal(size=(50, 4)))
    rows = np.arange(3, 50, 2)
    for fraction, most in ((0.5, 100), (1.0, 3), (0.3, 2)):
        fast = confident_rows(beliefs, rows, fraction, most, np.random.default_rng(0))
        assert fast.tolist() == slow.confident_rows(beliefs.tolist(), rows.tolist(), fraction, most)


def test_a_zero_of_the_prior_is_no_veto() -> None:
    assert np.isfinite(log_floor(np.array([[1.0, 0.0]]))).all()


def test_a_single_answer_is_believed_on_the_priors_word_alone() -> None:
    state, _ = gaussian_state("good", 0.0)
    row = state.labelled[:1]
    one = State.start(state.rows).tell(row, state.labels[row])
    belief = belief_rule().believe(one, np.random.default_rng(0))
    assert np.isfinite(belief.pool).all()
    assert_allclose(belief.pool.sum(axis=1), 1, rtol=1e-5)
    assert belief.pool[row[0]].argmax() == state.labels[row[0]]


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("prior", ["good", "shuffled"])
def test_forms_are_averaged_by_the_square_root_of_their_evidence(prior: str, rate: float) -> None:
    state, _ = gaussian_state(prior, rate)
    alone = []
    for shift in (0.0, 1.0, 2.0):
        rule = belief_rule(prior_exponents=(shift,))
        alone.append(rule.believe(state, np.random.default_rng(3)))
    evidence = np.array([one.fit.evidence for one in alone if one.fit])
    weights = np.exp((evidence - evidence.max()) / 2)
    weights /= weights.sum()
    assert weights.max() < 0.95  # or there is nothing to average
    rule = belief_rule(prior_exponents=(0.0, 1.0, 2.0))
    together = rule.believe(state, np.random.default_rng(3))
    wanted = sum(w * one.pool for w, one in zip(weights, alone, strict=True))
    assert_allclose(together.pool, wanted, atol=1e-6)


def test_evidence_prefers_the_form_that_explains_answers() -> None:
    state, _ = gaussian_state("good", 0.0)
    evidence = {}
    for ridge in (1.0, 1e5):
        found = belief_rule(l2=ridge).believe(state, np.random.default_rng(0)).fit
        assert found is not None
        evidence[ridge] = found.evidence
    assert evidence[1.0] > evidence[1e5] + 1


@pytest.mark.parametrize("k", [2, 3, 150])
def test_the_curvature_is_that_of_the_log_softmax_along_one_score(k: int) -> None:
    assert curvature(k) == pytest.approx(1 / k * (1 - 1 / k))


def test_a_shifted_prior_holds_classes_for_equally_frequent() -> None:
    probs = np.array([[0.8, 0.2], [0.4, 0.6]])
    means = np.log(probs.mean(axis=0))
    odds = np.array([0.8 / 0.6, 0.2 / 0.4])
    assert_allclose(np.exp(divided_prior(np.log(probs), means, 1.0))[0], odds / odds.sum())
    assert divided_prior(probs, means, 0.0) is probs


@pytest.mark.parametrize("forms", [(), (-0.1,)])
def test_a_belief_without_a_form_or_below_zero_is_refused(forms: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"wanted one at least, none below 0"):
        AveragedBelief(prior_exponents=forms)
    with pytest.raises(ValueError, match=r"AveragedBelief got l2=0"):
        AveragedBelief(l2=0)
