"""Training of a network by Lightning: a fixed number of steps, all draws from one generator."""

from __future__ import annotations

import logging
import math
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger
from torch.utils.data import DataLoader, IterableDataset

from al_bench.core.arrays import above, at_least, fraction, one_of, require
from al_bench.core.logistic import BALANCES, balance_loss
from al_bench.core.progress import Advance
from al_bench.core.state import Floats, Ints, Rows, TrainingSet
from al_bench.learners.linear import LinearHead
from al_bench.learners.network import Network, NetworkModel, Reader, outputs
from al_bench.learners.trainer import PLAIN, PRECISIONS, Trainer
from al_bench.priors.weights import exact

Batch = tuple[Any, torch.Tensor, torch.Tensor]  # inputs, targets and weights of some rows


class Terms(NamedTuple):
    """A training set as a loss reads it: weights have mean one; shift is of training scores."""

    targets: Floats
    weights: Floats
    shift: Floats


@dataclass(frozen=True)
class Loss:
    """Weighted cross-entropy, or its generalisation that is robust to label noise.

        >>> learner = MLPHead(loss=Loss(q=0.7))

    Parameters
    ----------
    balance : as in `LinearHead`
    smoothing : fraction of a target that is spread over all classes, under 1 (Szegedy et al., 2016)
    q : of generalised cross-entropy, ``sum_k t_k (1 - p_k^q) / q`` (Zhang and Sabuncu, 2018), from
        0, cross-entropy, to 1, mean absolute error
    """

    balance: str = "weights"
    smoothing: float = 0.0
    q: float = 0.0

    def __post_init__(self) -> None:
        one_of(self, BALANCES, balance=self.balance)
        require(0 <= self.smoothing < 1, self, "0 or more and under 1", smoothing=self.smoothing)
        fraction(self, q=self.q)

    def terms(self, training: TrainingSet) -> Terms:
        """Targets, weights and shift for a whole training set."""
        targets, weights, shift = balance_loss(self.balance, training.targets, training.weights)
        targets = (1 - self.smoothing) * targets + self.smoothing / len(shift)
        return Terms(targets, weights / weights.mean(), shift)

    def of(
        self, scores: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of a batch; scores: (b, k), with the shift added."""
        logs = torch.log_softmax(scores.float(), dim=1)
        each = -logs if self.q == 0 else -torch.expm1(self.q * logs) / self.q
        return (weights * (targets * each).sum(dim=1)).mean()


logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", message=r".*LeafSpec.*")
warnings.filterwarnings("ignore", message=r".*in eval mode at the start of training.*")  # intended


@dataclass(frozen=True)
class Recipe:
    """AdamW (Loshchilov and Hutter, 2019) with a linear warm-up, then a cosine down to zero.

        >>> learner = MLPHead(training=Recipe(steps=100, learning_rate=1e-4))

    Parameters
    ----------
    steps : optimiser steps, whatever the number of rows
    batch : rows per step, at most; 4 or more
    learning_rate, head_learning_rate : of the body and of the linear head
    weight_decay : of matrices, not of biases and norms
    warmup : fraction of the steps in which the rates rise, 0 to 1
    clip : largest norm of a gradient
    precision : float32, or mixed precision: bfloat16 or float16
    """

    steps: int = 300
    batch: int = 64
    learning_rate: float = 1e-3
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip: float = 1.0
    precision: str = "float32"

    def __post_init__(self) -> None:
        at_least(self, 1, steps=self.steps)
        at_least(self, 4, batch=self.batch)
        fraction(self, warmup=self.warmup)
        rates = {name: getattr(self, name) for name in ("learning_rate", "head_learning_rate")}
        above(self, 0, **rates, clip=self.clip)

    trainer = PLAIN  # not a field: it is set once for all learners of a run

    def by(self, trainer: Trainer) -> Recipe:
        made = replace(self)
        object.__setattr__(made, "trainer", trainer)
        return made

    def told(self, rows: int) -> Recipe:
        """The recipe for this many training rows, overridden by the trainer's options."""
        trainer, steps = self.trainer, self.trainer.max_steps or self.steps
        if trainer.max_epochs:
            steps = trainer.max_epochs * -(-rows // self.batch)
        clip = trainer.gradient_clip_val or self.clip
        precision = PRECISIONS.get(trainer.precision or "", self.precision)
        return replace(self, steps=steps, clip=clip, precision=precision).by(trainer)

    def rate(self, step: int) -> float:
        """The fraction of the learning rates at a step, 0 to 1."""
        rising = round(self.warmup * self.steps)
        if step < rising:
            return (step + 1) / (rising + 1)
        done = (step - rising) / max(self.steps - rising, 1)
        return 0.5 * (1 + math.cos(math.pi * done))


def batches(m: int, size: int, steps: int, rng: np.random.Generator) -> Iterator[Ints]:
    """The positions of each step's rows: passes over all m rows, each in a new order, cut into
    batches of about equal size. A single row is repeated, as batch norms need two rows."""
    parts = -(-m // size)

    def passes() -> Iterator[Ints]:
        while True:
            order = rng.permutation(m) if m > 1 else np.zeros(2, dtype=np.int64)
            yield from np.array_split(order, parts)

    return islice(passes(), steps)


@contextmanager
def seeded(generator: np.random.Generator) -> Iterator[None]:
    """Seed Python's and torch's global generators inside; restore them afterwards."""
    seed, before = int(generator.integers(2**31)), random.getstate()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(before)


def train(
    network: Network,
    rows: Rows,
    reader: Reader,
    terms: Terms,
    loss: Loss,
    recipe: Recipe,
    rng: np.random.Generator,
) -> None:
    """Train the network in place for `recipe.steps` steps on m rows; ValueError if it diverges."""
    leader = recipe.trainer
    shown = leader.shown(f"training on {len(rows):,} rows", recipe.steps, "steps")
    trainer = pl.Trainer(
        **leader.lightning(recipe.precision),
        max_epochs=1,
        gradient_clip_val=recipe.clip,
        logger=Shared(leader) if leader.loggers else False,
        log_every_n_steps=leader.log_every_n_steps,
        callbacks=deepcopy(list(leader.callbacks or ())),
        fast_dev_run=leader.fast_dev_run,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    network.train()
    order = batches(len(rows), recipe.batch, recipe.steps, rng)
    steps = _Steps(rows, reader, terms, order)
    # an own generator, as the loader would draw from the global one
    loader = DataLoader(steps, batch_size=None, generator=torch.Generator())
    with exact(), shown as advance:
        trainer.fit(_Fit(network, loss, terms, recipe, advance), loader)
    leader.steps += trainer.global_step
    if leader.enable_checkpointing and leader.folder is not None:
        trainer.save_checkpoint(leader.folder / "last.ckpt", weights_only=True)
    network.eval().to(leader.device())
    if not all(bool(torch.isfinite(weight).all()) for weight in network.parameters()):
        raise ValueError(
            f"a network diverged to a non-finite weight at learning_rate={recipe.learning_rate}, "
            f"head_learning_rate={recipe.head_learning_rate}; wanted lower ones"
        )


class _Steps(IterableDataset[Batch]):
    def __init__(self, rows: Rows, reader: Reader, terms: Terms, order: Iterator[Ints]) -> None:
        self.rows, self.reader, self.order = rows, reader, order
        self.targets = torch.from_numpy(np.asarray(terms.targets, dtype=np.float32))
        self.weights = torch.from_numpy(np.asarray(terms.weights, dtype=np.float32))

    def __iter__(self) -> Iterator[Batch]:
        for part in self.order:
            inputs = self.reader.batch(self.rows.take(part), train=True)
            yield inputs, self.targets[part], self.weights[part]


class Shared(Logger):
    """A run's loggers, shared by all its fits: steps go on, and the loggers stay open."""

    name, version = "al_bench", 0

    def __init__(self, trainer: Trainer) -> None:
        super().__init__()
        self.trainer = trainer

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        row = {name: value for name, value in metrics.items() if name != "epoch"}
        for logger in self.trainer.loggers:
            logger.log_metrics(row, step=self.trainer.steps + (step or 0))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Does nothing: the run logs its own config."""


class _Fit(pl.LightningModule):
    def __init__(
        self, network: Network, loss: Loss, terms: Terms, recipe: Recipe, advance: Advance
    ) -> None:
        super().__init__()
        self.network, self.loss, self.recipe, self.advance = network, loss, recipe, advance
        self.register_buffer("shift", torch.from_numpy(np.asarray(terms.shift, dtype=np.float32)))

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        inputs, targets, weights = batch
        loss = self.loss.of(self.network(inputs) + self.shift, targets, weights)
        self.log("train/loss", loss)
        self.advance(1)
        return loss

    def configure_optimizers(self) -> Any:
        recipe, groups = self.recipe, []
        for part, rate in (
            (self.network.body, recipe.learning_rate),
            (self.network.head, recipe.head_learning_rate),
        ):
            weights = [weight for weight in part.parameters() if weight.requires_grad]
            for decay, some in (
                (recipe.weight_decay, [w for w in weights if w.ndim > 1]),
                (0.0, [w for w in weights if w.ndim <= 1]),
            ):
                groups.append({"params": some, "lr": rate, "weight_decay": decay})
        optimiser = torch.optim.AdamW([group for group in groups if group["params"]])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, recipe.rate)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


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
    try:
        reader.batch(rows.take(np.arange(min(len(rows), 1))), False)
    except ValueError as error:
        raise ValueError(f"{who} learns from {kind}: {error}") from error
