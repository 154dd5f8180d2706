"""The arithmetic of a report against closed forms, the literature and independent code."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from al_bench.report import stats
from al_bench.report.savings import (
    FLAT,
    area,
    efficiency,
    interval_of_median,
    labels_needed,
    last_level,
    median_share,
    middle,
    order_interval,
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


def test_labels_needed_interpolates_takes_the_first_crossing_and_says_never() -> None:
    labels = np.array([10.0, 20.0, 40.0, 80.0])
    curve = np.array([0.2, 0.6, 0.4, 0.8])
    levels = [0.1, 0.2, 0.4, 0.6, 0.7, 0.8, 0.81]
    wanted = [10.0, 10.0, 15.0, 20.0, 70.0, 80.0, np.inf]
    assert [labels_needed(curve, labels, level) for level in levels] == pytest.approx(wanted)
    missed = np.array([0.1, 0.3 - 1e-12])  # by rounding alone
    assert labels_needed(missed, np.array([1.0, 2.0]), 0.3) == pytest.approx(2.0)


def test_last_level_is_the_mean_over_the_last_tenth_of_the_budget() -> None:
    assert last_level(line(1.0, seeds=1), LABELS) == pytest.approx([0.95])
    assert last_level(np.array([[0.1, 0.4]]), np.array([10.0, 100.0])) == pytest.approx([0.4])


def noisy(slope: float, seeds: int, number: int) -> np.ndarray:
    """(seeds, 10) curves about a straight line, whose seeds vary as a whole and point by point."""
    draws = np.random.default_rng(number)
    apart = 0.03 * draws.normal(size=(seeds, 1)) + 0.02 * draws.normal(size=(seeds, 10))
    return line(slope, seeds=1) + apart


def test_learning_twice_as_fast_needs_half_of_the_budget() -> None:
    found = efficiency(line(2.0), line(1.0), LABELS)
    assert (found.share, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert not found.flat
    behind = efficiency(line(0.9), line(1.0), LABELS)
    assert (behind.share, behind.low, behind.high) == (np.inf, np.inf, np.inf)
    same = noisy(1.0, 5, 3)
    assert efficiency(same, same, LABELS).share <= 1
    one = efficiency(line(2.0, seeds=1), line(1.0, seeds=1), LABELS)
    assert one.share == pytest.approx(0.5)
    assert np.isnan([one.low, one.high]).all()


def test_an_opponent_that_rises_by_less_than_two_points_is_flat() -> None:
    rising = (line(1.0), LABELS)
    for rise, flat in ((FLAT - 0.001, True), (FLAT + 0.001, False)):
        opponent = 0.5 + rise * (LABELS - 10) / 90 + np.zeros((5, 1))
        assert efficiency(rising[0], opponent, LABELS).flat is flat
    alone = efficiency(rising[0], np.full((5, 1), 0.35), LABELS)
    assert (alone.share, alone.flat) == (pytest.approx(0.35), False)


@pytest.mark.parametrize("number", range(6))
def test_share_and_interval_agree_with_plain_loops_and_t_tests(number: int) -> None:
    ours, opponent = noisy(1.6, 8, number), noisy(1.0, 8, number + 50)
    found = efficiency(ours, opponent, LABELS)
    assert found.share == pytest.approx(slow.share(ours, opponent, LABELS))
    # the bands of t tests are straight between rounds here, and curved there: within a per cent
    low, high = slow.interval(ours, opponent, LABELS)
    assert found.low == pytest.approx(low, abs=0.01)
    assert (found.high == high == np.inf) or found.high == pytest.approx(high, abs=0.01)
    assert found.low <= found.share <= found.high


def test_the_median_over_sets_counts_what_is_not_reached_and_leaves_flat_ones_out() -> None:
    steep, flat = line(1.0), np.full((5, 10), 0.5)
    kinds = [(line(2.0), steep), (line(4.0), steep), (line(0.5), steep), (line(1.0), flat)]
    found = [efficiency(ours, opponent, LABELS) for ours, opponent in kinds]
    median = median_share(found, list("abcd"))
    assert (median.median, median.worst) == (pytest.approx(0.5), np.inf)
    assert (median.missed, median.flat, median.sets) == (1, 1, 3)
    assert median.over_seeds == pytest.approx((0.5, 0.5), abs=0.005)
    assert np.isnan(median.over_sets).all()
    assert middle(np.array([0.2, np.inf])) == np.inf
    assert middle(np.array([0.2, 0.4, np.inf, 0.3])) == pytest.approx(0.35)
    assert np.isnan(median_share(found[3:], ["d"]).median)


def test_the_interval_of_a_median_over_sets_is_that_of_order_statistics() -> None:
    values = np.arange(1.0, 13.0)
    assert order_interval(values[::-1]) == (3.0, 10.0)  # covers 96.1 %: Thompson (1936)
    assert order_interval(np.append(values[:5], np.inf)) == (1.0, np.inf)
    assert np.isnan(order_interval(values[:5])).all()


def test_the_interval_of_a_median_over_seeds_is_that_of_one_set_where_there_is_one() -> None:
    one = efficiency(noisy(1.6, 20, 1), noisy(1.0, 20, 2), LABELS)
    low, high = interval_of_median(one.chances[None])
    assert (low, high) == pytest.approx((one.low, one.high), abs=0.02)
    many = interval_of_median(np.repeat(one.chances[None], 9, axis=0))
    assert low < many[0] < many[1] < high


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
