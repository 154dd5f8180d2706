"""Data sets of Hugging Face's form, saved in a folder or by id, as columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from al_bench.datasets.tables import first_line
from al_bench.session.tables import Column

HUB = "hf://"


def hub_columns(source: str, split: str) -> Mapping[str, Column]:
    """The columns of a split of ``hf://owner/name`` or ``hf://owner/name@revision``."""
    import datasets

    name, _, revision = source.removeprefix(HUB).partition("@")
    if not name:
        raise ValueError(f"{source} names no data set; wanted {HUB}owner/name")
    return columns_of(
        source,
        lambda: datasets.load_dataset(name, split=split, revision=revision or None),
    )


def saved_columns(folder: Path, split: str) -> Mapping[str, Column]:
    """The columns of a split of a saved data set, or of a folder of a data set's files."""
    import datasets

    if (folder / "dataset_dict.json").is_file():
        return columns_of(str(folder), lambda: datasets.load_from_disk(str(folder))[split])
    if (folder / "state.json").is_file():
        return columns_of(str(folder), lambda: datasets.load_from_disk(str(folder)))
    return columns_of(str(folder), lambda: datasets.load_dataset(str(folder), split=split))


def columns_of(where: str, load: Callable[[], Any]) -> Mapping[str, Column]:
    """The columns of the table that is loaded: classes by name, images encoded; ValueError where it
    cannot be loaded."""
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        table = load()
        for name, feature in table.features.items():
            if isinstance(feature, datasets.Image):
                table = table.cast_column(name, datasets.Image(decode=False))
    except (OSError, ValueError, KeyError, RuntimeError, DatasetsError) as error:
        cause = error.__cause__ or error
        raise ValueError(f"{where} cannot be read as a data set ({first_line(cause)})") from error
    return {name: values(table, name) for name in table.column_names}


def values(table: Any, name: str) -> Column:
    names = getattr(table.features[name], "names", None)
    if names is None:
        return list(table[name][:])
    return [None if number is None else names[number] for number in table[name][:]]
