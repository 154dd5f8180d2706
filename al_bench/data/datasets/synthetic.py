"""Gaussian classes with a prior of any quality, for tests and quick trials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.arrays import at_least, fraction, softmax
from al_bench.core.rng import rng
from al_bench.core.state import Floats
from al_bench.data.datasets.check import checked_dataset
from al_bench.data.datasets.features import FeatureRows
from al_bench.data.types import Dataset, Split


@dataclass(frozen=True)
class Synthetic:
    """Spherical Gaussian classes of equal size, with a prior that assumes displaced class centres.

        >>> data = Synthetic(n_train=100).load()

    Parameters
    ----------
    n_train, n_test, n_classes, dim : rows of each split, number of classes and of features
    separation : root mean square distance of two class centres, in standard deviations within a
        class
    prior_quality : 1 makes the prior the true posterior, 0 that of random centres (chance on
        average); in between, the centres are a mixture of true and random ones
    seed : of the data only
    """

    n_train: int = 2000
    n_test: int = 1000
    n_classes: int = 10
    dim: int = 16
    separation: float = 4.0
    prior_quality: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, 2, n_classes=self.n_classes)
        at_least(self, self.n_classes, n_train=self.n_train, n_test=self.n_test)  # one per class
        at_least(self, 1, dim=self.dim)
        at_least(self, 0, separation=self.separation)
        fraction(self, prior_quality=self.prior_quality)

    def load(self) -> Dataset:
        draws = rng(self.seed, "synthetic")
        scale = self.separation / np.sqrt(2 * self.dim)
        centres = scale * draws.normal(size=(self.n_classes, self.dim))
        stranger = scale * draws.normal(size=(self.n_classes, self.dim))
        believed = self.prior_quality * centres + (1 - self.prior_quality) * stranger
        options = dict(sorted(vars(self).items()))
        return checked_dataset(
            Dataset(
                name="synthetic",
                key=f"synthetic,{options}",
                modality="features",
                train=sampled_rows(self.n_train, centres, believed, draws),
                test=sampled_rows(self.n_test, centres, believed, draws),
                class_names=tuple(f"class {number}" for number in range(self.n_classes)),
            )
        )


def sampled_rows(n: int, centres: Floats, believed: Floats, draws: np.random.Generator) -> Split:
    """n shuffled rows of balanced classes, with the posterior under the centres `believed`."""
    labels = draws.permutation(np.arange(n) % len(centres))
    features = centres[labels] + draws.normal(size=(n, centres.shape[1]))
    scores = features @ believed.T - 0.5 * (believed**2).sum(axis=1)
    prior = softmax(scores).astype(np.float32)
    return Split(FeatureRows(features.astype(np.float32), prior), labels)
