"""Shared fixtures: one thread a process, no network, nothing written outside a temporary folder."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ[name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["WANDB_ERROR_REPORTING"] = "false"
os.environ["WANDB_SILENT"] = "true"

import numpy as np
import pytest

from al_bench.state import Floats, Ints, Rows, State


class FixedModel:
    """A model whose probabilities are given, for tests of query rules: a softmax of a linear map."""

    def __init__(self, weight: Floats, bias: Floats) -> None:
        self.weight, self.bias = weight, bias

    def predict_proba(self, rows: Rows) -> Floats:
        scores = rows.features @ self.weight.T + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def make_pool(
    n: int = 200, d: int = 8, k: int = 4, seed: int = 0, noise: float = 1.0
) -> tuple[Rows, Ints]:
    """A pool of Gaussian classes of unequal size with an imperfect prior: (rows, truth)."""
    rng = np.random.default_rng(seed)
    shares = 0.5 ** np.arange(k)
    truth = rng.choice(k, size=n, p=shares / shares.sum())
    truth[:k] = np.arange(k)
    centres = rng.normal(size=(k, d)) * 2
    features = (centres[truth] + noise * rng.normal(size=(n, d))).astype(np.float32)
    scores = -0.3 * ((features[:, None] - centres[None]) ** 2).sum(axis=2)
    scores += rng.normal(size=scores.shape)
    prior = np.exp(scores - scores.max(axis=1, keepdims=True))
    prior = (prior / prior.sum(axis=1, keepdims=True)).astype(np.float32)
    return Rows(list(range(n)), features, prior), truth


def make_state(
    n: int = 200, d: int = 8, k: int = 4, labelled: int = 20, seed: int = 0, noise: float = 1.0
) -> tuple[State, Ints]:
    """A pool with some rows labelled at random and a linear model of middling quality."""
    rows, truth = make_pool(n, d, k, seed, noise)
    rng = np.random.default_rng(seed + 1)
    index = rng.choice(n, size=labelled, replace=False)
    weight = np.stack(
        [
            rows.features[index][truth[index] == c].mean(axis=0)
            if np.any(truth[index] == c)
            else np.zeros(d)
            for c in range(k)
        ]
    )
    model = FixedModel(0.5 * weight, np.zeros(k))
    labels = np.full(n, -1, dtype=np.int64)
    labels[index] = truth[index]
    return State(rows, labels, model), truth


@pytest.fixture
def state() -> State:
    return make_state()[0]
