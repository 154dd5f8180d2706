"""Where foundation models compute: one place that knows devices and number formats."""

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
    """The device named by AL_BENCH_DEVICE (auto, cpu, cuda, cuda:1 ...); auto takes a GPU if any.

    An environment variable, not an option: where a model runs is no part of what it computes.
    """
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
    """The number format a model computes in: float32, or half the memory on a GPU."""
    import torch

    formats = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if precision not in formats:
        raise ValueError(f"precision={precision}; wanted one of {', '.join(formats)}")
    return formats[precision]


def threads() -> int:
    """How many threads embedding has: AL_BENCH_EMBED_THREADS, or as many as torch uses."""
    import torch

    return int(os.environ.get(THREADS, torch.get_num_threads()))


@contextmanager
def inference() -> Iterator[None]:
    """No gradients; `exact` float32 (a GPU's convolutions would round it to TF32); and
    `threads` of its own, since embedding gains from what a run's small fits lose by."""
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
    """float32 that is float32 also in a GPU's convolutions."""
    import torch

    with torch.backends.cudnn.flags(allow_tf32=False):
        yield


def autocast(precision: str, where: torch.device) -> torch.autocast:
    """Forward passes in this number format where it is a half one."""
    import torch

    return torch.autocast(where.type, dtype(precision), enabled=precision != "float32")
