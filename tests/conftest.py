"""Shared fixtures: one thread and held to AVX2, as committed numbers were made; no network, nothing
written outside a temporary folder."""

import os

from al_bench.runs.environment import MALLOC, ONE_THREAD, deterministic

os.environ.update(ONE_THREAD | MALLOC)
deterministic()
for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["WANDB_ERROR_REPORTING"] = "false"
os.environ["WANDB_SILENT"] = "true"

import pytest

from al_bench.core.state import State
from al_bench.testing.situations import SoftmaxModel as FixedModel
from al_bench.testing.situations import make_pool, make_state

__all__ = ["FixedModel", "make_pool", "make_state"]


@pytest.fixture
def state() -> State:
    """A pool of 200 rows in 4 classes with 20 labels and a linear model."""
    return make_state()[0]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools of these tests do not fit one block, and not a whole number of blocks either."""
    from al_bench.strategies.common import distances

    monkeypatch.setattr(distances, "BLOCK", 16)
    monkeypatch.setattr(distances.blocks, "__defaults__", (16,))
