"""The rows that a ``prior=recorded`` file must answer, for whoever asks a model elsewhere.

    python scripts/rows_to_label.py rows.parquet dataset=vader

writes one line for each distinct row of both splits: ``row_id``, and ``text`` or ``image`` (PNG
bytes), and prints the columns of probabilities that the file to be made may have. No label is
written.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from al_bench.data.types import Dataset
from al_bench.priors.images import as_image
from al_bench.priors.recorded import ID, row_id
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan


def rows_to_label(dataset: Dataset) -> pd.DataFrame:
    """One line for each distinct input of the data set, in the order of first appearance."""
    lines: dict[str, Any] = {}
    for split in (dataset.train, dataset.test):
        for row in range(len(split)):
            source = split.inputs[row]
            lines.setdefault(row_id(source, row), shown(source, row))
    if dataset.modality == "features":
        return pd.DataFrame({ID: list(lines)})
    return pd.DataFrame({ID: list(lines), dataset.modality: list(lines.values())})


def shown(source: Any, row: int) -> Any:
    """What a model elsewhere reads: a text, or an image as the bytes of a PNG file."""
    if isinstance(source, str):
        return source
    if getattr(source, "ndim", None) == 1:  # a row of features
        return None
    file = BytesIO()
    as_image(source, row).save(file, format="PNG")
    return file.getvalue()


def main(out: str, overrides: list[str]) -> None:
    dataset = instantiate(plan(overrides)[0].config.dataset).load()
    table = rows_to_label(dataset)
    table.to_parquet(Path(out), index=False)
    print(f"{len(table)} rows of {dataset.name} in {out}; columns to make: {ID}", end="")
    print("".join(f", prob_{name}" for name in dataset.class_names), "(or answer: a class)")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
