"""The command line: ``albench`` and a command, of which ``albench --help`` says what each does.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from al_bench import __version__
from al_bench.cli.claim import claim
from al_bench.cli.embed import embed
from al_bench.cli.entries import enter, merge, verify
from al_bench.cli.explore import explore
from al_bench.cli.options import (
    ConfigDir,
    Log,
    Mode,
    Multirun,
    Overrides,
    Several,
    Splits,
    UsageError,
)
from al_bench.cli.session import app as of_session
from al_bench.runs.environment import started_held

NUMBERS = ("run", "embed", "prior", "report", "claim", "enter", "verify")  # the same bits anywhere


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; failures end in one sentence on stderr and exit code 1 (2 for bad usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    alone = arguments in ([], ["session"])  # a group without a command
    group: Any = typer.main.get_command(app)
    try:
        if arguments and arguments[0] not in group.commands and not arguments[0].startswith("-"):
            raise UsageError(f"no command {arguments[0]!r}; there are "
                                     f"{', '.join(group.commands)}")  # fmt: skip
        if argv is None and arguments and arguments[0] in NUMBERS:
            started_held(arguments)
        with group.make_context("albench", [*arguments, *["--help"] * alone]) as context:
            code = int(group.invoke(context) or 0)
        sys.stdout.flush()
        return code
    except typer.Exit as end:  # help was shown
        return 2 if alone else end.exit_code
    except UsageError as error:
        path = getattr(getattr(error, "ctx", None), "command_path", "albench")
        print(f"{path}: {error.format_message()}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, SystemExit) as end:
        if not isinstance(end.__context__ or end, KeyboardInterrupt):  # Lightning exits on Ctrl-C
            raise
        print("albench: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # nobody reads on, as in ``albench list | head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is not flushed
        return 141
    except Exception as error:
        if os.environ.get("AL_BENCH_DEBUG"):
            raise
        print(f"albench: {sentence(error)}", file=sys.stderr)
        return 1


def sentence(error: BaseException) -> str:
    """What an error says, in one line; the class of the error where it is not one of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    plain = (ValueError, OSError, RuntimeError)
    named = isinstance(error, plain) or type(error).__module__.startswith(("hydra", "omegaconf"))
    return text if named else f"{type(error).__name__}: {text} (AL_BENCH_DEBUG=1 shows where)"


def said_version(wanted: bool) -> None:
    if wanted:
        print(f"albench {__version__}")
        raise typer.Exit


def albench(
    version: Annotated[
        bool, typer.Option("--version", callback=said_version, is_eager=True, help="say it")
    ] = False,
) -> None:
    """Active learning with foundation-model priors under class imbalance and label noise.

    albench <command> --help says more; AL_BENCH_DEBUG=1 shows tracebacks.
    """


def run(
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    again: Annotated[bool, typer.Option("--again", help="make finished runs anew")] = False,
    multirun: Multirun = False,
) -> None:
    """Run one configuration, a sweep (strategy=a,b) or experiments; what is done is skipped.

    \b
    examples:
      albench run dataset=trec strategy=margin noise=symmetric noise.rate=0.2
      albench run strategy=random,margin,badge seed=0,1,2 hydra/launcher=joblib
      albench run experiment=savings
      albench run strategy=badge --cfg job      # what it is made of, without running it

    `albench list` shows the options of each group. Hydra's own --cfg, --info, --resolve, --package
    and --hydra-help are passed on.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach main, which says them once
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no network unless asked for
    from al_bench.cli.run import make

    make([*(overrides or ()), *(["again=true"] if again else ())], config_dir)


def prior(
    overrides: Annotated[list[str], typer.Argument(help="dataset=... prior=... and their options")],
    split: Splits = Splits.TEST,
    rows: Annotated[
        int | None, typer.Option(help="judge so many rows drawn at random (default: all)")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="name of the files (default: <dataset>_<prior>)")
    ] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Write a prior's report card: zero-shot accuracy, calibration, classes, confusion.

    It is measured on a data set's labels, and goes to results/priors/.
    """
    from al_bench.cli.prior_card import make

    print("\n".join(map(str, make(overrides, split, rows, name, config_dir))))


def status(
    overrides: Overrides = None, config_dir: ConfigDir = None, multirun: Multirun = False
) -> int:
    """Say what of some experiments is done, failed, to do or missing, and how long it takes."""
    from al_bench.cli.status import show

    return show(overrides or (), config_dir)


def report(
    overrides: Annotated[
        list[str],
        typer.Argument(help="experiment=a, experiment=a,b, or what was given to run"),
    ],
    name: Annotated[
        str | None, typer.Option(help="name of the report; the experiment's by default")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder for tables and figures (default: results)")
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="read results/<name>.parquet instead of runs")
    ] = False,
    known: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE ...",
            help="parquet files of earlier reports, for the runs that are not in results/runs",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="print no tables, only what is written")
    ] = False,
    log: Log = Log.NONE,
    mode: Mode = Mode.OFFLINE,
    config_dir: ConfigDir = None,
    multirun: Multirun = False,
) -> None:
    """Build the tables and figures of an experiment from its runs, or from its parquet file."""
    from al_bench.cli.report import make

    make(overrides, name, out, parquet, known or (), quiet, log, mode, config_dir)


def list_options(
    group: Annotated[
        str | None,
        typer.Argument(help="dataset, noise, annotators, prior, strategy, ...", show_default=False),
    ] = None,
    config_dir: ConfigDir = None,
) -> None:
    """List the options of a config group (all groups without one) with one line each."""
    from al_bench.cli.listing import show

    show(group, config_dir)


def check(
    overrides: Overrides = None, config_dir: ConfigDir = None, multirun: Multirun = False
) -> int:
    """Check components of yours (a strategy, a label model ...) against what they promise.

    Of: strategy, supervision, learner, imbalance, noise, annotators, label_model, assignment.
    """
    from al_bench.testing.contract import check_config

    return check_config(overrides or (), config_dir)


app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 100},
)
app.callback()(albench)
app.command(context_settings={"ignore_unknown_options": True})(run)
app.command(cls=Several)(embed)
app.command()(prior)
app.command()(status)
app.command(cls=Several)(report)
app.command(cls=Several)(claim)
app.command(cls=Several)(explore)
app.add_typer(of_session, name="session")
app.command("list")(list_options)
app.command()(check)
app.command()(enter)
app.command()(merge)
app.command()(verify)
