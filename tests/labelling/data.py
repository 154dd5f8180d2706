"""Small data of one's own for the tests of sessions: embeddings in blobs, whose classes a scripted
annotator knows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from al_bench.labelling import Answer, Session, Suggestion

CLASSES = ["complaint", "praise", "question"]
ROWS = 150


def blobs(n: int = ROWS, seed: int = 0) -> dict[str, Any]:
    """Embeddings in three blobs, classes (never in a file), and a prior that is right for most."""
    rng = np.random.default_rng([7, seed])
    truth = rng.choice(3, size=n, p=[0.6, 0.3, 0.1])
    centers = np.random.default_rng(1).normal(size=(3, 8))
    features = (2 * centers[truth] + rng.normal(size=(n, 8))).astype(np.float32)
    prior = np.eye(3)[truth] + rng.exponential(0.7, size=(n, 3))
    prior = (prior / prior.sum(axis=1, keepdims=True)).astype(np.float32)
    return {"features": features, "prior": prior, "truth": truth}


def npz(folder: Path, n: int = ROWS, seed: int = 0, name: str = "rows.npz", **more: Any) -> Path:
    """A file of them as users have it."""
    made = blobs(n, seed)
    np.savez(folder / name, features=made["features"], **{"prior": made["prior"]} | more)
    return folder / name


def new(folder: Path, **changes: Any) -> Session:
    """A session of such a file."""
    data = changes["data"] if "data" in changes else npz(folder)
    given: dict[str, Any] = {"classes": CLASSES} | changes | {"data": data}
    return Session.new(folder / "session", **given)


def knows(batch: Iterable[Suggestion], annotator: str = "ann") -> list[Answer]:
    """What somebody who is never wrong says of rows of `npz`, which have numbers as ids."""
    truth = blobs()["truth"]
    return [Answer(one.id, CLASSES[truth[int(one.id)]], annotator) for one in batch]


def csv(folder: Path, columns: dict[str, Any], name: str = "reviews.csv") -> Path:
    pd.DataFrame(columns).to_csv(folder / name, index=False)
    return folder / name


# --- texts that a tiny model reads, and what people say of them in Label Studio

NAMES = ["even & plain", '"odd"', "<b>"]
WORDS = ["cat", "dog", "sun", "sea", "hat", "ship", "tree", "house"]


def session_of(folder: Path, bert: Path, rows: int = 60, **changes: Any) -> Session:
    """Texts, even ones and odd ones, with ids of their own."""
    texts = [f"{WORDS[row % 2]} {WORDS[2 + row % 6]} {row}" for row in range(rows)]
    ids = [f"row {row}" for row in range(rows)]
    options = ["prior=minilm", f"prior.text.weights={bert}", "prior.text.pin=null",
               "prior.text.max_length=32"]  # fmt: skip
    data = csv(folder, {"text": texts, "name": ids})
    given: dict[str, Any] = {"classes": NAMES, "id": "name", "overrides": options} | changes
    return Session.new(folder / "reviews", data, **given)


def truth(name: str) -> str:
    """The class of a row."""
    return NAMES[int(name.split()[1]) % 2]


def choice(name: str, modality: str = "text") -> list[dict[str, Any]]:
    """The result of an annotation as Label Studio's page makes it."""
    shown = {"from_name": "label", "to_name": modality, "type": "choices", "origin": "manual"}
    return [shown | {"id": "Ab3-x", "value": {"choices": [name]}}]
