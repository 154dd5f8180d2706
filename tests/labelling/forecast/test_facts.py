"""What is known of a pool from few labels."""

import numpy as np
import pytest

from al_bench.labelling.forecast.law import agreement, explained, facts_of


def pool(n: int, k: int, right: float, seed: int = 0):  # type: ignore[no-untyped-def]
    """Features in blobs, a foundation model that is right so often and says so, and the classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    features = (3 * np.eye(k)[truth] + rng.normal(size=(n, k))).astype(np.float32)
    guess = np.where(rng.random(n) < right, truth, (truth + rng.integers(1, k, n)) % k)
    prior = np.full((n, k), (1 - right) / (k - 1))
    prior[np.arange(n), guess] = right
    return features, prior, truth


def test_without_labels_the_foundation_model_is_as_good_as_it_says() -> None:
    features, prior, _ = pool(600, 3, 0.7)
    nothing = np.empty(0, dtype=np.int64)
    found = facts_of(features, prior, nothing, nothing)
    assert found.right == pytest.approx(0.7)
    assert found.recall == pytest.approx(0.7)
    assert found.learnable == 0
    assert found.labels == 0


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_labels_say_how_good_it_is_also_where_some_are_wrong(noise: float) -> None:
    features, prior, truth = pool(4000, 3, 0.7)
    sure = np.full_like(prior, 0.005)
    sure[np.arange(4000), prior.argmax(axis=1)] = 0.99  # it says 99 %, and is right for 70 %
    rng = np.random.default_rng(1)
    wrong = (truth + rng.integers(1, 3, 4000)) % 3
    answers = np.where(rng.random(4000) < noise, wrong, truth)
    found = facts_of(features, sure, np.arange(2000), answers[:2000], noise)
    assert found.recall == pytest.approx(0.7, abs=0.05)
    assert found.right == pytest.approx(0.7, abs=0.05)


def test_shares_are_corrected_for_wrong_answers() -> None:
    _, prior, truth = pool(3000, 3, 0.8)
    rng = np.random.default_rng(0)
    rows = np.flatnonzero((truth != 2) | (rng.random(3000) < 0.05))  # one class is rare
    answers = np.where(rng.random(3000) < 0.3, (truth + rng.integers(1, 3, 3000)) % 3, truth)
    _, _, shares = agreement(prior[rows], np.arange(len(rows)), answers[rows], 0.3)
    true = np.bincount(truth[rows], minlength=3) / len(rows)
    assert np.abs(shares - true).max() < 0.03


def test_rows_that_stand_for_more_rows_count_for_more() -> None:
    _, prior, truth = pool(500, 3, 0.6)
    once, twice = np.arange(60), np.concatenate([np.arange(60), np.arange(20)])
    weights = np.where(once < 20, 2, 1) / 80
    heavy = agreement(prior, once, truth[once], 0.1, weights)
    repeated = agreement(prior, twice, truth[twice], 0.1)
    assert heavy[0] == pytest.approx(repeated[0], abs=0.02)
    assert heavy[2] == pytest.approx(repeated[2], abs=0.02)
    assert abs(heavy[0] - agreement(prior, once, truth[once], 0.1)[0]) > 0


def test_variance_explained_is_that_of_ridge_regression_with_each_row_left_out() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    x = rng.normal(size=(25, 4))
    y = np.eye(3)[rng.integers(0, 3, 25)]
    y[:, 0] = x[:, 0] + 0.1 * rng.normal(size=25)
    size = ((x - x.mean(axis=0)) ** 2).sum(axis=1).mean()
    rest = []
    for penalty in (0.03, 0.1, 0.3, 1.0, 3.0):
        errors = 0.0
        for row in range(25):
            others = np.arange(25) != row
            slow = Ridge(penalty * size).fit(x[others] - x.mean(axis=0), y[others])
            errors += ((y[row] - slow.predict(x[[row]] - x.mean(axis=0))[0]) ** 2).sum()
        rest.append(errors)
    slow_share = 1 - min(rest) / ((y - y.mean(axis=0)) ** 2).sum()
    assert explained(x, y) == pytest.approx(slow_share, abs=0.02)
    assert explained(x, rng.normal(size=(25, 3))) < 0.1
    assert explained(x, np.ones((25, 3))) == 0


def test_labels_seen_of_a_class_fall_with_skew_and_noise() -> None:
    features, prior, truth = pool(400, 2, 0.8)
    rows = np.arange(100)
    even = facts_of(features, prior, rows, truth[:100])
    noisy = facts_of(features, prior, rows, truth[:100], noise=0.4)
    skewed = facts_of(features, prior, rows, np.zeros(100, dtype=np.int64))
    assert even.seen(100) == pytest.approx(50, rel=0.05)
    assert noisy.seen(100) < even.seen(100) / 4
    assert skewed.seen(100) < even.seen(100) / 2
    assert (np.diff(even.seen(np.arange(1.0, 50.0))) > 0).all()
