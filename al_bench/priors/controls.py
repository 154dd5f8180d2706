"""Controls: priors made worse in one way, to test which quality of a prior a claim needs. Each
keeps the features of its inner prior and changes only the zero-shot probabilities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from al_bench.core.arrays import fraction, uniform
from al_bench.core.rng import rng
from al_bench.core.state import Floats
from al_bench.data.types import Prior, Task
from al_bench.priors.by_modality import ByModality
from al_bench.priors.common import Around


@dataclass(frozen=True)
class Flat(Around):
    """Control: another prior's features, every class equally likely.

        >>> prior = Flat(Given())

    Parameters
    ----------
    inner : the other prior
    """

    title = "a model that knows nothing"
    inner: Prior = field(default_factory=ByModality)

    @property
    def key(self) -> str:
        return f"flat({self.inner.key})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return uniform(len(features), len(task.class_names))


@dataclass(frozen=True)
class Adjusted(Around, ABC):
    """Another prior whose whole table of probabilities is changed at once."""

    inner: Prior = field(default_factory=ByModality)

    @abstractmethod
    def adjust(self, probabilities: Floats) -> Floats:
        """(n, k) the changed probabilities of `inner`."""

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return self.adjust(self.inner.probabilities(features, inputs, task))


@dataclass(frozen=True)
class Rotated(Adjusted):
    """Control: another prior with every class confused with the next one, so confidently wrong.

        >>> prior = Rotated(Given())

    Parameters
    ----------
    inner : the other prior
    """

    title = "a model that takes each class for the next"

    @property
    def key(self) -> str:
        return f"rotated({self.inner.key})"

    def adjust(self, probabilities: Floats) -> Floats:
        """The columns rolled by one: the probability of class c becomes that of class c + 1."""
        return np.roll(probabilities, 1, axis=1)


@dataclass(frozen=True)
class Degraded(Adjusted):
    """Control: another prior mixed with its own probabilities of other, random rows.

        >>> prior = Degraded(Given(), fraction=1.0)

    Parameters
    ----------
    inner : the other prior
    fraction : weight of the random rows; 0 leaves the prior unchanged, 1 keeps its confidence and
        class frequencies but no information about a row
    """

    title = "{fraction} % of its answers shuffled"
    fraction: float = 0.5

    def __post_init__(self) -> None:
        fraction(self, fraction=self.fraction)

    @property
    def key(self) -> str:
        return f"degraded({self.inner.key}, fraction={self.fraction})"

    def adjust(self, probabilities: Floats) -> Floats:
        """Every row mixed with another row of the table, the same one at every call."""
        other = probabilities[rng(0, "shuffled prior").permutation(len(probabilities))]
        part = np.float32(self.fraction)
        return (1 - part) * probabilities + part * other
