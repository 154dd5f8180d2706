"""W&B, TensorBoard and CSV through Lightning's loggers; our own files are the record."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from al_bench.core.loop import Round
from al_bench.runs.display import display_name, erring

if TYPE_CHECKING:
    from pytorch_lightning.loggers.logger import Logger

X_AXIS = "labels"


class LoggerFactory(Protocol):
    """Opens Lightning's logger for one run."""

    def open(self, run: str, manifest: Mapping[str, Any], folder: Path) -> Logger: ...

    def close(self) -> None: ...


class Csv:
    """One ``metrics.csv`` a run."""

    def open(self, run: str, manifest: Mapping[str, Any], folder: Path) -> Logger:
        from pytorch_lightning.loggers import CSVLogger

        return CSVLogger(folder / "csv", name="", version=run, flush_logs_every_n_steps=1)

    def close(self) -> None: ...


class TensorBoard:
    """One TensorBoard event folder a run."""

    def open(self, run: str, manifest: Mapping[str, Any], folder: Path) -> Logger:
        from pytorch_lightning.loggers import TensorBoardLogger
        from torch.utils.tensorboard.summary import hparams

        logger = TensorBoardLogger(folder / "tensorboard", name="", version=run)
        parts: Any = hparams(columns(manifest), {"balanced_accuracy": 0.0})  # type: ignore[no-untyped-call]
        for part in parts:  # the name of the metric only
            logger.experiment.file_writer.add_summary(part)
        return logger

    def close(self) -> None: ...


class WandB:
    """Weights & Biases; mode is online, offline (no account, no network) or disabled."""

    def __init__(self, project: str, mode: str, entity: str | None) -> None:
        if mode not in ("online", "offline", "disabled"):
            raise ValueError(f"logger.mode is {mode!r}; wanted online, offline or disabled")
        self.project, self.mode, self.entity = project, mode, entity

    def open(self, run: str, manifest: Mapping[str, Any], folder: Path) -> Logger:
        from pytorch_lightning.loggers import WandbLogger

        experiment = start_wandb(
            folder,
            project=self.project,
            mode=self.mode,
            entity=self.entity,
            name=title(manifest),
            group=str(manifest.get("experiment") or "single runs"),
            job_type="run",
            tags=sorted(tag[:64] for tag in set(manifest["choices"].values())),  # W&B's maximum
            config={"id": run, **columns(manifest), "science": manifest["science"]},
        )
        experiment.define_metric(X_AXIS)
        experiment.define_metric("*", step_metric=X_AXIS)
        experiment.define_metric("train/*", step_metric="trainer/global_step")
        return WandbLogger(experiment=experiment)

    def close(self) -> None:
        import wandb

        wandb.finish()


def columns(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that distinguish runs: their options, seed, and noise rate."""
    rate = manifest["facts"]["noise_rate"]
    return {**manifest["choices"], "seed": manifest["seed"], "noise_rate": rate}


def title(manifest: Mapping[str, Any]) -> str:
    choices, science = manifest["choices"], manifest["science"]
    shown = [choices["strategy"], display_name("dataset", choices["dataset"], science["dataset"])]
    shown.append(display_name("imbalance", choices["imbalance"], science["imbalance"]))
    group = erring(science)
    if science[group]["_target_"] == "al_bench.data.Clean":
        shown.append("labels as they are")
    else:
        called = "annotators " if group == "annotators" else ""
        shown.append(called + display_name(group, choices[group], science[group]))
    return " · ".join([*shown, f"seed {manifest['seed']}"])


def start_wandb(folder: Path, **options: Any) -> Any:
    """A W&B run that never prompts, and in offline mode never reaches for the network."""
    if options["mode"] != "online":
        os.environ["WANDB_ERROR_REPORTING"] = "false"
    import wandb

    wanted: dict[str, Any] = {"console": "off", "silent": True, "save_code": False}
    for name in ("disable_git", "x_disable_stats", "x_disable_meta", "x_disable_machine_info"):
        wanted[name] = True
    known = {name: value for name, value in wanted.items() if name in wandb.Settings.model_fields}
    folder.mkdir(parents=True, exist_ok=True)
    # absolute, since W&B's service may have been started by an earlier run in another folder
    return wandb.init(dir=str(folder.resolve()), settings=wandb.Settings(**known), **options)


@contextmanager
def open_loggers(
    factories: Sequence[LoggerFactory], run: str, manifest: Mapping[str, Any], folder: Path
) -> Iterator[list[Logger]]:
    """All loggers of one run, closed whatever happens."""
    loggers: list[Logger] = []
    status = "failed"
    try:
        loggers += [factory.open(run, manifest, folder) for factory in factories]
        yield loggers
        status = "success"
    finally:
        for logger in loggers:
            logger.finalize(status)
        for factory in factories:
            factory.close()


def log_round(
    loggers: Sequence[Logger], round: Round, labels: int, class_names: Sequence[str]
) -> None:
    """Log one round at its number of labels so far; class_names: those of the recall by class."""
    row = {X_AXIS: float(labels), "oracle_calls": float(round.oracle_calls), **round.metrics}
    row |= {f"seconds/{name}": value for name, value in round.seconds.items()}
    named = class_names if len(set(class_names)) == len(round.recall) else range(len(round.recall))
    row |= {f"recall/{name}": value for name, value in zip(named, round.recall, strict=True)}
    for logger in loggers:
        logger.log_metrics(row, step=labels)
        logger.save()
