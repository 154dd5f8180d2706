"""What a model says of rows, and linear heads that leave a session to be used elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from al_bench.arithmetic import unit
from al_bench.configuration.config import build
from al_bench.learners.linear import LinearModel
from al_bench.problem.types import Encoder
from al_bench.session.arrays import plain_arrays
from al_bench.session.arriving import Arriving, Columns
from al_bench.session.bench import Bench, Moment
from al_bench.session.parts import config_of
from al_bench.session.pool import Arrival, embedded, inputs_of, rows_of
from al_bench.session.pooling import CACHE, found, given_priors
from al_bench.session.sources import arriving
from al_bench.session.values import Settings
from al_bench.state import Floats, Rows
from al_bench.supervision.delivered import Delivered

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS, CARD = "model.npz", "model.json"
FORM = 1  # of an exported model; raised when it changes


def predictions(names: Sequence[str], classes: Sequence[str], probs: Floats) -> pd.DataFrame:
    """A data frame with columns id, label and confidence, a line a row; probs: (n, k)."""
    import pandas as pd

    labels = np.array(classes, dtype=object)[probs.argmax(axis=1)]
    confidence = probs.max(axis=1).astype(float).round(6)
    return pd.DataFrame({"id": list(names), "label": labels, "confidence": confidence})


def outside(bench: Bench, moment: Moment, rows: Arriving) -> Floats:
    """(m, k) what a session's model says of rows that are not in it.

    ValueError where they are of another kind or width, or lack class probabilities that the model
    reads.
    """
    settings, prior = moment.settings, bench.parts(moment.settings).prior
    check_reads(rows, settings.modality, "the session")
    new, cache = Arrival(rows.key, inputs_of(rows)), bench.folder / CACHE
    model = bench.last(moment).model or Delivered(bench.fit(moment).state)
    encoder = prior.encoder(settings.modality)
    features = unit(embedded(new, encoder, cache))
    check_width(rows, features, moment.pool.rows.features.shape[1])
    if isinstance(model, LinearModel):  # which reads no prior
        return model.predict_proba(Rows(new.inputs, features, np.empty((len(rows), 0))))
    if rows.features is not None and rows.prior is None and given_priors(bench.store.decisions()):
        raise ValueError(f"{rows.where} has no prior, which the session's rows have and its model "
                         "reads; wanted an .npz with features and prior")  # fmt: skip
    arrivals = [*found(bench.folder, bench.store, settings), new]  # a calibration sees the pool
    both = rows_of(arrivals, None, prior, settings.task, cache)
    return model.predict_proba(
        replace(both.take(np.arange(len(both) - len(rows), len(both))), inputs=new.inputs)
    )


def check_reads(rows: Arriving, modality: str, who: str) -> None:
    if rows.modality != modality:
        raise ValueError(f"{rows.where} holds rows of kind {rows.modality}; {who} reads {modality}")


def check_width(rows: Arriving, features: Floats, width: int) -> None:
    if features.shape[1] != width:
        raise ValueError(
            f"{rows.where} has {features.shape[1]} features a row; the model reads {width}"
        )


@dataclass(frozen=True)
class Exported:
    """A linear head that left a session: weights, and what reads its rows.

    classes: (k,) names; prior, overrides: the option that has the encoder; encoder: its key;
    columns: of the data it was trained on.
    """

    classes: tuple[str, ...]
    modality: str
    prior: str
    overrides: tuple[str, ...]
    encoder: str
    columns: Columns
    model: LinearModel

    @classmethod
    def of(cls, settings: Settings, encoder: str, model: LinearModel) -> Exported:
        own = tuple(o for o in settings.overrides if o.lstrip("+~").startswith("prior"))
        prior = str(settings.options["prior"])
        parts = settings.classes, settings.modality, prior, own, encoder
        return cls(*parts, settings.columns, model)

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """Write model.npz and model.json; facts: what else the card says."""
        names = ("classes", "modality", "prior", "overrides", "encoder")
        card = {"form": FORM} | {name: getattr(self, name) for name in names}
        card |= {"columns": asdict(self.columns)} | facts
        np.savez(folder / WEIGHTS, weight=self.model.weight, bias=self.model.bias)
        (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Exported:
        """A model that was exported; ValueError, in one sentence, where there is none."""
        folder = Path(folder).expanduser()
        file = folder / CARD
        if not file.is_file():
            raise ValueError(f"{folder} holds no exported model: it has no file {CARD}")
        arrays = plain_arrays(folder / WEIGHTS)
        try:
            card = json.loads(file.read_text("utf-8"))
            if card["form"] != FORM:
                raise ValueError(f"it has form {card['form']}; this version reads form {FORM}")
            head = LinearModel(arrays["weight"], arrays["bias"])
            if head.weight.ndim != 2 or len(head.weight) != len(card["classes"]):
                raise ValueError(f"its weights are of {len(head.weight)} classes")
            texts = (card[name] for name in ("modality", "prior", "overrides", "encoder"))
            modality, prior, overrides, encoder = texts
            parts = tuple(card["classes"]), modality, prior, tuple(overrides), encoder
            return cls(*parts, Columns(**card["columns"]), head)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} is no card of an exported model: {error}") from error

    def predict(
        self,
        inputs: Any,
        *,
        text: str | None = None,
        image: str | None = None,
        id: str | None = None,
        split: str = "train",
        config_dir: str | Path | None = None,
    ) -> pd.DataFrame:
        """What the model says of rows, as `Session.predict`; ValueError where the encoder is no
        longer the same, or the rows are of another kind."""
        rows = arriving(inputs, Columns(text, image, None, id, split).or_else(self.columns))
        check_reads(rows, self.modality, "the model")
        encoder = self.reader(None if config_dir is None else Path(config_dir))
        with TemporaryDirectory() as folder:
            features = unit(embedded(Arrival(rows.key, inputs_of(rows)), encoder, Path(folder)))
        check_width(rows, features, self.model.weight.shape[1])
        probs = self.model.predict_proba(Rows((), features, np.empty((len(rows), 0))))
        return predictions(rows.ids(0), self.classes, probs)

    def reader(self, config_dir: Path | None) -> Encoder:
        """The encoder by which the model reads rows."""
        config = config_of({"prior": self.prior}, self.overrides, config_dir)
        encoder: Encoder = build(config.prior).encoder(self.modality)
        if encoder.key != self.encoder:
            raise ValueError(
                f"the model reads rows by {self.encoder}; prior={self.prior} has {encoder.key} here"
            )
        return encoder
