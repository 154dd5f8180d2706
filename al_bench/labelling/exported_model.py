"""Exported models: arrays, and a reader that turns new rows into their input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from al_bench.core.arrays import unit
from al_bench.core.state import Floats, Rows
from al_bench.data.datasets.features import plain_arrays
from al_bench.data.types import Prior, Task
from al_bench.labelling.calibration import Calibration
from al_bench.labelling.pool import pool_rows, row_features
from al_bench.labelling.portable_model import PortableModel
from al_bench.labelling.rows import RowBatch, image_batch, read_rows
from al_bench.labelling.settings import Columns, config_of, task_of
from al_bench.runs.config import instantiate

if TYPE_CHECKING:
    import pandas as pd

CALIBRATION = "calibration."  # prefix of its arrays
WEIGHTS, CARD = "model.npz", "model.json"
FORM = 4  # version of the export format; 1 to 3 may pool two models
ENCODERS = {  # by the start of the sha256 of their weights
    "53aa51172d142c89": "sentence-transformers/all-MiniLM-L6-v2",
    "68807e3ff2abb83c": "BAAI/bge-small-en-v1.5",
}


def predictions(
    names: Sequence[str],
    classes: Sequence[str],
    probs: Floats,
    calibration: Calibration | None,
    thresholds: Sequence[float | None] = (),
) -> pd.DataFrame:
    """A data frame with columns id, label, its probability `confidence`, and p(...) of each class,
    one line per row; is(...) says which rows reach the threshold of a class that has one.

    probs: (n, k) of the model, whose likeliest class is the label, as it was measured; calibration:
    of the probabilities, None to leave them; thresholds: (k,) of calibrated ones.
    """
    import pandas as pd

    guesses = probs.argmax(axis=1)
    final = probs if calibration is None else calibration(probs)
    shown = final.astype(float).round(6)
    columns = {"id": list(names), "label": np.array(classes, dtype=object)[guesses]}
    columns |= {"confidence": shown[np.arange(len(shown)), guesses]}
    columns |= {f"p({name})": shown[:, c] for c, name in enumerate(classes)}
    for c, least in enumerate(thresholds if calibration is not None else ()):
        columns |= {} if least is None else {f"is({classes[c]})": shown[:, c] >= round(least, 6)}
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class RowReader:
    """Turns rows into a model's input: a prior, its task, and whether embeddings come with class
    probabilities (`given`), which are then read."""

    prior: Prior
    task: Task
    given: bool

    def read(self, rows: RowBatch, width: int, reads_prior: bool, cache: Path) -> Rows:
        """New rows as input of a model of this width.

        ValueError where features have another width, or lack class probabilities.
        """
        encoder = self.prior.encoder(self.task.modality)
        features = unit(row_features(rows, encoder, cache))
        if (d := features.shape[1]) != width:
            raise ValueError(f"{rows.where} has {d} features a row; the model reads {width}")
        if not reads_prior:
            return Rows(rows.inputs, features, np.empty((len(rows), 0)))
        if self.given and rows.features is not None and rows.prior is None:
            raise ValueError(f"{rows.where} has no prior, which the session's rows have and its "
                             "model reads; wanted an .npz with features and prior")  # fmt: skip
        return replace(pool_rows([rows], self.prior, self.task, cache), inputs=rows.inputs)


@dataclass(frozen=True)
class ExportedModel:
    """An exported model: its arrays, and what is needed to read rows for it.

    classes: (k,) names; prompts: of the foundation model; prior, overrides: the option with the
    encoder, and values inside it; encoder: its key; given: whether embeddings come with class
    probabilities, which the model reads; columns: of the training data; calibration: of its
    probabilities on the session's rows, None for models of earlier versions; words: of each class,
    which the foundation model reads in place of its name, or (); thresholds: of each class the
    probability from which on a row counts as it, None where none was chosen, or ().
    """

    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    modality: str
    prior: str
    overrides: tuple[str, ...]
    encoder: str
    given: bool
    columns: Columns
    model: PortableModel
    calibration: Calibration | None = None
    words: tuple[str, ...] = ()
    thresholds: tuple[float | None, ...] = ()

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write model.npz and model.json; facts: further entries of the card."""
        card = {"form": FORM} | {name: getattr(self, name) for name in names_in_card()}
        card |= {"encoder_name": self.encoder_name, "formula": self.formula}
        card |= {"columns": asdict(self.columns), **facts}
        arrays = self.model.arrays()
        if self.calibration is not None:
            arrays |= {CALIBRATION + name: value for name, value in vars(self.calibration).items()}
        np.savez(folder / WEIGHTS, **arrays)  # type: ignore[arg-type]
        (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> ExportedModel:
        """Read an exported model; ValueError, in one sentence, where there is none."""
        folder = Path(folder).expanduser()
        file = folder / CARD
        if not file.is_file():
            raise ValueError(f"{folder} holds no exported model: it has no file {CARD}")
        arrays = plain_arrays(folder / WEIGHTS)
        try:
            card = json.loads(file.read_text("utf-8"))
            if card["form"] != FORM:
                raise ValueError(
                    f"it has form {card['form']} and this version reads form {FORM}; export the "
                    "session again"
                )
            if len(arrays["weight"]) != len(card["classes"]):
                raise ValueError(f"its weights are of {len(arrays['weight'])} classes")
            known = {name: card[name] for name in names_in_card() if name in card}
            known = {n: tuple(v) if isinstance(v, list) else v for n, v in known.items()}
            columns, model = Columns(**card["columns"]), PortableModel.of_arrays(arrays)
            return cls(**known, columns=columns, model=model, calibration=calibration_in(arrays))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} is no card of an exported model: {error}") from error

    def predict(
        self,
        inputs: Any,
        *,
        text: str | None = None,
        image: str | None = None,
        id: str | None = None,
        split: str = "train",
        encoding: str | None = None,
        shares: bool = True,
        config_dir: str | Path | None = None,
    ) -> pd.DataFrame:
        """Predictions for rows, as `Session.predict`; shares: whether probabilities are calibrated
        at the class shares of the session's rows. ValueError where the encoder has changed, or
        where the rows are of another kind or lack class probabilities that the model reads."""
        columns = Columns(text, image, None, id, split, (), encoding).or_else(self.columns)
        rows = read_rows(inputs, columns)
        rows.check_kind(self.modality, "the model")
        reader, model = self.reader(config_dir), self.model
        with TemporaryDirectory() as cache:
            seen = reader.read(rows, model.width, model.reads_prior, Path(cache))
        calibration = self.calibration if shares else None
        probs = model.predict_proba(seen)
        return predictions(rows.ids(), self.classes, probs, calibration, self.thresholds)

    def predict_proba(self, inputs: Sequence[Any], shares: bool = True) -> Floats:
        """(m, k) probabilities of texts or images, in the order of `classes`. The encoder stays in
        memory, so that one text takes milliseconds; one thread, as more are slower for few rows.

        inputs: a list of texts, of image files or of their contents, or (m, d) embeddings; shares:
        as in `predict`.
        """
        if self.modality == "image":
            rows = image_batch("the list", inputs, None)
        else:
            rows = read_rows(inputs, self.columns)
        rows.check_kind(self.modality, "the model")
        if self.given and self.model.reads_prior:
            raise ValueError("the model reads class probabilities that come with the embeddings; "
                             "wanted predict, with an .npz of features and prior")  # fmt: skip
        with thread_pools().limit(limits=1):
            reader = self.reader(None)
            features = unit(reader.prior.encoder(self.modality).embed(rows.inputs))
            prior = np.empty((len(rows), 0), dtype=np.float32)
            if self.model.reads_prior:
                prior = reader.prior.probabilities(features, rows.inputs, reader.task)
            probs = self.model.predict_proba(Rows(rows.inputs, features, prior))
        return self.calibration(probs) if shares and self.calibration is not None else probs

    def threshold(
        self, name: str, precision: float | None = None, recall: float | None = None
    ) -> float:
        """The probability from which on a row counts as this class: with the highest expected F1,
        or with this expected precision, or recall, on rows like the session's.

        ValueError for an unknown class, both wishes, or one that no threshold fulfils.
        """
        if name not in self.classes:
            raise ValueError(f"{name!r} is no class; wanted one of {', '.join(self.classes)}")
        if self.calibration is None:
            raise ValueError("the model was exported by an earlier version, without thresholds")
        return self.calibration.threshold(self.classes.index(name), precision, recall)

    def reader(self, config_dir: str | Path | None) -> RowReader:
        """Reads rows; made once. ValueError where the encoder is not the one of training."""
        return reader_of(self, None if config_dir is None else Path(config_dir))

    @property
    def encoder_name(self) -> str:
        """The encoder as people know it, where we know that, with its revision."""
        return next((f"{ENCODERS[k]}: {self.encoder}" for k in ENCODERS if k in self.encoder),
                    self.encoder)  # fmt: skip

    @property
    def formula(self) -> str:
        """How a row's probabilities are made of its embedding and the arrays."""
        head = "log p = log_softmax(weight @ x + bias + on_prior[0] log max(q, on_prior[1])), with "
        head += "x = encoder(row) / |encoder(row)| and q the foundation model's probabilities"
        return head + "; calibrated: softmax(inverse_temperature log p + offsets)"


def names_in_card() -> list[str]:
    """The fields of a model that its card holds as they are."""
    apart = ("columns", "model", "calibration")
    return [field.name for field in fields(ExportedModel) if field.name not in apart]


def load(folder: str | Path) -> ExportedModel:
    """An exported model that is ready to answer: its encoder is in memory. ValueError, in one
    sentence, where the folder holds none."""
    model = ExportedModel.load(folder)
    model.reader(None)
    if model.modality == "text":
        model.predict_proba(["the first text loads the encoder"])
    return model


@lru_cache(maxsize=4)
def reader_of(model: ExportedModel, extra: Path | None) -> RowReader:
    config = config_of({"prior": model.prior}, model.overrides, extra)
    prior: Prior = instantiate(config.prior)
    encoder = prior.encoder(model.modality)
    if encoder.key != model.encoder:
        raise ValueError(
            f"the model reads rows by {model.encoder}; prior={model.prior} has {encoder.key} here"
        )
    task = task_of(model.words or model.classes, model.prompts, model.modality)
    return RowReader(prior, task, model.given)


@cache
def thread_pools() -> ThreadpoolController:
    """The thread pools of an encoder's libraries, once these are loaded."""
    import torch  # noqa: F401

    return ThreadpoolController()


def calibration_in(arrays: Mapping[str, NDArray[Any]]) -> Calibration | None:
    """The calibration in the arrays of an exported model; ValueError where it has other shapes."""
    if CALIBRATION + "offsets" not in arrays:
        return None
    names = ("shares", "inverse_temperature", "offsets", "curves")
    shares, factor, offsets, curves = (arrays[CALIBRATION + name] for name in names)
    k = len(arrays["weight"])
    if (shares.shape, factor.shape, offsets.shape) != ((k,), (), (k,)) or curves.ndim != 3:
        raise ValueError(f"its calibration has shapes {shares.shape}, {offsets.shape}")
    if curves.shape[:2] != (k, 3) or not curves.size:
        raise ValueError(f"its curves have shape {curves.shape}; wanted ({k}, 3, r)")
    return Calibration(shares, float(factor), offsets, curves)
