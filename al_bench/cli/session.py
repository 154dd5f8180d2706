"""``albench session``: rows of your own, chosen, labelled, measured and exported."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from al_bench.cli.exchange import backend, studio, tasks
from al_bench.cli.label import label
from al_bench.cli.written import written
from al_bench.configuration.config import workers
from al_bench.priors.device import THREADS

if TYPE_CHECKING:
    from al_bench.session import Interval, Session

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
    os.environ.setdefault(THREADS, str(workers(1)))  # every core embeds
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


def new(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Make a session of your rows: embed them and ask the foundation model."""
    from al_bench.session import Session

    data_options(parser)
    option = parser.add_argument
    option("--classes", type=listed, help="a,b,c; left out: those of the labels that are there")
    option("--label", help="a column of labels that are there already")
    option("--prior-table", help="class probabilities of embeddings: .npz, csv, parquet, jsonl")
    option("--prompt", action="append", help="a template with one {}; may be given again")
    option("--audit", type=float, default=0.2, help="fraction of suggestions that measure (0.2)")
    option("--reserve", type=float, default=0.1, help="fraction of rows kept for these (0.1)")
    option("--show-guess", action="store_true", help="show the guess of rows that measure, too")
    option("--seed", type=int, default=0)
    option("overrides", nargs="*", help="as of albench run: strategy=badge prior=minilm ...")
    given = parser.parse_intermixed_args(arguments)
    with Session.new(
        given.folder,
        given.data,
        given.classes,
        text=given.text,
        image=given.image,
        label=given.label,
        id=given.id,
        split=given.split,
        prior_table=given.prior_table,
        prompts=given.prompt,
        overrides=given.overrides,
        seed=given.seed,
        audit=given.audit,
        reserve=given.reserve,
        blind=not given.show_guess,
        config_dir=given.config_dir,
    ) as session:
        show(session)
    return 0


def add(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Add rows that arrived later, or classes; labels are kept."""
    parser.add_argument("--data", help="as of new, with columns of the same names")
    parser.add_argument("--classes", type=listed, help="a,b,c: besides those there are")
    parser.add_argument("--prior-table", help="class probabilities of embeddings")
    given = parser.parse_args(arguments)
    if (given.data is None) == (given.classes is None):
        parser.error("wanted either --data or --classes")
    with opened(given) as session:
        if given.data is not None:
            print(f"{session.add_rows(given.data, given.prior_table):,} rows added")
        else:
            session.add_classes(given.classes, given.prior_table)
        show(session)
    return 0


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
    with opened(parser.parse_args(arguments)) as session:
        found = session.estimate()
    lines = {"accuracy": found.accuracy, "balanced accuracy": found.balanced_accuracy}
    lines |= {f"recall of {name}": one for name, one in found.recalls.items()}
    width = max(map(len, lines))
    print(f"by {found.audited} audited rows of {found.labels} labelled ones, 95 % intervals:")
    for name, one in lines.items():
        print(f"  {name:{width}}  {interval(one)}")
    if found.advice:
        print(found.advice)
    return 0


def withdraw(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Take back suggestions that wait for an answer, so that their rows may come again."""
    parser.add_argument("--annotator", help="whom they are for; left out: all")
    given = parser.parse_args(arguments)
    with opened(given) as session:
        print(f"{session.withdraw(given.annotator)} suggestions taken back")
    return 0


def export(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Write labels, predictions, the model and a report."""
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    given = parser.parse_args(arguments)
    with opened(given) as session:
        files = session.export(given.out)
        if "model.json" not in files:
            print(f"no model: learner={session.settings.options['learner']} is no linear head, "
                  "whose weights alone are exported")  # fmt: skip
    print(f"{given.out}: {', '.join(files)}")
    return 0


def predict(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Label rows by a session's model, or by one that was exported (the folder has model.json)."""
    from al_bench.session.predicting import CARD, Exported

    data_options(parser)
    parser.add_argument("--out", type=Path, help="a csv file; left out: printed")
    given = parser.parse_args(arguments)
    named = {"text": given.text, "image": given.image, "id": given.id, "split": given.split}
    if (given.folder / CARD).is_file():
        table = Exported.load(given.folder).predict(
            given.data, **named, config_dir=given.config_dir
        )
    else:
        with opened(given) as session:
            table = session.predict(given.data, **named)
    table.to_csv(given.out or sys.stdout, index=False)
    if given.out is not None:
        print(f"{len(table)} rows in {given.out}")
    return 0


def data_options(parser: argparse.ArgumentParser) -> None:
    """Where rows are read from."""
    option = parser.add_argument
    option("--data", required=True, help="csv, tsv, parquet, jsonl, .npz of embeddings, a folder of images, a saved data set, hf://owner/name")  # fmt: skip  # noqa: E501
    option("--text", help='its column of texts ("text")')
    option("--image", help="its column of images or image files, in place of texts")
    option("--id", help="its column of row names; left out: numbers from 0")
    option("--split", default="train", help="of a data set (train)")


def listed(text: str) -> list[str]:
    """Names between commas, quoted where one holds a comma."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def opened(given: argparse.Namespace) -> Session:
    from al_bench.session import Session

    return Session.open(given.folder, given.config_dir)


def interval(one: Interval) -> str:
    return f"{100 * one.value:5.1f} %  [{100 * one.low:.1f}, {100 * one.high:.1f}]"


def show(session: Session) -> None:
    """Print how far a session has come."""
    now = session.status()
    print(f"{session.bench.folder}: {now.rows:,} rows, {now.answered:,} labelled "
          f"({now.audited:,} of them measure), {now.waiting:,} wait for an answer")  # fmt: skip
    print("  " + ", ".join(f"{name} {count:,}" for name, count in now.counts.items()))
    if now.annotators:
        print("  by " + ", ".join(f"{who} {count:,}" for who, count in now.annotators.items()))


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
