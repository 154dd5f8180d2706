"""What a setting is worth on development sets, for a sweeper that searches (Optuna's).

A trial is a setting that the sweeper proposes; its value is the mean of a metric over all rounds of
several runs: the seeds and data sets of ``tune.over``. The runs are ordinary ones with names of
their own, so a trial that was cut goes on, and a setting that was tried before costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from omegaconf import DictConfig

from al_bench.configuration.config import config_folders
from al_bench.configuration.plan import plan
from al_bench.runs.run import execute
from al_bench.runs.store import read_rounds


def objective(extra: Path | None, config: DictConfig) -> float:
    """Hydra's task: the value of the setting that this job stands for."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.singleton import Singleton

    setting = list(HydraConfig.get().overrides.task)
    own = Singleton.get_state()  # making a plan uses Hydra anew
    try:
        return value([*setting, *config.tune.over], config.tune.metric, extra)
    finally:
        Singleton.set_state(own)


def value(overrides: Sequence[str], metric: str, extra: Path | None) -> float:
    """The mean of a metric over the rounds of each run, then over the runs; makes what is missing.

    ValueError where no round has such a metric.
    """
    means = []
    for job in plan([*overrides, "hydra/sweeper=basic"], extra):
        name = execute(job.config, config_folders(extra), experiment=job.experiment)
        rounds = read_rounds(Path(job.config.results) / "runs" / name)
        known = [round.metrics[metric] for round in rounds if metric in round.metrics]
        if not known:
            raise ValueError(
                f"tune.metric is {metric!r}; wanted one of {', '.join(rounds[0].metrics)}"
            )
        means.append(mean(known))
    return mean(means)
