"""A session of texts that a tiny model reads, and what people say of them in Label Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from al_bench.labelling import Session
from tests.labelling.data import csv

CLASSES = ["even & plain", '"odd"', "<b>"]
WORDS = ["cat", "dog", "sun", "sea", "hat", "ship", "tree", "house"]


def session_of(folder: Path, bert: Path, rows: int = 60, **changes: Any) -> Session:
    """Texts, even ones and odd ones, with ids of their own."""
    texts = [f"{WORDS[row % 2]} {WORDS[2 + row % 6]} {row}" for row in range(rows)]
    ids = [f"row {row}" for row in range(rows)]
    options = ["prior=minilm", f"prior.text.weights={bert}", "prior.text.pin=null",
               "prior.text.max_length=32"]  # fmt: skip
    data = csv(folder, {"text": texts, "name": ids})
    given: dict[str, Any] = {"classes": CLASSES, "id": "name", "overrides": options} | changes
    return Session.new(folder / "reviews", data, **given)


def truth(name: str) -> str:
    """The class of a row."""
    return CLASSES[int(name.split()[1]) % 2]


def choice(name: str, modality: str = "text") -> list[dict[str, Any]]:
    """The result of an annotation as Label Studio's page makes it."""
    shown = {"from_name": "label", "to_name": modality, "type": "choices", "origin": "manual"}
    return [shown | {"id": "Ab3-x", "value": {"choices": [name]}}]
