"""Images: zero-shot by the nearest class prototype, put together from an ImageNet classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from al_bench.arithmetic import softmax, unit
from al_bench.priors.common import check_kind
from al_bench.priors.conse import glosses, imagenet_head
from al_bench.priors.images import TimmEncoder
from al_bench.priors.prompts import class_vectors
from al_bench.priors.sentence import SentenceEncoder
from al_bench.problem.types import Encoder, Task
from al_bench.state import Floats


@dataclass(frozen=True)
class HeadPrototypes:
    """Zero-shot by the nearest prototype, a mean of the backbone's own classifier vectors weighted
    by how much ImageNet's glosses resemble a class's prompts (after Changpinyo et al., 2016).

    ``prototype(class) = sum over ImageNet classes c of softmax_c(cos(text(c), text(class)) /
    likeness) w_c`` lies where images lie, and needs none; ``p(class|x) =
    softmax_class(cos(x, prototype(class)) / temperature)``.
    """

    image: TimmEncoder
    text: SentenceEncoder
    likeness: float
    temperature: float

    def __post_init__(self) -> None:
        if not (self.likeness > 0 and self.temperature > 0):
            raise ValueError(
                f"likeness={self.likeness}, temperature={self.temperature}; wanted more than 0"
            )

    @property
    def key(self) -> str:
        return (
            f"head({self.image.key}, {self.text.key}, likeness={self.likeness}, "
            f"temperature={self.temperature})"
        )

    def encoder(self, modality: str) -> Encoder:
        check_kind(self, "image", modality)
        return self.image

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k); O(n k d + 1000 k d) time."""
        weight, _ = imagenet_head(self.image)
        similar = class_vectors(self.text.embed, task) @ glosses(self.text).T
        prototypes = softmax(similar / np.float32(self.likeness)) @ weight
        return softmax(unit(features) @ unit(prototypes).T / np.float32(self.temperature))
