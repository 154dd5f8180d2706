"""Images: a network of timm, fine-tuned or trained from scratch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from al_bench.learners.finetune import check_inputs, fitted
from al_bench.learners.linear import LinearHead
from al_bench.learners.losses import Loss
from al_bench.learners.network import Network, NetworkModel
from al_bench.learners.training import Recipe, seeded
from al_bench.priors.images import TimmEncoder, as_image, loaded, untrained
from al_bench.state import Ints, Rows, TrainingSet

Transform = Callable[[Any], torch.Tensor]


class TimmNetwork:
    """Any network of timm with a new linear head (Wightman, 2019), all of it trained.

    model: timm's name; weights and pin: see ``al_bench.priors.weights``, null for new weights each
    round; size: pixels of a side; crop: smallest fraction of an image that a random crop keeps in
    training, where half the images are mirrored besides (1: neither); keep_statistics: batch norms
    keep those of the pretrained weights, which few rows would spoil; dropout: before the head;
    probe: fits the head first (`fitted`), or null; training, loss: see `Recipe` and `Loss`.
    """

    brings: ClassVar = ("weights",)

    reads = "image"

    def __init__(
        self,
        model: str,
        weights: str | None,
        pin: str | None,
        size: int,
        crop: float,
        keep_statistics: bool,
        dropout: float,
        probe: LinearHead | None,
        training: Recipe,
        loss: Loss,
    ) -> None:
        if size < 1 or not 0 < crop <= 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"TimmNetwork got size={size}, crop={crop}, dropout={dropout}; wanted at least one "
                "pixel, a fraction of the image to keep and a fraction below 1 to drop"
            )
        self.model, self.weights, self.pin, self.size = model, weights, pin, size
        if keep_statistics and weights is None:
            raise ValueError(
                "TimmNetwork got keep_statistics=true with weights=null; wanted false, as new "
                "weights have no statistics yet"
            )
        self.crop, self.dropout, self.probe = crop, dropout, probe
        self.keep_statistics = keep_statistics
        self.training, self.loss = training, loss

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
        """ValueError where the inputs are no images."""
        with seeded(rng):
            body = self.body()
            reader = ImageReader(*transforms(body, self.size, self.crop))
            check_inputs("TimmNetwork", "images", reader, rows)
            width = body.head_hidden_size
            whole = Steady(body) if self.keep_statistics else body
            network = Network(whole, width, rows.n_classes, self.dropout)
            return fitted(
                network, reader, rows, training, self.training, self.loss, self.probe, rng
            )

    def body(self) -> Any:
        """A network of its own without a head."""
        if self.weights is None:
            return untrained(self.model)
        encoder = TimmEncoder(self.model, self.weights, self.pin, self.size, "float32")
        body = deepcopy(loaded(encoder)[0])
        body.reset_classifier(0)
        return body


class Steady(torch.nn.Module):
    """A body whose batch norms are never in training: their statistics stay what they are."""

    def __init__(self, body: torch.nn.Module) -> None:
        super().__init__()
        self.body = body

    def train(self, mode: bool = True) -> Steady:
        super().train(mode)
        for part in self.modules():
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
                part.eval()
        return self

    def forward(self, images: torch.Tensor) -> Any:
        return self.body(images)


def transforms(body: Any, size: int, crop: float) -> tuple[Transform, Transform]:
    """timm's own for this network: (in training, when predicting)."""
    from timm.data import create_transform, resolve_data_config

    config = resolve_data_config({"input_size": (3, size, size)}, model=body)
    seen = create_transform(**config)
    if crop == 1:
        return seen, seen
    return create_transform(**config, is_training=True, scale=(crop, 1), color_jitter=0), seen


@dataclass(frozen=True)
class ImageReader:
    """Images put through one transform in training and another when predicting."""

    augmented: Transform
    seen: Transform

    def batch(self, rows: Rows, train: bool) -> torch.Tensor:
        transform = self.augmented if train else self.seen
        return torch.stack([transform(as_image(x, row)) for row, x in enumerate(rows.inputs)])

    def order(self, rows: Rows) -> Ints:
        return np.arange(len(rows))
