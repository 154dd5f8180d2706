"""Images: zero-shot by way of the names and the classifier of ImageNet's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import above, softmax, unit
from al_bench.core.state import Floats
from al_bench.data.types import Task
from al_bench.priors.common import Reading, class_vectors
from al_bench.priors.images import TimmEncoder
from al_bench.priors.sentence import SentenceEncoder


@dataclass(frozen=True)
class ConSE(Reading):
    """Zero-shot by ImageNet posteriors mapped to the classes through a sentence encoder (after
    Norouzi et al., 2014).

    ``p(class|x) = sum over ImageNet classes c of p(c|x) softmax_class(cos(text(c), text(class)) /
    temperature)``, with c's dictionary gloss as its text. The backbone's own head computes the
    posteriors from the features, so only the features of an image need to be stored.

        >>> prior = ConSE(temperature=0.05)

    Parameters
    ----------
    image : a backbone with a head of ImageNet-1k's classes
    text : the encoder of glosses and of class names
    temperature : divisor of cosines, above 0
    """

    reads: ClassVar = "image"

    image: TimmEncoder = field(default_factory=TimmEncoder)
    text: SentenceEncoder = field(default_factory=SentenceEncoder)
    temperature: float = 0.1

    def __post_init__(self) -> None:
        above(self, 0, temperature=self.temperature)

    @property
    def key(self) -> str:
        return f"conse({self.image.key}, {self.text.key}, temperature={self.temperature})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        weight, bias = imagenet_head(self.image)
        names = class_vectors(self.text.embed, task)
        similar = glosses(self.text) @ names.T / np.float32(self.temperature)
        posterior = softmax(np.asarray(features, dtype=np.float32) @ weight.T + bias)
        return posterior @ softmax(similar)


@dataclass(frozen=True)
class HeadPrototypes(Reading):
    """Zero-shot by the nearest prototype: a mean of the backbone's classifier vectors, weighted by
    the similarity of ImageNet's glosses to a class's prompts (after Changpinyo et al., 2016).

    ``prototype(class) = sum over ImageNet classes c of softmax_c(cos(text(c), text(class)) /
    likeness) w_c`` is in the space of image features, without any image; ``p(class|x) =
    softmax_class(cos(x, prototype(class)) / temperature)``.

        >>> prior = HeadPrototypes(temperature=0.1)

    Parameters
    ----------
    image, text : as in `ConSE`
    likeness, temperature : divisors of the cosines of texts and of images, above 0
    """

    reads: ClassVar = "image"

    image: TimmEncoder = field(default_factory=TimmEncoder)
    text: SentenceEncoder = field(default_factory=SentenceEncoder)
    likeness: float = 0.1
    temperature: float = 0.05

    def __post_init__(self) -> None:
        above(self, 0, likeness=self.likeness, temperature=self.temperature)

    @property
    def key(self) -> str:
        return (
            f"head({self.image.key}, {self.text.key}, likeness={self.likeness}, "
            f"temperature={self.temperature})"
        )

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        weight, _ = imagenet_head(self.image)
        similar = class_vectors(self.text.embed, task) @ glosses(self.text).T
        prototypes = softmax(similar / np.float32(self.likeness)) @ weight
        return softmax(unit(features) @ unit(prototypes).T / np.float32(self.temperature))


def imagenet_head(image: TimmEncoder) -> tuple[Floats, Floats]:
    """Weight (1000, d) and bias (1000,) of a backbone's classifier; ValueError for another one."""
    weight, bias = image.classifier()
    if len(weight) != 1000:
        raise ValueError(
            f"{image.model} has a head of {len(weight)} classes; wanted the 1000 of ImageNet-1k"
        )
    return weight, bias


@lru_cache(maxsize=2)
def glosses(text: SentenceEncoder) -> Floats:
    """(1000, d) unit vectors of ImageNet-1k's classes, from timm's lemmas and definitions."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return unit(text.embed([info.index_to_description(c, detailed=True) for c in range(1000)]))
