"""One prior for every kind of data: texts, images, and rows with their own features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from al_bench.core.arrays import uniform
from al_bench.core.state import Floats
from al_bench.data.types import Encoder, Prior, Task
from al_bench.priors.conse import ConSE
from al_bench.priors.sentence import ClassNamePrototypes


@dataclass(frozen=True)
class ByModality:
    """The prior for the kind of data at hand.

        >>> prior = ByModality(image=ClipLike())

    Parameters
    ----------
    text, image, features : the priors of texts, of images and of rows that are features
    """

    text: Prior = field(default_factory=ClassNamePrototypes)
    image: Prior = field(default_factory=ConSE)
    features: Prior = field(default_factory=lambda: Given())

    @property
    def key(self) -> str:
        return f"modality({self.text.key}, {self.image.key}, {self.features.key})"

    def choose(self, modality: str) -> Prior:
        priors = {"text": self.text, "image": self.image, "features": self.features}
        if modality not in priors:
            raise ValueError(f"the data are of kind {modality!r}; wanted {', '.join(priors)}")
        return priors[modality]

    def encoder(self, modality: str) -> Encoder:
        return self.choose(modality).encoder(modality)

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        prior = self.choose(task.modality)
        return prior.probabilities(features, inputs, task)


@dataclass(frozen=True)
class Given:
    """The features and class probabilities that the data set has; uniform if it has none.

    It is its own encoder; ``inputs`` are rows of ``features`` (n, d) and ``prior`` (n, k) or None.

        >>> encoder = Given().encoder("features")
    """

    key = "given"

    @property
    def dim(self) -> int:
        raise ValueError("given features have no width before they are read")

    def encoder(self, modality: str) -> Encoder:
        if modality != "features":
            raise ValueError(f"Given reads ready features; the data are of kind {modality}")
        return self

    def embed(self, inputs: Any) -> Floats:
        return np.asarray(inputs.features, dtype=np.float32)

    def probabilities(self, features: Floats, inputs: Any, task: Task) -> Floats:
        if inputs.prior is None:
            return uniform(len(features), len(task.class_names))
        return np.asarray(inputs.prior, dtype=np.float32)
