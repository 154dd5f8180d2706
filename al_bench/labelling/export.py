"""A session's export: labels, predictions, the model, and a report page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from al_bench.core.loop import answered
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints
from al_bench.core.threads import one_thread
from al_bench.labelling.annotations import NOT_SURE
from al_bench.labelling.audit.certify import Certificate
from al_bench.labelling.calibration import thresholds
from al_bench.labelling.diagnostics import audit_check, calibration_of
from al_bench.labelling.evaluation import SessionEstimate
from al_bench.labelling.exported_model import CARD, WEIGHTS, ExportedModel, predictions
from al_bench.labelling.ledger import Status, by_row
from al_bench.labelling.model_service import LabelArrays, ModelService, Snapshot
from al_bench.labelling.store import Note, unwritable

if TYPE_CHECKING:
    import pandas as pd

README = "README.md"  # the model card
MODEL = "model"  # source of the label of a row that nobody answered


@dataclass(frozen=True)
class ExportBundle:
    """The parts of an export: tables, pages and, where it can be exported, the model.

    facts: further entries of the model's json; card: the model card, in Markdown.
    """

    labels: pd.DataFrame
    predictions: pd.DataFrame
    answers: pd.DataFrame
    report: str
    model: ExportedModel | None
    facts: dict[str, Any]
    card: str

    def write(self, out: Path) -> list[str]:
        """Write labels.csv, predictions.csv, answers.csv, report.html and the model with README.md,
        each as a whole; returns the file names. OSError where the folder cannot be written."""
        with unwritable(out), TemporaryDirectory(dir=out) as place:
            folder = Path(place)  # so that no file is written in part
            for name in ("labels", "predictions", "answers"):
                getattr(self, name).to_csv(folder / f"{name}.csv", index=False)
            if self.model is not None:
                self.model.save(folder, self.facts)
                (folder / README).write_text(self.card, encoding="utf-8")
            (folder / "report.html").write_text(self.report, encoding="utf-8")
            names = sorted(path.name for path in folder.iterdir())
            for name in names:
                (folder / name).replace(out / name)
        for name in {WEIGHTS, CARD, README} - set(names):
            (out / name).unlink(missing_ok=True)  # files of an earlier model
        return names


def export_bundle(
    service: ModelService,
    now: Snapshot,
    estimate: SessionEstimate | str,
    status: Status,
    certificate: Certificate | None,
    precision: Mapping[str, float],
    recall: Mapping[str, float],
) -> ExportBundle:
    """The export of a session at one time. estimate: how good the model is, or a sentence why that
    is unknown; certificate: of its labels; precision, recall: wished of classes."""
    fit, classes, reader = service.fit(now), now.settings.classes, service.reader(now)
    calibration = calibration_of(service, now)
    least = thresholds(calibration, classes, precision, recall)
    predicted = predictions(now.pool.names, classes, fit.probs, calibration, least)
    model = None
    if fit.model is not None:
        settings = now.settings
        own = tuple(o for o in settings.overrides if o.lstrip("+~").startswith("prior"))
        model = ExportedModel(
            classes,
            settings.prompts,
            settings.modality,
            str(settings.options["prior"]),
            own,
            reader.prior.encoder(settings.modality).key,
            reader.given,
            settings.columns,
            fit.model,
            calibration,
            settings.words,
            least,
        )
    facts = {"al_bench": version("al-bench"), "rows": status.rows, "labels": status.answered}
    if isinstance(estimate, SessionEstimate):
        facts |= {"estimate": asdict(estimate)}
    values = {
        "settings": now.settings,
        "status": status,
        "estimate": estimate,
        "certificate": certificate,
        "model": model,
        "most": max([1, *status.counts.values()]),
        "version": version("al-bench"),
        "check": audit_check(service, now),
        "shares": dict(zip(classes, calibration.shares.tolist(), strict=True)),
        "best": [calibration.threshold(c, None, None) for c in range(len(classes))],
        "chosen": [
            (
                name,
                at,
                f"precision of {precision[name]}"
                if name in precision
                else f"recall of {recall[name]}",
            )
            for name, at in zip(classes, least, strict=True)
            if at is not None
        ],
        "days": [
            day(one.time) for one in now.ledger.answers[:: max(len(now.ledger.answers) - 1, 1)]
        ],
    }
    labels = label_table(now, predicted[["id", "label", "confidence"]], fit.number)
    if certificate is not None:
        names = np.array(classes, dtype=object)[certificate.labels]
        labels.loc[labels["label"] != names, "confidence"] = np.nan
        labels = labels.assign(label=names, certified=certificate.certified)
    return ExportBundle(
        labels,
        predicted,
        answer_table(service, now),
        rendered("report.html", values),
        model,
        facts,
        rendered("card.md", values) if model is not None else "",
    )


def answer_table(service: ModelService, now: Snapshot) -> pd.DataFrame:
    """Every answer that was ever given, in order: who gave it when, how long it took, the comment,
    and whether it counts or was undone or replaced."""
    import pandas as pd

    counts, notes = {one.number for one in now.ledger.answers}, now.ledger.notes
    lines = [
        (one.id, one.answer or NOT_SURE, one.annotator, day(one.time), one.seconds, one.source,
         one.number in counts, note.comment, note.flag)
        for one in service.store.answers()
        for note in [notes.get((one.row, one.annotator), Note())]
    ]  # fmt: skip
    names = ("id", "answer", "annotator", "time", "seconds", "source", "counts", "comment", "flag")
    return pd.DataFrame(lines, columns=list(names))


def day(time: float) -> str:
    """A time in seconds since 1970, in UTC."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")


def label_table(now: Snapshot, guesses: pd.DataFrame, number: int) -> pd.DataFrame:
    """A label for every row: the annotators', or the model's guess where nobody answered.

    Columns id, label, confidence and source: the annotators, or "model". Several answers about a
    row become the label model's choice. The confidence of an answer is its probability by the
    training rule or the label model, empty where neither has one. Audit answers count too.
    """
    import pandas as pd

    table = guesses.assign(source=MODEL)
    rows, labels, confidence = labels_of_rows(now, number)
    table.loc[rows, "label"] = np.array(now.settings.classes, dtype=object)[labels]
    table.loc[rows, "confidence"] = pd.Series(confidence, index=rows).round(6)
    who = {row: [one.annotator for one in each] for row, each in by_row(now.ledger.answers).items()}
    table.loc[rows, "source"] = ["; ".join(who[row]) for row in rows.tolist()]
    return table


def labels_of_rows(now: Snapshot, number: int) -> tuple[Ints, Ints, Floats]:
    """(m,) labelled rows, their labels by the label model, and the probability of each label."""
    settings, parts = now.settings, now.parts
    every = LabelArrays.of(now.ledger.answers, settings.classes)
    state = every.start(now.pool.rows)
    if not len(every.answers):
        return state.labelled, state.labelled, np.empty(0)
    number = max(number, 1)  # 0 where only audit rows have answers
    with one_thread():
        state = answered(state, every.answers, parts.label_model, settings.seed, number)
        training = parts.supervision.training_set(state, rng(settings.seed, "supervision", number))
    rows, labels = state.labelled, state.labels[state.labelled]
    if training.beliefs is not None:
        return rows, labels, training.beliefs[rows, labels]
    if state.consensus is not None:
        return rows, labels, state.consensus.probs[np.arange(len(rows)), labels]
    return rows, labels, np.full(len(rows), np.nan)


def rendered(template: str, values: Mapping[str, Any]) -> str:
    """A page for later readers of an export, with texts escaped; nothing is fetched."""
    from jinja2 import Environment

    source = (files("al_bench.labelling") / template).read_text("utf-8")
    environment = Environment(
        autoescape=template.endswith(".html"), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["zip"] = zip
    return environment.from_string(source).render(**values)
