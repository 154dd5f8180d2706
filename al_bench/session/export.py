"""What leaves a session: labels, predictions, the model, and a page that says what it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from al_bench.learners.linear import LinearModel
from al_bench.loop import answered
from al_bench.rng import rng
from al_bench.session.bench import Bench, Moment
from al_bench.session.engine import start, told
from al_bench.session.kept import Kept
from al_bench.session.predicting import CARD, WEIGHTS, Exported, predictions, reader_of
from al_bench.session.report import page
from al_bench.session.threads import one_thread
from al_bench.session.values import Estimate, Status
from al_bench.state import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

MODEL = "model"  # who said so, of rows that nobody answered


def label_table(bench: Bench, moment: Moment, fit: Kept) -> pd.DataFrame:
    """A label for every row: what people said, the model's guess elsewhere.

    Columns id, label, confidence and source: the annotators, or "model". Where several answered it
    is the label model's choice. The confidence of an answer is what the training rule or the label
    model believes of it, and empty where neither says; audit answers count here as all others do.
    """
    import pandas as pd

    names = [row.name for row in moment.pool.known]
    table = predictions(names, moment.settings.classes, fit.probs).assign(source=MODEL)
    rows, labels, confidence = people_say(bench, moment, fit.number)
    classes = np.array(moment.settings.classes, dtype=object)
    table.loc[rows, "label"] = classes[labels]
    table.loc[rows, "confidence"] = pd.Series(confidence, index=rows).round(6)
    said: dict[int, list[str]] = {}
    for answer in moment.ledger.answers:
        if answer.answer is not None:
            said.setdefault(answer.row, []).append(answer.annotator)
    table.loc[rows, "source"] = ["; ".join(said[row]) for row in rows.tolist()]
    return table


def people_say(bench: Bench, moment: Moment, number: int) -> tuple[Ints, Ints, Floats]:
    """(m,) rows with an answer, what the answers come to, and how far that is believed."""
    settings, parts = moment.settings, bench.parts(moment.settings)
    nobody = np.empty(0, dtype=np.int64)
    every = told(moment.ledger.answers, settings.classes, nobody)
    state = start(moment.pool.rows, every.annotators, nobody)
    if not len(every.answers):
        return nobody, nobody, np.empty(0)
    number = max(number, 1)  # 0 where all answers are the audit's
    with one_thread():
        state = answered(state, every.answers, parts.label_model, settings.seed, number)
        training = parts.supervision.training_set(state, rng(settings.seed, "supervision", number))
    rows, labels = state.labelled, state.labels[state.labelled]
    if training.beliefs is not None:
        return rows, labels, training.beliefs[rows, labels]
    if state.consensus is not None:
        return rows, labels, state.consensus.probs[np.arange(len(rows)), labels]
    return rows, labels, np.full(len(rows), np.nan)


@dataclass(frozen=True)
class Leaving:
    """What is exported: labels and predictions of every row, the model where it has arrays that
    predict without the pool, and the estimate or why there is none."""

    labels: pd.DataFrame
    predictions: pd.DataFrame
    model: Exported | None
    estimate: Estimate | str


def leaving(bench: Bench, moment: Moment, estimate: Estimate | str) -> Leaving:
    fit = bench.last(moment)
    settings = moment.settings
    names = [row.name for row in moment.pool.known]
    said = predictions(names, settings.classes, fit.probs)
    for number, name in enumerate(settings.classes):
        said[f"p({name})"] = fit.probs[:, number].astype(float).round(6)
    model = None
    reader = reader_of(bench, settings)
    leaves = isinstance(fit.model, LinearModel) or not reader.sees_pool
    if fit.model is not None and leaves:
        encoder = reader.prior.encoder(settings.modality)
        model = Exported.of(settings, encoder.key, reader.given, fit.model)
    return Leaving(label_table(bench, moment, fit), said, model, estimate)


def prepared(out: Path) -> Path:
    """The folder, made where it is not there; OSError where it cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"{out} cannot be written: {error.strerror}") from error
    return out


def written(out: Path, what: Leaving, moment: Moment, status: Status) -> list[str]:
    """Write labels.csv, predictions.csv, report.html and, where there is one, the model; the names
    of the files. OSError where the folder cannot be written."""
    facts: dict[str, Any] = {
        "al_bench": version("al-bench"),
        "rows": status.rows,
        "labels": status.answered,
    }
    if isinstance(what.estimate, Estimate):
        facts |= {"estimate": asdict(what.estimate)}
    try:
        with TemporaryDirectory(dir=out) as place:
            folder = Path(place)  # so that no file is there in part
            what.labels.to_csv(folder / "labels.csv", index=False)
            what.predictions.to_csv(folder / "predictions.csv", index=False)
            if what.model is not None:
                what.model.save(folder, facts)
            text = page(moment.settings, status, what.estimate, what.model is not None)
            (folder / "report.html").write_text(text, encoding="utf-8")
            files = sorted(path.name for path in folder.iterdir())
            for name in files:
                (folder / name).replace(out / name)
    except OSError as error:
        raise OSError(error.errno, f"{out} cannot be written: {error.strerror or error}") from error
    for name in {WEIGHTS, CARD} - set(files):
        (out / name).unlink(missing_ok=True)  # of an earlier model, which this is not
    return files
