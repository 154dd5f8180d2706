"""Strategies that relabel: they query labelled rows as well, unless ``state.allow_relabel`` is
false; a row at most once per annotator, a second time in a batch only after all others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, entropy, fraction, one_hot, one_of
from al_bench.core.state import Floats, Ints, Querying, State, Strategy
from al_bench.crowd.crossfit import views
from al_bench.crowd.libraries import NEEDED, answer_table, quietly
from al_bench.strategies.common.ranking import top, unanswered
from al_bench.strategies.uncertainty import Margin

WORTHS = ("disagreement", "doubt", "change", "random")


def in_turns(rows: Ints, left: Ints, budget: int) -> Ints:
    """The first `budget` of: these distinct rows in order, then those with a second query left, and
    so on. left: (n,) how often each pool row can be queried."""
    if budget <= len(rows):
        return rows[:budget]
    times = left[rows]
    turn = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(rows, times)[np.argsort(turn, kind="stable")][:budget]


def best_first(
    rows: Ints, scores: Floats, left: Ints, budget: int, rng: np.random.Generator
) -> Ints:
    """`budget` queries by highest score, in turns (`in_turns`); ties at random."""
    some = left[rows] > 0
    rows, scores = rows[some], scores[some]
    return in_turns(rows[top(scores, budget, rng)], left, budget)


@dataclass(frozen=True)
class Repeated:
    """Any strategy, with several answers per row.

    Once no unlabelled row is left, the rows with the fewest answers are queried again.

        >>> rows = Repeated(Margin(), times=2).select(asked, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses rows; it sees no answers within the batch
    times : queries of each row, fewer if annotators run out or the batch ends
    """

    title = "{inner}, several answers a row"
    inner: Strategy = field(default_factory=Margin)
    times: int = 3

    def __post_init__(self) -> None:
        at_least(self, 1, times=self.times)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        if not state.allow_relabel:
            return self.inner.select(state, budget, rng)
        seen, each = state.without_relabeling(), np.minimum(state.remaining, self.times)
        queries = np.empty(0, dtype=np.int64)
        while len(queries) < budget and len(seen.unlabelled):
            wanted = -(-(budget - len(queries)) // self.times)
            rows = unanswered(self.inner, seen, wanted, rng)
            queries = np.concatenate([queries, np.repeat(rows, each[rows])])
            seen = seen.hide(rows)
        queries = queries[:budget]
        now = np.bincount(queries, minlength=len(state.labels))
        had = now + np.bincount(state.answers.rows, minlength=len(now)).astype(float)
        rows, left = state.queryable, state.remaining - now
        rest = best_first(rows, -had[rows], left, budget - len(queries), rng)
        return np.concatenate([queries, rest])


@dataclass(frozen=True)
class AskAgain:
    """Any strategy, with a fraction of each batch for relabelling.

    Labelled rows take less if no annotator is left for them, and more once the unlabelled rows run
    out. O(n k) plus the inner strategy.

        >>> queries = AskAgain(Margin(), by="doubt").select(asked, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses the new rows
    fraction : of a batch for labelled rows, 0 to 1
    by : ranks labelled rows. ``disagreement``: by low probability of their label under the task
        model; ``doubt``: by low maximum probability in the consensus; ``change``: by the
        probability that one more answer changes the most probable class (`chance_of_change`);
        ``random``. Without a consensus: ``disagreement``
    """

    title = "{inner}, asking again"
    inner: Strategy = field(default_factory=Margin)
    fraction: float = 0.25
    by: str = "disagreement"

    def __post_init__(self) -> None:
        fraction(self, fraction=self.fraction)
        one_of(self, WORTHS, by=self.by)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints | Querying:
        room, free = int(state.remaining[state.labelled].sum()), len(state.unlabelled)
        new = min(budget - min(round(self.fraction * budget), room), free)
        rows = state.labelled
        again = best_first(rows, self.worth(state, rows), state.remaining, budget - new, rng)
        if new + len(again) < budget:  # all rows are queried, and some new rows twice
            more, rest = rng.permutation(state.unlabelled), np.maximum(state.remaining - 1, 0)
            spare = budget - new - len(again)
            again = np.concatenate([again, best_first(more, rng.random(free), rest, spare, rng)])
        if not new:
            return again
        return followed(self.inner.select(state.without_relabeling(), new, rng), again)

    def worth(self, state: State, rows: Ints) -> Floats:
        if self.by == "random":
            return np.zeros(len(rows))
        if self.by == "disagreement" or state.consensus is None:
            return np.asarray(1 - state.probs[rows, state.labels[rows]])
        made = state.consensus
        probs = made.probs[np.searchsorted(made.rows, rows)]
        if self.by == "doubt":
            return np.asarray(1 - probs.max(axis=1))
        accuracy = (made.right.sum() + 1) / (made.asked.sum() + 2)
        return chance_of_change(probs, float(accuracy))


def followed(choice: Ints | Querying, last: Ints) -> Ints | Querying:
    """A strategy's choice, array or generator, followed by some more rows."""
    if isinstance(choice, np.ndarray):
        return np.concatenate([choice, last])
    return _followed(choice, last)


def _followed(choice: Querying, last: Ints) -> Querying:
    rest = yield from choice
    return last if rest is None else np.concatenate([rest, last])


def chance_of_change(probs: Floats, accuracy: float) -> Floats:
    """(m,) probability that one more answer changes the most probable class, by Bayes' rule.

    probs: (m, k) q, of the true class; accuracy: a, of the annotator, with evenly spread errors ``e
    = (1 - a) / (k - 1)``. Answer c has probability ``a q_c + e (1 - q_c)`` and makes c the most
    probable class in place of t if ``a q_c > e q_t``; the result sums over these c. Zero if a is at
    most chance, as such an answer carries no information."""
    k = probs.shape[1]
    error = (1 - accuracy) / (k - 1)
    if accuracy <= error:
        return np.zeros(len(probs))
    best = probs.argmax(axis=1)
    overtakes = accuracy * probs > error * probs.max(axis=1, keepdims=True)
    overtakes[np.arange(len(probs)), best] = False
    return np.asarray(np.sum(overtakes * (accuracy * probs + error * (1 - probs)), axis=1))


@dataclass(frozen=True)
class ReLabel:
    """Uncertainty of task model and of label, on one scale for labelled and unlabelled rows
    (re-active learning: Lin, Mausam and Weld, 2016).

    A row's score is ``(1 - alpha) H(p) + alpha H(y)``: the entropies of the task model's prediction
    and of the row's label, the consensus's, or log k for an unlabelled row. With alpha 0 it queries
    the same rows forever. The paper's impact sampling, a fit per candidate, is left out. O(n k).

        >>> rows = ReLabel(alpha=0.3).select(asked, 10, rng)

    Parameters
    ----------
    alpha : weight of the label's entropy, 0 to 1
    """

    option = "relabel"
    title = "re-active learning"
    alpha: float = 0.5

    def __post_init__(self) -> None:
        fraction(self, alpha=self.alpha)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        of_label = np.full(len(state.labels), np.log(state.n_classes))
        of_label[state.labelled] = 0.0
        if state.consensus is not None:
            of_label[state.consensus.rows] = entropy(state.consensus.probs)
        rows = state.queryable
        scores = (1 - self.alpha) * entropy(state.probs[rows]) + self.alpha * of_label[rows]
        return best_first(rows, scores, state.remaining, budget, rng)


@dataclass(frozen=True)
class ActiveLab:
    """The rows of least certain label, labelled or not (Goh and Mueller, 2023; cleanlab).

    Labelled and unlabelled rows share one score, from a classifier (`views`; with few labels the
    task model) and the annotators' agreement; the lowest are queried. O(folds n d k + v a).

        >>> rows = ActiveLab(l2=3.0).select(asked, 10, rng)

    Parameters
    ----------
    folds : cross-fitting folds of the classifier
    l2 : penalty of its weights
    """

    option = "activelab"
    title = "ActiveLab"
    version: ClassVar = 2  # 1: folds were fitted without preconditioning
    folds: int = 4
    l2: float = 1.0

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        try:
            from cleanlab.multiannotator import get_active_learning_scores
        except ImportError as error:
            raise ImportError(f"strategy=activelab {NEEDED.format('cleanlab')}") from error
        labelled, free = state.labelled, state.unlabelled
        rows = np.concatenate([labelled, free])
        targets = one_hot(state.labels[labelled], state.n_classes)
        seen, pool = views(state, labelled, targets, self.folds, self.l2, rng)
        with quietly(rng):
            scores = get_active_learning_scores(
                answers_by_row(state) if len(labelled) else None,
                seen if len(labelled) else None,
                pool[free] if len(free) else None,
            )
        return best_first(rows, -np.concatenate(scores), state.remaining, budget, rng)


def answers_by_row(state: State) -> Floats:
    """(m, a') answers about the labelled rows by annotators with any answer, NaN without one."""
    if state.annotator_pool is None:
        return state.labels[state.labelled][:, None].astype(float)
    places = np.searchsorted(state.labelled, state.answers.rows)
    return answer_table(state, state.labelled, places)
