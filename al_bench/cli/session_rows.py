"""The commands of a session that read rows and write what was made of them."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from al_bench.session import Session


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
        if not session.has_prior:
            print("the embeddings came without class probabilities: the foundation model has no "
                  "opinion; --prior-table gives it one")  # fmt: skip
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


def export(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Write labels, predictions, the model and a report."""
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    given = parser.parse_args(arguments)
    with opened(given) as session:
        files = session.export(given.out)
        if "model.json" not in files:
            options = session.settings.options
            named = ", ".join(f"{g}={options[g]}" for g in ("learner", "supervision", "prior"))
            why = f"not with {named}" if session.status().fits else "no answer has taught one yet"
            print(f"no model: {why}; only a linear head is exported, alone or joined with our "
                  "belief, whose prior then may not be calibrated on the pool")  # fmt: skip
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


def show(session: Session) -> None:
    """Print how far a session has come."""
    now = session.status()
    print(f"{session.bench.folder}: {now.rows:,} rows, {now.answered:,} labelled "
          f"({now.audited:,} of them measure), {now.waiting:,} wait for an answer")  # fmt: skip
    print("  " + ", ".join(f"{name} {count:,}" for name, count in now.counts.items()))
    if now.annotators:
        print("  by " + ", ".join(f"{who} {count:,}" for who, count in now.annotators.items()))
