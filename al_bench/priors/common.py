"""What priors share: the kind of data they read, and being around another prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from al_bench.problem.types import Encoder, Prior, Task
from al_bench.state import Floats


def check_kind(prior: Prior, reads: str, modality: str) -> None:
    """Raise ValueError where the data are not of the kind that a prior reads."""
    if modality != reads:
        raise ValueError(f"{type(prior).__name__} reads {reads}s; the data are of kind {modality}")


class Reading:
    """A prior of one kind of data, whose encoder is the field of that name."""

    reads: ClassVar[str]

    def encoder(self, modality: str) -> Encoder:
        check_kind(self, self.reads, modality)  # type: ignore[arg-type]
        encoder: Encoder = getattr(self, self.reads)
        return encoder


class Around:
    """A prior that leaves the features of another one as they are, and its probabilities too where
    it says nothing else of them."""

    inner: Prior

    def encoder(self, modality: str) -> Encoder:
        return self.inner.encoder(modality)

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return self.inner.probabilities(features, inputs, task)
