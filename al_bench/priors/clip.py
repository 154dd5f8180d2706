"""Images: image-text models, whose text tower embeds the class names (CLIP, SigLIP)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import softmax, unit
from al_bench.core.state import Floats
from al_bench.data.types import Task
from al_bench.priors.common import Reading, class_vectors
from al_bench.priors.images import as_image, decoded
from al_bench.priors.weights import device, identity, inference, pretrained

BATCH = 64  # images or texts per forward pass


@dataclass(frozen=True)
class ClipEncoder:
    """Both towers of an image-text model in transformers' format; embeddings have unit length.

    Images and texts are preprocessed by the model's own processor.

        >>> encoder = ClipEncoder(precision="bfloat16")

    Parameters
    ----------
    weights, pin : see ``al_bench.priors.weights``
    precision : float32, float16 or bfloat16
    """

    brings: ClassVar = ("weights",)

    weights: str = "openai/clip-vit-base-patch32"
    pin: str | None = "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"
    precision: str = "float32"

    @cached_property
    def key(self) -> str:
        return f"clip({identity(self.weights, self.pin)}, unit, {self.precision})"

    @property
    def dim(self) -> int:
        return int(self.read([""]).shape[1])

    def embed(self, inputs: Sequence[Any]) -> Floats:
        """(b, d) float32 embeddings of images, decoded one forward pass at a time."""
        model, processor, _ = load_two_towers(self)
        parts = []
        for start in range(0, len(inputs), BATCH):
            rows = range(start, min(start + BATCH, len(inputs)))
            images = decoded(lambda row: as_image(inputs[row], row), rows)
            pixels = processor(images=images, return_tensors="pt").to(device())
            pixels["pixel_values"] = pixels["pixel_values"].to(model.dtype)
            with inference():  # SigLIP 2 with a variable number of patches also has mask and shapes
                parts.append(vectors(model.get_image_features(**pixels)))
        return np.concatenate(parts)

    def read(self, texts: Sequence[str]) -> Floats:
        model, _, tokenizer = load_two_towers(self)
        longest = model.config.text_config.max_position_embeddings
        # SigLIP pools its last position, and was trained on texts padded to full length
        padding = "max_length" if "siglip" in model.config.model_type else True
        parts = []
        for start in range(0, len(texts), BATCH):
            tokens = tokenizer(
                list(texts[start : start + BATCH]),
                padding=padding,
                truncation=True,
                max_length=longest,
                return_tensors="pt",
            ).to(device())
            known = {k: tokens[k] for k in ("input_ids", "attention_mask") if k in tokens}
            with inference():
                parts.append(vectors(model.get_text_features(**known)))
        return np.concatenate(parts)

    def scale(self) -> tuple[float, float]:
        """The factor and the bias that turn a cosine into the model's logit."""
        model = load_two_towers(self)[0]
        bias = getattr(model, "logit_bias", None)
        term = 0.0 if bias is None else float(bias.detach())
        return float(model.logit_scale.detach().exp()), term


def vectors(out: Any) -> Floats:
    """Unit vectors of a tower's output, which is a tensor in transformers 4, a record in 5."""
    return unit(getattr(out, "pooler_output", out).float().cpu().numpy())


@lru_cache(maxsize=2)
def load_two_towers(encoder: ClipEncoder) -> tuple[Any, Any, Any]:
    """Model, image processor and tokenizer, loaded once per process."""
    names = ("AutoModel", "AutoImageProcessor", "AutoTokenizer")
    model, processor, tokenizer = pretrained(
        encoder.weights, encoder.pin, encoder.precision, *names
    )
    if not hasattr(model, "get_image_features") or not hasattr(model, "logit_scale"):
        raise ValueError(f"{encoder.weights} is a {type(model).__name__}, no image-text model")
    return model, processor, tokenizer


@dataclass(frozen=True)
class ClipLike(Reading):
    """Zero-shot by an image-text model: softmax of its logits over the classes (Radford et al.,
    2021; Zhai et al., 2023), with the prompts of a class averaged.

    SigLIP was trained with one sigmoid per pair. Here its logits go through a softmax too, which
    keeps the ranking of the classes.

        >>> prior = ClipLike()

    Parameters
    ----------
    image : the encoder of images and of class names
    """

    reads: ClassVar = "image"

    image: ClipEncoder = field(default_factory=ClipEncoder)

    @property
    def key(self) -> str:
        return f"cliplike({self.image.key})"

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        names = class_vectors(self.image.read, task)
        factor, term = self.image.scale()
        return softmax(np.float32(factor) * (unit(features) @ names.T) + np.float32(term))
