"""The command line; nothing slow is imported before a command needs it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Annotated, Any

import typer

from al_bench import __version__
from al_bench.cli.options import ConfigDir, Multirun, Overrides, Several, Splits, UsageError
from al_bench.runs.environment import restart_limited

COMMANDS = {  # the function of each command, imported on use
    "run": "al_bench.cli.run:run",
    "embed": "al_bench.cli.run:embed",
    "prior": "al_bench.cli.main:prior",
    "status": "al_bench.cli.status:status",
    "report": "al_bench.cli.report:report",
    "claim": "al_bench.cli.claim:claim",
    "explore": "al_bench.cli.claim:explore",
    "list": "al_bench.cli.listing:list_options",
    "check": "al_bench.cli.main:check",
    "enter": "al_bench.cli.entries:enter",
    "merge": "al_bench.cli.entries:merge",
    "verify": "al_bench.cli.entries:verify",
    "plan": "al_bench.cli.plan:plan",
    "session": "al_bench.cli.session:app",
}
NUMBERS = ("run", "embed", "prior", "report", "claim", "enter", "verify")  # limited to AVX2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; a failure prints one sentence to stderr and returns 1 (2 for bad usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    alone = arguments in ([], ["session"])  # a group without a command
    if argv is None:  # a warning is one sentence too
        warnings.formatwarning = lambda message, *_, **__: f"albench: {message}\n"
    try:
        if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
            raise UsageError(f"no command {arguments[0]!r}; there are {', '.join(COMMANDS)}")
        if argv is None and arguments and arguments[0] in NUMBERS:
            restart_limited(arguments)
        group = parser([name for name in COMMANDS if name in arguments[:1]] or list(COMMANDS))
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
    except BrokenPipeError:  # the reader has stopped, as in ``albench list | head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for unflushed output
        return 141
    except Exception as error:
        if os.environ.get("AL_BENCH_DEBUG"):
            raise
        print(f"albench: {sentence(error)}", file=sys.stderr)
        return 1


def sentence(error: BaseException) -> str:
    """An error's message in one line, with the error's class if it is not one of ours."""
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


def parser(names: Sequence[str]) -> Any:
    """The argument parser of these commands; making that of all commands is slow."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 100},
    )
    app.callback()(albench)
    for name in names:
        found = resolve_name(COMMANDS[name])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            loose = {"ignore_unknown_options": name == "run"}  # Hydra's options
            app.command(name, cls=Several, context_settings=loose)(found)
    return typer.main.get_command(app)


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

    It is computed with a data set's labels and written to results/priors/.
    """
    from al_bench.cli.prior_card import make

    print("\n".join(map(str, make(overrides, split, rows, name, config_dir))))


def check(
    overrides: Overrides = None, config_dir: ConfigDir = None, multirun: Multirun = False
) -> int:
    """Check your components (a strategy, a label model ...) against the contract of their kind.

    Of: strategy, supervision, learner, imbalance, noise, annotators, label_model,
    annotator_selection.
    """
    from al_bench.testing.contract import check_config

    return check_config(overrides or (), config_dir)
