"""Rows that come into a session: checked, written in one transaction, their arrays beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import time
from uuid import uuid4

import numpy as np

from al_bench.content import replaced
from al_bench.labelling.annotations import append
from al_bench.labelling.arrays import distributions, prior_table
from al_bench.labelling.pool import array_file
from al_bench.labelling.rows import Arriving, with_files
from al_bench.labelling.schema import GIVEN
from al_bench.labelling.settings import Answer, Settings
from al_bench.labelling.store import Store, insert, insert_many
from al_bench.state import Floats


def classes_of(rows: Arriving, classes: Sequence[str] | None) -> tuple[str, ...]:
    """The classes as they are given, or those of labels that are there already."""
    if isinstance(classes, str):
        raise ValueError(f"classes is {classes!r}; wanted a list of names")
    if classes is not None:
        return tuple(classes)
    if rows.given is None:
        raise ValueError("no classes are given; wanted at least two, or a column of labels")
    return tuple(sorted({label for label in rows.given if label is not None}))


def add(store: Store, folder: Path, rows: Arriving, settings: Settings, prior: Path | None) -> int:
    """Append rows, the labels that they have already, and their class probabilities; how many.

    ValueError where they are of another kind, there already, or their names or labels are not as
    they must be; nothing is written then.
    """
    rows.check_kind(settings.modality, "the session")
    rows = with_files(rows, folder / "images")
    if rows.features is not None:
        save(folder, rows.key, rows.features)
    with store.writing() as connection:
        check_new(store, folder, rows)
        start = store.count("rows")
        names = names_of(store, rows, start)
        probs = given_probabilities(rows, settings.classes, prior, names)
        number = insert(connection, "arrivals", key=rows.key, n=len(rows), time=time())
        texts, paths, digests = (
            p if p is not None else [None] * len(rows)
            for p in (rows.texts, rows.paths, rows.digests)
        )
        lines = [
            (name, number, *line) for name, *line in zip(names, texts, paths, digests, strict=True)
        ]
        insert_many(connection, "rows", ("name", "arrival", "text", "path", "digest"), lines)
        add_labels(store, rows, settings.classes, names)
        if probs is not None:
            keep_prior(store, folder, number, probs, settings.classes)
    return len(rows)


def check_new(store: Store, folder: Path, rows: Arriving) -> None:
    """ValueError where the rows came before, or have another number of features."""
    arrivals = store.arrivals()
    if rows.key in [key for _, key, _ in arrivals]:
        raise ValueError(f"the rows of {rows.where} are in the session already")
    if rows.features is not None and arrivals:
        first = array_file(folder, arrivals[0][1])
        width = np.load(first, mmap_mode="r", allow_pickle=False).shape[1]
        if rows.features.shape[1] != width:
            raise ValueError(
                f"{rows.where} has {rows.features.shape[1]} features a row; the session has {width}"
            )


def names_of(store: Store, rows: Arriving, start: int) -> list[str]:
    """(n,) the rows' own names, or their numbers; ValueError where one comes twice."""
    names = rows.ids(start)
    known = set(store.names())
    for name in names:
        if name in known:
            raise ValueError(
                f"{rows.where}: id {name!r} comes more than once; wanted one of its own for each "
                "row of the session"
            )
        known.add(name)
    return names


def add_labels(store: Store, rows: Arriving, classes: Sequence[str], names: Sequence[str]) -> None:
    """Append the labels that came with rows; ValueError where one is no class."""
    labels = zip(names, rows.given or (), strict=False)
    answers = [Answer(name, label, GIVEN) for name, label in labels if label is not None]
    try:
        append(store, answers, classes, given=True)
    except ValueError as error:
        raise ValueError(f"{rows.where}: {error}") from error


def check_own(modality: str) -> None:
    """ValueError unless the rows bring their own features, beside which a table may lie."""
    if modality != "features":
        raise ValueError(
            "a table of class probabilities is for embeddings; for rows of kind "
            f"{modality} choose prior=table prior.path=..."
        )


def given_probabilities(
    rows: Arriving, classes: Sequence[str], table: Path | None, names: Sequence[str]
) -> Floats | None:
    """(n, k) class probabilities from a table or, else, those that came with features."""
    if table is not None:
        check_own(rows.modality)
        return prior_table(table, classes, names)
    if rows.prior is None:
        return None
    return distributions(f"{rows.where}: prior", rows.prior, len(rows), len(classes))


def add_classes(store: Store, folder: Path, names: Sequence[str], prior: Path | None) -> None:
    """Append classes, and class probabilities of all rows where such came with embeddings."""
    if isinstance(names, str) or not names:
        raise ValueError(f"the classes to add are {names!r}; wanted a list of one name at least")
    with store.writing():
        settings = Settings.of(store.settings())
        more = replace(settings, classes=(*settings.classes, *names))
        store.set({"classes": list(more.classes)})
        came = [d for d in store.decisions() if d.kind == "prior"]
        if prior is None and came:
            raise ValueError(
                "the class probabilities came with the embeddings; give a table of "
                f"{', '.join(more.classes)} with --prior-table"
            )
        if prior is not None:
            check_own(settings.modality)
            probs, start = prior_table(prior, more.classes, store.names()), 0
            for number, _, n in store.arrivals():
                keep_prior(store, folder, number, probs[start : start + n], more.classes)
                start += n


def keep_prior(
    store: Store, folder: Path, arrival: int, probs: Floats, classes: Sequence[str]
) -> None:
    """Keep the class probabilities that came with an arrival, and say of which classes."""
    array = f"prior-{uuid4().hex}"
    save(folder, array, probs)
    store.decide("prior", {"arrival": arrival, "array": array, "classes": list(classes)})


def save(folder: Path, name: str, array: Floats) -> None:
    """Write an array, as a whole or not at all."""
    place = array_file(folder, name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    except OSError as error:
        raise OSError(error.errno, f"{place} cannot be written: {error.strerror}") from error
