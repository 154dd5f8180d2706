"""Options and types that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

# the error for bad usage: typer's, or click's if typer does not define one
UsageError: Any = typer.BadParameter.__mro__[1]
ConfigDir = Annotated[
    Path | None, typer.Option("--config-dir", help="a folder of your own configs besides")
]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="group=option or group.key=a,b", show_default=False)
]
Multirun = Annotated[bool, typer.Option("-m", "--multirun", help="changes nothing")]


class Log(StrEnum):
    """Where a command logs its results besides files."""

    NONE = "none"
    WANDB = "wandb"


class Splits(StrEnum):
    """The split that is evaluated."""

    TEST = "test"
    TRAIN = "train"


class Mode(StrEnum):
    """How W&B is used."""

    OFFLINE = "offline"
    ONLINE = "online"


class Several(TyperCommand):
    """A command whose repeatable options also take several values at once: ``--known a b``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        several = {o for one in self.params if getattr(one, "multiple", False) for o in one.opts}
        found, option = [""], ""
        for argument in args:
            if argument.startswith("-"):
                option = argument if argument in several else ""
            elif option and found[-1] != option:
                found.append(option)
            found.append(argument)
        return super().parse_args(ctx, found[1:])
