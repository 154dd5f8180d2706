"""What a model says of rows, and models that leave a session to be used elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from al_bench.arithmetic import unit
from al_bench.learners.linear import LinearModel
from al_bench.problem.cache.embeddings import comparing
from al_bench.problem.types import Prior, Task
from al_bench.runs.config import build
from al_bench.session.arrays import plain_arrays
from al_bench.session.arriving import Arriving, Columns
from al_bench.session.bench import Bench, Moment
from al_bench.session.parts import config_of
from al_bench.session.pool import CACHE, arrived, embedded, rows_of
from al_bench.session.portable import Portable, arrays_of, model_of, width_of
from al_bench.session.sources import arriving
from al_bench.session.values import Settings, asked
from al_bench.state import Floats, Model, Rows
from al_bench.supervision.delivered import Delivered

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS, CARD = "model.npz", "model.json"
FORM = 2  # of an exported model; raised when it changes
READ = (1, 2)  # forms that are read; 1: linear heads alone, without prompts


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
    settings, folder = moment.settings, bench.folder
    rows.check_kind(settings.modality, "the session")
    model = bench.last(moment).model or Delivered(bench.state(moment))
    reader = reader_of(bench, moment)
    earlier = arrived(folder, bench.store, settings) if reader.sees_pool else []
    width = moment.pool.rows.features.shape[1]
    return model.predict_proba(reader.read(rows, model, width, earlier, folder / CACHE))


@dataclass(frozen=True)
class Reader:
    """What reads rows for a model: a prior, the question that is put to it, and whether embeddings
    came with class probabilities, which are then read."""

    prior: Prior
    task: Task
    given: bool

    @property
    def sees_pool(self) -> bool:
        """Whether the prior is corrected by all rows together."""
        return comparing(self.prior, self.task.modality) is not None

    def read(
        self, rows: Arriving, model: Model, width: int, earlier: Sequence[Arriving], cache: Path
    ) -> Rows:
        """New rows as the model reads them; earlier: arrivals that a correction sees besides.

        ValueError where features have another width, or lack class probabilities.
        """
        features = unit(embedded(rows, self.prior.encoder(self.task.modality), cache))
        if features.shape[1] != width:
            raise ValueError(
                f"{rows.where} has {features.shape[1]} features a row; the model reads {width}"
            )
        if isinstance(model, LinearModel):  # which reads no prior
            return Rows(rows.inputs, features, np.empty((len(rows), 0)))
        if self.given and rows.features is not None and rows.prior is None:
            raise ValueError(f"{rows.where} has no prior, which the session's rows have and its "
                             "model reads; wanted an .npz with features and prior")  # fmt: skip
        every = rows_of([*earlier, rows], self.prior, self.task, cache)
        last = every.take(np.arange(len(every) - len(rows), len(every)))
        return replace(last, inputs=rows.inputs)


def reader_of(bench: Bench, moment: Moment) -> Reader:
    """What reads rows for a session's models."""
    return Reader(moment.parts.prior, moment.settings.task, bench.given_priors)


@dataclass(frozen=True)
class Exported:
    """A model that left a session: arrays, and what reads its rows.

    classes: (k,) names; prompts: by which the foundation model is asked about them; prior,
    overrides: the option that has the encoder; encoder: its key; columns: of the data it was
    trained on; given: whether embeddings came with class probabilities, which the model reads.
    """

    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    modality: str
    prior: str
    overrides: tuple[str, ...]
    encoder: str
    columns: Columns
    given: bool
    model: Portable

    @classmethod
    def of(cls, settings: Settings, encoder: str, given: bool, model: Portable) -> Exported:
        own = tuple(o for o in settings.overrides if o.lstrip("+~").startswith("prior"))
        prior = str(settings.options["prior"])
        parts = settings.classes, settings.prompts, settings.modality, prior, own, encoder
        return cls(*parts, settings.columns, given, model)

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """Write model.npz and model.json; facts: what else the card says."""
        names = ("classes", "prompts", "modality", "prior", "overrides", "encoder", "given")
        card = {"form": FORM} | {name: getattr(self, name) for name in names}
        card |= {"columns": asdict(self.columns)} | facts
        np.savez(folder / WEIGHTS, **arrays_of(self.model))  # type: ignore[arg-type]
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
            if card["form"] not in READ:
                raise ValueError(f"it has form {card['form']}; this version reads form {FORM}")
            model = model_of(arrays)
            if len(arrays["weight"]) != len(card["classes"]):
                raise ValueError(f"its weights are of {len(arrays['weight'])} classes")
            texts = (card[name] for name in ("modality", "prior", "overrides", "encoder"))
            modality, prior, overrides, encoder = texts
            named = tuple(card["classes"]), tuple(card.get("prompts", ()))
            parts = *named, modality, prior, tuple(overrides), encoder
            return cls(*parts, Columns(**card["columns"]), bool(card.get("given")), model)
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
        config_dir: str | Path | None = None,
    ) -> pd.DataFrame:
        """What the model says of rows, as `Session.predict`; ValueError where the encoder is no
        longer the same, the rows are of another kind, or lack class probabilities that the model
        reads."""
        rows = arriving(inputs, Columns(text, image, None, id, split).or_else(self.columns))
        rows.check_kind(self.modality, "the model")
        prior = self.reader(None if config_dir is None else Path(config_dir))
        with TemporaryDirectory() as folder:
            reader = Reader(prior, asked(self.classes, self.prompts, self.modality), self.given)
            seen = reader.read(rows, self.model, width_of(self.model), (), Path(folder))
        return predictions(rows.ids(0), self.classes, self.model.predict_proba(seen))

    def reader(self, config_dir: Path | None) -> Prior:
        """The prior whose encoder reads rows as the model's did."""
        config = config_of({"prior": self.prior}, self.overrides, config_dir)
        prior: Prior = build(config.prior)
        encoder = prior.encoder(self.modality)
        if encoder.key != self.encoder:
            raise ValueError(
                f"the model reads rows by {self.encoder}; prior={self.prior} has {encoder.key} here"
            )
        return prior
