"""The command line: ``albench`` and a command, of which ``albench --help`` says what each does.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from pathlib import Path

from al_bench import __version__
from al_bench.configuration.memory import keep

Command = Callable[[list[str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; failures end in one sentence on stderr and exit code 1 (2 for bad usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands: dict[str, Command] = {
        "run": run,
        "embed": embed,
        "prior": prior,
        "status": status,
        "report": report,
        "claim": claim,
        "explore": explore,
        "session": session,
        "list": list_options,
        "check": check,
        "enter": enter,
        "merge": merge,
        "verify": verify,
        "score": score,
    }
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage(commands))
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"albench {__version__}")
        return 0
    if arguments[0] not in commands:
        names = ", ".join(commands)
        print(f"albench: no command {arguments[0]!r}; there are {names}", file=sys.stderr)
        return 2
    keep()
    try:
        code = commands[arguments[0]](arguments[1:])
        sys.stdout.flush()
        return code
    except (KeyboardInterrupt, SystemExit) as end:
        if not isinstance(end.__context__ or end, KeyboardInterrupt):  # Lightning exits on Ctrl-C
            raise
        print("albench: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # nobody reads on, as in ``albench list | head``
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # for what is not yet flushed
        return 141
    except Exception as error:
        if os.environ.get("AL_BENCH_DEBUG"):
            raise
        print(f"albench: {sentence(error)}", file=sys.stderr)
        return 1


def usage(commands: dict[str, Command]) -> str:
    lines = ["usage: albench <command> [options] [group=option] [group.key=value]", ""]
    for name, command in commands.items():
        lines.append(f"  {name:8}{(command.__doc__ or '').splitlines()[0]}")
    lines += ["", "albench <command> --help says more; AL_BENCH_DEBUG=1 shows tracebacks."]
    return "\n".join(lines)


def sentence(error: BaseException) -> str:
    """What an error says, in one line; the class of the error where it is not one of ours."""
    text = " ".join(str(error).split()) or type(error).__name__
    plain = (ValueError, OSError, RuntimeError)
    named = isinstance(error, plain) or type(error).__module__.startswith(("hydra", "omegaconf"))
    return text if named else f"{type(error).__name__}: {text} (AL_BENCH_DEBUG=1 shows where)"


def run(arguments: list[str]) -> int:
    """Run one configuration, a sweep (strategy=a,b) or experiments; what is done is skipped."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach main, which says them once
    one_thread()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no network unless asked for
    import hydra
    from hydra._internal.utils import get_args_parser

    from al_bench.configuration.config import config_dir, config_folders, search, stand_alone, trust
    from al_bench.configuration.experiments import plans
    from al_bench.configuration.plan import BASIC, HERE
    from al_bench.runs.run import execute
    from al_bench.runs.sweep import require, sweep, sweep_all
    from al_bench.runs.tune import objective

    extra, rest = parse("run", run.__doc__, arguments, hydra_help=True)
    again = ["again=true"] if "--again" in rest else []
    rest = [argument for argument in rest if argument != "--again"]
    given = get_args_parser().parse_intermixed_args(rest)
    if not (given.help or given.hydra_help or given.cfg or given.info or given.shell_completion):
        every = plans([*given.overrides, *again], extra)
        if len(every) > 1:
            return sweep_all(every, extra)
        ((name, planned),) = every.items()
        sweeper, launcher = (planned.hydra[part]["_target_"] for part in ("sweeper", "launcher"))
        if sweeper == BASIC and len(planned) == 1 and launcher == HERE:
            job = planned[0]
            execute(job.config, config_folders(extra), experiment=job.experiment)
            return 0
        if sweeper == BASIC:
            return sweep(planned, extra, name)
        require(sweeper)
        rest = ["--multirun", *rest]
    if extra is not None:
        trust(extra)
    sys.argv = ["albench run", *search(extra), *rest, *again]
    stand_alone()
    task = update_wrapper(partial(objective, extra), objective)  # which Hydra asks for its file
    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="config")(task)()
    return 0


def embed(arguments: list[str]) -> int:
    """Fill the embedding cache for a configuration or every run of an experiment."""
    from al_bench.cli.embed import main as fill

    return fill(arguments)


def prior(arguments: list[str]) -> int:
    """Write a prior's report card: zero-shot accuracy, calibration, classes, confusion."""
    from al_bench.cli.prior_card import main as write_card

    return write_card(arguments)


def status(arguments: list[str]) -> int:
    """Say what of some experiments is done, failed or to do, what is missing, how long it takes."""
    from al_bench.cli.status import show

    extra, overrides = parse("status", status.__doc__, arguments)
    return show(overrides, extra)


def report(arguments: list[str]) -> int:
    """Build the tables and figures of an experiment from its runs, or from its parquet file."""
    from al_bench.cli.report import main as build_report

    return build_report(arguments)


def claim(arguments: list[str]) -> int:
    """Say what a method saves over others: the claims of an experiment, or one of your own."""
    from al_bench.cli.claim import main as hold

    return hold(arguments)


def explore(arguments: list[str]) -> int:
    """Write one HTML file that shows results: filter, compare, drag a level, get a command."""
    from al_bench.cli.explore import main as write_explorer

    return write_explorer(arguments)


def session(arguments: list[str]) -> int:
    """Label rows of your own: suggest, tell, estimate, export."""
    from al_bench.cli.session import main as of_session

    return of_session(arguments)


def list_options(arguments: list[str]) -> int:
    """List the options of a config group (all groups without one) with one line each."""
    from al_bench.cli.listing import show

    parser = argparse.ArgumentParser("albench list", description=list_options.__doc__)
    parser.add_argument("group", nargs="?", help="dataset, noise, annotators, prior, strategy, ...")
    parser.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    options = parser.parse_args(arguments)
    return show(options.group, options.config_dir)


def check(arguments: list[str]) -> int:
    """Check components of yours, such as a strategy or a label model, against what they promise."""
    from al_bench.testing.contract import CHECKS, check_config

    extra, overrides = parse("check", f"{check.__doc__} Of: {', '.join(CHECKS)}.", arguments)
    return check_config(overrides, extra)


def enter(arguments: list[str]) -> int:
    """Run a method on a task of the leaderboard and write the folder of its entry."""
    one_thread()
    from al_bench.cli.enter import main as enter_it

    return enter_it(arguments)


def merge(arguments: list[str]) -> int:
    """Join results of many machines into one parquet file, or say which do not fit."""
    from al_bench.cli.merge import main as join

    return join(arguments)


def verify(arguments: list[str]) -> int:
    """Make a random sample of an entry's runs again and say which differ."""
    one_thread()
    from al_bench.cli.verify import main as make_again

    return make_again(arguments)


def score(arguments: list[str]) -> int:
    """Fill in an entry's test metrics, by whoever holds the labels of its task."""
    from al_bench.cli.score import main as fill_in

    return fill_in(arguments)


def one_thread() -> None:
    """Let numerical libraries use one thread where nothing else is asked for: read when a library
    is loaded, also in workers."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def parse(
    name: str, about: str | None, arguments: list[str], hydra_help: bool = False
) -> tuple[Path | None, list[str]]:
    """The user's --config-dir and everything else, which Hydra reads."""
    parser = argparse.ArgumentParser(
        f"albench {name}", description=about, add_help=not hydra_help, allow_abbrev=False
    )
    parser.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    if not hydra_help:
        parser.add_argument("-m", "--multirun", action="store_true", help="changes nothing")
        parser.add_argument("overrides", nargs="*", help="group=option or group.key=a,b")
        options = parser.parse_intermixed_args(arguments)
        return options.config_dir, options.overrides
    options, rest = parser.parse_known_args(arguments)
    return options.config_dir, rest
