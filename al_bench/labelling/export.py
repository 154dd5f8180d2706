"""What leaves a session: labels, predictions, the model, and a page that says what it is."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from al_bench.labelling.exported_model import CARD, WEIGHTS, Exported, predictions, reader_of
from al_bench.labelling.ledger import start, told
from al_bench.labelling.model_service import Bench, Fit, Moment
from al_bench.labelling.report import page
from al_bench.labelling.settings import Estimate, Status
from al_bench.learners.linear import LinearModel
from al_bench.loop import answered
from al_bench.rng import rng
from al_bench.state import Floats, Ints
from al_bench.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

MODEL = "model"  # who said so, of rows that nobody answered


def label_table(moment: Moment, fit: Fit) -> pd.DataFrame:
    """A label for every row: what people said, the model's guess elsewhere.

    Columns id, label, confidence and source: the annotators, or "model". Where several answered it
    is the label model's choice. The confidence of an answer is what the training rule or the label
    model believes of it, and empty where neither says; audit answers count here as all others do.
    """
    import pandas as pd

    table = predictions(moment.pool.names, moment.settings.classes, fit.probs)
    table = table.assign(source=MODEL)
    rows, labels, confidence = people_say(moment, fit.number)
    classes = np.array(moment.settings.classes, dtype=object)
    table.loc[rows, "label"] = classes[labels]
    table.loc[rows, "confidence"] = pd.Series(confidence, index=rows).round(6)
    said: dict[int, list[str]] = {}
    for answer in moment.ledger.answers:
        if answer.answer is not None:
            said.setdefault(answer.row, []).append(answer.annotator)
    table.loc[rows, "source"] = ["; ".join(said[row]) for row in rows.tolist()]
    return table


def people_say(moment: Moment, number: int) -> tuple[Ints, Ints, Floats]:
    """(m,) rows with an answer, what the answers come to, and how far that is believed."""
    settings, parts = moment.settings, moment.parts
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


def model_of(bench: Bench, moment: Moment, fit: Fit) -> Exported | None:
    """The model, where it has arrays that predict without the pool."""
    reader = reader_of(bench, moment)
    if fit.model is None or (reader.sees_pool and not isinstance(fit.model, LinearModel)):
        return None
    encoder = reader.prior.encoder(moment.settings.modality)
    return Exported.of(moment.settings, encoder.key, reader.given, fit.model)


def prepared(out: Path) -> Path:
    """The folder, made where it is not there; OSError where it cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"{out} cannot be written: {error.strerror}") from error
    return out


def written(
    out: Path, bench: Bench, moment: Moment, estimate: Estimate | str, status: Status
) -> list[str]:
    """Write labels.csv, predictions.csv, report.html and, where it can leave, the model; the names
    of the files. OSError where the folder cannot be written."""
    fit, classes = bench.last(moment), moment.settings.classes
    model = model_of(bench, moment, fit)
    said = predictions(moment.pool.names, classes, fit.probs)
    for number, name in enumerate(classes):
        said[f"p({name})"] = fit.probs[:, number].astype(float).round(6)
    facts: dict[str, Any] = {"al_bench": version("al-bench"), "rows": status.rows}
    facts |= {"labels": status.answered}
    if isinstance(estimate, Estimate):
        facts |= {"estimate": asdict(estimate)}
    try:
        with TemporaryDirectory(dir=out) as place:
            folder = Path(place)  # so that no file is there in part
            label_table(moment, fit).to_csv(folder / "labels.csv", index=False)
            said.to_csv(folder / "predictions.csv", index=False)
            if model is not None:
                model.save(folder, facts)
            text = page(moment.settings, status, estimate, model is not None)
            (folder / "report.html").write_text(text, encoding="utf-8")
            files = sorted(path.name for path in folder.iterdir())
            for name in files:
                (folder / name).replace(out / name)
    except OSError as error:
        raise OSError(error.errno, f"{out} cannot be written: {error.strerror or error}") from error
    for name in {WEIGHTS, CARD} - set(files):
        (out / name).unlink(missing_ok=True)  # of an earlier model, which this is not
    return files
