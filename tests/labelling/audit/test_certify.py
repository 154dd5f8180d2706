"""Certified labels: exact limits against slow references, whatever the labels and their order."""

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from al_bench.labelling.audit.certify import (
    Part,
    chance,
    designed,
    most_errors,
    planned,
    slip,
    slips,
)


@pytest.mark.parametrize("missed", [0.0, 0.02])
@pytest.mark.parametrize(("rows", "left", "found", "drawn"), [(90, 9, 2, 40), (60, 20, 1, 50)])
def test_the_chance_is_that_of_the_hypergeometric_distribution(
    rows: int, left: int, found: int, drawn: int, missed: float
) -> None:
    hits = np.arange(drawn + 1)
    pmf = hypergeom.pmf(hits, rows, found + left + 1, drawn)
    wanted = pmf @ binom.cdf(found, hits, 1 - missed)
    assert chance(rows, left, found, drawn, missed) == pytest.approx(wanted, abs=1e-9)


def test_more_wrong_labels_than_stated_stay_no_more_often_than_stated() -> None:
    """Also where wrong labels are where they do most harm, and a check passes some of them."""
    rng = np.random.default_rng(0)
    rows, left, found, drawn, missed, over = np.arange(300), 12, 2, 110, 0.05, []
    risk = chance(300, left, found, drawn, missed)
    assert 0.01 < risk < 0.2
    for _ in range(3000):
        wrong = np.zeros(300, dtype=bool)
        wrong[np.sort(rng.permutation(300)[:25])[: left + found + 1]] = True
        checked = rng.choice(300, drawn, replace=False)
        flagged = np.zeros(300, dtype=bool)
        flagged[checked] = wrong[checked] & (rng.random(drawn) > missed)
        kept = Part(rows, checked, left, found, 0.0).kept(flagged)
        over.append(np.count_nonzero(wrong[kept] & ~flagged[kept]) > left)
    assert np.mean(over) == pytest.approx(risk, abs=0.015)


def test_a_part_ends_before_the_first_wrong_label_that_is_not_tolerated() -> None:
    wrong = np.zeros(6, dtype=bool)
    wrong[[4, 0]] = True
    part = Part(np.array([5, 4, 3, 0, 1]), np.array([0, 4]), 1, 1, 0.0)
    assert part.kept(wrong).tolist() == [5, 4, 3]
    assert len(part.kept(np.zeros(6, dtype=bool))) == 5


def test_a_design_costs_less_for_better_labels_and_is_never_dearer_than_reading_all() -> None:
    rows, rng = np.arange(1000), np.random.default_rng(0)
    good, fair, bad = (
        designed(rows, np.full(1000, p), 50, 0.05, 0.0, rng) for p in (0.999, 0.96, 0.5)
    )
    assert good.answers < fair.answers < bad.answers <= 950
    assert chance(len(good.rows), 50, good.tolerated, len(good.drawn)) <= 0.05
    assert set(good.drawn) <= set(good.rows)
    assert len(designed(rows[:40], np.zeros(40), 50, 0.05, 0.0, rng).rows) == 40  # all may be wrong


@pytest.mark.parametrize(("error", "k", "lead"), [(0.2, 2, 3), (0.3, 4, 2)])
def test_people_settle_on_a_wrong_class_no_more_often_than_stated(
    error: float, k: int, lead: int
) -> None:
    rng, settled = np.random.default_rng(0), []
    for _ in range(4000):
        counts = np.zeros(k)
        while (two := np.sort(counts)[-2:])[1] - two[0] < lead:
            counts[0 if rng.random() > error else rng.integers(1, k)] += 1
        settled.append(counts.argmax())
    assert np.mean(np.array(settled) == 1) <= slip(error, k, lead) + 0.005
    assert slips(1000, 0.01, 0.05) >= 10
    assert slips(1000, 0.0, 0.05) == 0


def test_the_limit_of_peoples_errors_is_over_them_as_often_as_stated() -> None:
    rng, k, error = np.random.default_rng(1), 3, 0.15
    same = (1 - error) ** 2 + error**2 / (k - 1)
    limits = [most_errors(rng.binomial(60, 1 - same), 60, k, 0.1) for _ in range(500)]
    assert np.mean(np.array(limits) >= error) >= 0.88
    assert most_errors(60, 60, k, 0.1) == pytest.approx(1 - 1 / k)


def test_a_plan_asks_more_people_where_they_err_and_refuses_where_they_guess() -> None:
    rng = np.random.default_rng(0)
    labels, right, none = rng.integers(2, size=800), np.full(800, 0.99), np.zeros(800, np.int64)
    plain = planned(labels, right, none, 2, 0.05, 0.05, 0.0, rng)
    noisy = planned(labels, right, none, 2, 0.05, 0.05, 0.2, rng)
    assert (plain.lead, plain.slip) == (1, 0.0)
    assert noisy.lead > 2
    assert noisy.answers > plain.answers
    with pytest.raises(ValueError, match="people err in 50% of answers, too many"):
        planned(labels, right, none, 2, 0.05, 0.05, 0.5, rng)
