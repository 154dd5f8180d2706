"""``albench run``: one run, sweeps and experiments, and what Hydra can say of them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from al_bench.runs.config import (
    as_hydra_takes,
    config_dir,
    search,
    stand_alone,
    trust,
)
from al_bench.runs.experiments import plans
from al_bench.runs.plan import HERE
from al_bench.runs.run import execute
from al_bench.runs.sweep import sweep, sweep_all

# what Hydra's parser knows, and would change nothing here
UNUSED = {
    "config_name": ("--config-name", "options, experiment=<name>, or --config-dir <folder>"),
    "config_path": ("--config-path", "--config-dir <folder>, whose options are used besides"),
    "experimental_rerun": ("--experimental-rerun", "the same command again, which goes on"),
}


def make(arguments: Sequence[str], extra: Path | None) -> None:
    """Make the runs that some overrides stand for, or show what Hydra is asked to show."""
    from hydra._internal.utils import get_args_parser

    given = get_args_parser().parse_intermixed_args(list(arguments))
    check_used(given)
    if given.hydra_help or given.cfg or given.info or given.shell_completion:
        show(arguments, given, extra)
        return
    every = plans(given.overrides, extra)
    if len(every) > 1:
        sweep_all(every, extra)
        return
    ((name, planned),) = every.items()
    if len(planned) > 1 or planned.hydra.launcher["_target_"] != HERE:
        sweep(planned, extra, name)
        return
    job = planned[0]
    execute(job)


def check_used(given: Namespace) -> None:
    """ValueError for an option of Hydra's that would change nothing."""
    for key, (option, wanted) in UNUSED.items():
        if getattr(given, key, None) is not None:
            raise ValueError(f"{option} {getattr(given, key)} would change nothing: al_bench has "
                             f"one configuration; wanted {wanted}")  # fmt: skip


def show(arguments: Sequence[str], given: Namespace, extra: Path | None) -> None:
    """What Hydra says of a configuration, of itself or to a shell; nothing is run."""
    import hydra

    if extra is not None:
        trust(extra)
    flags = [argument for argument in arguments if argument not in given.overrides]
    sys.argv = ["albench run", *search(extra), *flags, *as_hydra_takes(given.overrides)]
    stand_alone()

    def nothing(config: Any) -> None: ...

    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")(nothing)()
