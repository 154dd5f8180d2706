"""The belief in every pool row's class: foundation model and task model, pooled by the answers.

Training rules and ``codecision`` share this arithmetic. Two experts give class probabilities: the
foundation model its prior q, and a logistic regression p on the frozen features, predicted out of
fold. They are pooled log-linearly, ``f_k ~ p_k^b q_k^a``. The exponents, the annotator's noise rate
and the posterior of every labelled row's true class are estimated jointly from the answers alone
(`mean_pool`). Several forms of both experts are fitted; their pools are averaged,
weighted by how well each predicts held-out answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import ClassVar, TypeAlias

import numpy as np

from al_bench.belief.experts import class_bias, divided_prior
from al_bench.belief.multi_annotator import AnswerTable, vote_targets
from al_bench.belief.opinion_pool import (
    PoolFit,
    mean_multi_annotator,
    mean_pool,
    pooled,
)
from al_bench.core.arrays import one_hot, require, softmax, unit
from al_bench.core.logistic import curvature
from al_bench.core.state import Consensus, Floats, Ints, Rows, State
from al_bench.crowd.consensus import consensus_of
from al_bench.crowd.crossfit import (
    FoldModel,
    everywhere,
    fold_models,
    fold_numbers,
    held_out,
    log_floor,
)

DOUBT_OF_EVIDENCE = 2.0  # divides the evidence: rows are not drawn at random, nor independent
Beforehand: TypeAlias = tuple[Floats, Floats, tuple[float, float]]
LEAST = 1e-3  # forms with a smaller weight are dropped


@dataclass(frozen=True)
class Belief:
    """pool: (n, k) class probabilities under equal class frequencies; for labelled rows, their
    posterior. fit: None before any label. belief_fn: gives class probabilities of any rows, (m, k),
    without using answers."""

    pool: Floats
    fit: PoolFit | None
    belief_fn: Callable[[Rows], Floats]


@dataclass(frozen=True)
class AnswerTargets:
    """Regression targets made from the answers.

    answers: (m,) class of each labelled row, argmax of its targets; targets: (m, k); sureness: (m,)
    sample weights, or None; votes: all answers, with several annotators only.
    """

    answers: Ints
    targets: Floats
    sureness: Floats | None = None
    votes: AnswerTable | None = None

    @classmethod
    def of(cls, state: State, log_prior: Floats, beforehand: Beforehand) -> AnswerTargets:
        """The targets of a state; log_prior: (m, k) of its labelled rows; beforehand: the priors of
        exponents and noise."""
        if state.annotator_pool is None:
            answers = state.labels[state.labelled]
            return cls(answers, one_hot(answers, state.n_classes))
        votes, (mean, precision, noise) = AnswerTable.of(state), beforehand
        _, gain = mean_multi_annotator(log_prior[None], votes, mean[1:], precision[1:], noise)
        targets, sureness = vote_targets(votes, gain)
        return cls(targets.argmax(axis=1), targets, sureness, votes)


@dataclass(frozen=True, eq=False)
class CrossFitModel:
    """A regression fitted in folds, and its class bias (k,), which is subtracted."""

    models: Sequence[FoldModel]
    bias: Floats


@dataclass(frozen=True, eq=False)
class MixtureComponent:
    """A form of the two experts: the regression, the prior's shift, the exponents (2,) of both, and
    the form's weight in the average."""

    expert: CrossFitModel
    shift: float
    exponents: Floats
    weight: float


@dataclass(frozen=True, eq=False)
class Mixture:
    """The weighted average of all forms, for any rows; means: (k,) logarithms of the prior's class
    frequencies in the pool; known: cached rows and their probabilities."""

    forms: Sequence[MixtureComponent]
    means: Floats
    known: tuple[Rows, Floats] | None = None

    def __call__(self, rows: Rows) -> Floats:
        """(m, k) probabilities. O(folds m d k) for every regression, O(1) for cached rows."""
        if self.known is not None and rows is self.known[0]:
            return self.known[1]
        log_prior, features = log_floor(rows.prior), unit(rows.features)
        log_probs = {
            expert: everywhere(expert.models, features) - expert.bias
            for expert in dict.fromkeys(form.expert for form in self.forms)
        }
        pool = np.zeros(log_prior.shape)
        for form in self.forms:
            prior = divided_prior(log_prior, self.means, form.shift)
            both = np.stack([log_probs[form.expert], prior])
            pool += form.weight * pooled(both, form.exponents)
        return pool


def prior_alone(rows: Rows) -> Floats:
    """(m, k) belief before any answer."""
    return softmax(log_floor(rows.prior))


@dataclass(frozen=True)
class AveragedBelief:
    """The pool of the prior and an out-of-fold logistic regression, fitted to the answers (ours).

    Exponents and noise rate are posterior means (`mean_pool`): the likeliest ones blame a good
    foundation model for a few noisy answers. Every pair of a ridge and a shift is one form of the
    two experts, fitted on its own. The belief is the mean of all forms, weighted by
    ``exp(evidence / 2)`` (Bayesian model averaging: Hoeting et al., 1999).

        >>> belief = AveragedBelief(l2_grid=[1.0]).believe(state, rng)

    Parameters
    ----------
    folds : cross-fitting folds of the regression on unit-norm features
    l2_grid : l2 penalties (ridges) of the regression; the default is strong, as labels are few and
        some wrong
    prior_exponents : shifts; the prior is divided by its class frequencies to these powers (Saerens
        et al., 2002)
    exponents, precision : mean and precision of the normal prior of the exponents of (task model,
        foundation model)
    noise : pseudo-counts of (wrong, right) answers; by default nearly any rate alike
    bias_pseudocount : answers of a class at which half of its `class_bias` is removed
    by_classes : whether l2_grid is in units of `curvature`, so that the penalty is no stronger for
        many classes with few answers each than for two
    confusion_pseudocount : if given, learn which classes are confused, with this many
        pseudo-answers per class for evenly spread errors. Unused with several annotators, whose
        habits are always learned
    """

    folds: int = 4
    l2_grid: Sequence[float] = (8.0,)
    prior_exponents: Sequence[float] = (0.0, 1.0)
    exponents: tuple[float, float] = (1.0, 1.0)
    precision: tuple[float, float] = (2.0, 2.0)
    noise: tuple[float, float] = (0.5, 2.0)
    bias_pseudocount: float = 10.0
    by_classes: bool = True
    confusion_pseudocount: float | None = None

    version: ClassVar = 2  # 1: a gate, and frequencies of the answers, noise and all
    several: ClassVar = 2  # 1: fitted each annotator's competence, which absorbed experts' errors

    def __post_init__(self) -> None:
        given = ("l2_grid", "prior_exponents", "exponents", "precision", "noise")
        for name in given:  # a config gives lists
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        for name, values in (("l2_grid", self.l2_grid), ("prior_exponents", self.prior_exponents)):
            fine = len(values) and min(values) >= 0
            require(bool(fine), self, "one at least, none below 0", **{name: list(values)})
        pseudocount = self.confusion_pseudocount
        fine = pseudocount is None or pseudocount > 0
        require(fine, self, "more than 0, or null", confusion_pseudocount=pseudocount)

    @property
    def beforehand(self) -> Beforehand:
        """The priors: mean and precision of the exponents, pseudo-counts of the noise rate."""
        return np.array(self.exponents), np.array(self.precision), self.noise

    def believe(self, state: State, rng: np.random.Generator) -> Belief:
        """The belief of a state. O(folds iterations m d k) time for every ridge, and O(folds n d k)
        for each ridge of non-zero weight; O(n k) memory."""
        if len(state.labelled) == 0:
            return Belief(prior_alone(state.rows), None, prior_alone)
        rows = state.labelled
        labelled = state.rows.take(rows)
        prior = log_floor(labelled.prior)
        means = np.log(np.maximum(state.rows.prior.mean(axis=0, dtype=np.float64), 1e-12))
        learned = AnswerTargets.of(state, prior, self.beforehand)
        folds = fold_numbers(learned.answers, self.folds, rng)
        experts = self.experts(unit(labelled.features), learned, folds)
        pairs = list(product(experts, self.prior_exponents))
        fits = [
            self.fit(learned, own, divided_prior(prior, means, shift)) for (_, own), shift in pairs
        ]
        weights = softmax(np.array([[fit.evidence for fit in fits]]) / DOUBT_OF_EVIDENCE)[0]
        weights = np.where(weights > LEAST, weights, 0)
        weights /= weights.sum()
        forms = [
            MixtureComponent(expert, shift, fit.exponents, weight)
            for ((expert, _), shift), fit, weight in zip(pairs, fits, weights, strict=True)
            if weight
        ]
        belief_fn = Mixture(forms, means)
        probs, fit = belief_fn(state.rows), PoolFit.mean(fits, weights)
        pool = probs.copy()
        pool[rows] = fit.posterior
        return Belief(pool, fit, replace(belief_fn, known=(state.rows, probs)))

    def experts(
        self, features: Floats, learned: AnswerTargets, folds: Ints
    ) -> Iterator[tuple[CrossFitModel, Floats]]:
        """One regression per ridge, with its held-out log-probabilities (m, k) of the labelled
        rows; features: (m, d) of these rows."""
        k = learned.targets.shape[1]
        # held-out rows of a class with one or two answers say nothing about the model: uniform
        few = np.bincount(learned.answers, minlength=k)[learned.answers] < 3
        unit_ridge = curvature(k) if self.by_classes else 1.0
        for ridge in self.l2_grid:
            penalty = ridge * unit_ridge
            models = fold_models(features, learned.targets, folds, penalty, learned.sureness)
            own = held_out(models, features)
            bias = class_bias(own[~few], learned.answers[~few], self.bias_pseudocount)
            own = own - bias
            own[few] = -np.log(k)
            yield CrossFitModel(models, bias), own

    def fit(self, learned: AnswerTargets, own: Floats, log_prior: Floats) -> PoolFit:
        """The fitted pool of one form: regression and prior, log-probabilities (m, k) each."""
        experts = np.stack([own, log_prior])
        if learned.votes is None:
            return mean_pool(experts, learned.answers, *self.beforehand, self.confusion_pseudocount)
        return mean_multi_annotator(experts, learned.votes, *self.beforehand)[0]


def confident_rows(
    beliefs: Floats, rows: Ints, fraction: float, most: int, rng: np.random.Generator
) -> Ints:
    """The `fraction` of `rows` of highest confidence in each predicted class, at most `most` each.

    Row numbers, ascending; ties at random. O(r k + r log r) for r rows.
    """
    order = rng.permutation(rows)
    guesses, sureness = beliefs[order].argmax(axis=1), beliefs[order].max(axis=1)
    by_class = np.lexsort((-sureness, guesses))
    size = np.bincount(guesses, minlength=beliefs.shape[1])
    place = np.arange(len(order)) - (np.cumsum(size) - size)[guesses[by_class]]
    taken = np.minimum(np.ceil(fraction * size), most)[guesses[by_class]]
    return np.sort(order[by_class[place < taken]])


@dataclass(frozen=True)
class BeliefModel:
    """The belief as a label model (ours): several answers, weighted by each annotator's skill, are
    combined with foundation model and task model. Both models weigh less while few answers, or few
    that look wrong, have come in. Annotators are scored against the belief's posterior.

        >>> consensus = BeliefModel().infer(asked, rng)

    Parameters
    ----------
    belief : the belief that is computed
    """

    version: ClassVar = 2  # 1: the first treatment of several annotators
    belief: AveragedBelief = field(default_factory=AveragedBelief)

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        belief = self.belief.believe(state, rng)
        fit = belief.fit
        assert fit is not None
        assert fit.judged is not None
        made = consensus_of(state, state.labelled, fit.posterior)
        return replace(made, probs=fit.judged, belief=belief, believer=self.belief)


def belief_of(belief: AveragedBelief, state: State, rng: np.random.Generator) -> Belief:
    """The belief of a state; reused from the consensus if an equal `belief` computed that."""
    made = state.consensus
    if made is not None and isinstance(made.belief, Belief) and made.believer == belief:
        return made.belief
    return belief.believe(state, rng)
