"""Lightning's options for a run's networks: the ``trainer`` of its config."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.core.arrays import one_of, require
from al_bench.core.progress import Advance, lines

if TYPE_CHECKING:
    import torch
    from pytorch_lightning.loggers.logger import Logger

PRECISIONS = {"32-true": "float32", "bf16-mixed": "bfloat16", "16-mixed": "float16"}


@dataclass(eq=False)
class Trainer:
    """Options of Lightning's Trainer, by its names. None: as in the learner's recipe.

        >>> trainer = Trainer(max_epochs=3, enable_progress_bar=False)

    Parameters
    ----------
    accelerator, devices : auto (the device of AL_BENCH_DEVICE), cpu or gpu; 1, or a list of one
        GPU's number
    enable_progress_bar : whether to print a line every few seconds
    enable_checkpointing : whether to keep the last fit in the run's folder
    log_every_n_steps : steps between two logs of the loss, counted over all rounds
    precision : 32-true, bf16-mixed or 16-mixed
    max_steps, max_epochs : length of a fit: optimiser steps, or passes over the labelled rows; one
        of the two
    gradient_clip_val : largest norm of a gradient
    callbacks : Lightning's; copied for every fit
    fast_dev_run : one batch per fit
    """

    accelerator: str = "auto"
    devices: int | Sequence[int] = 1
    enable_progress_bar: bool = True
    enable_checkpointing: bool = False
    log_every_n_steps: int = 10
    precision: str | None = None
    max_steps: int | None = None
    max_epochs: int | None = None
    gradient_clip_val: float | None = None
    callbacks: Sequence[Any] | None = None
    fast_dev_run: bool = False

    def __post_init__(self) -> None:
        one = self.devices == 1 or (not isinstance(self.devices, int) and len(self.devices) == 1)
        require(one, "trainer", "1, or a list of one number, as the labelled rows of a round are "
                "few", devices=self.devices)  # fmt: skip
        one_of("trainer", ("auto", "cpu", "gpu"), accelerator=self.accelerator)
        known = f"null or one of {', '.join(PRECISIONS)}"
        fine = self.precision in (None, *PRECISIONS)
        require(fine, "trainer", known, precision=self.precision)
        require(None in (self.max_steps, self.max_epochs), "trainer", "one of the two",
                max_steps=self.max_steps, max_epochs=self.max_epochs)  # fmt: skip
        self.loggers: Sequence[Logger] = ()  # of the run
        self.folder: Path | None = None  # of the run
        self.steps = 0  # of all earlier fits

    def lead(self, learner: Any) -> None:
        """Make a learner with a recipe use this trainer."""
        recipe: Any = getattr(learner, "training", None)
        if hasattr(recipe, "by"):
            learner.training = recipe.by(self)

    def device(self) -> torch.device:
        """The device of training and prediction; ValueError if it is a GPU and there is none."""
        import torch

        from al_bench.priors.weights import device

        if self.accelerator == "auto":
            return device()
        if self.accelerator == "cpu":
            return torch.device("cpu")
        if not torch.cuda.is_available():
            raise ValueError("trainer.accelerator is gpu, but torch finds none; wanted auto or cpu")
        return torch.device("cuda", 0 if isinstance(self.devices, int) else self.devices[0])

    def lightning(self, precision: str) -> dict[str, Any]:
        from al_bench.priors.weights import dtype

        where, _ = self.device(), dtype(precision)  # raises for an unknown format
        if where.type == "cpu" and precision == "float16":
            raise ValueError("precision=float16 needs a GPU; wanted float32 or bfloat16")
        devices = {"accelerator": "cpu", "devices": 1}
        if where.type == "cuda":
            devices = {"accelerator": "gpu", "devices": [where.index or 0]}
        return {**devices, "precision": {v: k for k, v in PRECISIONS.items()}[precision]}

    def shown(self, name: str, total: int, what: str) -> AbstractContextManager[Advance]:
        if not self.enable_progress_bar:
            return nullcontext(lambda _: None)
        return lines(name, total, 0, what)


PLAIN = Trainer()
