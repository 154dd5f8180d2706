"""Made-up data: the same for a seed, with a prior of the quality asked for."""

import numpy as np
import pytest

from al_bench.data.datasets.features import FeatureRows, Synthetic


def accuracy(quality: float) -> float:
    data = Synthetic(prior_quality=quality).load()
    assert isinstance(data.test.inputs, FeatureRows)
    assert data.test.inputs.prior is not None
    return float((data.test.inputs.prior.argmax(axis=1) == data.test.labels).mean())


def test_synthetic_data_are_the_same_for_the_same_seed() -> None:
    first, again, other = (Synthetic(seed=seed).load() for seed in (0, 0, 1))
    assert first.key == again.key != other.key
    np.testing.assert_array_equal(first.train.inputs[:], again.train.inputs[:])  # type: ignore[arg-type]
    assert not np.array_equal(first.train.labels, other.train.labels)


def test_a_better_synthetic_prior_is_right_more_often() -> None:
    found = [accuracy(quality) for quality in (0, 0.5, 1)]
    assert found[0] < 0.3 < found[1] < found[2]


def test_impossible_synthetic_data_are_refused() -> None:
    with pytest.raises(ValueError, match="n_test=3"):
        Synthetic(n_test=3)
    with pytest.raises(ValueError, match="prior_quality=2"):
        Synthetic(prior_quality=2)
