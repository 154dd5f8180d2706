"""The devices and number formats of foundation models."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

VARIABLE = "AL_BENCH_DEVICE"
THREADS = "AL_BENCH_EMBED_THREADS"


def device() -> torch.device:
    """The device named by AL_BENCH_DEVICE (auto, cpu, cuda, cuda:1 ...), which is no part of a
    run's identity; auto takes a GPU if any."""
    import torch

    wanted = os.environ.get(VARIABLE, "auto")
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted != "cpu" and not wanted.startswith("cuda"):
        raise ValueError(f"{VARIABLE}={wanted}; wanted auto, cpu or cuda")
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"{VARIABLE}={wanted}, but torch finds no GPU; wanted auto or cpu")
    return torch.device(wanted)


def dtype(precision: str) -> torch.dtype:
    import torch

    formats = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if precision not in formats:
        raise ValueError(f"precision={precision}; wanted one of {', '.join(formats)}")
    return formats[precision]


def threads() -> int:
    """The number of threads for embedding: AL_BENCH_EMBED_THREADS, or as many as torch uses."""
    import torch

    return int(os.environ.get(THREADS, torch.get_num_threads()))


@contextmanager
def inference() -> Iterator[None]:
    """No gradients, `exact` float32, and an own number of `threads`: embedding gains from many."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(threads())
    try:
        with torch.inference_mode(), exact():
            yield
    finally:
        torch.set_num_threads(usual)


@contextmanager
def exact() -> Iterator[None]:
    """Full float32 also in a GPU's convolutions, which would otherwise round to TF32."""
    import torch

    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


def autocast(precision: str, where: torch.device) -> torch.autocast:
    """Run forward passes in this precision if it is a 16-bit one."""
    import torch

    return torch.autocast(where.type, dtype(precision), enabled=precision != "float32")
