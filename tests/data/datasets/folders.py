"""Folders in the form of the hub, for tests."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from al_bench.data.datasets.hub import Hub
from tests.data.datasets.conftest import options


def parquet(folder: Path, columns: dict[str, Any], label: str, names: list[str] | None) -> None:
    """train.parquet and test.parquet as the hub writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    if names:
        features = {
            name: {"dtype": str(table[name].type), "_type": "Value"} for name in table.column_names
        }
        features[label] = {"names": names, "_type": "ClassLabel"}
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    for split in ("train", "test"):
        pq.write_table(table, folder / f"{split}.parquet")


TEXTS = {"text": ["one", "two", "three", "four"], "label": [1, 0, 1, 2]}
NAMES = ["B_b", "a.a", "c/c"]


def hub(folder: Path | None, **changed: Any) -> Hub:
    given = {"name": "mine", "path": str(folder) if folder else None} | changed
    return Hub(**options("hub", **given))
