"""``albench session``: query, label, evaluate and export your own rows."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from al_bench.cli.options import ConfigDir

if TYPE_CHECKING:
    from al_bench.labelling import Plan, Session

# "\b" keeps a paragraph of the help as it is written
EXAMPLES = """\b
examples:
  albench session new reviews --data reviews.csv --text body --classes complaint,praise,question
  albench session suggest reviews --budget 50 --out batch.csv     # fill in the column "answer"
  albench session tell reviews batch.csv --annotator ann
  albench session label reviews                                   # or on a page, by keyboard
  albench session estimate reviews
  albench session export reviews --out final
  albench session predict final --data new.csv --out labelled.csv"""

app = typer.Typer(
    help="Label rows of your own: suggest, tell, estimate, export.",
    epilog=EXAMPLES,
    rich_markup_mode=None,
)


def option(help: str, *names: str, **more: Any) -> Any:
    """An option of a command."""
    return typer.Option(*names, help=help, **more)


Folder = Annotated[Path, typer.Argument(help="the session", show_default=False)]
Config = Annotated[list[str] | None, typer.Argument(help="as of run: strategy=badge learner.l2=3")]
KINDS = "csv, tsv, parquet, jsonl, .npz of embeddings, images' folder, data set or hf://owner/name"
Data = Annotated[str, option(KINDS)]
Text = Annotated[str | None, option('its column of texts ("text")')]
Image = Annotated[str | None, option("its column of images or image files, in place of texts")]
Id = Annotated[str | None, option("its column of row names; left out: numbers from 0", "--id")]
Encoding = Annotated[str | None, option("of a csv, such as cp1252; left out: UTF-8")]
Split = Annotated[str, option("of a data set")]
PriorTable = Annotated[str | None, option("class probabilities of embeddings: .npz or a table")]
Budget = Annotated[int, option("how many rows")]
Annotator = Annotated[str | None, option("whom they are for; left out: anybody")]
Waiting = Annotated[bool, option("those that still wait, no new ones", "--waiting")]
Classes = Annotated[str | None, option("a,b,c; left out: those of the labels there are")]
Prompt = Annotated[list[str] | None, option("a template with one {}; may come again")]
Target = Annotated[float | None, option("balanced accuracy to be reached, 0.9")]
Price = Annotated[float | None, option("of an answer, in any currency")]
Most = Annotated[int | None, option("the most labels; left out: as many as the law knows")]
Noise = Annotated[float | None, option("fraction of wrong answers; left out: as people disagree")]
Out = Annotated[Path | None, option("a csv file; left out: printed")]


class Tool(StrEnum):
    """The annotation tools whose files can be written."""

    labelstudio = "labelstudio"
    argilla = "argilla"


@app.command(epilog=EXAMPLES)
def new(
    folder: Folder,
    data: Data,
    overrides: Config = None,
    text: Text = None,
    image: Image = None,
    id: Id = None,
    split: Split = "train",
    encoding: Encoding = None,
    show: Annotated[str | None, option("a,b,c: columns to show beside a row")] = None,
    classes: Classes = None,
    label: Annotated[str | None, option("a column of labels that are there already")] = None,
    prior_table: PriorTable = None,
    prompt: Prompt = None,
    audit: Annotated[float, option("fraction of suggestions that measure")] = 0.2,
    reserve: Annotated[float, option("fraction of rows kept for these")] = 0.1,
    overlap: Annotated[float, option("fraction of somebody's rows that another answered")] = 0.05,
    rare: Annotated[str | None, option("of two classes the one to search for")] = None,
    rare_description: Annotated[
        str | None, option("what the foundation model reads for the other class's name")
    ] = None,
    show_guess: Annotated[bool, option("also of rows that measure", "--show-guess")] = False,
    seed: int = 0,
    config_dir: ConfigDir = None,
) -> None:
    """Make a session of your rows: embed them and ask the foundation model."""
    from al_bench.labelling import Session
    from al_bench.labelling.settings import NEGATED, negation

    with Session.new(
        folder,
        data,
        None if classes is None else names_in(classes),
        text=text,
        image=image,
        label=label,
        id=id,
        split=split,
        show=names_in(show or ""),
        encoding=encoding,
        prior_table=prior_table,
        prompts=prompt or None,
        overrides=overrides or (),
        seed=seed,
        audit=audit,
        reserve=reserve,
        overlap=overlap,
        rare=rare,
        rare_description=rare_description,
        blind=not show_guess,
        config_dir=config_dir,
    ) as session:
        print_status(session)
        for name in filter(NEGATED.match, session.classes):
            print(negation(name))
        if session.settings.words:
            print("the foundation model reads " + " against ".join(session.settings.words))
        if not session.has_prior:
            print("the embeddings came without class probabilities: the foundation model has no "
                  "opinion; --prior-table gives it one")  # fmt: skip


@app.command()
def suggest(
    folder: Folder,
    budget: Budget = 50,
    annotator: Annotator = None,
    waiting: Waiting = False,
    audit: Annotated[bool, option("only rows drawn at random, which measure", "--audit")] = False,
    out: Out = None,
    config_dir: ConfigDir = None,
) -> None:
    """Choose the rows to label next, as a csv whose column "answer" is to be filled in."""
    from al_bench.labelling.suggestions import write_csv

    with open_session(folder, config_dir) as session, new_file(out) as file:
        found = session.waiting(annotator) if waiting else session.suggest(budget, annotator, audit)
        write_csv(found, session.settings.modality, session.settings.blind, file)
    if out is not None:
        print(f"{len(found)} rows in {out}: fill in the column answer ('?' says not sure), "
              f"then albench session tell {folder} {out}")  # fmt: skip


@app.command()
def tell(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="a csv, parquet or jsonl; or an export, .json")],
    annotator: Annotated[str, option("who gave them, if no column says")] = "annotator",
    unasked: Annotated[bool, option("also of rows never suggested", "--unasked")] = False,
    encoding: Encoding = None,
    config_dir: ConfigDir = None,
) -> None:
    """Read answers from a csv with columns id and answer (annotator, seconds), or a tool's export.

    An export of Label Studio or Argilla (.json) may be read again: only new answers count.
    """
    from al_bench.labelling.annotation_tools import exported
    from al_bench.labelling.annotations import import_answers, read_answers

    with open_session(folder, config_dir) as session:
        if file.suffix == ".json":
            found, empty = exported(file)
            count = import_answers(session.store, found, session.classes, unasked)
            known = len(found) - count
            print(f"{count} answers told; {known} are known, {empty} have no answer")
        else:
            answers = read_answers(file, annotator, session.classes, encoding)
            count, empty = session.tell(answers, unasked=unasked), answers.empty
            left = f"; {empty} of {count + empty} lines have no answer and are left out"
            print(f"{count} answers told{left if empty else ''}")
        print_status(session)


@app.command()
def label(
    folder: Folder,
    port: Annotated[int, option("0: any that is free", min=0, max=2**16 - 1)] = 8765,
    host: Annotated[str, option("beyond this machine the address holds a token")] = "127.0.0.1",
    batch: Annotated[int, option("rows chosen at a time for each", min=1)] = 20,
    guess: Annotated[bool, option("show the model's after an answer")] = True,
    goal: Annotated[int | None, option("how many rows are to be answered", min=1)] = None,
    target: Annotated[float | None, option("balanced accuracy to be reached", min=0, max=1)] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Serve a page on which people label, by keyboard, texts and images."""
    try:
        from al_bench.labelling.page.serve import serve
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        needs = f"the labelling page needs {error.name}: pip install 'al-bench[labelling]'"
        raise RuntimeError(needs) from error
    say = partial(print, flush=True)
    serve(folder.expanduser(), host, port, batch, guess, goal, target, config_dir, say)


@app.command()
def estimate(
    folder: Folder,
    target: Annotated[
        float | None,
        option("stop at this balanced accuracy; left out: once 100 labels gain less than 1 point"),
    ] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Estimate the accuracy of the model, with intervals, and say whether to stop."""
    with open_session(folder, config_dir) as session:
        found = session.estimate(target)
    lines = {"accuracy": found.accuracy, "balanced accuracy": found.balanced_accuracy}
    lines |= {f"recall of {name}": one for name, one in found.recalls.items()}
    if (rare := found.rare) is not None:
        lines |= {"prevalence": rare.prevalence, "precision": rare.precision, "F1": rare.f1}
        lines |= {"average precision": rare.average_precision, "found": rare.found}
    width = max(map(len, lines))
    print(f"by {found.audited} audited rows of {found.labels} labelled ones, 95 % intervals:")
    for name, one in lines.items():
        value, low, high = (100 * number for number in (one.value, one.low, one.high))
        print(f"  {name:{width}}  {value:5.1f} %  [{low:.1f}, {high:.1f}]")
    if rare is not None:
        left = rare.unfound
        print(f"about {left.value:,.0f} rows of the rare class have no answer, "
              f"{left.high:,.0f} at most")  # fmt: skip
    print("\n".join([*found.notes, found.advice]))


@app.command()
def plan(
    folder: Folder,
    target: Target = None,
    price: Price = None,
    budget: Most = None,
    noise: Noise = None,
    config_dir: ConfigDir = None,
) -> None:
    """Forecast what labels will bring, by the rows drawn at random that are labelled so far."""
    from al_bench.labelling import plan as planned

    with open_session(folder, config_dir) as session:
        print_plan(planned(session, target=target, price=price, budget=budget, noise=noise))


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path, option("a folder")],
    certify: Annotated[
        float | None, option("fraction of each class of labels that may be wrong, such as 0.05")
    ] = None,
    people_error: Annotated[
        float | None, option("fraction of answers that is wrong; left out: estimated")
    ] = None,
    precision: Annotated[
        list[str] | None,
        option("CLASS=0.9: mark the rows of a class with this precision; may come again"),
    ] = None,
    recall: Annotated[list[str] | None, option("CLASS=0.95: or with this recall")] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Write labels, predictions, the model and a report."""
    wishes = wished("--precision", precision or ()), wished("--recall", recall or ())
    with open_session(folder, config_dir) as session:
        certificate = None if certify is None else session.certify(certify, people_error)
        files = session.export(out, certificate, *wishes)
        if certificate is not None:
            print(certificate)
        if "model.json" not in files:
            options = session.settings.options
            named = ", ".join(f"{g}={options[g]}" for g in ("learner", "supervision", "prior"))
            why = f"not with {named}" if session.status().fits else "no answer has taught one yet"
            print(f"no model: {why}; only a linear head is exported, alone or with the default "
                  "supervision")  # fmt: skip
    print(f"{out}: {', '.join(files)}")


@app.command()
def predict(
    folder: Folder,
    data: Data,
    text: Text = None,
    image: Image = None,
    id: Id = None,
    split: Split = "train",
    encoding: Encoding = None,
    shares: Annotated[bool, option("probabilities at the class shares of the session")] = True,
    out: Out = None,
    config_dir: ConfigDir = None,
) -> None:
    """Label rows by a session's model, or by one that was exported (the folder has model.json)."""
    from al_bench.labelling.exported_model import CARD, ExportedModel

    read: dict[str, Any] = {"text": text, "image": image, "id": id, "split": split}
    read |= {"encoding": encoding, "shares": shares}
    if (folder / CARD).is_file():
        table = ExportedModel.load(folder).predict(data, **read, config_dir=config_dir)
    else:
        with open_session(folder, config_dir) as session:
            table = session.predict(data, **read)
    table.to_csv(out or sys.stdout, index=False)
    if out is not None:
        print(f"{len(table)} rows in {out}")


@app.command()
def status(folder: Folder, config_dir: ConfigDir = None) -> None:
    """Show the progress of a session."""
    with open_session(folder, config_dir) as session:
        print_status(session)


@app.command()
def add(
    folder: Folder,
    data: Annotated[str | None, option("as of new, with columns of the same names")] = None,
    encoding: Encoding = None,
    classes: Annotated[str | None, option("a,b,c: besides those there are")] = None,
    prior_table: PriorTable = None,
    config_dir: ConfigDir = None,
) -> None:
    """Add rows that arrived later, or classes; labels are kept."""
    if (data is None) == (classes is None):
        raise typer.BadParameter("wanted either --data or --classes")
    with open_session(folder, config_dir) as session:
        if data is not None:
            print(f"{session.add_rows(data, prior_table, encoding):,} rows added")
        elif classes is not None:
            session.add_classes(names_in(classes), prior_table)
        print_status(session)


@app.command()
def withdraw(folder: Folder, annotator: Annotator = None, config_dir: ConfigDir = None) -> None:
    """Withdraw open suggestions, all or one annotator's; their rows may be suggested again."""
    with open_session(folder, config_dir) as session:
        print(f"{session.withdraw(annotator)} suggestions taken back")


@app.command()
def tasks(
    folder: Folder,
    out: Annotated[Path, option("a .json file to import there")],
    tool: Tool = Tool.labelstudio,
    interface: Annotated[Path | None, option("an .xml file: Label Studio's interface")] = None,
    budget: Budget = 50,
    annotator: Annotator = None,
    waiting: Waiting = False,
    images_root: Annotated[Path | None, option("of images: the folder that is served")] = None,
    images_url: Annotated[str | None, option("where; left out: by Label Studio")] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Choose the rows to label next, as tasks of Label Studio or records of Argilla."""
    from al_bench.labelling import annotation_tools as tools

    if interface is not None and tool != Tool.labelstudio:
        raise typer.BadParameter("--interface is of Label Studio alone")
    if images_url is not None and images_root is None:
        raise typer.BadParameter("--images-url wants --images-root too, the folder that is served")
    images = None
    if images_root is not None:
        images = tools.Images(images_root, images_url or tools.LOCAL_FILES)
    with open_session(folder, config_dir) as session, ExitStack() as files:
        settings = session.settings
        tools.check_shown(settings.modality, images)
        file = files.enter_context(new_file(out))
        if interface is not None:
            config = tools.label_config(settings.classes, settings.modality)
            files.enter_context(new_file(interface)).write(config)
        form = tools.tasks if tool == Tool.labelstudio else tools.records
        found = session.waiting(annotator) if waiting else session.suggest(budget, annotator)
        written = form(found, images, settings.blind)
        json.dump(written, file, ensure_ascii=False, indent=1)
    print(f"{len(written)} tasks in {out}: when they are annotated, export them as JSON, then "
          f"albench session tell {folder} <export>.json")  # fmt: skip


def wished(option: str, texts: Sequence[str]) -> dict[str, float]:
    """The number that is wished of each class, from ``class=number``."""
    try:
        return {name: float(value) for name, _, value in (text.rpartition("=") for text in texts)}
    except ValueError:
        given = " ".join(texts)
        raise typer.BadParameter(f"{option} is {given!r}; wanted a class=0.9") from None


def names_in(text: str) -> list[str]:
    """Names separated by commas; a name with a comma is quoted."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def open_session(folder: Path, config_dir: Path | None) -> Session:
    from al_bench.labelling import Session

    return Session.open(folder, config_dir)


@contextmanager
def new_file(path: Path | None) -> Iterator[TextIO]:
    """A new file to write, or standard output without a path.

    An existing file is never overwritten: it may hold answers that were not read yet.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        there = f"{path} is there already, perhaps with answers in it; name another file"
        raise ValueError(there) from None
    try:
        with file:
            yield file
    except BaseException:
        path.unlink()
        raise


def print_plan(found: Plan) -> None:
    """Print a forecast."""
    print(f"by {found.labelled} labels of rows drawn at random; balanced accuracy in %, with bands "
          "that hold 80 %")  # fmt: skip
    counts = sorted(found.curves["labels"].unique())[::2]
    print(f"  {'labels':17}" + "".join(f"{count:>14,}" for count in counts))
    for arm, part in found.curves.groupby("arm", sort=False):
        cells = (100 * part.set_index("labels").loc[counts, ["value", "low", "high"]]).round()
        shown = (f"{v:.0f} [{low:.0f}, {high:.0f}]" for v, low, high in cells.to_numpy())
        print(f"  {arm:17}" + "".join(f"{cell:>14}" for cell in shown))
    for arm, one in found.needed.items():
        ends = (f"{end:,.0f}" if end < float("inf") else "never" for end in astuple(one))
        print(f"  labels to the target, {arm}: " + "{} [{}, {}]".format(*ends))
    print("\n".join([*found.notes, found.advice]))


def print_status(session: Session) -> None:
    """Print the progress of a session."""
    now = session.status()
    print(f"{session.service.folder}: {now.rows:,} rows, {now.answered:,} labelled "
          f"({now.audited:,} of them measure), {now.waiting:,} wait for an answer")  # fmt: skip
    print("  " + ", ".join(f"{name} {count:,}" for name, count in now.counts.items()))
    if now.annotators:
        print("  by " + ", ".join(f"{who} {count:,}" for who, count in now.annotators.items()))
