"""A network as learners use it: a body, a linear head, and a reader of its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from al_bench.core.arrays import softmax
from al_bench.core.state import Floats, Ints, Rows
from al_bench.learners.trainer import PLAIN, Trainer
from al_bench.priors.weights import autocast, inference

BATCH = 64  # rows of a forward pass in prediction


class Reader(Protocol):
    """Turns rows into the tensors that a body reads."""

    def batch(self, rows: Rows, train: bool) -> Any:
        """A tensor, or a dict of tensors, of a few rows; randomly augmented in training."""

    def order(self, rows: Rows) -> Ints:
        """(n,) positions in the cheapest order of prediction."""


class Network(torch.nn.Module):
    """Computes scores (b, k): a body with one vector per row, dropout and a linear head."""

    def __init__(self, body: torch.nn.Module, width: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dropout = torch.nn.Dropout(dropout)
        self.head = torch.nn.Linear(width, n_classes)

    def forward(self, inputs: Any) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.dropout(self.body(inputs)))
        return scores


@dataclass(frozen=True)
class NetworkModel:
    """A fitted network; it is no `LinearModel` of the features."""

    network: Network
    reader: Reader
    precision: str
    trainer: Trainer = PLAIN

    def predict_proba(self, rows: Rows) -> Floats:
        """(n, k) class probabilities; O(n k) memory plus one batch."""
        if len(rows) == 0:
            return np.empty((0, self.network.head.out_features), dtype=np.float32)
        return softmax(outputs(self.network, self.reader, rows, self.precision, self.trainer))


def outputs(
    module: torch.nn.Module, reader: Reader, rows: Rows, precision: str, trainer: Trainer = PLAIN
) -> Floats:
    """(n, o) float32 outputs of a module in evaluation mode, for at least one row."""
    where, order = trainer.device(), reader.order(rows)
    module.eval().to(where)
    parts = []
    shown = trainer.shown("predicting", len(rows), "rows")
    with inference(), autocast(precision, where), shown as advance:
        for start in range(0, len(rows), BATCH):
            inputs = moved(reader.batch(rows.take(order[start : start + BATCH]), False), where)
            parts.append(module(inputs).float().cpu().numpy())
            advance(len(parts[-1]))
    found = np.concatenate(parts)
    ordered = np.empty_like(found)
    ordered[order] = found
    return ordered


def moved(inputs: Any, where: torch.device) -> Any:
    if isinstance(inputs, dict):
        return {name: tensor.to(where) for name, tensor in inputs.items()}
    return inputs.to(where)
