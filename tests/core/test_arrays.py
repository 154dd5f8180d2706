"""Arithmetic of arrays that is written for speed, beside its plain form."""

import numpy as np
import pytest

from al_bench.belief.opinion_pool import log_products
from al_bench.core.arrays import SHORT, row_max, unit
from al_bench.core.state import Rows


@pytest.mark.parametrize("shape", [(7, 3), (4, 5, 2), (3, SHORT + 1), (0, 4), (5, 1)])
def test_the_largest_value_of_each_row_is_numpys(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    np.testing.assert_array_equal(row_max(values), values.max(axis=-1, keepdims=True))


@pytest.mark.parametrize("rows", [1, 15, 16, 50])
def test_logarithms_of_products_are_sums_of_logarithms(rows: int) -> None:
    chances = np.random.default_rng(rows).uniform(1e-15, 1, size=(3, rows, 2))
    np.testing.assert_allclose(log_products(chances), np.log(chances).sum(axis=1))


def test_features_of_length_one_are_their_own_directions() -> None:
    features = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    features[2] = 0
    scaled = unit(features)
    prior = np.full((6, 2), 0.5)
    np.testing.assert_array_equal(Rows(range(6), features, prior).directions, scaled)
    kept = np.delete(scaled, 2, axis=0)
    assert Rows(range(5), kept, prior[:5]).directions is kept
