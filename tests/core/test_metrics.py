"""Metrics against scikit-learn and against arithmetic."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, log_loss

from al_bench.core.metrics import balanced_accuracy, by_class_size, calibration_error, evaluate
from al_bench.core.problem import Problem
from al_bench.core.state import Rows, State
from al_bench.testing.situations import SoftmaxModel, make_pool


def measured() -> tuple[dict[str, float], list[float], Problem, State]:
    pool, truth = make_pool(n=150)
    test, test_truth = make_pool(n=90, noise=2.0)
    answers = truth.copy()
    answers[:30] = (answers[:30] + 1) % 4
    problem = Problem(pool, truth, answers, test, test_truth)
    weight = 0.1 * np.random.default_rng(3).normal(size=(4, 8))
    index = np.arange(20, 50)
    state = State.start(pool).tell(index, answers[index])
    state = replace(state, model=SoftmaxModel(weight, np.zeros(4)))
    return *evaluate(state, problem, index[10:]), problem, state


def test_balanced_accuracy_and_likelihood_agree_with_scikit_learn() -> None:
    metrics, recall, problem, state = measured()
    probs = state.model.predict_proba(problem.test)
    expected = balanced_accuracy_score(problem.test_truth, probs.argmax(axis=1))
    assert metrics["balanced_accuracy"] == pytest.approx(expected)
    assert np.mean(recall) == pytest.approx(expected)
    assert metrics["nll"] == pytest.approx(log_loss(problem.test_truth, probs))
    expected = f1_score(problem.test_truth, probs.argmax(axis=1), average="macro")
    assert metrics["macro_f1"] == pytest.approx(expected)
    product = (probs * problem.test.prior).argmax(axis=1)
    expected = balanced_accuracy_score(problem.test_truth, product)
    assert metrics["product_balanced_accuracy"] == pytest.approx(expected)


def test_the_corrected_prior_has_its_bias_to_some_classes_taken_out() -> None:
    truth = np.repeat([0, 1], [400, 100])
    seen = 2.0 * truth - 1 + np.random.default_rng(0).normal(size=500)
    odds = np.exp(2 * seen) / 9  # of the second class, said nine times too seldom
    prior = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1).astype(np.float32)
    rows = Rows(range(500), seen[:, None].astype(np.float32), prior)
    problem = Problem(rows, truth, truth, rows, truth)
    metrics, _ = evaluate(State.start(problem.pool), problem, np.empty(0, dtype=np.int64))
    level = metrics["corrected_prior_balanced_accuracy"]
    assert level > metrics["prior_balanced_accuracy"] + 0.02
    mean = [prior[:, 0].mean(), prior[:, 1].mean()]
    guess = [int(q[1] / mean[1] > q[0] / mean[0]) for q in prior]
    assert level == pytest.approx(balanced_accuracy_score(truth, guess))


def test_the_corrected_prior_reads_no_label_and_no_other_test_row() -> None:
    *_, problem, _ = measured()
    guess = problem.corrected_prior
    other = replace(problem, truth=problem.truth[::-1], answers=problem.answers[::-1],
                    test=problem.test.take(np.arange(40)),
                    test_truth=problem.test_truth[:40][::-1])  # fmt: skip
    assert other.corrected_prior.tolist() == guess[:40].tolist()
    assert problem.corrected_prior is guess  # found once a problem


@pytest.mark.parametrize("sure", [False, True])
def test_a_prior_that_says_nothing_or_is_certain_has_nothing_to_correct(sure: bool) -> None:
    pool, truth = make_pool(n=60)
    said = np.eye(4)[np.minimum(truth, 2)] if sure else np.full((60, 4), 0.25)  # one class is never
    rows = replace(pool, prior=said.astype(np.float32))
    problem = Problem(rows, truth, truth, rows, truth)
    metrics, _ = evaluate(State.start(rows), problem, np.empty(0, dtype=np.int64))
    assert metrics["corrected_prior_balanced_accuracy"] == metrics["prior_balanced_accuracy"]


def test_a_class_without_rows_does_not_count() -> None:
    assert balanced_accuracy(np.array([0, 0, 1]), np.array([0, 1, 1]), 3) == pytest.approx(0.75)


def test_thirds_are_by_pool_count() -> None:
    recall = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    found = by_class_size(recall, np.array([1, 2, 3, 40, 50, 60]))
    assert found["head_recall"] == pytest.approx(0.55)
    assert found["medium_recall"] == pytest.approx(0.35)
    assert found["tail_recall"] == pytest.approx(0.15)
    assert found["worst_recall"] == pytest.approx(0.1)


def test_calibration_error_by_hand() -> None:
    # two bins: confidence .9 right half of the time, confidence .6 always right
    confidence = np.array([0.9, 0.9, 0.6, 0.6])
    correct = np.array([True, False, True, True])
    assert calibration_error(confidence, correct) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def test_query_diagnostics_count_by_true_class() -> None:
    metrics, _, problem, state = measured()
    rows = np.arange(20, 50)
    counts = np.bincount(problem.truth[rows], minlength=4)
    assert metrics["classes_found"] == (counts > 0).sum()
    assert metrics["rarest_count"] == counts.min()
    assert metrics["labelled_noise"] == pytest.approx(10 / 30)
    assert metrics["queried_noise"] == 0
    assert metrics["imbalance_l1"] == pytest.approx(np.abs(counts / 30 - 0.25).sum())
    assert len(state.labelled) == 30


def test_a_rare_class_of_two_is_measured_at_the_frequency_it_has_in_the_pool() -> None:
    rng = np.random.default_rng(0)
    truth, test_truth = (rng.random(400) < 0.05).astype(int), np.arange(200) % 2
    test_score = test_truth + rng.normal(size=200)
    pool_score = np.where(truth == 1, 2.0, 0) + rng.normal(size=400)

    def rows_of(score: np.ndarray) -> Rows:
        prior = np.stack([1 / (1 + np.exp(score)), 1 / (1 + np.exp(-score))], axis=1)
        return Rows(range(len(score)), score[:, None], prior)

    problem = Problem(rows_of(pool_score), truth, truth, rows_of(test_score), test_truth)
    state = State.start(problem.pool).tell(np.arange(40), truth[:40])
    metrics, _ = evaluate(state, problem, np.arange(40))
    share = truth.mean()
    weights = np.where(test_truth == 1, share, 1 - share)
    expected = average_precision_score(test_truth, test_score, sample_weight=weights)
    assert metrics["average_precision"] == pytest.approx(expected)
    assert metrics["found"] == pytest.approx(truth[:40].sum() / truth.sum())
    levels = [0.0]
    for bar in test_score:
        hit, false = test_score[test_truth == 1] >= bar, test_score[test_truth == 0] >= bar
        if share * hit.mean() >= (1 - share) * false.mean():
            levels.append(hit.mean())
    assert metrics["recall_at_half_precision"] == pytest.approx(max(levels))
    read = [*range(40), *(40 + np.argsort(-pool_score[40:]))]
    found, count = 0, 0
    while found < 0.95 * truth.sum():
        found, count = found + truth[read[count]], count + 1
    assert metrics["work_saved"] == pytest.approx(0.95 - count / 400)
    assert "found" not in measured()[0]


def test_metrics_without_a_value_are_left_out() -> None:
    pool, truth = make_pool(n=60)
    problem = Problem(pool, truth, truth, pool, truth)
    metrics, _ = evaluate(State.start(pool), problem, np.empty(0, dtype=np.int64))
    assert "labelled_noise" not in metrics
    assert all(np.isfinite(value) for value in metrics.values())
