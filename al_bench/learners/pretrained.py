"""Pretrained networks of texts (transformers) and images (timm), fine-tuned or from scratch."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from al_bench.core.arrays import at_least, require, share
from al_bench.core.state import Ints, Rows, TrainingSet
from al_bench.learners.linear import LinearHead
from al_bench.learners.network import Network, NetworkModel
from al_bench.learners.training import Loss, Recipe, check_inputs, fitted, seeded
from al_bench.priors.common import cut
from al_bench.priors.images import TimmEncoder, as_image, load_backbone, untrained
from al_bench.priors.sentence import SentenceEncoder, loaded, masked_mean

Transform = Callable[[Any], torch.Tensor]


@dataclass
class TimmNetwork:
    """Any network of timm with a new linear head (Wightman, 2019), all of it trained.

        >>> learner = TimmNetwork("resnet10t", size=32, training=Recipe(steps=20))

    Parameters
    ----------
    model : timm's name
    weights, pin : see `al_bench.priors.weights`; None for random weights in each round
    size : height and width in pixels
    crop : smallest fraction of an image in a random training crop, with random mirroring; 1:
        neither
    keep_statistics : whether batch norms keep their pretrained statistics, which few rows would
        spoil
    dropout : fraction of the features dropped before the head, under 1
    probe : fits the head first (`fitted`), or None
    training, loss : the optimiser's recipe, and the loss
    """

    brings: ClassVar = ("weights",)
    reads: ClassVar = "image"

    model: str = "resnet18"
    weights: str | None = None
    pin: str | None = None
    size: int = 64
    crop: float = 0.5
    keep_statistics: bool = False
    dropout: float = 0.0
    probe: LinearHead | None = None
    training: Recipe = field(default_factory=lambda: Recipe(steps=500, weight_decay=0.05))
    loss: Loss = field(default_factory=Loss)

    def __post_init__(self) -> None:
        at_least(self, 1, size=self.size)
        share(self, crop=self.crop)
        require(0 <= self.dropout < 1, self, "0 or more and under 1", dropout=self.dropout)
        if self.keep_statistics and self.weights is None:
            raise ValueError(
                "TimmNetwork got keep_statistics=true with weights=null; wanted false, as new "
                "weights have no statistics yet"
            )

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
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
        if self.weights is None:
            return untrained(self.model)
        encoder = TimmEncoder(self.model, self.weights, self.pin, self.size, "float32")
        body = deepcopy(load_backbone(encoder)[0])
        body.reset_classifier(0)
        return body


class Steady(torch.nn.Module):
    """A body whose batch norms stay in evaluation mode: their statistics never change."""

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
    """timm's transforms for this network: (training, prediction)."""
    from timm.data import create_transform, resolve_data_config

    config = resolve_data_config({"input_size": (3, size, size)}, model=body)
    seen = create_transform(**config)
    if crop == 1:
        return seen, seen
    return create_transform(**config, is_training=True, scale=(crop, 1), color_jitter=0), seen


@dataclass(frozen=True)
class ImageReader:
    """Reads images with one transform in training and another in prediction."""

    augmented: Transform
    seen: Transform

    def batch(self, rows: Rows, train: bool) -> torch.Tensor:
        transform = self.augmented if train else self.seen
        return torch.stack([transform(as_image(x, row)) for row, x in enumerate(rows.inputs)])

    def order(self, rows: Rows) -> Ints:
        return np.arange(len(rows))


@dataclass(frozen=True)
class LoRA:
    """Low-rank updates of all linear layers of a transformer (Hu et al., 2022), through peft.

        >>> learner = TextNetwork(adapter=LoRA(rank=4))

    Parameters
    ----------
    rank : of each update, at least 1
    alpha : an update is scaled by alpha / rank
    """

    rank: int = 8
    alpha: float = 16

    def put_into(self, transformer: Any) -> Any:
        """The transformer with frozen weights and trainable updates; ImportError without peft."""
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise ImportError("LoRA needs peft: pip install 'al-bench[lora]'") from error
        options = {"r": self.rank, "lora_alpha": self.alpha, "target_modules": "all-linear"}
        return get_peft_model(transformer, LoraConfig(**options))


@dataclass
class TextNetwork:
    """Any encoder of transformers, fine-tuned with a linear head (Devlin et al., 2019).

    The head reads the attention-masked mean of the last layer, as sentence encoders are pooled
    (Reimers and Gurevych, 2019), after dropout. The weights are loaded once per process and copied
    for each round.

        >>> learner = TextNetwork(training=Recipe(steps=20, batch=8))

    Parameters
    ----------
    encoder : the pretrained weights and the largest text length
    adapter : trained instead of the encoder's weights, or None
    dropout : fraction of the features dropped before the head, under 1
    probe : fits the head first (`fitted`), or None
    training, loss : the optimiser's recipe, and the loss
    """

    reads: ClassVar = "text"
    encoder: SentenceEncoder = field(default_factory=lambda: SentenceEncoder(max_length=128))
    adapter: LoRA | None = None
    dropout: float = 0.1
    probe: LinearHead | None = None
    training: Recipe = field(
        default_factory=lambda: Recipe(steps=200, batch=16, learning_rate=5e-5)
    )
    loss: Loss = field(default_factory=Loss)

    def __post_init__(self) -> None:
        require(0 <= self.dropout < 1, self, "0 or more and under 1", dropout=self.dropout)

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
        reader = TextReader(self.encoder)
        check_inputs("TextNetwork", "texts", reader, rows)
        with seeded(rng):
            transformer = deepcopy(loaded(self.encoder)[1]).float()
            if self.adapter is not None:
                transformer = self.adapter.put_into(transformer)
            network = Network(Pooled(transformer), self.encoder.dim, rows.n_classes, self.dropout)
            return fitted(
                network, reader, rows, training, self.training, self.loss, self.probe, rng
            )


class Pooled(torch.nn.Module):
    """(b, d) mean of the last layer's states over the tokens, without padding."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        states = self.transformer(**tokens).last_hidden_state
        return masked_mean(states, tokens["attention_mask"])


@dataclass(frozen=True)
class TextReader:
    """Reads tokens, padded to the longest text of a batch; predicts the shortest texts first."""

    encoder: SentenceEncoder

    def batch(self, rows: Rows, train: bool) -> dict[str, Any]:
        most = self.encoder.max_characters
        texts = [cut(text, row, most) for row, text in enumerate(rows.inputs)]
        tokens = loaded(self.encoder)[0](
            texts,
            padding=True,
            truncation=True,
            max_length=self.encoder.max_length,
            return_tensors="pt",
        )
        return dict(tokens)

    def order(self, rows: Rows) -> Ints:
        return np.argsort([len(text) for text in rows.inputs], kind="stable")
