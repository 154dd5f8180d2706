"""Strategies that ask again: which labelled rows are worth one more answer, beside new ones.

Unless ``state.allow_relabel``, each queries unlabelled rows alone. A row is queried as often as
somebody is left to ask, for a second time once all others had their turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from al_bench.core.arrays import at_least, entropy, fraction, one_hot, one_of
from al_bench.core.state import Floats, Ints, Querying, State, Strategy
from al_bench.crowd.cross_val import views
from al_bench.crowd.libraries import NEEDED, answer_table, quietly
from al_bench.strategies.balance import unanswered
from al_bench.strategies.common.ranking import top

WORTHS = ("disagreement", "doubt", "change", "random")


def in_turns(rows: Ints, left: Ints, budget: int) -> Ints:
    """The first `budget` of: all these distinct rows in their order, those of which more are left
    once more, and so on. left: (n,) how often each row of the pool can be queried, these once at
    least. O(budget), or O(r log r) of r queries left where the budget asks about a row twice."""
    if budget <= len(rows):
        return rows[:budget]
    times = left[rows]
    turn = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return np.repeat(rows, times)[np.argsort(turn, kind="stable")][:budget]


def best_first(
    rows: Ints, scores: Floats, left: Ints, budget: int, rng: np.random.Generator
) -> Ints:
    """`budget` queries of rows that have some left, the highest score first, in turns; ties fall at
    random."""
    some = left[rows] > 0
    rows, scores = rows[some], scores[some]
    return in_turns(rows[top(scores, budget, rng)], left, budget)


@dataclass(frozen=True)
class Repeated:
    """Any strategy, and always so many answers a row.

    Where no unlabelled row is left, those with the fewest answers are asked about again.

        >>> rows = Repeated(Margin(), times=2).select(asked, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses rows, without hearing answers
    times : queries of each row while somebody is left to ask; of a batch's last one what is left
    """

    inner: Strategy
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
    """Any strategy, and a fraction of each batch for labelled rows.

    Labelled rows come while there are any that somebody can be asked about, and more of them where
    the unlabelled ones run out. O(n k) beside the inner strategy.

        >>> queries = AskAgain(Margin(), by="doubt").select(asked, 10, rng)

    Parameters
    ----------
    inner : strategy that chooses the new rows
    fraction : part of a batch for labelled rows, 0 to 1
    by : which labelled rows come first. ``disagreement``: those whose label the task model gives
        the least probability; ``doubt``: those whose likeliest class has the least in the
        consensus; ``change``: those whose likeliest class one more answer is likeliest to change
        (`chance_of_change`); ``random``. Without a consensus the first
    """

    inner: Strategy
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
        if new + len(again) < budget:  # all rows are queried, and some of the new ones once more
            more, rest = rng.permutation(state.unlabelled), np.maximum(state.remaining - 1, 0)
            spare = budget - new - len(again)
            again = np.concatenate([again, best_first(more, rng.random(free), rest, spare, rng)])
        return (
            followed(self.inner.select(state.without_relabeling(), new, rng), again)
            if new
            else again
        )

    def worth(self, state: State, rows: Ints) -> Floats:
        """(m,) how soon each of these labelled rows is asked about again."""
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
    """What a strategy chose, array or generator, and some rows after it."""
    if isinstance(choice, np.ndarray):
        return np.concatenate([choice, last])
    return _followed(choice, last)


def _followed(choice: Querying, last: Ints) -> Querying:
    rest = yield from choice
    return last if rest is None else np.concatenate([rest, last])


def chance_of_change(probs: Floats, accuracy: float) -> Floats:
    """(m,) probability that one more answer changes the likeliest class, by Bayes' rule.

    probs: (m, k) q of the true class; accuracy: a of whoever answers, whose errors are even,
    ``e = (1 - a) / (k - 1)``. An answer c comes with ``a q_c + e (1 - q_c)`` and makes c the
    likeliest class in place of t where ``a q_c > e q_t``: the sum over these c. Zero where a is
    chance or less, when an answer says nothing.
    """
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
    and of what is known of its label, which is the consensus of a labelled row (zero where there is
    none) and nothing, log k, of an unlabelled one. With alpha 0 it asks about the same rows for
    ever, as the paper warns; its impact sampling, which fits a model for each candidate, is not
    here. The paper knows one accuracy of everybody; the consensus is the label model's. O(n k).

        >>> rows = ReLabel(alpha=0.3).select(asked, 10, rng)

    Parameters
    ----------
    alpha : weight of the label's entropy, 0 to 1
    """

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
    """The rows whose label is least certain, new or again (Goh and Mueller, 2023; cleanlab).

    Labelled and unlabelled rows have one score, by a classifier (`views`) and the annotators as far
    as they agree; the lowest come first. The task model stands in for the classifier where labels
    are few. A place that is nobody's counts as an annotator. O(folds n d k + v a).

        >>> rows = ActiveLab(l2=3.0).select(asked, 10, rng)

    Parameters
    ----------
    folds : parts of the labels that the classifier is held out from
    l2 : penalty of its weights
    """

    version: ClassVar = 2  # 1: folds were fitted in the features' own coordinates
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
    """(m, a') answers about the labelled rows by those who gave any, NaN where there is none; of a
    single annotator the labels."""
    if state.annotator_pool is None:
        return state.labels[state.labelled][:, None].astype(float)
    places = np.searchsorted(state.labelled, state.answers.rows)
    return answer_table(state, state.labelled, places)
