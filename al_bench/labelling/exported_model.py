"""Exported models: arrays, and a reader that turns new rows into their input."""

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
FORM = 2  # version of the export format
READ = (1, 2)  # formats that can be read; 1: linear heads alone, without prompts
NOBODY = np.empty(0, dtype=bool)  # rows held out of a regression, of which an export keeps none


@dataclass(frozen=True, eq=False)
class PortableModel:
    """A calibrated linear head. If the training rule blends, it is pooled with the belief that
    trained it: `blend_weight` is the belief's power, and the belief reads a row's prior."""

    head: LinearHeadModel
    blend_weight: float = 0.0
    belief: Mixture | None = None

    @classmethod
    def of(cls, given: CalibratedPredictor) -> PortableModel | None:
        """A model with the delivered predictions, up to rounding; None where there is no linear
        head, or the belief is no `Mixture`."""
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
        """Number of features that it reads."""
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
        not fitted, `biases` (e, k) and classes `unseen` (e, f, k); m components: `regression`,
        `shift` and `share` in the mean (m,), `exponents` (m, 2); of the prior `trust` and
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
        """The model of these arrays; ValueError, KeyError or IndexError where arrays are missing or
        have other shapes."""
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
    """A data frame with columns id, label and confidence, one line per row; probs: (n, k)."""
    import pandas as pd

    labels = np.array(classes, dtype=object)[probs.argmax(axis=1)]
    confidence = probs.max(axis=1).astype(float).round(6)
    return pd.DataFrame({"id": list(names), "label": labels, "confidence": confidence})


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
    """An exported model: its arrays, and what is needed to read rows for it.

    classes: (k,) names; prompts: of the foundation model; prior, overrides: the option with the
    encoder, and values inside it; encoder: its key; given: whether embeddings come with class
    probabilities, which the model reads; columns: of the training data; words: of each class, which
    the foundation model reads in place of its name, or ().
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
    words: tuple[str, ...] = ()

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write model.npz and model.json; facts: further entries of the card."""
        names = [field.name for field in fields(self) if field.name not in ("columns", "model")]
        card = {"form": FORM} | {name: getattr(self, name) for name in names}
        card |= {"columns": asdict(self.columns), **facts}
        np.savez(folder / WEIGHTS, **self.model.arrays())  # type: ignore[arg-type]
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
                tuple(card.get("words", ())),
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
        """Predictions for rows, as `Session.predict`; ValueError where the encoder has changed, or
        where the rows are of another kind or lack class probabilities that the model reads."""
        rows = read_rows(inputs, Columns(text, image, None, id, split).or_else(self.columns))
        rows.check_kind(self.modality, "the model")
        extra = None if config_dir is None else Path(config_dir)
        prior: Prior = instantiate(config_of({"prior": self.prior}, self.overrides, extra).prior)
        encoder = prior.encoder(self.modality)
        if encoder.key != self.encoder:
            raise ValueError(
                f"the model reads rows by {self.encoder}; prior={self.prior} has {encoder.key} here"
            )
        task = task_of(self.words or self.classes, self.prompts, self.modality)
        reader = RowReader(prior, task, self.given)
        model = self.model
        with TemporaryDirectory() as cache:
            seen = reader.read(rows, model.width, model.belief is not None, Path(cache))
        return predictions(rows.ids(), self.classes, model.predict_proba(seen))
