"""Any Hugging Face data set at a pinned revision, or a local folder of the same form."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from logging import getLogger
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import one_of
from al_bench.core.hashing import FOLDER, check_file_name, fingerprint
from al_bench.data.datasets.check import checked_dataset
from al_bench.data.datasets.columns import (
    aliases,
    class_words,
    column_of,
    first_line,
    human_columns,
    label_names,
    numbered,
    without_gaps,
)
from al_bench.data.datasets.halved import without_rare
from al_bench.data.datasets.images import Decoded, decode
from al_bench.data.types import Dataset, Split

log = getLogger(__name__)


@dataclass(frozen=True)
class Hub:
    """A Hugging Face data set at a pinned revision, or a local parquet, imagefolder or csv folder.

        >>> data = Hub("mine", path=folder).load()

    Parameters
    ----------
    name : name in reports, and of its folder under $AL_BENCH_DATA, which is read first and holds
        splits train and test with columns ``text`` or ``image`` and ``label``
    path : hub id or folder
    revision : 40-digit commit of a hub id; not needed for a folder
    subset : the hub's configuration name, if it has several
    train, test : split names (``train[:80%]`` works)
    modality : text or image
    input, label : column names
    class_names : None for the data's own, a mapping from the data's own names to words, or a list
        if labels are only numbers
    prompts : templates with one ``{}`` for a class name
    human : columns of human answers by name, one column of labels or a list of vote columns in
        class order; skipped if the data lack them
    min_count : classes with fewer training rows are dropped (1 keeps all)
    row_id : a column with the data's own names of their training rows, or None
    """

    brings: ClassVar = ("path",)

    name: str
    path: str | None = None
    revision: str | None = None
    subset: str | None = None
    train: str = "train"
    test: str = "test"
    modality: str = "text"
    input: str = "text"
    label: str = "label"
    class_names: Mapping[str, str] | Sequence[str] | None = None
    prompts: Sequence[str] = ("This text is about {}.",)
    human: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    min_count: int = 1
    row_id: str | None = None

    def __post_init__(self) -> None:
        check_file_name(self.name)
        one_of(self.name, ("text", "image"), modality=self.modality)

    def load(self) -> Dataset:
        """Read labels and texts, not images. FileNotFoundError or ValueError, in one sentence."""
        folder = self.folder()
        if folder is None:
            origin = place = f"{self.path}@{self.pinned()}/{self.subset}"
            train, test = (self.from_hub(split) for split in (self.train, self.test))
        else:
            origin, place = f"sha256:{fingerprint(folder)}", str(folder)
            ours = self.path is None or folder != Path(self.path).expanduser()
            splits = ("train", "test") if ours else (self.train, self.test)
            train, test = (self.from_folder(folder, split) for split in splits)
        # identifies the rows and their order, without paths of this machine
        parts = [self.name, origin, self.train, self.test, self.input, self.label]
        return self.assembled(train, test, ",".join([*parts, str(self.min_count)]), place)

    def absent(self) -> str | None:
        """Why the data are not on this machine, or None if they are; reads nothing."""
        if self.folder() is not None:
            return None
        if self.path is None:
            return f"{self.name} has no hub id and is in no folder of ${FOLDER}"
        from huggingface_hub.constants import HF_HUB_CACHE

        kept = Path(HF_HUB_CACHE) / f"datasets--{self.path.replace('/', '--')}" / "snapshots"
        if (kept / str(self.revision)).is_dir():
            return None
        return f"{self.name} is neither in ${FOLDER} nor in the cache of the hub ({self.path})"

    def assembled(self, train: Any, test: Any, key: str, place: str) -> Dataset:
        """The data set of two splits as ``datasets`` gives them; place: only for errors."""
        where = f"{self.name} train ({place})"
        label = column_of(where, train, self.label, "label")
        own = label_names(where, train, label)
        names = class_words(f"{where}: column {label!r}", own, self.class_names)
        columns = human_columns(where, train, self.human, own, len(names))
        ids = None
        if self.row_id is not None:
            ids = np.array(without_gaps(where, train, self.row_id))
        dataset = Dataset(
            name=self.name,
            key=key,
            modality=self.modality,
            train=self.split(train, where, own, columns, ids, len(names)),
            test=self.split(test, f"{self.name} test ({place})", own, {}, None, len(names)),
            class_names=names,
            prompts=tuple(self.prompts),
            aliases=aliases(own, names, self.class_names),
        )
        return checked_dataset(without_rare(dataset, self.min_count))

    def split(
        self,
        table: Any,
        where: str,
        own: Sequence[str] | None,
        columns: Any,
        ids: NDArray[Any] | None,
        n_classes: int,
    ) -> Split:
        label = column_of(where, table, self.label, "label")
        source = column_of(where, table, self.input, self.modality)
        inputs: Sequence[Any] = (
            table[source][:] if self.modality == "text" else stored_images(table, source, where)
        )
        return Split(inputs, numbered(where, table, label, own, n_classes), columns, ids)

    def folder(self) -> Path | None:
        """The local folder to read, if any: under $AL_BENCH_DATA first, then `path`."""
        if os.environ.get(FOLDER):
            folder = Path(os.environ[FOLDER]).expanduser() / self.name
            if folder.is_dir():
                log.info("%s: read from %s ($%s)", self.name, folder, FOLDER)
                return folder
        local = Path(self.path).expanduser() if self.path else None
        return local if local and local.is_dir() else None

    def pinned(self) -> str:
        """The revision; ValueError unless it is a full commit of a hub id."""
        if self.path is None:
            raise FileNotFoundError(
                f"{self.name} has no hub id: put it in a folder {self.name}/ (train and test, "
                f"columns {self.modality} and label) and set {FOLDER} to the folder above it"
            )
        if self.revision is None or not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError(
                f"{self.name} comes from the hub ({self.path}) and has revision={self.revision}; "
                "wanted the 40-digit commit that `git ls-remote "
                f"https://huggingface.co/datasets/{self.path}` prints, or a local copy in "
                f"${FOLDER}/{self.name}"
            )
        return self.revision

    def from_hub(self, split: str) -> Any:
        import datasets

        try:
            return datasets.load_dataset(
                self.path, self.subset, split=split, revision=self.revision
            )
        except (OSError, RuntimeError) as error:
            raise FileNotFoundError(
                f"{self.name} is not on this machine and {self.path} could not be fetched; go "
                f"online once, or set {FOLDER} to a folder with {self.name}/ in it "
                f"({first_line(error)})"
            ) from error

    def from_folder(self, folder: Path, split: str) -> Any:
        import datasets
        from datasets.exceptions import DatasetGenerationError, DatasetsError

        # a csv cell with the text NA or None is not a missing value
        texts = {"keep_default_na": False} if any(folder.rglob("*.csv")) else {}
        try:
            try:
                return datasets.load_dataset(str(folder), split=split, **texts)
            except DatasetGenerationError:  # also raised if the splits have different columns
                builder = datasets.load_dataset_builder(str(folder), **texts)
                known = builder.config.data_files.items()
                files = {name: list(paths) for name, paths in known if str(name) in split}
                kind = type(builder).__module__.rsplit(".", 1)[-1]
                return datasets.load_dataset(kind, data_files=files, split=split, **texts)
        except (OSError, ValueError, DatasetsError) as error:
            cause = error.__cause__ or error
            raise ValueError(
                f"{self.name}: split {split!r} of {folder} cannot be read as parquet, imagefolder "
                f"or csv ({first_line(cause)})"
            ) from error


@dataclass(frozen=True)
class StoredImages(Decoded):
    """The image column of a ``datasets`` table, decoded on reading; errors name the row."""

    table: Any
    column: str
    where: str

    def __len__(self) -> int:
        return len(self.table)

    def image(self, row: int) -> Any:
        stored = self.table[row][self.column]
        if stored is None:
            raise ValueError(f"{self.where}: row {row} holds no image")
        encoded = stored["bytes"]
        if encoded is None:
            encoded = Path(stored["path"]).read_bytes()
        return decode(encoded, f"{self.where}: row {row}")


def stored_images(table: Any, column: str, where: str) -> StoredImages:
    """The images of a column, still encoded; ValueError if the column holds something else."""
    import datasets

    if not isinstance(table.features[column], datasets.Image):
        raise ValueError(f"{where}: column {column!r} is {table.features[column]}; wanted images")
    encoded = table.select_columns([column]).cast_column(column, datasets.Image(decode=False))
    return StoredImages(encoded, column, where)
