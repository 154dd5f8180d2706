"""Checks of every data set before a run uses it, and class names in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import check_every_class, one_of
from al_bench.core.hashing import UNSEEN, check_file_name
from al_bench.core.state import ABSENT, Ints
from al_bench.data.types import Dataset, People, Split

MODALITIES = ("text", "image", "features")


def spaced(name: str) -> str:
    """A class name as words for a prompt: ``comp.sys_mac`` is "comp sys mac", "/" becomes "or"."""
    seen = UNSEEN.sub(" ", name)
    spaced = seen.replace("_", " ").replace(".", " ").replace("/", " or ")
    return " ".join(spaced.split())


def refuse(where: str, wrong: Sized, says: Callable[[Any], str], wanted: str) -> None:
    """ValueError about the first of these wrong rows, if any; `says` describes it."""
    if len(wrong):
        first = next(iter(wrong))  # type: ignore[call-overload]
        raise ValueError(f"{where}: {says(first)} ({len(wrong)} such rows); wanted {wanted}")


def checked_dataset(dataset: Dataset) -> Dataset:
    """The data set with class names as words; ValueError if anything of it is wrong."""
    check_file_name(dataset.name)
    dataset = replace(dataset, class_names=tuple(map(spaced, dataset.class_names)))
    one_of(dataset.name, MODALITIES, modality=dataset.modality)
    check_names(dataset.name, dataset.class_names)
    check_prompts(dataset.name, dataset.prompts)
    for where, split in (
        (f"{dataset.name} train", dataset.train),
        (f"{dataset.name} test", dataset.test),
    ):
        check_split(where, split, dataset.class_names)
        if dataset.modality == "text":
            check_texts(where, split.inputs)
    return dataset


def check_names(name: str, class_names: Sequence[str]) -> None:
    """At least two classes, all with names that differ by more than letter case."""
    if len(class_names) < 2:
        raise ValueError(f"{name} has {len(class_names)} class; wanted at least 2")
    if "" in class_names:
        raise ValueError(f"{name}: class {list(class_names).index('')} has no name")
    first: dict[str, int] = {}
    for number, words_of_class in enumerate(class_names):
        before = first.setdefault(words_of_class.casefold(), number)
        if before != number:
            raise ValueError(
                f"{name}: classes {before} and {number} are both called {words_of_class!r}; "
                "a prior could not tell them apart"
            )


def check_prompts(name: str, prompts: Sequence[str]) -> None:
    """At least one template, each with one place for the class name."""
    if not prompts or isinstance(prompts, str):
        raise ValueError(
            f"{name}: prompts is {prompts!r}; wanted a list of templates with one {{}}"
        )
    for prompt in prompts:
        if prompt.count("{}") != 1:
            raise ValueError(f"{name}: prompt {prompt!r} does not hold exactly one {{}}")


def check_split(where: str, split: Split, class_names: Sequence[str]) -> None:
    """Rows, one label each, in range, every class at least once; human columns of equal length."""
    if len(split.labels) == 0:
        raise ValueError(f"{where} has no rows")
    if len(split.inputs) != len(split.labels):
        raise ValueError(f"{where} has {len(split.inputs)} inputs and {len(split.labels)} labels")
    check_labels(f"{where}: labels", split.labels, len(class_names))
    check_every_class(where, split.labels, class_names)
    for column, values in split.columns.items():
        wanted = {(len(split),), (len(split), len(class_names))}
        if values.shape not in wanted:
            raise ValueError(
                f"{where}: human column {column!r} has shape {values.shape}; wanted "
                f"{(len(split),)} labels or {(len(split), len(class_names))} votes"
            )
    for name, people in split.people.items():
        check_people(f"{where}: answers {name!r}", people, len(split), len(class_names))
    if split.ids is not None:
        check_ids(where, split.ids, len(split))


def check_labels(where: str, labels: Ints, n_classes: int) -> None:
    wanted = f"whole numbers 0..{n_classes - 1} for {n_classes} classes"
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"{where} are {labels.dtype}; wanted {wanted}")
    wrong = np.flatnonzero((labels < 0) | (labels >= n_classes))
    refuse(where, wrong, lambda row: f"row {row} is {labels[row]}", wanted)


def check_people(where: str, people: People, rows: int, n_classes: int) -> None:
    """(n, a) classes or ABSENT, an answer to every row, and unique names or none."""
    answers, names = people.answers, people.names
    if answers.ndim != 2 or len(answers) != rows or not np.issubdtype(answers.dtype, np.integer):
        raise ValueError(
            f"{where} are {answers.dtype} of shape {answers.shape}; wanted whole numbers of shape "
            f"({rows}, people)"
        )
    if names and (len(names) != answers.shape[1] or len(set(names)) < len(names)):
        raise ValueError(
            f"{where} have {len(set(names))} names for {answers.shape[1]} people; wanted one of "
            "its own for each, or none"
        )
    wrong = np.argwhere(((answers < 0) & (answers != ABSENT)) | (answers >= n_classes))
    wanted = f"whole numbers 0..{n_classes - 1}, or {ABSENT} for no answer"
    says = "row {0}, column {1} is".format
    refuse(where, wrong, lambda cell: f"{says(*cell)} {answers[tuple(cell)]}", wanted)
    silent = np.flatnonzero(np.all(answers == ABSENT, axis=1))
    refuse(where, silent, "nobody answered row {}".format, "at least one answer to every row")


def check_ids(where: str, ids: NDArray[Any], rows: int) -> None:
    if ids.shape != (rows,) or ids.dtype.kind not in "iuU":
        raise ValueError(
            f"{where}: row ids are {ids.dtype} of shape {ids.shape}; wanted whole numbers or texts "
            f"of shape {(rows,)}"
        )
    found, counts = np.unique(ids, return_counts=True)
    if len(found) < rows:
        raise ValueError(
            f"{where}: row id {found[counts > 1][0]!s} comes more than once; wanted one of its own "
            "for each row"
        )


def check_texts(where: str, texts: Sequence[object]) -> None:
    other = [(row, text) for row, text in enumerate(texts) if not isinstance(text, str)]
    refuse(where, other, lambda o: f"row {o[0]} is {o[1]!r} ({type(o[1]).__name__})", "a text")
