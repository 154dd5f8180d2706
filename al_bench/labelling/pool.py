"""The pool of a session: rows added, embedded once and cached, and the design of the audit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np

from al_bench.core.arrays import distributions, unit
from al_bench.core.hashing import replaced
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints, Rows
from al_bench.data.cache import embeddings, zero_shot
from al_bench.data.datasets.features import FeatureRows, plain_arrays
from al_bench.data.types import Encoder, Prior, Task
from al_bench.labelling.annotations import AnswerTable, append
from al_bench.labelling.audit.design import reserve
from al_bench.labelling.rows import RowBatch, row_ids
from al_bench.labelling.settings import Settings
from al_bench.labelling.store import GIVEN, Answer, Store, unwritable
from al_bench.labelling.tables import TABLES, file_table

ARRAYS = "given"  # folder of features and class probabilities that came with the data
BLOCK = 256  # rows embedded at a time: the time left is known, and saved, after so many
OWNER = "your"  # before "rows", in progress bars
SPLIT = "rows"  # the cache's name for the rows of one arrival

GivenPrior: TypeAlias = tuple[str, list[str]]  # class probabilities: name of the array, classes
IDS = ("id", "row_id")  # columns of a table of class probabilities that name its rows


@dataclass(frozen=True)
class Pool:
    """All rows that have arrived, in order. key: everything that decides it; names: (n,) row ids;
    rows: as components see them; strata, places: (n,) the design of the audit."""

    key: str
    names: Sequence[str]
    rows: Rows
    strata: Ints
    places: Ints

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def digest(self) -> str:
        return sha256(self.key.encode()).hexdigest()

    @cached_property
    def reserved(self) -> Ints:
        """Rows that are kept for the audit, ascending."""
        return np.flatnonzero(self.places >= 0)


def array_file(folder: Path, name: str) -> Path:
    return folder / ARRAYS / f"{name}.npy"


def array(folder: Path, name: str) -> Floats:
    values: Floats = np.load(array_file(folder, name), mmap_mode="r", allow_pickle=False)
    return values


def pool_key(store: Store, settings: Settings) -> str:
    keys = [key for _, key, _ in store.arrivals()]
    return json.dumps([keys, given_priors(store), settings.fit_settings])


def embedded_pool(
    folder: Path, store: Store, settings: Settings, prior: Prior, cache: Path
) -> Pool:
    """The session's pool; rows not in the shared cache are embedded now, with a progress bar."""
    with store.reading():
        key, whole = pool_key(store, settings), stored_rows(store.rows(), settings.modality)
        batches, arrivals = stored_batches(folder, store, settings), store.arrivals()
    rows = pool_rows(batches, prior, settings.task, cache)
    if settings.modality != "features":  # else learners read the embeddings
        rows = replace(rows, inputs=whole.inputs)
    return Pool(key, whole.ids(), rows, *design(store, settings, rows.prior, arrivals))


def stored_batches(folder: Path, store: Store, settings: Settings) -> list[RowBatch]:
    """The rows of a session, one batch per arrival; ValueError if their prior has other classes."""
    lines, given, start = store.rows(), given_priors(store), 0
    batches = []
    for number, key, n in store.arrivals():
        rows = stored_rows(lines[start : (start := start + n)], settings.modality, key)
        if settings.modality == "features":
            rows = replace(rows, features=array(folder, key))
            name, known = given.get(str(number), (None, list(settings.classes)))
            if known != list(settings.classes):
                raise ValueError(
                    f"the class probabilities that came with the data are of {', '.join(known)}; "
                    f"give a table of {', '.join(settings.classes)}"
                )
            if name is not None:
                rows = replace(rows, prior=array(folder, name))
        batches.append(rows)
    return batches


def stored_rows(lines: Sequence[Sequence[Any]], modality: str, key: str | None = None) -> RowBatch:
    """Rows of the table, without embeddings; key: of a whole arrival."""
    names, texts, paths, digests = ([line[part] for line in lines] for part in range(4))
    rows = RowBatch("the session", modality, names, stored=key)
    if modality == "image":
        return replace(rows, images=[Path(path) for path in paths], digests=digests)
    return replace(rows, texts=texts) if modality == "text" else rows


def given_priors(store: Store) -> dict[str, GivenPrior]:
    """The class probabilities that came last with each arrival, by its number."""
    return {str(v["arrival"]): (v["array"], v["classes"]) for v in store.decided("prior")}


def pool_rows(batches: Sequence[RowBatch], prior: Prior, task: Task, cache: Path) -> Rows:
    """Unit-length float32 features and zero-shot probabilities of all arrivals, read from the cache
    or made now; the features stand for the inputs."""
    features = [row_features(batch, prior.encoder(task.modality), cache) for batch in batches]
    parts = zip(batches, features, strict=True)
    each = [
        zero_shot(cache, cache_key(b), SPLIT, prior, f, b.inputs, task, name=OWNER)
        for b, f in parts
    ]
    vectors = unit(np.concatenate(features))
    guesses = np.concatenate(each).astype(np.float32, copy=False)
    return Rows(FeatureRows(vectors, None), vectors, guesses)


def row_features(rows: RowBatch, encoder: Encoder, cache: Path) -> Floats:
    """(n, d) float16 embeddings, read from the cache or made now, of equal rows once."""
    names, owner = rows.texts or rows.digests, f"{OWNER} distinct"
    return embeddings(cache, cache_key(rows), SPLIT, encoder, rows.inputs, BLOCK, owner, names)


def cache_key(rows: RowBatch) -> str:
    return f"own data {rows.key}"


def design(
    store: Store, settings: Settings, prior: Floats, arrivals: Sequence[tuple[int, str, int]]
) -> tuple[Ints, Ints]:
    """(n,) strata and places of the audit, drawn now where there are none; by arrival."""
    with store.writing():
        known, start = store.strata(), 0
        for number, _, n in arrivals:
            if start >= len(known):
                guesses = prior[start : start + n].argmax(axis=1)
                draws = rng(settings.seed, "audit", number)
                strata, places = reserve(guesses, settings.reserve, draws)
                strata += max((stratum for stratum, _ in known), default=-1) + 1
                lines = list(zip(strata.tolist(), places.tolist(), strict=True))
                store.append_all("strata", ("stratum", "place"), lines)
                known += lines
            start += n
    table = np.array(known[:start], dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def ingest(
    store: Store, folder: Path, rows: RowBatch, settings: Settings, prior: Path | None
) -> int:
    """Append rows, their labels and class probabilities, all or none; returns how many. ValueError
    where rows are of another kind or in the session already, or names or labels are invalid."""
    rows.check_kind(settings.modality, "the session")
    rows = rows.with_files(folder / "images")
    if rows.features is not None:
        save_array(folder, rows.key, rows.features)
    with store.writing():
        check_new(store, folder, rows)
        names = new_names(store, rows)
        probs = rows.prior
        if prior is not None:
            probs = prior_table(prior, rows.modality, settings.classes, names)
        elif probs is not None:
            k = len(settings.classes)
            probs = distributions(f"{rows.where}: prior", probs, len(rows), k)
        number = store.append("arrivals", key=rows.key, n=len(rows), time=time())
        nothing = [None] * len(rows)
        paths = [str(path) for path in rows.images or ()]  # as `with_files` made sure
        content = (rows.texts or nothing, paths or nothing, rows.digests or nothing)
        lines = zip(names, [number] * len(rows), *content, strict=True)
        store.append_all("rows", ("name", "arrival", "text", "path", "digest"), list(lines))
        labels = zip(names, rows.labels or nothing, rows.places or names, strict=True)
        known = [
            (Answer(name, label, GIVEN), at) for name, label, at in labels if label is not None
        ]
        answers = AnswerTable([one for one, _ in known], rows.where, [at for _, at in known])
        append(store, answers, settings.classes, given=True)
        beside = zip(*rows.beside.values(), strict=True)
        shown = [{n: v for n, v in zip(rows.beside, values, strict=True) if v} for values in beside]
        start = store.count("rows") - len(rows)
        notes = [(start + row, json.dumps(values)) for row, values in enumerate(shown) if values]
        store.append_all("metadata", ("row", "value"), notes)
        if probs is not None:
            keep_prior(store, folder, number, probs, settings.classes)
    return len(rows)


def check_new(store: Store, folder: Path, rows: RowBatch) -> None:
    """ValueError where the rows are in the session already, or have another number of features."""
    arrivals = store.arrivals()
    if rows.key in [key for _, key, _ in arrivals]:
        raise ValueError(f"the rows of {rows.where} are in the session already")
    if rows.features is not None and arrivals:
        width = array(folder, arrivals[0][1]).shape[1]
        if (d := rows.features.shape[1]) != width:
            raise ValueError(f"{rows.where} has {d} features a row; the session has {width}")


def new_names(store: Store, rows: RowBatch) -> list[str]:
    """(n,) the rows' own names, or their numbers; ValueError where one comes twice."""
    there = set(store.names())
    last = max((int(name) for name in there if name.isdecimal()), default=-1)
    names = rows.ids(max(len(there), last + 1))
    for name, count in Counter(names).items():
        if count > 1 or name in there:
            raise ValueError(
                f"{rows.where}: id {name!r} comes more than once; wanted one of its own for each "
                "row of the session"
            )
    return names


def prior_table(path: Path, modality: str, classes: Sequence[str], names: Sequence[str]) -> Floats:
    """(n, k) float32 class probabilities of embeddings, in the order of `names`, from a user's
    table.

    An .npz holds ``prior`` (n, k) in the order of the classes and optionally ``ids`` (n,); other
    tables have a column for each class and optionally ``id``. Without ids its lines are in the
    order of the rows."""
    if modality != "features":
        raise ValueError(
            "a table of class probabilities is for embeddings; for rows of kind "
            f"{modality} choose prior=recorded prior.file=..."
        )
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} of class probabilities")
    if path.suffix == ".npz":
        arrays = plain_arrays(path)
        if "prior" not in arrays:
            raise ValueError(f"{path} has no prior; it has {', '.join(arrays) or 'nothing'}")
        values, own = arrays["prior"], arrays.get("ids")
    elif path.suffix in TABLES:
        table = file_table(path)
        columns = [table.column(name) for name in classes]
        try:
            values = np.stack([np.asarray(one, dtype=np.float64) for one in columns], axis=1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: a column of a class holds no numbers ({error})") from None
        found = [table.column(n) for n in IDS if n in table.columns and n not in classes]
        own = np.array([str(one) for one in found[0]]) if found else None
    else:
        raise ValueError(f"{path} is no table of class probabilities; wanted {', '.join(TABLES)} "
                         "or .npz")  # fmt: skip
    n = len(values) if own is not None else len(names)
    probs = distributions(f"{path}: prior", values, n, len(classes))
    if own is None:
        return probs
    places = {name: line for line, name in enumerate(row_ids(f"{path}: ids", own, n))}
    missing = [name for name in names if name not in places]
    if missing:
        raise ValueError(f"{path} has no line for {len(missing)} of {len(names)} rows, first "
                         f"{missing[0]!r}")  # fmt: skip
    return probs[np.array([places[name] for name in names], dtype=np.int64)]


def add_classes(store: Store, folder: Path, names: Sequence[str], prior: Path | None) -> None:
    """Append classes, and class probabilities of all rows where these came with embeddings."""
    if isinstance(names, str) or not names:
        raise ValueError(f"the classes to add are {names!r}; wanted a list of one name at least")
    with store.writing():
        settings = Settings.of(store.settings())
        more = replace(settings, classes=(*settings.classes, *names))
        store.set({"classes": list(more.classes)})
        if prior is None and store.decided("prior"):
            raise ValueError(
                "the class probabilities came with the embeddings; give a table of "
                f"{', '.join(more.classes)} with --prior-table"
            )
        if prior is not None:
            probs = prior_table(prior, settings.modality, more.classes, store.names())
            start = 0
            for number, _, n in store.arrivals():
                keep_prior(store, folder, number, probs[start : (start := start + n)], more.classes)


def keep_prior(
    store: Store, folder: Path, arrival: int, probs: Floats, classes: Sequence[str]
) -> None:
    """Keep the class probabilities that came with an arrival, and record their classes."""
    array = f"prior-{uuid4().hex}"
    save_array(folder, array, probs)
    store.decide("prior", {"arrival": arrival, "array": array, "classes": list(classes)})


def save_array(folder: Path, name: str, array: Floats) -> None:
    place = array_file(folder, name)
    with unwritable(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
