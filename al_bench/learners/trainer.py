"""How Lightning trains a run's networks: the ``trainer`` of its config."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_bench.progress import Advance, lines

if TYPE_CHECKING:
    import torch
    from pytorch_lightning.loggers.logger import Logger

PRECISIONS = {"32-true": "float32", "bf16-mixed": "bfloat16", "16-mixed": "float16"}


class Trainer:
    """Options of Lightning's Trainer, by its names.

    What is null is as a learner's recipe says: precision, gradient_clip_val, and how long, by
    max_steps or by max_epochs, passes over the labelled rows. callbacks: copied for every fit;
    fast_dev_run: one batch a fit; accelerator, devices: auto is where everything computes
    (AL_BENCH_DEVICE); enable_progress_bar: a line every few seconds; enable_checkpointing: the last
    fit is kept in the run's folder; log_every_n_steps: the loss, to the run's loggers, by steps
    over all rounds.
    """

    def __init__(
        self,
        accelerator: str,
        devices: int | Sequence[int],
        enable_progress_bar: bool,
        enable_checkpointing: bool,
        log_every_n_steps: int,
        precision: str | None,
        max_steps: int | None,
        max_epochs: int | None,
        gradient_clip_val: float | None,
        callbacks: Sequence[Any] | None,
        fast_dev_run: bool,
    ) -> None:
        if accelerator not in ("auto", "cpu", "gpu"):
            raise ValueError(f"trainer.accelerator is {accelerator!r}; wanted auto, cpu or gpu")
        if devices != 1 and (isinstance(devices, int) or len(devices) != 1):
            raise ValueError(f"trainer.devices is {devices}; wanted 1, or a list of one number, as "
                             "the labelled rows of a round are few")  # fmt: skip
        if precision not in (None, *PRECISIONS):
            known = ", ".join(PRECISIONS)
            raise ValueError(f"trainer.precision is {precision!r}; wanted null or one of {known}")
        if max_steps is not None and max_epochs is not None:
            raise ValueError(f"trainer has max_steps={max_steps} and max_epochs={max_epochs}; "
                             "wanted one of the two")  # fmt: skip
        self.accelerator, self.devices = accelerator, devices
        self.enable_progress_bar = enable_progress_bar
        self.enable_checkpointing = enable_checkpointing
        self.log_every_n_steps, self.precision = log_every_n_steps, precision
        self.max_steps, self.max_epochs = max_steps, max_epochs
        self.gradient_clip_val = gradient_clip_val
        self.callbacks, self.fast_dev_run = callbacks, fast_dev_run
        self.loggers: Sequence[Logger] = ()  # of the run
        self.folder: Path | None = None  # of the run
        self.steps = 0  # of the fits before

    def lead(self, learner: Any) -> None:
        """Let a learner's network be trained by this, if it is one with a recipe."""
        recipe: Any = getattr(learner, "training", None)
        if hasattr(recipe, "by"):
            learner.training = recipe.by(self)

    def device(self) -> torch.device:
        """Where networks are trained and predict; ValueError where there is no GPU."""
        import torch

        from al_bench.priors.device import device

        if self.accelerator == "auto":
            return device()
        if self.accelerator == "cpu":
            return torch.device("cpu")
        if not torch.cuda.is_available():
            raise ValueError("trainer.accelerator is gpu, but torch finds none; wanted auto or cpu")
        return torch.device("cuda", 0 if isinstance(self.devices, int) else self.devices[0])

    def lightning(self, precision: str) -> dict[str, Any]:
        """The same for Lightning's own, with a number format to mix with float32; ValueError for
        float16 on a CPU, where Lightning would take bfloat16 in its place."""
        from al_bench.priors.device import dtype

        where, _ = self.device(), dtype(precision)  # which knows the formats there are
        if where.type == "cpu" and precision == "float16":
            raise ValueError(
                "precision=float16 needs a GPU to train on; wanted float32 or bfloat16"
            )
        devices = {"accelerator": "cpu", "devices": 1}
        if where.type == "cuda":
            devices = {"accelerator": "gpu", "devices": [where.index or 0]}
        return {**devices, "precision": {v: k for k, v in PRECISIONS.items()}[precision]}

    def shown(self, name: str, total: int, what: str) -> AbstractContextManager[Advance]:
        """How far some work is, where it is to be shown."""
        return (
            lines(name, total, 0, what) if self.enable_progress_bar else nullcontext(lambda _: None)
        )


PLAIN = Trainer("auto", 1, True, False, 10, None, None, None, None, None, False)
