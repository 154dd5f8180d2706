"""A linear head on frozen features: multinomial logistic regression with soft targets."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

from al_bench.arithmetic import softmax
from al_bench.learners.balance import adjustment, balanced_weights, check_balance
from al_bench.state import Floats, Rows, TrainingSet

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message=r".*LeafSpec.*")

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class LinearModel:
    """A softmax over ``features @ weight.T + bias``: weight (k, d), bias (k,)."""

    weight: Floats
    bias: Floats

    def predict_proba(self, rows: Rows) -> Floats:
        return softmax(rows.features @ self.weight.T + self.bias)


class LinearHead:
    """Logistic regression by full-batch L-BFGS in Lightning (Zhu et al., 1997, for the optimiser).

    Minimises ``sum_i w_i CE(target_i, softmax(W x_i + b)) + l2/2 |W|^2``, weights scaled to mean
    one, from zero: no draw is made, so equal input gives an equal model. balance is ``none``,
    ``weights`` (every class seen weighs the same) or ``logit_adjustment`` (Menon et al., 2021).
    `steps` optimiser steps of `iterations` L-BFGS iterations each, whatever the number of rows.
    O(m d k) time a step, O(m d) memory for m rows. A class without a row keeps its column.
    """

    def __init__(self, l2: float, balance: str, steps: int, iterations: int) -> None:
        if l2 <= 0 or steps < 1 or iterations < 1:
            raise ValueError(
                f"LinearHead got l2={l2}, steps={steps}, iterations={iterations}; "
                "wanted l2 > 0 and at least one step and iteration"
            )
        check_balance("LinearHead", balance)
        self.l2, self.balance = l2, balance
        self.steps, self.iterations = steps, iterations

    def fit(self, rows: Rows, training: TrainingSet, rng: np.random.Generator) -> LinearModel:
        if len(training.rows) == 0:
            raise ValueError("LinearHead got a training set without rows; wanted at least one")
        weights: Floats = training.weights
        shift: Floats = np.zeros(rows.n_classes)
        if self.balance == "weights":
            weights = balanced_weights(training.targets, training.weights)
        elif self.balance == "logit_adjustment":
            shift = adjustment(training.targets, training.weights)
        weights = weights / weights.mean()
        features = np.asarray(rows.features[training.rows], dtype=np.float32)
        batch = (_tensor(features), _tensor(training.targets), _tensor(weights))
        module = _Module(features.shape[1], rows.n_classes, shift, self)
        # a generator of its own, or the loader draws from the global one
        loader = DataLoader(_Once(batch), batch_size=None, generator=torch.Generator())
        trainer = _trainer()
        trainer.fit_loop.max_epochs = trainer.current_epoch + 1
        trainer.fit(module, loader)
        weight = module.weight.detach().numpy().copy()
        bias = module.bias.detach().numpy().copy()
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError("LinearHead diverged to a non-finite weight; raise learner.l2")
        return LinearModel(weight, bias)


def _tensor(array: Floats) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


@lru_cache(maxsize=1)
def _trainer() -> pl.Trainer:
    """The trainer of this process, for one epoch after the other: to make one, Lightning searches
    every installed package for callbacks, which costs as much as a small fit."""
    return pl.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


class _Once(IterableDataset[Batch]):
    """The whole training set as one resident batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[Batch]:
        yield self.batch


class _Module(pl.LightningModule):
    """The head in training; all its optimiser steps are on one batch."""

    def __init__(self, dim: int, k: int, shift: Floats, options: LinearHead) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(k, dim))
        self.bias = torch.nn.Parameter(torch.zeros(k))
        self.shift = torch.from_numpy(np.asarray(shift, dtype=np.float32))
        self.options = options

    def training_step(self, batch: Batch, _: int) -> None:
        # the bare optimiser: L-BFGS evaluates the loss some 40 times a fit, and Lightning's hooks
        # around every evaluation would take as long as the evaluations
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        for _ in range(self.options.steps):
            optimizer.step(lambda: self.loss(*batch))

    @torch.no_grad()
    def loss(
        self, features: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The loss; its gradient, by hand since autograd costs as much again, is left at the
        parameters."""
        scores = torch.addmm(self.bias + self.shift, features, self.weight.T)
        logs = torch.log_softmax(scores, dim=1)
        # divided by the number of rows: the same minimum, well scaled for the line search
        each, ridge = (weights / len(features))[:, None], self.options.l2 / len(features)
        slope = each * (logs.exp() - targets)
        self.weight.grad = torch.addmm(self.weight, slope.T, features, beta=ridge)
        self.bias.grad = slope.sum(dim=0)
        return 0.5 * ridge * self.weight.square().sum() - (each * targets * logs).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(
            self.parameters(),
            max_iter=self.options.iterations,
            history_size=10,  # as is usual; torch's 100 cost more than the iterations they save
            line_search_fn="strong_wolfe",
        )
