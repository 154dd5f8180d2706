"""The linear head: against scikit-learn, its balance, its steps, and odd training sets; and the one
that starts from the prior."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from al_bench.core.logistic import BALANCES, adjustment, balanced_weights, weighted_classes
from al_bench.core.state import Rows, TrainingSet
from al_bench.learners.linear import LinearHead, LinearHeadModel, ResidualHead, ResidualModel
from al_bench.testing.situations import make_pool
from tests.reference import residual as reference


def head(**changed: object) -> LinearHead:
    options = {"l2": 1.0, "balance": "none", "tolerance": 1e-7, "iterations": 500} | changed
    return LinearHead(**options)  # type: ignore[arg-type]


def taught(truth: np.ndarray, rows: np.ndarray, k: int = 4) -> TrainingSet:
    return TrainingSet(rows, np.eye(k)[truth[rows]], np.ones(len(rows)))


def fit(learner: LinearHead, rows: Rows, training: TrainingSet) -> LinearHeadModel:
    return learner.fit(rows, training, np.random.default_rng(0))


@pytest.mark.parametrize("balance", ["none", "weights"])
def test_it_finds_the_minimum_that_scikit_learn_finds(balance: str) -> None:
    rows, truth = make_pool(n=300)
    model = fit(head(balance=balance), rows, taught(truth, np.arange(200)))
    weight = None if balance == "none" else "balanced"
    theirs = LogisticRegression(C=1.0, class_weight=weight, max_iter=5000, tol=1e-8)
    theirs.fit(rows.features[:200], truth[:200])
    assert np.allclose(model.predict_proba(rows), theirs.predict_proba(rows.features), atol=2e-3)


def test_soft_targets_are_balanced_class_by_class() -> None:
    rng = np.random.default_rng(0)
    hard = np.eye(3)[np.repeat([0, 1, 2], [8, 3, 1])]
    targets, weights = weighted_classes(hard, np.ones(12))
    np.testing.assert_allclose(targets, hard)
    np.testing.assert_allclose(weights, balanced_weights(hard, np.ones(12)))
    soft = rng.dirichlet([4, 1, 0.2], size=40)
    targets, weights = weighted_classes(soft, np.ones(40))
    np.testing.assert_allclose(weights @ targets, np.minimum(soft.sum(axis=0) / 0.5, 1))
    doubted = np.tile([0.9, 0.1], (50, 1))  # one row in ten of the rare class, nobody knows which
    np.testing.assert_allclose(weighted_classes(doubted, np.ones(50))[0], 0.5)


def test_every_class_weighs_the_same_under_balanced_weights() -> None:
    targets = np.array([[1, 0, 0], [1, 0, 0], [0.5, 0.5, 0]])
    weights = balanced_weights(targets, np.ones(3))
    assert weights == pytest.approx([1 / 2.5, 1 / 2.5, 0.5 / 2.5 + 0.5 / 0.5])


def test_the_adjustment_is_the_log_frequency_and_finite_for_absent_classes() -> None:
    found = adjustment(np.eye(3)[[0, 0, 0, 1]], np.ones(4))
    assert found == pytest.approx(np.log(np.array([3, 1, 0.5]) / 4.5))


def test_logit_adjustment_raises_the_recall_of_rare_classes() -> None:
    rows, truth = make_pool(n=2000, noise=3.0)
    training = taught(truth, np.arange(1000))
    rare = truth[1000:] == 3
    recall = {}
    for balance in ("none", "logit_adjustment", "weights"):
        model = fit(head(balance=balance), rows, training)
        guess = model.predict_proba(rows).argmax(axis=1)[1000:]
        recall[balance] = (guess == truth[1000:])[rare].mean()
    assert recall["logit_adjustment"] > recall["none"] + 0.1
    assert recall["weights"] > recall["none"] + 0.1


def test_soft_targets_and_weights_count_as_repeated_rows() -> None:
    rows, truth = make_pool(n=60)
    index = np.arange(40)
    once = taught(truth, index)
    doubled = TrainingSet(index, once.targets, np.full(40, 2.0))
    a = fit(head(), rows, once).predict_proba(rows)
    assert np.allclose(a, fit(head(), rows, doubled).predict_proba(rows), atol=1e-4)
    soft = np.full((40, 4), 0.25)
    flat = fit(head(), rows, TrainingSet(index, soft, np.ones(40))).predict_proba(rows)
    assert np.allclose(flat, 0.25, atol=1e-3)


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("m", [4, 60, 1500])
def test_the_tolerance_bounds_how_far_from_the_minimum_a_fit_ends(m: int, balance: str) -> None:
    rows, truth = make_pool(n=1500, noise=3.0)
    training = taught(truth, np.arange(m))
    best, loose = (fit(head(balance=balance, tolerance=t), rows, training) for t in (1e-9, 1e-5))
    weights, shift = np.ones(m), np.zeros(4)
    if balance.endswith("weights"):
        weights = balanced_weights(training.targets, weights)
    if balance == "logit_adjustment":
        shift = adjustment(training.targets, weights)

    def loss(model: LinearHeadModel) -> float:
        scores = rows.features[:m].astype(float) @ model.weight.T + model.bias + shift
        surprise = logsumexp(scores, axis=1) - scores[np.arange(m), truth[:m]]
        ridge = 0.5 * (model.weight.astype(float) ** 2).sum() / m
        return float((weights / weights.sum()) @ surprise + ridge)

    assert loss(best) <= loss(loose) + 1e-6
    assert loss(loose) < loss(best) + 1e-4


def test_a_class_without_rows_keeps_its_column() -> None:
    rows, truth = make_pool(n=200)
    some = np.flatnonzero(truth < 2)
    probs = fit(head(balance="weights"), rows, taught(truth, some)).predict_proba(rows)
    assert probs.shape == (200, 4)
    assert np.isfinite(probs).all()
    assert set(probs.argmax(axis=1)) <= {0, 1}


def test_an_empty_training_set_is_refused() -> None:
    rows, truth = make_pool(n=20)
    with pytest.raises(ValueError, match="without rows"):
        fit(head(), rows, taught(truth, np.arange(0)))


def residual(**changed: object) -> ResidualHead:
    options = {"l2": 1.0, "balance": "none", "tolerance": 1e-7, "iterations": 500}
    options |= {"strength": 1.0, "floor": 1e-4} | changed
    return ResidualHead(**options)  # type: ignore[arg-type]


def fit_residual(learner: ResidualHead, rows: Rows, training: TrainingSet) -> ResidualModel:
    return learner.fit(rows, training, np.random.default_rng(0))


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_residual_head_is_the_minimum_that_plain_loops_find(strength: float) -> None:
    rows, truth = make_pool(n=40, d=2, k=3, noise=3.0)
    prior = rows.prior.copy()
    prior[5] = [0, 1, 0]  # of which the zeros are no veto
    rows, index = replace(rows, prior=prior), np.arange(15)
    model = fit_residual(residual(strength=strength, floor=0.01), rows, taught(truth, index, 3))
    wanted = reference.fit(rows.features[:15], prior[:15], truth[:15], 1.0, strength, 0.01)
    probs = reference.probabilities(wanted, rows.features, prior, strength, 0.01)
    assert np.allclose(model.predict_proba(rows), probs, atol=2e-3)


@pytest.mark.parametrize("balance", BALANCES)
def test_without_a_prior_that_says_anything_it_is_the_linear_head(balance: str) -> None:
    rows, truth = make_pool(n=200)
    training = taught(truth, np.arange(100))
    plain = fit(head(balance=balance), rows, training).predict_proba(rows)
    none = fit_residual(residual(balance=balance, strength=0.0), rows, training)
    assert np.array_equal(none.predict_proba(rows), plain)
    flat = replace(rows, prior=np.full_like(rows.prior, 0.25))
    found = fit_residual(residual(balance=balance), flat, training).predict_proba(flat)
    assert np.allclose(found, plain, atol=2e-3)


def test_where_labels_agree_with_the_prior_on_classes_a_strong_ridge_leaves_the_prior() -> None:
    rows, _ = make_pool(n=200)
    training = TrainingSet(np.arange(200), rows.prior.astype(float), np.ones(200))
    found = fit_residual(residual(l2=1e6, floor=1e-12), rows, training).predict_proba(rows)
    assert np.allclose(found, rows.prior, atol=1e-3)


def test_a_good_prior_helps_where_labels_are_few() -> None:
    rows, truth = make_pool(n=2000, noise=3.0)
    training = taught(truth, np.arange(12))
    rest = slice(12, None)
    models = fit(head(), rows, training), fit_residual(residual(), rows, training)
    alone, beside = ((m.predict_proba(rows).argmax(axis=1) == truth)[rest].mean() for m in models)
    assert beside > alone + 0.05


@pytest.mark.parametrize("wrong", [{"strength": -1.0}, {"floor": 0.0}, {"floor": 1.0}])
def test_a_residual_head_with_an_offset_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"ResidualHead got .*; wanted (0 or more|one between)"):
        residual(**wrong)
