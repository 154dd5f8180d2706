"""The encoders of texts and images with networks compiled by OpenVINO, for CPUs: faster than torch,
but different in the last digits, so they have separate keys and priors."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from al_bench.priors import images, sentence
from al_bench.priors.weights import threads

if TYPE_CHECKING:
    import torch

FORMATS = {"float32": "f32", "bfloat16": "bf16"}
AUTO = "auto"  # bfloat16 where the processor has it, else float32
Network = Callable[[Any], "torch.Tensor"]


class CompiledSentenceEncoder(sentence.SentenceEncoder):
    """A sentence encoder whose network OpenVINO runs on the processor.

        >>> encoder = CompiledSentenceEncoder(precision="auto")

    Parameters
    ----------
    weights, pin, max_length, max_characters, pooling : as in `SentenceEncoder`
    precision : float32, bfloat16, or auto: bfloat16 where the processor has it, else float32
    """

    later = (("pooling", "mean"),)
    stored = "float32"

    @cached_property
    def key(self) -> str:
        return f"openvino {super().key}"

    def network(self) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor]:
        run = text_network(self)
        return lambda tokens: run({name: values.numpy() for name, values in tokens.items()})


class CompiledTimmEncoder(images.TimmEncoder):
    """A timm backbone that OpenVINO runs on the processor, in precision float32 or bfloat16.

        >>> encoder = CompiledTimmEncoder(size=224)

    Parameters
    ----------
    model, weights, pin, size, precision : as in `TimmEncoder`
    """

    stored = "float32"

    @cached_property
    def key(self) -> str:
        return f"openvino {super().key}"

    def network(self) -> Callable[[torch.Tensor], torch.Tensor]:
        run = image_network(self)
        return lambda batch: run(batch.numpy())


@lru_cache(maxsize=2)
def text_network(encoder: CompiledSentenceEncoder) -> Network:
    """The network from arrays of tokens to states of the last layer."""
    tokenizer, model = sentence.loaded(encoder)
    example = tokenizer(["an example", "and another one"], padding=True, return_tensors="pt")
    return compiled(model, dict(example), encoder.precision)


@lru_cache(maxsize=2)
def image_network(encoder: CompiledTimmEncoder) -> Network:
    """The network from an array of images to pooled features."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self, backbone: Any) -> None:
            super().__init__()
            self.backbone = backbone

        def forward(self, batch: torch.Tensor) -> Any:
            states = self.backbone.forward_features(batch)
            return self.backbone.forward_head(states, pre_logits=True)

    example = torch.zeros(images.LEAST, 3, encoder.size, encoder.size)
    return compiled(Pooled(images.load_backbone(encoder)[0]), example, encoder.precision)


def compiled(network: torch.nn.Module, example: Any, precision: str) -> Network:
    """A network as OpenVINO compiles it for batches of any shape."""
    if precision not in (*FORMATS, AUTO):
        wanted = f"{', '.join(FORMATS)} or {AUTO}"
        raise ValueError(f"OpenVINO was given precision={precision}; wanted {wanted}")
    import torch

    with widest():
        try:
            import openvino
            from openvino.frontend import FrontEndManager
            from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "package openvino is not installed; get it by: pip install 'al-bench[openvino]'"
            ) from error
        core = openvino.Core()
        able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "bfloat16" and not able:
            raise ValueError("this processor has no bfloat16; wanted precision=auto or float32")
        if precision == AUTO:
            precision = "bfloat16" if able else "float32"
        # use the front end directly: openvino.convert_model would also send usage data
        front = FrontEndManager().load_by_framework("pytorch")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tracing; tests show it holds for any shape
            decoder = TorchScriptPythonDecoder(network.eval().cpu(), example_input=example)
        options = {
            "INFERENCE_PRECISION_HINT": FORMATS[precision],
            "INFERENCE_NUM_THREADS": threads(),
            "NUM_STREAMS": 1,
        }
        ready = core.compile_model(front.convert(front.load(decoder)), "CPU", options)
        ready(example.numpy() if isinstance(example, torch.Tensor) else
              {name: values.numpy() for name, values in example.items()})  # fmt: skip
    return lambda arrays: torch.from_numpy(ready(arrays)[0])


@contextmanager
def widest() -> Iterator[None]:
    """Lift the limit to AVX2 (``runs.environment``): OpenVINO reads the same variable as torch."""
    name = "ONEDNN_MAX_CPU_ISA"
    held = os.environ.pop(name, None)
    try:
        yield
    finally:
        if held is not None:
            os.environ[name] = held
