"""Embeddings from an .npz file, for users with features of their own and no foundation model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import at_least, distributions, fraction, matrix, softmax, whole_numbers
from al_bench.core.hashing import check_file_name, digest
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints
from al_bench.data.datasets.check import check_labels, checked_dataset
from al_bench.data.types import Dataset, Split


def plain_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz; ValueError for another file, or one that holds objects."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # numpy raises OSError, ValueError, EOFError, BadZipFile, zlib's
        line = " ".join(str(error).split())
        raise ValueError(f"{path} is not an .npz of plain arrays: {line}") from error


@dataclass(frozen=True)
class FeatureRows(Sequence[Any]):
    """Rows given as embeddings, (n, d) float32, with (n, k) class probabilities or None."""

    features: Floats
    prior: Floats | None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            prior = None if self.prior is None else self.prior[position]
            return FeatureRows(self.features[position], prior)
        return self.features[position]

    def take(self, index: Ints) -> FeatureRows:
        return FeatureRows(self.features[index], None if self.prior is None else self.prior[index])


@dataclass(frozen=True)
class Features:
    """Embeddings, labels and, optionally, a prior and class names from an .npz file.

    The file holds train_features, test_features (n, d); train_labels, test_labels (n,) in 0..k-1;
    optionally train_prior, test_prior (n, k), class_names (k,) and train_ids, test_ids (n,), your
    own names of the rows.

        >>> data = Features("mine", npz).load()

    Parameters
    ----------
    name : name in reports
    path : the file
    prompts : templates with one ``{}`` for a class name
    """

    brings: ClassVar = ("path",)

    name: str
    path: str
    prompts: Sequence[str] = ("{}",)

    def __post_init__(self) -> None:
        check_file_name(self.name)

    @property
    def file(self) -> Path:
        return Path(self.path).expanduser()

    def absent(self) -> str | None:
        """Why the file is not on this machine, or None if it is."""
        return None if self.file.is_file() else f"{self.name}: there is no file {self.file}"

    def load(self) -> Dataset:
        """FileNotFoundError or ValueError, in one sentence, if the file is missing or invalid."""
        if not self.file.is_file():
            raise FileNotFoundError(f"{self.name}: there is no file {self.file}")
        key = f"{self.name},sha256:{digest(self.file)}"
        arrays = self.arrays()
        class_names = self.class_names(arrays)
        train = self.split(arrays, "train", len(class_names))
        test = self.split(arrays, "test", len(class_names))
        widths = train.inputs.features.shape[1], test.inputs.features.shape[1]  # type: ignore[attr-defined]
        if widths[0] != widths[1]:
            raise ValueError(f"{self.file}: train has {widths[0]} features a row, test {widths[1]}")
        return checked_dataset(
            Dataset(self.name, key, "features", train, test, class_names, tuple(self.prompts))
        )

    def arrays(self) -> dict[str, Any]:
        arrays = plain_arrays(self.file)
        for name in ("train_features", "train_labels", "test_features", "test_labels"):
            if name not in arrays:
                raise ValueError(
                    f"{self.file} has no {name}; it has {', '.join(arrays) or 'nothing'}"
                )
        return arrays

    def class_names(self, arrays: dict[str, Any]) -> tuple[str, ...]:
        """The file's class names, or "class 0", ... for each column of its prior or each label."""
        if "class_names" in arrays:
            return tuple(map(str, arrays["class_names"]))
        if "train_prior" in arrays and arrays["train_prior"].ndim == 2:
            count = arrays["train_prior"].shape[1]
        else:
            labels = whole_numbers(f"{self.file}: train_labels", arrays["train_labels"])
            count = max(2, len(np.unique(labels[labels >= 0])))
        return tuple(f"class {number}" for number in range(count))

    def split(self, arrays: dict[str, Any], which: str, n_classes: int) -> Split:
        what = f"{self.file}: {which}"
        labels = whole_numbers(f"{what}_labels", arrays[f"{which}_labels"])
        check_labels(f"{what}_labels", labels, n_classes)
        features = matrix(f"{what}_features", arrays[f"{which}_features"], len(labels))
        prior = arrays.get(f"{which}_prior")
        if prior is not None:
            prior = distributions(f"{what}_prior", prior, len(labels), n_classes)
        return Split(FeatureRows(features, prior), labels, ids=arrays.get(f"{which}_ids"))


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
