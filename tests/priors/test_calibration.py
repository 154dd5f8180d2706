"""Calibrations: closed forms, what they are fitted on, and where they may stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from al_bench.datasets.synthetic import Synthetic
from al_bench.priors.by_modality import ByModality, Given
from al_bench.priors.calibration import (
    LabelShift,
    Tempered,
    Transported,
    fractions,
    reweighted,
    tempered,
    transport,
)
from al_bench.priors.controls import Degraded, Flat, Rotated
from al_bench.problem.build import build
from al_bench.problem.cache.embeddings import corrections
from al_bench.problem.imbalance import LongTail, Merge, Natural
from al_bench.problem.noise import Clean, Symmetric
from al_bench.problem.types import Dataset, Prior, Task
from al_bench.state import Floats

TWO_KINDS = np.array([[0.8, 0.2]] * 5 + [[0.2, 0.8]] * 3, dtype=np.float32)


def table(n: int = 400, k: int = 4, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.6), size=n).astype(np.float32)


def drawn(true_shares: Floats, n: int) -> Floats:
    """Posteriors under equal fractions of rows that really come in other fractions: one of three
    signs is seen, and class c shows sign c with probability 0.7 and the others with 0.15."""
    chances = np.full((3, 3), 0.15) + 0.55 * np.eye(3)
    signs = np.repeat(np.arange(3), np.round(n * true_shares @ chances).astype(int))
    return np.asarray(chances[:, signs].T / chances[:, signs].T.sum(axis=1, keepdims=True))


# Pure functions


def test_a_temperature_takes_powers() -> None:
    given = np.array([[0.64, 0.04, 0.32], [1.0, 0.0, 0.0]], dtype=np.float32)
    roots = np.sqrt([0.64, 0.04, 0.32])
    np.testing.assert_allclose(tempered(given, 2.0)[0], roots / roots.sum(), rtol=1e-6)
    np.testing.assert_allclose(tempered(given, 1.0), given, rtol=1e-6)
    np.testing.assert_allclose(tempered(given, 3.0)[1], [1, 0, 0])  # certainty stays certain
    np.testing.assert_allclose(tempered(given[:1], 1e6), 1 / 3, rtol=1e-4)
    assert tempered(np.full((1, 150), 1 / 150, dtype=np.float32), 0.01).sum() == pytest.approx(1)


def test_em_finds_the_shares_that_made_the_rows() -> None:
    true = np.array([0.7, 0.2, 0.1])
    pool = drawn(true, 2_000)
    assert np.abs(pool.mean(axis=0) - true).max() > 0.2  # which their mean does not
    np.testing.assert_allclose(fractions(pool, 0.0, 500), true, atol=1e-3)


def test_one_step_of_em_is_the_mean_and_damping_adds_rows_of_every_class() -> None:
    mean = TWO_KINDS.mean(axis=0)
    np.testing.assert_allclose(fractions(TWO_KINDS, 0.0, 1), mean, rtol=1e-6)
    np.testing.assert_allclose(fractions(TWO_KINDS, 0.1, 1), (mean + 0.1) / 1.2, rtol=1e-6)
    np.testing.assert_allclose(fractions(TWO_KINDS, 1e9, 5), 0.5, rtol=1e-6)
    all_one = np.tile([[0.9, 0.1]], (50, 1))
    assert fractions(all_one, 0.0, 500)[1] < 1e-6  # plain EM gives up the class
    assert fractions(all_one, 0.02, 500)[1] > 0.02


def test_undamped_em_ends_where_the_likelihood_is_largest() -> None:
    pool = table(k=2)
    best = minimize_scalar(
        lambda fraction: -np.log(pool @ [fraction, 1 - fraction]).sum(),
        bounds=(0, 1),
        method="bounded",
    )
    assert fractions(pool, 0.0, 5000)[0] == pytest.approx(best.x, abs=1e-4)


def test_transport_reaches_its_target_and_keeps_the_order_within_a_class() -> None:
    pool, target = table(), np.array([0.4, 0.3, 0.2, 0.1])
    moved = reweighted(pool, transport(pool, target, 1000))
    np.testing.assert_allclose(moved.mean(axis=0), target, atol=1e-5)
    np.testing.assert_allclose(moved.sum(axis=1), 1, atol=1e-6)
    odds = [p[:, 0] / p[:, 1] for p in (pool, moved)]
    np.testing.assert_allclose(odds[1] / odds[0], odds[1][0] / odds[0][0], rtol=1e-3)


def test_transport_of_two_kinds_of_rows_has_a_closed_form() -> None:
    # odds 4 w and w / 4 with fractions 5/8 and 3/8 must leave half of all rows to the first class
    moved = reweighted(TWO_KINDS, transport(TWO_KINDS, np.array([0.5, 0.5]), 1000))
    first, second = moved[0, 0], moved[-1, 0]
    assert 5 * first + 3 * second == pytest.approx(4, abs=1e-4)
    assert first / (1 - first) / (second / (1 - second)) == pytest.approx(16, rel=1e-3)
    balanced = np.concatenate([TWO_KINDS[:3], TWO_KINDS[-3:]])
    np.testing.assert_allclose(transport(balanced, np.array([0.5, 0.5]), 10), 1)  # nothing to move


def test_a_target_that_cannot_be_reached_is_refused() -> None:
    certain = np.eye(2, dtype=np.float32)[[0, 0, 0, 1]]
    with pytest.raises(ValueError, match=r"class 0 has 0.75 of the pool; wanted 0.5"):
        transport(certain, np.array([0.5, 0.5]), 50)


def test_zeros_leave_no_row_without_a_distribution() -> None:
    pool = np.array([[1, 0, 0], [0, 0.5, 0.5]], dtype=np.float32)
    moved = reweighted(pool, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(moved, [[1, 0, 0], [0, 0, 1]], atol=1e-6)


# In a run


@dataclass(frozen=True)
class Said:
    """The zero-shot probabilities that a synthetic data set brings, by another key."""

    key = "given"

    def encoder(self, modality: str) -> Any:
        return Given()

    def probabilities(self, features: Floats, inputs: Any, task: Task) -> Floats:
        return np.asarray(inputs.prior)


def dataset() -> Dataset:
    return Synthetic(
        n_train=600, n_test=200, n_classes=5, dim=6, separation=3.0, prior_quality=0.7, seed=0
    ).load()


def priors(prior: Prior, imbalance: Any, folder: Path, data: Dataset) -> tuple[Floats, Floats]:
    problem = build(data, imbalance, Clean(), prior, 0, folder)
    return problem.pool.prior, problem.test.prior


@pytest.mark.parametrize(
    "make", [lambda p: LabelShift(p, 0.02, 10), lambda p: Transported(p, None, 500)]
)
def test_a_correction_is_fitted_on_the_pool_of_the_run_and_applied_to_test(
    tmp_path: Path, make: Any
) -> None:
    tail = LongTail(ratio=10, order="fixed")
    plain_pool, plain_test = priors(Said(), tail, tmp_path, dataset())
    pool, test = priors(make(Said()), tail, tmp_path, dataset())
    correct = make(Said()).fit(plain_pool)
    np.testing.assert_array_equal(pool, correct(plain_pool))
    np.testing.assert_array_equal(test, correct(plain_test))
    assert np.abs(test - make(Said()).fit(plain_test)(plain_test)).max() > 1e-3
    assert np.abs(pool - plain_pool).max() > 1e-3


def test_the_rest_of_the_test_split_does_not_change_a_test_rows_opinion(tmp_path: Path) -> None:
    data, prior = dataset(), Transported(Said(), None, 500)
    _, whole = priors(prior, Natural(), tmp_path, data)
    rows = np.concatenate([np.flatnonzero(data.test.labels == c)[:2] for c in range(5)])
    inputs = type(data.test.inputs)(data.test.inputs.features[rows], data.test.inputs.prior[rows])  # type: ignore
    few = replace(data.test, inputs=inputs, labels=data.test.labels[rows])
    _, part = priors(prior, Natural(), tmp_path, replace(data, test=few))
    np.testing.assert_array_equal(part, whole[rows])


def test_neither_labels_nor_noise_change_a_correction(tmp_path: Path) -> None:
    prior = LabelShift(Said(), 0.02, 10)
    clean = build(dataset(), Natural(), Clean(), prior, 0, tmp_path)
    noisy = build(dataset(), Natural(), Symmetric(0.4), prior, 0, tmp_path)
    np.testing.assert_array_equal(clean.pool.prior, noisy.pool.prior)
    np.testing.assert_array_equal(clean.test.prior, noisy.test.prior)


def test_a_histogram_is_one_of_the_merged_classes(tmp_path: Path) -> None:
    merge = Merge(classes=3, order="fixed")
    pool, _ = priors(Transported(Said(), [0.5, 0.3, 0.2], 500), merge, tmp_path, dataset())
    np.testing.assert_allclose(pool.mean(axis=0), [0.5, 0.3, 0.2], atol=1e-4)
    with pytest.raises(ValueError, match="histogram has 2 fractions; the pool has 3 classes"):
        priors(Transported(Said(), [0.5, 0.5], 500), merge, tmp_path, dataset())


def test_calibrations_nest_the_inner_one_first(tmp_path: Path) -> None:
    plain_pool, plain_test = priors(Said(), Natural(), tmp_path, dataset())
    nested = Transported(Tempered(ByModality(Said(), Said(), Said()), 2.0), None, 500)
    pool, test = priors(nested, Natural(), tmp_path, dataset())
    warm = tempered(plain_pool, 2.0)
    weights = transport(warm, np.full(5, 0.2), 500)
    np.testing.assert_allclose(pool, reweighted(warm, weights), rtol=1e-5)
    np.testing.assert_allclose(test, reweighted(tempered(plain_test, 2.0), weights), rtol=1e-5)


def test_a_calibration_stands_outside_of_controls(tmp_path: Path) -> None:
    fitted = LabelShift(Said(), 0.02, 10)
    inside = ByModality(Said(), Said(), fitted)
    for wrong in (Rotated(fitted), Degraded(inside, 0.5), Tempered(Rotated(inside), 2.0)):
        with pytest.raises(
            ValueError, match=r"LabelShift is inside .*; wanted .* inside LabelShift"
        ):
            corrections(wrong, "features")
    plain_pool, _ = priors(Rotated(Said()), Natural(), tmp_path, dataset())
    pool, _ = priors(LabelShift(Rotated(Said()), 0.02, 10), Natural(), tmp_path, dataset())
    np.testing.assert_array_equal(pool, fitted.fit(plain_pool)(plain_pool))
    flat, _ = priors(Flat(fitted), Natural(), tmp_path, dataset())
    np.testing.assert_allclose(flat, 0.2, rtol=1e-6)
    assert corrections(Rotated(Said()), "features") == []


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Tempered(Said(), 0.0), "temperature=0.0; wanted more than 0"),
        (lambda: LabelShift(Said(), -0.1, 5), "damping=-0.1, iterations=5; wanted"),
        (lambda: LabelShift(Said(), 0.1, 0), "damping=0.1, iterations=0; wanted"),
        (lambda: Transported(Said(), [0.5, 0.6], 5), "wanted null or positive fractions"),
        (lambda: Transported(Said(), [1.0, 0.0], 5), "wanted null or positive fractions"),
    ],
)
def test_options_that_make_no_sense_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


def test_keys_tell_calibrations_apart() -> None:
    made: Sequence[Prior] = (
        Tempered(Said(), 2.0),
        Tempered(Said(), 3.0),
        LabelShift(Said(), 0.02, 10),
        LabelShift(Said(), 0.0, 10),
        LabelShift(Said(), 0.02, 11),
        Transported(Said(), None, 10),
        Transported(Said(), [0.5, 0.5], 10),
    )
    assert len({prior.key for prior in made}) == len(made)
    assert all("given" in prior.key for prior in made)
