"""The arithmetic of a report against closed forms, the literature and independent code."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2
from sklearn.isotonic import IsotonicRegression

from al_bench.report import stats
from al_bench.report.savings import (
    area,
    isotonic,
    labels_needed,
    labels_over_levels,
    last_level,
    ratio_at,
    ratio_over_levels,
    saved,
    saving_limits,
)
from tests.reference import savings as slow

LABELS = np.arange(10.0, 101.0, 10.0)


def line(slope: float, seeds: int = 5, jitter: float = 0.0) -> np.ndarray:
    """Straight learning curves slope * labels / 100, each seed shifted by its own small amount."""
    shifts = jitter * np.random.default_rng(0).normal(size=(seeds, 1))
    return slope * LABELS[None, :] / 100 + shifts


def test_area_of_a_straight_line_is_its_middle() -> None:
    labels = np.array([10.0, 40.0, 100.0])
    assert area(labels[None] / 100, labels) == pytest.approx([0.55])
    assert area(np.array([[0.3]]), np.array([10.0])) == pytest.approx([0.3])


def test_isotonic_fit_agrees_with_scikit_learn_on_any_curve() -> None:
    curves = np.random.default_rng(0).normal(size=(50, 9)) + np.linspace(0, 1, 9)
    curves[0], curves[1] = np.arange(9)[::-1], 0.5
    wanted = [IsotonicRegression().fit_transform(np.arange(9), curve) for curve in curves]
    np.testing.assert_allclose(isotonic(curves), wanted, atol=1e-12)
    assert isotonic(np.array([[0.9, 0.6, 0.3]])) == pytest.approx(np.full((1, 3), 0.6))


def test_labels_needed_interpolates_takes_the_first_crossing_and_says_never() -> None:
    labels = np.array([10.0, 20.0, 40.0, 80.0])
    curve = np.array([[0.2, 0.6, 0.4, 0.8]])
    targets = np.array([[0.1, 0.2, 0.4, 0.6, 0.7, 0.8, 0.81]])
    wanted = [10.0, 10.0, 15.0, 20.0, 70.0, 80.0, np.inf]
    assert labels_needed(curve, labels, targets)[0] == pytest.approx(wanted)
    missed = np.array([[0.1, 0.3 - 1e-12]])  # by rounding alone
    assert labels_needed(missed, np.array([1.0, 2.0]), np.array([[0.3]])) == pytest.approx(2.0)


def test_last_level_is_the_mean_over_the_last_tenth_of_the_budget() -> None:
    assert last_level(line(1.0, seeds=1), LABELS) == pytest.approx([0.95])
    assert last_level(np.array([[0.1, 0.4]]), np.array([10.0, 100.0])) == pytest.approx([0.4])


@pytest.mark.parametrize(
    ("slope", "ratio"),
    [(0.8, 1.25), (0.5, 2.0), (0.2, 2.0), (1.25, 0.8), (2.0, 0.5), (5.0, 0.5), (1.0, 1.0)],
)
def test_a_level_that_one_misses_counts_as_the_last_that_both_reach_but_at_most_twice(
    slope: float, ratio: float
) -> None:
    one, other = line(slope, seeds=1), line(1.0, seeds=1)
    above = np.array([[max(slope, 1.0) - 0.01]])
    if slope != 1.0:
        assert ratio_at(one, other, LABELS, above) == pytest.approx(ratio)
        assert ratio_at(other, one, LABELS, above) == pytest.approx(1 / ratio)
    assert ratio_at(one, other, LABELS, above + 9) == pytest.approx(ratio)  # neither gets there


def test_what_is_not_reached_is_charged_the_budget_at_the_highest_level_that_is() -> None:
    labels = np.array([10.0, 40.0, 100.0])
    flat, rising = np.array([[0.2, 0.5, 0.5]]), np.array([[0.2, 0.4, 0.6]])
    # to 0.5 the other needs 70 labels, the flat one had 100, though 40 were enough
    assert ratio_at(flat, rising, labels, np.array([[0.5, 0.55]])) == pytest.approx(
        np.array([[40 / 70, 100 / 70]])
    )


def test_labels_over_levels_agrees_with_fine_summation_also_for_curves_that_dip() -> None:
    curves = np.random.default_rng(1).random((20, 7)) + np.linspace(0, 1, 7)
    labels = np.array([5.0, 10.0, 20.0, 25.0, 50.0, 80.0, 100.0])
    low, high = curves[:, 0] - 0.1, curves.max(axis=1) - 0.01
    levels = low[:, None] + (high - low)[:, None] * (np.arange(20_000) + 0.5) / 20_000
    wanted = labels_needed(curves, labels, levels).mean(axis=1) * (high - low)
    np.testing.assert_allclose(labels_over_levels(curves, labels, low, high), wanted, rtol=1e-3)


def test_learning_twice_as_fast_saves_half_of_the_labels() -> None:
    final, integrated = saved(line(2.0), line(1.0), LABELS, 100, np.random.default_rng(0))
    # levels 0.1 to 0.2 cost both at least the first 10 labels
    above = 25 * (2**2 - 1)  # what it spends where the other is not, which counts twice
    spent = 0.1 * 10 + 25 * (1 - 0.2**2) + above
    over_levels = 1 - spent / (50 * (1 - 0.1**2) + 2 * above)
    for saving, wanted in ((final, 0.5), (integrated, over_levels)):
        assert saving.value == pytest.approx(wanted)
        assert (saving.low, saving.high) == pytest.approx((wanted, wanted))
        assert (saving.reached_a, saving.reached_b) == (True, True)
    noisy = line(1.0) + 0.05 * np.random.default_rng(3).normal(size=(5, 10))
    found = saved(noisy, noisy, LABELS, 50, np.random.default_rng(0))
    assert [s.value for s in found] == pytest.approx([0.0] * 2)


@pytest.mark.parametrize(("a", "b", "reached"), [(0.5, 1.0, False), (1.0, 0.5, True)])
def test_a_level_that_is_never_reached_is_said_to_be_so(a: float, b: float, reached: bool) -> None:
    curves = line(a, jitter=0.01), line(b, jitter=0.01)
    final = saved(*curves, LABELS, 100, np.random.default_rng(0))[0]
    assert (final.reached_a, final.reached_b) == (reached, True)
    if not reached:
        assert (final.value, final.low, final.high) == pytest.approx((-1.0, -1.0, -1.0))


def test_a_curve_that_ends_behind_is_charged_for_all_levels_of_the_other() -> None:
    behind, ahead = line(0.8, seeds=1), line(1.0, seeds=1)
    assert ratio_over_levels(behind, ahead, LABELS) == pytest.approx(1.25)
    # the other way from 0.08 on, where it has 10 labels up to its own start at 0.1
    spent = 10 * 0.02 + 50 * (1 - 0.1**2), 62.5 * (1 - 0.08**2)
    assert ratio_over_levels(ahead, behind, LABELS) == pytest.approx(spent[0] / spent[1])


def test_ratios_over_levels_agree_with_plain_summation_also_for_curves_that_dip() -> None:
    rng, labels = np.random.default_rng(2), np.array([5.0, 10.0, 20.0, 25.0, 50.0, 80.0, 100.0])
    a, b = rng.random((2, 20, 7)) + np.linspace(0, 1, 7) + 0.4 * rng.normal(size=(2, 20, 1))
    wanted = [slow.ratio_over_levels(*pair, labels, 4000) for pair in zip(a, b, strict=True)]
    assert len({float(np.sign(x.max() - y.max())) for x, y in zip(a, b, strict=True)}) == 2
    np.testing.assert_allclose(ratio_over_levels(a, b, labels), wanted, rtol=2e-3)
    # curves that never rise save by where they are
    flat, labels = np.array([[0.3, 0.3]]), np.array([10.0, 20.0])
    assert ratio_over_levels(flat, flat, labels) == pytest.approx(1.0)
    assert ratio_over_levels(flat - 0.1, flat, labels) == pytest.approx(2.0)
    assert ratio_over_levels(flat + 0.1, flat, labels) == pytest.approx(0.5)


def test_the_error_of_a_mean_is_the_textbook_one_also_with_few_seeds() -> None:
    for seeds in (4, 12):
        data = np.random.default_rng(5).normal(size=seeds)
        value, error = stats.errors(
            lambda weights, data=data: (weights @ data)[:, None],
            seeds, 40_000, np.random.default_rng(7),
        )  # fmt: skip
        assert value == pytest.approx([data.mean()])
        assert error == pytest.approx([data.std(ddof=1) / np.sqrt(seeds)], rel=0.02)
    value, error = stats.errors(lambda w: 3 * w, 1, 100, np.random.default_rng(0))
    assert value == pytest.approx([3.0])
    assert np.isnan(error).all()


def test_the_interval_of_a_saving_is_that_of_student_on_the_log_of_the_ratio() -> None:
    assert np.isnan(saving_limits(0.0, np.nan, 0)).all()
    low, high = saving_limits(float(np.log(0.5)), 0.1, 4)
    assert (low, high) == pytest.approx((1 - 0.5 * np.exp(0.2776445), 1 - 0.5 * np.exp(-0.2776445)))


def test_ninety_five_per_cent_bands_hold_the_mean_about_that_often() -> None:
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(5, 4000))
    half = stats.t_band(curves)
    assert np.mean(np.abs(curves.mean(axis=0)) < half) == pytest.approx(0.95, abs=0.015)


def test_ranks_start_at_the_highest_score_and_ties_share_their_mean_rank() -> None:
    scores = np.array([[0.9, 0.5, 0.9, 0.1], [0.2, 0.2, 0.2, 0.7]])
    assert stats.ranks(scores) == pytest.approx(np.array([[1.5, 3, 1.5, 4], [3, 3, 3, 1]]))


def test_rank_statistics_are_those_of_friedman_and_demsar_2006() -> None:
    assert stats.critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    for methods, q in ((2, 1.960), (5, 2.728), (10, 3.164)):
        scale = np.sqrt(methods * (methods + 1) / 6)
        assert stats.critical_difference(methods, 1) / scale == pytest.approx(q, abs=6e-4)
    # Friedman's p of perfect agreement is its closed form
    scores = np.tile([0.1, 0.2, 0.3], (6, 1))  # the statistic is n (k - 1) = 12
    assert stats.friedman(scores) == pytest.approx(chi2.sf(12, 2))
    assert np.isnan(stats.friedman(scores[:, :2]))


def test_verdict_is_a_win_only_beyond_two_paired_standard_errors() -> None:
    step = np.array([0.0, 0.2, 0.2, 0.4])  # mean 0.2, standard error 0.0816
    assert stats.Paired(step).verdict == "win"
    assert stats.Paired(-step).verdict == "loss"
    wide = np.array([-0.05, 0.1, 0.3, 0.1])  # mean 0.1125, standard error 0.0718
    assert stats.Paired(wide).verdict == "tie"
    assert stats.Paired(0 * wide).verdict == "tie"
    found = stats.Paired(np.array([1.0, 2.0, 3.0]))
    assert (found.difference, found.error) == (2.0, pytest.approx(1 / np.sqrt(3)))
    assert np.isnan(stats.Paired(np.array([1.0])).error)
