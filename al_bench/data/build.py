"""From components to a Problem: load, embed, apply the imbalance and make annotators' answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import check_every_class, unit
from al_bench.core.problem import Problem, check_annotator_pool
from al_bench.core.rng import rng
from al_bench.core.state import ABSENT, AnnotatorPool, Floats, Ints, Picked, Rows
from al_bench.data.cache import embeddings, zero_shot
from al_bench.data.noise import Clean, realised
from al_bench.data.types import (
    Annotators,
    Dataset,
    Imbalance,
    Kept,
    Noise,
    People,
    Prior,
    Split,
    Truth,
)


def build(
    dataset: Dataset,
    imbalance: Imbalance,
    noise: Noise,
    prior: Prior,
    seed: int,
    cache: Path,
    annotators: Annotators | None = None,
) -> Problem:
    """The pool and test rows of one seed, and the answers of one or several annotators."""
    k_source = len(dataset.class_names)
    kept = imbalance.keep(dataset.train.labels, k_source, rng(seed, "imbalance"))
    k = int(kept.classes.max()) + 1
    train, test = dataset.train, dataset.test
    known = embedded(dataset, "train", train, prior, cache)
    pool = rows_of(known, train, kept.rows, kept.classes)
    known = embedded(dataset, "test", test, prior, cache)
    tests = rows_of(known, test, np.arange(len(test)), kept.classes)
    truth = kept.classes[train.labels[kept.rows]]
    names = merged_names(dataset.class_names, kept.classes, k)
    check_every_class(f"data set {dataset.name}: the pool", truth, names)
    test_truth = np.asarray(kept.classes[test.labels])
    check_every_class(f"data set {dataset.name}: the test split", test_truth, names)

    columns = {n: merge_human(n, c[kept.rows], kept, k) for n, c in train.columns.items()}
    people = {n: merge_people(p.take(kept.rows), kept) for n, p in train.people.items()}

    def ask(model: Prior) -> Floats:
        known = embedded(dataset, "train", train, model, cache)
        return rows_of(known, train, kept.rows, kept.classes).prior

    look = Truth(truth, k, pool.features, columns, people, pool.prior, ask)
    if annotators is None:
        answers, annotator_pool = noise.answers(look, rng(seed, "noise")), None
        if answers.shape != truth.shape or answers.min() < 0 or answers.max() >= k:
            raise ValueError(f"{type(noise).__name__} gave answers that are not classes 0..{k - 1}")
    else:
        answers, annotator_pool = answers_of_several(annotators, noise, look, seed)
    made = Problem(pool, truth, answers, tests, test_truth, names, annotator_pool=annotator_pool)
    check_annotator_pool(made)
    rows, column = np.nonzero(made.table != ABSENT)
    facts = {
        "noise_rates": realised(truth[rows], made.table[rows, column], k)[1].tolist(),
        "dataset_key": dataset.key,
        "encoder_key": prior.encoder(dataset.modality).key,
    }
    ids = None if train.ids is None else train.ids[kept.rows]
    return replace(made, ids=ids, facts=made.counts() | facts)


def answers_of_several(
    annotators: Annotators, noise: Noise, look: Truth, seed: int
) -> tuple[Ints, AnnotatorPool]:
    """The answers of several annotators to every row, and their annotator pool."""
    name = type(annotators).__name__
    if not isinstance(noise, Clean):
        raise ValueError(f"annotators ({name}) and noise ({type(noise).__name__}) both say how "
                         "answers err; wanted noise=clean beside annotators")  # fmt: skip
    crowd = annotators.crowd(look, rng(seed, "annotators"))
    answers = np.asarray(crowd.answers, dtype=np.int64)
    if answers.size and (answers.min() < ABSENT or answers.max() >= look.n_classes):
        raise ValueError(f"{name} gave answers that are not classes 0..{look.n_classes - 1}")
    available = answers != ABSENT
    return answers, AnnotatorPool(
        crowd.names, available, crowd.prices, crowd.is_model, crowd.identified
    )


def embedded(
    dataset: Dataset, name: str, split: Split, prior: Prior, cache: Path
) -> tuple[Floats, Floats]:
    """The (n, d) embeddings and (n, k) zero-shot probabilities of a full split, cached."""
    encoder = prior.encoder(dataset.modality)
    inputs, called = split.inputs, dataset.name
    stored = embeddings(cache, dataset.key, name, encoder, inputs, name=called)
    guesses = zero_shot(cache, dataset.key, name, prior, stored, inputs, dataset.task, name=called)
    return stored, guesses


def rows_of(known: tuple[Floats, Floats], split: Split, index: Ints, classes: Ints) -> Rows:
    """Some rows of a split: unit-length embeddings, and probabilities of merged classes."""
    stored, guesses = known
    k = int(classes.max()) + 1
    inputs = Picked(split.inputs, index)
    return Rows(inputs, unit(stored[index]), merge_columns(guesses[index], classes, k))


def merge_columns(prior: Floats, classes: Ints, k: int) -> Floats:
    """(n, k) probabilities of merged classes: the sums over the old classes of each new one."""
    if k == prior.shape[1]:
        return prior[:, np.argsort(classes)]
    return np.asarray(prior @ np.eye(k, dtype=prior.dtype)[classes])


def merge_human(name: str, column: NDArray[Any], kept: Kept, k: int) -> NDArray[Any]:
    """A human column in the merged classes: labels mapped, votes added up."""
    if column.ndim == 1:
        return np.asarray(kept.classes[column])
    if column.shape[1] != len(kept.classes):
        raise ValueError(
            f"votes {name!r} have {column.shape[1]} columns; the data set has "
            f"{len(kept.classes)} classes"
        )
    return np.asarray(column @ np.eye(k, dtype=column.dtype)[kept.classes])


def merge_people(people: People, kept: Kept) -> People:
    """Several people's answers in the merged classes; ABSENT stays ABSENT."""
    given = people.answers != ABSENT
    return replace(people, answers=np.where(given, kept.classes[people.answers], ABSENT))


def merged_names(names: Sequence[str], classes: Ints, k: int) -> tuple[str, ...]:
    """(k,) the name of each merged class: that of its only member, or the number of its members."""
    members = [[n for n, c in zip(names, classes, strict=True) if c == new] for new in range(k)]
    return tuple(m[0] if len(m) == 1 else f"{len(m)} other classes" for m in members)
