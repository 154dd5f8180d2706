"""An encoder and a prior that count what they are asked, for tests of what is kept of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.core.state import Floats
from al_bench.data.cache import zero_shot
from al_bench.data.types import Encoder, Task


def vector(number: int) -> Floats:
    """What the stub encoder makes of an input: nothing but the input decides it."""
    return np.random.default_rng(number).normal(size=6).astype(np.float32)


@dataclass
class Stub:
    """An encoder of whole numbers that counts what it read and can be told to die or be slow."""

    key: str = "stub"
    dim: int = 6
    read: list[int] = field(default_factory=list)
    dies_after: int = 10**9
    pause: float = 0.0

    def embed(self, inputs: Sequence[Any]) -> Floats:
        if len(self.read) >= self.dies_after:
            raise KeyboardInterrupt
        time.sleep(self.pause)
        self.read.extend(inputs)
        return np.stack([vector(number) for number in inputs])


@dataclass
class Said:
    """A prior that says something of each row by its features alone."""

    stub: Stub = field(default_factory=Stub)
    key: str = "said"
    calls: int = 0

    def encoder(self, modality: str) -> Encoder:
        return self.stub

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        self.calls += 1
        assert len(inputs) == len(features)
        odds = np.exp(features[:, : len(task.class_names)])
        return odds / odds.sum(axis=1, keepdims=True)


NAMES, PROMPTS = ("a", "b", "c"), ("{}",)
numbers = list(range(100, 170))


def query(folder: Path, prior: Any, features: Floats, modality: str = "text") -> Floats:
    return zero_shot(folder, "d", "train", prior, features, numbers, Task(NAMES, PROMPTS, modality))


def only_entry(folder: Path) -> Path:
    (found,) = [path for path in folder.iterdir() if path.is_dir()]
    return found
