"""Add rows to a session: check them, write them in one transaction, and their arrays to files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import time
from uuid import uuid4

import numpy as np

from al_bench.core.arrays import distributions
from al_bench.core.hashing import replaced
from al_bench.core.state import Floats
from al_bench.labelling.annotations import AnswerTable, append
from al_bench.labelling.pool import array, array_file
from al_bench.labelling.rows import RowBatch, plain_arrays, row_ids
from al_bench.labelling.schema import GIVEN, Answer
from al_bench.labelling.settings import Settings
from al_bench.labelling.store import Store, unwritable
from al_bench.labelling.tables import TABLES, file_table

IDS = ("id", "row_id")  # columns of a table of class probabilities that name its rows


def ingest(
    store: Store, folder: Path, rows: RowBatch, settings: Settings, prior: Path | None
) -> int:
    """Append rows, their existing labels and their class probabilities; returns how many.

    prior: a table of class probabilities. ValueError where rows are of another kind or in the
    session already, or names or labels are invalid; no row is added then.
    """
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
    order of the rows.
    """
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
    """Write an array, as a whole or not at all."""
    place = array_file(folder, name)
    with unwritable(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
