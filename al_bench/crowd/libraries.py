"""Label models of crowd-kit and cleanlab, to which unidentified annotators are one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any, ClassVar

import numpy as np

from al_bench.core.rng import seeded_global_generator
from al_bench.core.state import Consensus, Floats, Ints, State
from al_bench.crowd.consensus import consensus_of, places_of, shares, speakers
from al_bench.crowd.crossfit import view

NEEDED = "needs {}: pip install 'al-bench[annotators]'"


@contextmanager
def quietly(rng: np.random.Generator) -> Iterator[None]:
    """Suppress prints and warnings of library code, and seed NumPy's global generator for it."""
    with seeded_global_generator(rng), redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def in_order(values: Ints) -> tuple[Ints, Ints]:
    """(v,) values renumbered by first occurrence, and (u,) the distinct values in that order."""
    known, first, code = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(known), dtype=np.int64)
    number[order] = np.arange(len(known))
    return number[code], known[order]


def aggregated(state: State, aggregator: Any) -> Consensus:
    """The consensus by an aggregator of crowd-kit; classes without an answer get 0.

    Annotators and classes are numbered by first occurrence in the sorted answers, since crowd-kit
    1.4's MACE assumes this order in one place and ascending order in another. Python's string
    storage makes MACE a fifth to a third faster than Arrow's."""
    import pandas as pd

    answers = state.answers
    rows, places = places_of(answers)
    order = np.lexsort((answers.annotators, places))
    annotators, _ = in_order(speakers(state)[order])
    labels, classes = in_order(answers.classes[order])
    with pd.option_context("mode.string_storage", "python"):
        data = pd.DataFrame({"task": places[order], "worker": annotators, "label": labels})
        table = aggregator.fit_predict_proba(data)
    probs = np.zeros((len(rows), state.n_classes))
    columns = classes[table.columns.to_numpy(dtype=np.int64)]
    probs[table.index.to_numpy(dtype=np.int64)[:, None], columns] = table.to_numpy(dtype=float)
    return consensus_of(state, rows, probs / probs.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class DawidSkene:
    """A confusion matrix for each annotator, by expectation-maximisation from the majority vote
    (Dawid and Skene, 1979; crowd-kit).

    Matrices are not smoothed: with few answers per annotator it becomes overconfident, and fewer
    steps do better. O(n_iter v k).

        >>> consensus = DawidSkene(n_iter=5).infer(asked, rng)

    Parameters
    ----------
    n_iter : EM steps, at most; at 20,000 rows of 3 answers, 100 steps label at most 0.5 points more
        right, in 5 times as long
    tol : EM stops once the evidence lower bound per answer grows by less, in nats
    """

    title = "Dawid and Skene"
    n_iter: int = 20
    tol: float = 1e-5

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        try:
            from crowdkit.aggregation import DawidSkene as Theirs
        except ImportError as error:
            raise ImportError(f"label_model=dawid_skene {NEEDED.format('crowd-kit')}") from error
        with quietly(rng):
            return aggregated(state, Theirs(n_iter=self.n_iter, tol=self.tol))


@dataclass(frozen=True)
class Mace:
    """MACE: each annotator knows the class or spams with a distribution of his own; variational
    Bayes (Hovy et al., 2013; crowd-kit).

    O(n_restarts n_iter v k).

        >>> consensus = Mace(n_restarts=1).infer(asked, rng)

    Parameters
    ----------
    n_restarts : random restarts, of which the one of highest likelihood is kept; at 20,000 rows of
        3 answers, 3 restarts of 20 steps label as many right, to 0.1 points
    n_iter : steps of each restart
    alpha, beta : of the beta prior of spamming and of knowing
    default_noise : spread of the random starts
    """

    title = "MACE"
    n_restarts: int = 2
    n_iter: int = 10
    alpha: float = 0.5
    beta: float = 0.5
    default_noise: float = 0.5

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        try:
            from crowdkit.aggregation import MACE
        except ImportError as error:
            raise ImportError(f"label_model=mace {NEEDED.format('crowd-kit')}") from error
        theirs = MACE(
            n_restarts=self.n_restarts,
            n_iter=self.n_iter,
            method="vb",
            alpha=self.alpha,
            beta=self.beta,
            default_noise=self.default_noise,
            random_state=rng,  # an integer seed would make all restarts equal
        )
        with quietly(rng):
            return aggregated(state, theirs)


def answer_table(state: State, rows: Ints, places: Ints) -> Floats:
    """(m, a') answers about some rows by annotators with any answer, NaN where there is none."""
    assert state.annotator_pool is not None
    table = np.full((len(rows), len(state.annotator_pool)), np.nan)
    table[places, state.answers.annotators] = state.answers.classes
    return table[:, np.unique(state.answers.annotators)]


@dataclass(frozen=True)
class Crowdlab:
    """A classifier and the annotators, averaged with weights from their agreement
    (CROWDLAB: Goh et al., 2022; cleanlab).

    Without a row of two answers, agreement is unknown, and the classifier weighs as much as the
    answer, as in cleanlab. Unidentified annotators share the mean weight. O(folds m d k + v a).

        >>> consensus = Crowdlab(l2=3.0).infer(asked, rng)

    Parameters
    ----------
    folds, l2 : of the classifier, as in `view`, trained on vote shares
    """

    title = "CROWDLAB"
    version: ClassVar = 3  # 1: folds without preconditioning; 2: predicted the pool
    folds: int = 4
    l2: float = 1.0

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        try:
            from cleanlab.multiannotator import get_label_quality_multiannotator
        except ImportError as error:
            raise ImportError(f"label_model=crowdlab {NEEDED.format('cleanlab')}") from error
        answers = state.answers
        rows, places = places_of(answers)
        votes = shares(places, answers.classes, state.n_classes)
        probs = view(state, rows, votes, self.folds, self.l2, rng)
        several = np.bincount(places) > 1
        if not several.any():
            return consensus_of(state, rows, (probs + votes) / 2)
        with quietly(rng):
            found = get_label_quality_multiannotator(
                answer_table(state, rows, places),
                probs,
                return_detailed_quality=False,
                return_annotator_stats=False,
                return_weights=True,
                verbose=False,
            )
        agreed = float(found["label_quality"]["annotator_agreement"].to_numpy()[several].mean())
        _, annotators = np.unique(answers.annotators, return_inverse=True)
        weights = np.asarray(found["annotator_weight"])[annotators]
        assert state.annotator_pool is not None
        if not state.annotator_pool.identified:
            weights = np.full(len(weights), weights.mean())
        mixed = averaged(probs, found["model_weight"], places, answers.classes, weights, agreed)
        return consensus_of(state, rows, mixed)


def averaged(
    probs: Floats, model: float, places: Ints, classes: Ints, weights: Floats, agreed: float
) -> Floats:
    """(m, k) CROWDLAB's posterior: the weighted mean of the classifier's probabilities and of the
    answers, which give probability `agreed` to their class and the rest to the others."""
    other = (1 - agreed) / (probs.shape[1] - 1)
    total = np.bincount(places, weights, minlength=len(probs))[:, None]
    mixed = model * probs + other * total
    np.add.at(mixed, (places, classes), weights * (agreed - other))
    return np.asarray(mixed / (model + total))
