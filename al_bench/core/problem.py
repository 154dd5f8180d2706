"""A problem: the pool with its truth and answers, which only the loop and the metrics hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.arrays import check_every_class, distributions, matrix, uniform, whole_numbers
from al_bench.core.hashing import hashed
from al_bench.core.state import ABSENT, AnnotatorPool, Floats, Ints, Rows


@dataclass(frozen=True)
class Problem:
    """The pool with its truth and answers, for the loop and the metrics only.

    truth, answers: (n,) true class and annotator's answer of each pool row; with several annotators
    answers is (n, a), ABSENT where an annotator has none; test_truth: (m,). facts: what a manifest
    records (class counts, realised noise). ids: (n,) the data's own names of pool rows, or None."""

    pool: Rows
    truth: Ints
    answers: Ints
    test: Rows
    test_truth: Ints
    class_names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    ids: NDArray[Any] | None = None
    annotator_pool: AnnotatorPool | None = None

    @classmethod
    def from_arrays(
        cls,
        features: Any,
        prior: Any,
        labels: Any,
        test_features: Any,
        test_labels: Any,
        *,
        test_prior: Any = None,
        answers: Any = None,
        annotators: Sequence[str] | None = None,
        identified: bool = True,
        prices: Any = None,
        is_model: Any = None,
        class_names: Sequence[str] = (),
        ids: Any = None,
    ) -> Problem:
        """A problem from a user's arrays.

        features, test_features: (n, d), (m, d); prior, test_prior: (n, k), (m, k) class
        probabilities, or None without a foundation model; labels, test_labels: (n,), (m,) true
        classes 0..k-1; answers: (n,) the annotator's classes, `labels` by default; ids: (n,) names
        of the rows. Features are not rescaled. ValueError where the arrays do not fit together.

        Several annotators: answers is (n, a), -1 where an annotator has none. annotators: (a,)
        their names (None: numbers); identified: True if a column is one annotator, False if it is
        only an answer's position (a row's first answer, its second, ...; revealed in this order);
        prices: (a,) of an answer, relative to an ordinary person's (None: 1); is_model: (a,)
        whether the annotator is a foundation model (None: no annotator is)."""
        truth, test_truth = classes("labels", labels), classes("test_labels", test_labels)
        if np.ndim(answers) == 2:
            table = classes("answers", answers, ABSENT)
            people = annotator_pool_of(table, annotators, identified, prices, is_model)
        else:
            table, people = truth if answers is None else classes("answers", answers), None
            check_one(table, identified, annotators=annotators, prices=prices, is_model=is_model)
        given = [np.shape(some)[-1] for some in (prior, test_prior) if some is not None]
        largest = (int(some.max(initial=0)) + 1 for some in (truth, test_truth, table))
        k = max(len(class_names), *given, *largest)
        pool = rows("", features, prior, len(truth), k)
        test = rows("test_", test_features, test_prior, len(test_truth), k)
        names = tuple(class_names) or tuple(f"class {number}" for number in range(k))
        own = None if ids is None else np.asarray(ids)
        made = cls(pool, truth, table, test, test_truth, names, ids=own, annotator_pool=people)
        check_fit(made)
        return replace(made, facts=made.counts())

    @cached_property
    def table(self) -> Ints:
        """(n, a) all answers; a = 1 for a single annotator."""
        return self.answers if self.annotator_pool else self.answers[:, None]

    def own_ids(self, index: Ints) -> list[int | str]:
        """The data's own names of some pool rows; an empty list where the data have none."""
        return [] if self.ids is None else list(self.ids[index].tolist())

    def counts(self) -> dict[str, Any]:
        """Sizes, classes, noise rate and annotators' accuracies, for manifests."""
        k, facts = self.pool.n_classes, dict[str, Any]()
        if self.annotator_pool is not None:
            skills = [None if np.isnan(one) else one for one in self.accuracies.tolist()]
            facts = {"annotators": list(self.annotator_pool.names), "skills": skills}
        return facts | {
            "n_pool": len(self.truth),
            "n_test": len(self.test_truth),
            "n_classes": k,
            "class_names": list(self.class_names),
            "class_counts": np.bincount(self.truth, minlength=k).tolist(),
            "test_counts": np.bincount(self.test_truth, minlength=k).tolist(),
            "noise_rate": float((self.table != self.truth[:, None])[self.table != ABSENT].mean()),
        }

    @cached_property
    def accuracies(self) -> Floats:
        """(a,) accuracy of each annotator, NaN without an answer."""
        return accuracies(self.truth, self.table)

    @cached_property
    def corrected_prior(self) -> Ints:
        """(m,) argmax of the test rows' prior divided by its mean over the pool, an estimate of the
        class frequencies that the prior assumes (Saerens et al., 2002; Zhou et al., 2024)."""
        mean = self.pool.prior.mean(axis=0, dtype=np.float64)
        return np.asarray((self.test.prior / np.maximum(mean, 1e-12)).argmax(axis=1))

    @cached_property
    def digest(self) -> str:
        """16 hex digits: a hash of the arrays that determine a run besides its components."""
        pool = (self.pool.features, self.pool.prior, self.truth, self.answers)
        whole = hashed(*pool, self.test.features, self.test.prior, self.test_truth)
        if (people := self.annotator_pool) is not None:
            known = (people.names, people.prices.tolist(), people.is_model.tolist())
            whole.update(repr((*known, people.identified)).encode())
        return whole.hexdigest()[:16]


def reads_truth(part: Any) -> bool:
    """Whether a component is an upper reference: it reads the truth, and every table marks it."""
    return bool(getattr(part, "reads_truth", False))


def knowing(part: Any, truth: Any) -> Any:
    """A component; an upper reference with the truth."""
    return part.given(truth) if reads_truth(part) else part


def check_fit(problem: Problem) -> None:
    """ValueError unless the arrays of a problem have matching sizes and classes."""
    width, test_width = (rows.features.shape[1] for rows in (problem.pool, problem.test))
    if width != test_width:
        raise ValueError(f"features have {width} columns, test_features {test_width}")
    if len(problem.answers) != len(problem.truth):
        raise ValueError(f"answers has {len(problem.answers)} entries, labels {len(problem.truth)}")
    check_annotator_pool(problem)
    if problem.ids is not None and problem.ids.shape != problem.truth.shape:
        raise ValueError(f"ids has shape {problem.ids.shape}; wanted ({len(problem.truth)},)")
    if len(problem.class_names) != (k := problem.pool.n_classes):
        raise ValueError(f"class_names has {len(problem.class_names)} names for {k} classes")
    check_every_class("labels", problem.truth, problem.class_names)
    check_every_class("test_labels", problem.test_truth, problem.class_names)


def accuracies(truth: Ints, table: Ints) -> Floats:
    """(a,) accuracy of each column of (n, a) answers, NaN for a column without any."""
    given = table != ABSENT
    right, count = (given & (table == truth[:, None])).sum(axis=0), given.sum(axis=0)
    return np.asarray(np.divide(right, count, out=np.full(len(count), np.nan), where=count > 0))


def check_annotator_pool(problem: Problem) -> None:
    """ValueError unless answers fit the annotator pool and every row has at least one answer."""
    if (people := problem.annotator_pool) is None:
        return
    wanted = (len(problem.truth), len(people))
    if not len(people) or problem.answers.shape != wanted:
        raise ValueError(
            f"answers has shape {problem.answers.shape}; wanted {wanted}, one column at least"
        )
    empty = np.flatnonzero((problem.answers == ABSENT).all(axis=1))
    if len(empty):
        raise ValueError(
            f"row {empty[0]} has no answer by anybody ({len(empty)} such rows); wanted one at least"
        )
    if not np.all(people.prices > 0):
        raise ValueError(f"an annotator's price is {people.prices.min()}; wanted above 0")


def classes(name: str, values: Any, least: int = 0) -> Ints:
    """(n,) classes as integers; (n, a) of several annotators if `least` is ABSENT."""
    found = whole_numbers(name, values, 2 if least < 0 else 1)
    if found.min(initial=0) < least:
        gaps = f", or {ABSENT} where one has none" if least < 0 else ""
        raise ValueError(f"{name} has the value {found.min()}; wanted classes 0..k-1{gaps}")
    return found


def annotator_pool_of(
    table: Ints, names: Sequence[str] | None, identified: bool, prices: Any, is_model: Any
) -> AnnotatorPool:
    """The annotators of an (n, a) table of answers; ValueError where a list is not of length a."""
    count, word = table.shape[1], "annotator" if identified else "answer"
    names = [f"{word} {place + 1}" for place in range(count)] if names is None else names
    costs = np.ones(count) if prices is None else np.asarray(prices, dtype=np.float64)
    models = np.zeros(count, dtype=bool) if is_model is None else np.asarray(is_model, dtype=bool)
    if len(set(names)) != count or len(names) != count:
        raise ValueError(
            f"annotators has {len(names)} names, {len(set(names))} of them distinct, for {count} "
            "columns of answers"
        )
    for name, one in (("prices", costs), ("is_model", models)):
        if one.shape != (count,):
            raise ValueError(f"{name} has shape {one.shape}; wanted ({count},), one an annotator")
    return AnnotatorPool(tuple(map(str, names)), table != ABSENT, costs, models, identified)


def check_one(answers: Ints, identified: bool, **options: Any) -> None:
    """ValueError where an option for several annotators is given, but there is one annotator."""
    given = [name for name, value in options.items() if value is not None]
    given += [] if identified else ["identified=False"]
    if given:
        raise ValueError(
            f"{given[0]} is of several annotators, and there is one: answers has shape "
            f"{answers.shape}; wanted (n, a)"
        )


def rows(split: str, features: Any, prior: Any, n: int, k: int) -> Rows:
    """Rows with float32 features and a prior, uniform where none is given."""
    values = matrix(f"{split}features", features, n)
    probs = uniform(n, k) if prior is None else distributions(f"{split}prior", prior, n, k)
    return Rows(list(values), values, probs)
