"""Estimates of a model by an audit, against known populations and slow references."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.stats import beta

from al_bench.core.arrays import one_hot
from al_bench.labelling.audit.design import (
    Audit,
    difference_estimator,
    merged_strata,
    taken,
    weights,
)
from al_bench.labelling.audit.estimate import AuditEstimate, Interval, agreement, estimate
from tests.labelling.audit.populations import Population, answered, make_population


def every(found: AuditEstimate) -> list[Interval]:
    return [found.accuracy, found.balanced_accuracy, *found.recalls]


def covered(intervals: list[Interval], truth: list[float]) -> list[bool]:
    return [one.low <= value <= one.high for one, value in zip(intervals, truth, strict=True)]


def one_stratum(right: int, count: int) -> tuple[np.ndarray, Audit]:
    """A sample of two classes in which the model, always of the same confidence, is right so
    often."""
    guess = np.arange(1000) % 2
    probs = np.where(one_hot(guess, 2) > 0, 0.7, 0.3)
    rows = np.arange(count)
    answers = np.where(rows < right, guess[rows], 1 - guess[rows])
    return probs, Audit(rows, np.zeros(1000, dtype=np.int64), answers)


@pytest.mark.parametrize(("right", "count"), [(0, 20), (20, 20), (15, 20), (1, 1), (37, 100)])
def test_accuracy_of_a_plain_sample_has_the_interval_of_jeffreys(right: int, count: int) -> None:
    probs, audit = one_stratum(right, count)
    found = estimate(probs, audit).accuracy
    known = beta(right + 0.5, count - right + 0.5)
    assert found.value == pytest.approx(np.clip(right / count, found.low, found.high))
    assert (found.low, found.high) == pytest.approx(known.interval(0.95), abs=0.01)


def test_nothing_is_sure_where_every_audited_row_is_right() -> None:
    probs, audit = one_stratum(10, 10)
    found = estimate(probs, audit)
    assert found.accuracy.low < 0.85
    assert found.balanced_accuracy.low < 0.85
    assert all(one.low < 0.85 and one.high == 1 for one in found.recalls)


def test_a_class_without_an_audited_row_may_have_any_recall() -> None:
    population = make_population((0.5, 0.45, 0.05))
    audit = population.audit(60, seed=1)
    kept = audit.answers != 2
    few = replace(audit, rows=audit.rows[kept], answers=audit.answers[kept])
    found = estimate(population.probs, few)
    assert (found.recalls[2].low, found.recalls[2].high) == (0, 1)
    wide, narrow = (x.balanced_accuracy.high - x.balanced_accuracy.low for x in
                    (found, estimate(population.probs, audit)))  # fmt: skip
    assert wide > narrow


def test_a_class_that_is_never_guessed_has_no_recall() -> None:
    population = make_population()
    probs = population.probs.copy()
    probs[:, 2] = 0
    found = estimate(probs / probs.sum(axis=1, keepdims=True), population.audit(200, seed=0))
    assert found.recalls[2].high < 0.01


def test_one_audited_row_gives_an_estimate_that_says_little() -> None:
    population = make_population()
    found = estimate(population.probs, population.audit(1, seed=0))
    assert found.accuracy.high - found.accuracy.low > 0.7


@pytest.mark.parametrize("shares", [(0.6, 0.3, 0.1), (0.9, 0.07, 0.03)])
def test_intervals_cover_the_truth_under_the_stratified_design(shares: tuple[float, ...]) -> None:
    population = make_population(shares)
    truth = [population.accuracy, float(population.recalls.mean()), *population.recalls]
    found = [estimate(population.probs, population.audit(80, seed)) for seed in range(150)]
    hits = np.array([covered(every(one), truth) for one in found])
    assert hits[:, :2].mean(axis=0).min() >= 0.92  # two standard errors below 95 %
    assert hits[:, 2:].mean() >= 0.93
    assert np.mean([one.accuracy.value for one in found]) == pytest.approx(truth[0], abs=0.01)


def widths(found: AuditEstimate) -> np.ndarray:
    return np.array([one.high - one.low for one in every(found)])


def test_predictions_make_intervals_narrower_where_they_tell_something() -> None:
    population = make_population(sharp=1.5)
    guess = one_hot(population.probs.argmax(axis=1), 3)
    vague = guess * 0.6 + 0.2 * (1 - guess)
    ratio = np.mean([
        widths(estimate(population.probs, population.audit(150, seed)))
        / widths(estimate(vague, population.audit(150, seed)))
        for seed in range(20)
    ], axis=0)  # fmt: skip
    assert ratio[0] < 0.95
    assert ratio[1] < 0.98


def test_predictions_that_are_wrong_about_themselves_are_not_believed() -> None:
    population = make_population(sharp=1.0)
    guess = population.probs.argmax(axis=1)
    best = population.probs.max(axis=1, keepdims=True)
    sure = (1 / 3 + 1.0 - best) / (4 / 3)  # the surer the model was, the less it says so
    lying = np.where(one_hot(guess, 3) > 0, np.maximum(sure, 0.4), (1 - np.maximum(sure, 0.4)) / 2)
    truth = [population.accuracy, float(population.recalls.mean())]
    hits = np.mean([
        covered(every(estimate(lying, population.audit(80, seed)))[:2], truth)
        for seed in range(100)
    ], axis=0)  # fmt: skip
    assert hits.min() >= 0.91


def test_the_difference_estimator_agrees_with_sums_written_out() -> None:
    population = make_population(n=300)
    audit = population.audit(40, seed=3)
    sample = taken(population.probs, audit, None, None)
    outcome, hoped = population.truth == 0, population.probs[:, 0]
    found, variance = difference_estimator(
        sample,
        outcome[audit.rows].astype(float)[:, None],
        hoped[audit.rows][:, None],
        hoped[:, None],
    )
    sizes = np.bincount(population.strata)
    parts = {s: audit.rows[audit.strata[audit.rows] == s] for s in range(3)}
    share = {s: sizes[s] / 300 for s in range(3)}

    def moment(left: np.ndarray, right: np.ndarray) -> float:
        return sum(
            share[s] ** 2 * float(np.cov(left[rows], right[rows])[0, 1]) / len(rows)
            for s, rows in parts.items()
        )

    own = float(np.mean((hoped - hoped.mean()) ** 2)) / 300
    trust = moment(outcome, hoped) / (moment(hoped, hoped) + own)
    rest = outcome - trust * hoped
    total = trust * hoped.mean() + sum(share[s] * rest[rows].mean() for s, rows in parts.items())
    assert found[0] == pytest.approx(total)
    assert variance[0] == pytest.approx(moment(rest, rest) + trust**2 * own)


def test_the_order_of_audited_rows_says_nothing() -> None:
    population = make_population()
    audit = population.audit(50, seed=5)
    turned = replace(audit, rows=audit.rows[::-1], answers=audit.answers[::-1])
    for one, other in zip(
        every(estimate(population.probs, audit)),
        every(estimate(population.probs, turned)),
        strict=True,
    ):
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_rows_outside_the_reserve_only_count_for_the_sizes_of_strata() -> None:
    population = make_population()
    audit = population.audit(60, seed=2)
    kept = np.union1d(audit.rows, np.arange(0, 3000, 2))
    probs = population.probs.copy()
    taught = np.setdiff1d(np.arange(3000), kept)
    probs[taught] = one_hot(population.truth[taught], 3)  # as a model has them that was taught them
    found = estimate(probs, audit, reserve=kept)
    assert found == estimate(population.probs, audit, reserve=kept)
    assert found != estimate(probs, audit)


def test_strata_with_few_audited_rows_are_joined_for_variances() -> None:
    assert (
        merged_strata(np.repeat([0, 1, 2, 3], [6, 3, 4, 5])).tolist() == [1] * 6 + [0] * 7 + [2] * 5
    )
    assert set(merged_strata(np.repeat([0, 1, 2], [6, 7, 2])).tolist()) == {0, 1}
    assert len(merged_strata(np.array([3]))) == 1


def test_weights_sum_to_one_where_a_stratum_has_no_row() -> None:
    found = weights(np.array([0] * 60 + [1] * 30 + [2] * 10), np.array([0, 1, 60]))
    assert found.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3])


def test_answers_that_err_are_agreed_with_less_than_the_truth() -> None:
    population, found = make_population(sharp=2.5), []
    for seed in range(30):
        audit = population.audit(150, seed)
        wrong = answered(audit.answers, 3, 0.3, 1, seed)[:, 0]
        found.append(estimate(population.probs, replace(audit, answers=wrong)).accuracy.value)
    agreement = population.accuracy * 0.7 + (1 - population.accuracy) * 0.15
    assert np.mean(found) == pytest.approx(agreement, abs=0.02)


def test_three_answers_tell_their_own_error_rate_and_are_corrected_for_it() -> None:
    population = make_population(sharp=2.5)
    found, rates = [], []
    for seed in range(30):
        audit = population.audit(150, seed)
        truths, rate = agreement(answered(audit.answers, 3, 0.3, 3, seed), 3)
        found.append(estimate(population.probs, audit, truths=truths))
        rates.append(rate)
    assert np.mean(rates) == pytest.approx(0.3, abs=0.02)
    value = np.mean([one.accuracy.value for one in found])
    assert value == pytest.approx(population.accuracy, abs=0.02)
    truth = [population.accuracy, float(population.recalls.mean())]
    assert np.mean([covered(every(one)[:2], truth) for one in found]) >= 0.9


def drawn_population(k: int, n: int, sharp: float, seed: int) -> Population:
    shares = np.random.default_rng(seed).dirichlet(np.ones(k))
    return make_population(tuple(shares), n, sharp, seed)


@settings(max_examples=60, deadline=None)
@given(
    k=some.integers(2, 12),
    count=some.integers(1, 60),
    sharp=some.floats(0, 8),
    error=some.sampled_from([0.0, 0.2, 0.4]),
    seed=some.integers(0, 10**6),
)
def test_whatever_is_audited_intervals_lie_in_0_to_1_around_their_value(
    k: int, count: int, sharp: float, error: float, seed: int
) -> None:
    population = drawn_population(k, 200, sharp, seed)
    audit = population.audit(count, seed)
    said = answered(audit.answers, k, error, 1, seed)[:, 0]
    confusion = (1 - error - error / (k - 1)) * np.eye(k) + error / (k - 1)
    for one in every(estimate(population.probs, audit, np.linalg.pinv(confusion)[said])):
        assert 0 <= one.low <= one.high <= 1
        assert one.low - 1e-9 <= one.value <= one.high + 1e-9


def test_what_does_not_fit_together_is_one_sentence() -> None:
    population = make_population(n=100)
    audit, probs = population.audit(20, seed=0), population.probs
    nobody = Audit(audit.rows[:0], audit.strata, audit.answers[:0])
    with pytest.raises(ValueError, match="got 0 audited rows, 0 answers and 100 strata for 100"):
        estimate(probs, nobody)
    with pytest.raises(ValueError, match=r"truths of shape \(3, 3\); wanted \(20, 3\)"):
        estimate(probs, audit, truths=np.eye(3))
    with pytest.raises(ValueError, match="outside the reserve"):
        estimate(probs, audit, reserve=audit.rows[1:])
    with pytest.raises(ValueError, match="no audited row has two answers"):
        agreement(np.array([[0, -1], [1, -1]]), 3)
    with pytest.raises(ValueError, match="agree in 0% of cases, no more than by chance"):
        agreement(np.array([[0, 1], [1, 2]]), 3)
