"""A small network on frozen features."""

from __future__ import annotations

import numpy as np
import torch

from al_bench.learners.finetune import fitted
from al_bench.learners.losses import Loss
from al_bench.learners.network import Network, NetworkModel
from al_bench.learners.training import Recipe, seeded
from al_bench.state import Ints, Rows, TrainingSet


class MLPHead:
    """One hidden layer on frozen features, each row of them at mean zero and variance one.

    hidden: its width; dropout: the fraction of it dropped; training, loss: see `Recipe` and `Loss`.
    O(steps batch d hidden) time.
    """

    def __init__(self, hidden: int, dropout: float, training: Recipe, loss: Loss) -> None:
        if hidden < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"MLPHead got hidden={hidden}, dropout={dropout}; "
                "wanted a width of at least 1 and a fraction below 1"
            )
        self.hidden, self.dropout, self.training, self.loss = hidden, dropout, training, loss

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> NetworkModel:
        width = rows.features.shape[1]
        with seeded(rng):
            body = torch.nn.Sequential(
                torch.nn.LayerNorm(width, elementwise_affine=False),
                torch.nn.Linear(width, self.hidden),
                torch.nn.GELU(),
            )
            network = Network(body, self.hidden, rows.n_classes, self.dropout)
            reader = FeatureReader()
            return fitted(network, reader, rows, training, self.training, self.loss, None, rng)


class FeatureReader:
    """The features as they are."""

    def batch(self, rows: Rows, train: bool) -> torch.Tensor:
        return torch.from_numpy(np.asarray(rows.features, dtype=np.float32))

    def order(self, rows: Rows) -> Ints:
        return np.arange(len(rows))
