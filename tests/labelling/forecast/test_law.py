"""The law of what labels bring, on runs that were made by a known one."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from al_bench.labelling.forecast.law import ALONE, ARMS, Facts, Forecast, Law, Sample, law, logit

COUNTS = np.array([6.0, 12, 24, 48, 96])


def first(arm: str, recall: float) -> float:
    """The logit without labels: that of the foundation model for what makes use of it."""
    return float(logit(recall)) - 0.2 if arm == "codecision" else -0.4


def made(families: int = 12, each: int = 6, seed: int = 0) -> pd.DataFrame:
    """Runs in which labels close a part of the gap, with an error of the data set's family."""
    rng, lines = np.random.default_rng(seed), []
    for family in range(families):
        own = rng.normal(scale=0.3)
        for _ in range(each):
            recall = rng.uniform(0.3, 0.9)
            alone = float(expit(logit(recall) + 0.5 * own))
            seen = np.log1p(COUNTS / 3)
            arms = {arm: expit(first(arm, recall) + 0.3 * seen + own) for arm in ARMS}
            facts = {"rows": 1000, "classes": 3, "noise": 0.0, "labels": 50, "confidence": recall}
            facts |= {"right": recall, "recall": recall, "shares": np.full(3, 1 / 3)}
            facts |= {"learnable": 0.3, "family": f"set {family}", ALONE: alone}
            lines.append(facts | {"model": "one", "counts": COUNTS} | arms)
    return pd.DataFrame(lines)


@pytest.fixture(scope="module")
def fitted() -> Law:
    return Law.of(Sample.of(made(), 50))


def facts(recall: float) -> Facts:
    return Facts(1000, 3, 0.0, 50, recall, recall, recall, np.full(3, 1 / 3), 0.3)


def test_a_law_finds_what_the_runs_follow(fitted: Law) -> None:
    course = fitted.forecast(facts(0.6), COUNTS)
    seen = np.log1p(COUNTS / 3)
    for arm in ARMS:
        true = expit(first(arm, 0.6) + 0.3 * seen)
        assert np.abs(course.band(course.curves[arm])[0] - true).max() < 0.08
    assert course.band(course.alone)[0] == pytest.approx(0.6, abs=0.06)


def test_bands_hold_families_that_were_left_out() -> None:
    runs = made(24, 3, seed=1)
    sample = Sample.of(runs, 50)
    held = []
    for family in runs["family"].unique()[:12]:
        inside = (runs["family"] == family).to_numpy()
        one = Law.of(sample, ~inside)
        for _, line in runs[inside].iterrows():
            course = one.forecast(Facts.of(line), COUNTS)
            _, low, high = course.band(course.curves["random"][:, -1])
            held.append(low <= line["random"][-1] <= high)
    assert 0.6 <= np.mean(held) <= 0.97


def test_a_run_of_a_family_that_is_left_out_changes_nothing() -> None:
    runs = made()
    other = runs.copy()
    wild = other["family"] == "set 3"
    other.loc[wild, ALONE] = 0.1
    kept = (runs["family"] != "set 3").to_numpy()
    first, second = (Law.of(Sample.of(one, 50), kept).forecast(facts(0.6), COUNTS)
                     for one in (runs, other))  # fmt: skip
    assert np.array_equal(first.alone, second.alone)


def test_a_band_is_made_of_weighted_quantiles() -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.random((40, 3)), rng.random(40)
    course = Forecast(COUNTS, values[:, 0], {}, weights / weights.sum())
    for column, band in zip(values.T, course.band(values).T, strict=True):
        for share, found in zip((0.5, 0.1, 0.9), band, strict=True):
            slow = min(v for v in column if weights[column <= v].sum() / weights.sum() >= share)
            assert found == slow
    assert course.mean(values) == pytest.approx((weights / weights.sum()) @ values)


@pytest.mark.parametrize("labels", [0, 47])
def test_the_committed_law_forecasts_any_pool(labels: int) -> None:
    one = facts(0.7)
    course = law(labels).forecast(one, np.array([3.0, 30, 120]))
    for curves in course.curves.values():
        assert ((curves > 0) & (curves < 1)).all()
    middle, low, high = course.band(course.alone)
    assert low < middle < high
    assert law(labels) is law(labels)
    assert set(law(labels).regressions) == {ALONE, *ARMS}
