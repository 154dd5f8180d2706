"""A linear head on frozen features: multinomial logistic regression with soft targets."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

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
        module = _Module(features.shape[1], rows.n_classes, self.l2, self.iterations, shift)
        trainer = pl.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        # a generator of its own, or the loader draws from the global one
        own = torch.Generator()
        repeated = _Repeated(batch, self.steps)
        trainer.fit(module, DataLoader(repeated, batch_size=None, generator=own))
        weight = module.weight.detach().numpy().copy()
        bias = module.bias.detach().numpy().copy()
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise ValueError("LinearHead diverged to a non-finite weight; raise learner.l2")
        return LinearModel(weight, bias)


def _tensor(array: Floats) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


class _Repeated(IterableDataset[Batch]):
    """The whole training set as one resident batch, once a step."""

    def __init__(self, batch: Batch, steps: int) -> None:
        self.batch, self.steps = batch, steps

    def __iter__(self) -> Iterator[Batch]:
        return repeat(self.batch, self.steps)


class _Module(pl.LightningModule):
    """The loss and its gradient by hand: L-BFGS asks for them some forty times a fit, and autograd
    and Lightning's hooks would cost more than the arithmetic of a few hundred rows."""

    automatic_optimization = False

    def __init__(self, dim: int, k: int, l2: float, iterations: int, shift: Floats) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(k, dim))
        self.bias = torch.nn.Parameter(torch.zeros(k))
        self.l2, self.iterations = l2, iterations
        self.shift = torch.from_numpy(np.asarray(shift, dtype=np.float32))

    def training_step(self, batch: Batch, _: int) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.LBFGS)
        optimizer.step(lambda: self.loss(*batch))  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def loss(
        self, features: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The loss; its gradient is left at the parameters."""
        scores = torch.addmm(self.bias + self.shift, features, self.weight.T)
        logs = torch.log_softmax(scores, dim=1)
        # divided by the number of rows: the same minimum, well scaled for the line search
        each, ridge = (weights / len(features))[:, None], self.l2 / len(features)
        slope = each * (logs.exp() - targets)
        self.weight.grad = torch.addmm(self.weight, slope.T, features, beta=ridge)
        self.bias.grad = slope.sum(dim=0)
        return 0.5 * ridge * self.weight.square().sum() - (each * targets * logs).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.LBFGS(
            self.parameters(),
            max_iter=self.iterations,
            history_size=10,  # as is usual; torch's 100 cost more than the iterations they save
            line_search_fn="strong_wolfe",
        )
