"""``albench session``: rows of your own, chosen, labelled, measured and exported."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from al_bench.cli.exchange import backend, studio, tasks
from al_bench.cli.label import label
from al_bench.cli.session_rows import add, export, new, opened, predict, show
from al_bench.cli.written import written

if TYPE_CHECKING:
    from al_bench.session import Interval

Command = Callable[[argparse.ArgumentParser, list[str]], int]

EXAMPLE = """
  albench session new reviews --data reviews.csv --text body --classes complaint,praise,question
  albench session suggest reviews --budget 50 --out batch.csv     # fill in the column "answer"
  albench session tell reviews batch.csv --annotator ann
  albench session label reviews                                   # or on a page, by keyboard
  albench session estimate reviews
  albench session export reviews --out final
  albench session predict final --data new.csv --out labelled.csv"""


def main(arguments: Sequence[str]) -> int:
    """Run a command of a session."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        there = ", ".join(COMMANDS)
        print(f"albench session: no command {name!r}; there are {there}", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when a library is loaded
    parser = argparse.ArgumentParser(
        f"albench session {name}", description=command.__doc__, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, help="the session")
    parser.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    return command(parser, rest)


def usage() -> str:
    lines = ["usage: albench session <command> <folder> [options]", ""]
    lines += [f"  {name:9}{(c.__doc__ or '').splitlines()[0]}" for name, c in COMMANDS.items()]
    return "\n".join([*lines, EXAMPLE, "", "albench session <command> --help says more."])


def suggest(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Choose the rows to label next, as a csv whose column "answer" waits to be filled in."""
    from al_bench.session.batchfile import write_batch

    parser.add_argument("--budget", type=int, default=50, help="how many rows (50)")
    parser.add_argument("--annotator", help="whom they are for; left out: anybody")
    parser.add_argument("--waiting", action="store_true", help="those that still wait, no new ones")
    parser.add_argument("--out", type=Path, help="a csv file; left out: printed")
    given = parser.parse_args(arguments)
    with opened(given) as session, written(given.out) as file:
        if given.waiting:
            batch = session.waiting(given.annotator)
        else:
            batch = session.suggest(given.budget, given.annotator)
        write_batch(batch, session.settings.modality, session.settings.blind, file)
    if given.out is not None:
        print(f"{len(batch)} rows in {given.out}: fill in the column answer ('?' says not sure), "
              f"then albench session tell {given.folder} {given.out}")  # fmt: skip
    return 0


def tell(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Read answers from a csv with columns id and answer (annotator, seconds), or a tool's export.

    An export of Label Studio or Argilla (.json) may be told again: only what is new counts.
    """
    from al_bench.session.exchange.brought import bring
    from al_bench.session.exchange.files import exported
    from al_bench.session.telling import file_answers

    parser.add_argument("file", type=Path, help="a csv, parquet or jsonl; or an export, .json")
    parser.add_argument("--annotator", default="annotator", help="who gave them, if no column says")
    parser.add_argument("--unasked", action="store_true", help="also of rows never suggested")
    given = parser.parse_args(arguments)
    with opened(given) as session:
        if given.file.suffix == ".json":
            found = exported(given.file)
            count, told = bring(session, found.answers, given.unasked), len(found.answers)
            print(f"{count} answers told; {told - count} are known, {found.empty} have no answer")
        else:
            answers, empty = file_answers(given.file, given.annotator, session.classes)
            count = session.tell(answers, unasked=given.unasked)
            left = f"; {empty} of {count + empty} lines have no answer and are left out"
            print(f"{count} answers told{left if empty else ''}")
        show(session)
    return 0


def status(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Say how far a session has come."""
    with opened(parser.parse_args(arguments)) as session:
        show(session)
    return 0


def estimate(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Say how good the model is by now, with intervals, and whether to stop."""
    parser.add_argument("--target", type=float, help="stop at this balanced accuracy; left out: "
                        "once 100 more labels would gain less than 1 point of it")  # fmt: skip
    given = parser.parse_args(arguments)
    with opened(given) as session:
        found = session.estimate(given.target)
    lines = {"accuracy": found.accuracy, "balanced accuracy": found.balanced_accuracy}
    lines |= {f"recall of {name}": one for name, one in found.recalls.items()}
    width = max(map(len, lines))
    print(f"by {found.audited} audited rows of {found.labels} labelled ones, 95 % intervals:")
    for name, one in lines.items():
        print(f"  {name:{width}}  {interval(one)}")
    for note in (*found.notes, found.advice):
        print(note)
    return 0


def withdraw(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Take back suggestions that wait for an answer, so that their rows may come again."""
    parser.add_argument("--annotator", help="whom they are for; left out: all")
    given = parser.parse_args(arguments)
    with opened(given) as session:
        print(f"{session.withdraw(given.annotator)} suggestions taken back")
    return 0


def interval(one: Interval) -> str:
    return f"{100 * one.value:5.1f} %  [{100 * one.low:.1f}, {100 * one.high:.1f}]"


COMMANDS: dict[str, Command] = {
    "new": new,
    "suggest": suggest,
    "tell": tell,
    "label": label,
    "estimate": estimate,
    "export": export,
    "predict": predict,
    "status": status,
    "add": add,
    "withdraw": withdraw,
    "tasks": tasks,
    "studio": studio,
    "backend": backend,
}
