"""Fine-tuning a network on the training set, optionally after fitting its head alone."""

from __future__ import annotations

import numpy as np
import torch

from al_bench.core.state import Rows, TrainingSet
from al_bench.learners.linear import LinearHead
from al_bench.learners.network import Network, NetworkModel, Reader, outputs
from al_bench.learners.training import Loss, Recipe, train


def fitted(
    network: Network,
    reader: Reader,
    rows: Rows,
    training: TrainingSet,
    recipe: Recipe,
    loss: Loss,
    probe: LinearHead | None,
    rng: np.random.Generator,
) -> NetworkModel:
    """The network trained on a training set; rows: (n,) the pool. probe: first fits the head on the
    untrained body's outputs, then the whole network is trained (linear probing then fine-tuning;
    Kumar et al., 2022). ValueError for an empty training set."""
    if len(training.rows) == 0:
        raise ValueError("a network got a training set without rows; wanted at least one")
    training_rows = rows.take(training.rows)
    recipe = recipe.told(len(training_rows))
    if probe is not None:
        start_head(network, reader, training_rows, training, recipe, probe, rng)
    train(network, training_rows, reader, loss.terms(training), loss, recipe, rng)
    return NetworkModel(network, reader, recipe.precision, recipe.trainer)


def start_head(
    network: Network,
    reader: Reader,
    rows: Rows,
    training: TrainingSet,
    recipe: Recipe,
    probe: LinearHead,
    rng: np.random.Generator,
) -> None:
    """Give the network the head that `probe` fits to its body's outputs for these (m,) rows, scaled
    to a mean length of one, so that `probe.l2` means the same as on features of a prior."""
    features = outputs(network.body, reader, rows, recipe.precision, recipe.trainer)
    length = max(float(np.linalg.norm(features, axis=1).mean()), 1e-12)
    here = TrainingSet(np.arange(len(rows)), training.targets, training.weights)
    linear = probe.fit(Rows(rows.inputs, features / length, rows.prior), here, rng)
    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(linear.weight / length))
        network.head.bias.copy_(torch.from_numpy(linear.bias))


def check_inputs(who: str, kind: str, reader: Reader, rows: Rows) -> None:
    """Raise ValueError if the reader cannot read the rows' inputs."""
    try:
        reader.batch(rows.take(np.arange(min(len(rows), 1))), False)
    except ValueError as error:
        raise ValueError(f"{who} learns from {kind}: {error}") from error
