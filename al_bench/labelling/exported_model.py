"""Models that leave a session: as arrays, with what reads rows for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from al_bench.belief.belief import CrossFitModel, Mixture, MixtureComponent
from al_bench.core.arrays import log_softmax, softmax, unit
from al_bench.core.predictor import CalibratedPredictor, log_linear_pool, logs
from al_bench.core.state import Floats, Rows
from al_bench.crowd.crossfit import FoldModel
from al_bench.data.cache.embeddings import embeddings
from al_bench.data.types import Prior, Task
from al_bench.labelling.pool import SPLIT, cache_key, pool_rows
from al_bench.labelling.rows import RowBatch, plain_arrays
from al_bench.labelling.settings import Columns, config_of, task_of
from al_bench.labelling.sources import read_rows
from al_bench.learners.linear import LinearHeadModel
from al_bench.runs.config import instantiate

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS, CARD = "model.npz", "model.json"
FORM = 2  # of an exported model; raised when it changes
READ = (1, 2)  # forms that are read; 1: linear heads alone, without prompts
NOBODY = np.empty(0, dtype=bool)  # rows that a regression was not taught, where it left its fit


@dataclass(frozen=True, eq=False)
class PortableModel:
    """A linear head, as sure as it may be; and, where its training rule says so, joined with the
    belief that taught it, whose power is `blend_weight` and which reads the prior of a row."""

    head: LinearHeadModel
    blend_weight: float = 0.0
    belief: Mixture | None = None

    @classmethod
    def of(cls, given: CalibratedPredictor) -> PortableModel | None:
        """What predicts as a user is given it, to rounding; None where there is no linear head, or
        what it is joined with is no belief of ours."""
        model, power = given.state.model, np.float32(given.inverse_temperature)
        if not isinstance(model, LinearHeadModel):
            return None
        head = LinearHeadModel(power * model.weight, power * model.bias)
        if not given.blend_weight or given.state.training is None:
            return cls(head)
        belief = given.state.training.belief_fn
        if not isinstance(belief, Mixture):
            return None
        return cls(head, given.blend_weight, replace(belief, known=None))

    @property
    def width(self) -> int:
        """Of the features that it reads."""
        return int(self.head.weight.shape[1])

    def predict_proba(self, rows: Rows) -> Floats:
        """(m, k) class probabilities. O(m d k) for the head and every regression of the belief."""
        if self.belief is None:
            return self.head.predict_proba(rows)
        own = log_softmax(self.head.scores(rows))
        return softmax(log_linear_pool(own, logs(self.belief(rows)), self.blend_weight))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name: `weight` (k, d) and `bias` (k,) of the head, and of a belief `blend_weight`.

        The belief has e regressions in f folds: `regressions` (e, f, d + 1, k), NaN where one was
        taught nothing, `biases` (e, k) and classes `unseen` (e, f, k); m forms: which `regression`,
        `shift`, and `share` in the mean (m,), `exponents` (m, 2); of the prior `trust` and
        log-`frequencies` of classes (k,).
        """
        head, belief = {"weight": self.head.weight, "bias": self.head.bias}, self.belief
        if belief is None:
            return head
        experts = list(dict.fromkeys(form.expert for form in belief.forms))
        k, d = self.head.weight.shape
        blank = np.full((d + 1, k), np.nan, dtype=np.float32)
        folds = [[blank if m.weight is None else m.weight for m in e.models] for e in experts]
        return head | {
            "blend_weight": np.array(self.blend_weight),
            "trust": np.array(belief.trust),
            "frequencies": belief.means,
            "regressions": np.array(folds),
            "unseen": np.array([[m.unseen for m in e.models] for e in experts]),
            "biases": np.array([e.bias for e in experts]),
            "regression": np.array([experts.index(form.expert) for form in belief.forms]),
            "shift": np.array([form.shift for form in belief.forms]),
            "exponents": np.array([form.exponents for form in belief.forms]),
            "share": np.array([form.weight for form in belief.forms]),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> PortableModel:
        """The model of these arrays; ValueError, KeyError or IndexError where they are none of a
        model."""
        if "beside" in arrays:  # as version 1.0 named it
            arrays = {**arrays, "blend_weight": arrays["beside"]}
        weight, bias = arrays["weight"], arrays["bias"]
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise ValueError(f"its weights have shapes {weight.shape} and {bias.shape}")
        head = LinearHeadModel(weight, bias)
        if "blend_weight" not in arrays:
            return cls(head)
        (k, d), (e, f, *_), m = weight.shape, arrays["unseen"].shape, len(arrays["share"])
        wanted = {
            "frequencies": (k,), "regressions": (e, f, d + 1, k), "unseen": (e, f, k),
            "biases": (e, k), "blend_weight": (), "trust": (), "regression": (m,), "shift": (m,),
            "exponents": (m, 2), "share": (m,),
        }  # fmt: skip
        for name, shape in wanted.items():
            if arrays[name].shape != shape:
                raise ValueError(f"its {name} has shape {arrays[name].shape}; wanted {shape}")
        experts = [
            CrossFitModel([fold_model(*one) for one in zip(*both, strict=True)], own)
            for *both, own in zip(
                arrays["regressions"], arrays["unseen"], arrays["biases"], strict=True
            )
        ]
        parts = (arrays[name].tolist() for name in ("regression", "shift", "share"))
        forms = [
            MixtureComponent(experts[number], shift, exponents, share)
            for number, shift, share, exponents in zip(*parts, arrays["exponents"], strict=True)
        ]
        belief = Mixture(forms, arrays["frequencies"], float(arrays["trust"]))
        return cls(head, float(arrays["blend_weight"]), belief)


def fold_model(weight: Floats, unseen: NDArray[np.bool_]) -> FoldModel:
    return FoldModel(NOBODY, None if np.isnan(weight).any() else weight, unseen)


def predictions(names: Sequence[str], classes: Sequence[str], probs: Floats) -> pd.DataFrame:
    """A data frame with columns id, label and confidence, a line a row; probs: (n, k)."""
    import pandas as pd

    labels = np.array(classes, dtype=object)[probs.argmax(axis=1)]
    confidence = probs.max(axis=1).astype(float).round(6)
    return pd.DataFrame({"id": list(names), "label": labels, "confidence": confidence})


@dataclass(frozen=True)
class RowReader:
    """What reads rows for a model: a prior, the question that is put to it, and whether embeddings
    came with class probabilities, which are then read."""

    prior: Prior
    task: Task
    given: bool

    def read(self, rows: RowBatch, width: int, reads_prior: bool, cache: Path) -> Rows:
        """New rows as a model of such a width reads them.

        ValueError where features have another width, or lack class probabilities.
        """
        encoder = self.prior.encoder(self.task.modality)
        features = unit(embeddings(cache, cache_key(rows), SPLIT, encoder, rows.inputs))
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
    """A model that left a session: arrays, and what reads its rows.

    classes: (k,) names; prompts: by which the foundation model is asked about them; prior,
    overrides: the option that has the encoder; encoder: its key; given: whether embeddings came
    with class probabilities, which the model reads; columns: of the data it was trained on.
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

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write model.npz and model.json; facts: what else the card says."""
        names = [field.name for field in fields(self) if field.name not in ("columns", "model")]
        card = {"form": FORM} | {name: getattr(self, name) for name in names}
        card |= {"columns": asdict(self.columns), **facts}
        np.savez(folder / WEIGHTS, **self.model.arrays())  # type: ignore[arg-type]
        (folder / CARD).write_text(json.dumps(card, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> ExportedModel:
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
            if len(arrays["weight"]) != len(card["classes"]):
                raise ValueError(f"its weights are of {len(arrays['weight'])} classes")
            return cls(
                tuple(card["classes"]),
                tuple(card.get("prompts", ())),
                card["modality"],
                card["prior"],
                tuple(card["overrides"]),
                card["encoder"],
                bool(card.get("given")),
                Columns(**card["columns"]),
                PortableModel.of_arrays(arrays),
            )
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
        rows = read_rows(inputs, Columns(text, image, None, id, split).or_else(self.columns))
        rows.check_kind(self.modality, "the model")
        extra = None if config_dir is None else Path(config_dir)
        prior: Prior = instantiate(config_of({"prior": self.prior}, self.overrides, extra).prior)
        encoder = prior.encoder(self.modality)
        if encoder.key != self.encoder:
            raise ValueError(
                f"the model reads rows by {self.encoder}; prior={self.prior} has {encoder.key} here"
            )
        reader = RowReader(prior, task_of(self.classes, self.prompts, self.modality), self.given)
        model = self.model
        with TemporaryDirectory() as cache:
            seen = reader.read(rows, model.width, model.belief is not None, Path(cache))
        return predictions(rows.ids(), self.classes, model.predict_proba(seen))
