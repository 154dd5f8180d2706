"""A small network on frozen features."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from al_bench.core.arrays import at_least, require
from al_bench.core.state import Ints, Rows, TrainingSet
from al_bench.learners.network import Network, NetworkModel
from al_bench.learners.training import Loss, Recipe, fitted, seeded


@dataclass
class MLPHead:
    """One hidden layer on frozen features, each row scaled to mean zero and variance one.

    O(steps batch d hidden) time.

        >>> model = MLPHead(hidden=16, training=Recipe(steps=20)).fit(state.rows, taught, rng)

    Parameters
    ----------
    hidden : width of the layer
    dropout : fraction of it that is dropped, under 1
    training : the optimiser's recipe
    loss : the loss
    """

    option = "mlp"

    hidden: int = 256
    dropout: float = 0.5
    training: Recipe = field(default_factory=Recipe)
    loss: Loss = field(default_factory=Loss)

    def __post_init__(self) -> None:
        at_least(self, 1, hidden=self.hidden)
        require(0 <= self.dropout < 1, self, "0 or more and under 1", dropout=self.dropout)

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
    def batch(self, rows: Rows, train: bool) -> torch.Tensor:
        return torch.from_numpy(np.asarray(rows.features, dtype=np.float32))

    def order(self, rows: Rows) -> Ints:
        return np.arange(len(rows))
