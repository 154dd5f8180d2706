"""What to believe of every pool row: a foundation model and a task model, weighed by answers.

The arithmetic that the training rules and ``codecision`` share. Two experts give class
probabilities: the foundation model its prior q, a logistic regression p on the frozen features,
seen only out of fold. They are pooled log-linearly, ``f_k ~ p_k^b q_k^a``; the exponents, the
annotator's noise rate and the posterior of every labelled row's true class are found together
(`fit_pool`, or `mean_pool`), from the answers alone. Several forms of both experts are tried, and
what they come to is averaged by how well each explains answers that it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import ClassVar, TypeAlias

import numpy as np

from al_bench.belief.experts import class_bias, curvature, divided_prior, prior_trust
from al_bench.belief.multi_annotator import AnswerTable, vote_targets
from al_bench.belief.opinion_pool import (
    PoolFit,
    fit_pool,
    mean_multi_annotator,
    mean_pool,
    pooled,
)
from al_bench.core.arrays import one_hot, require, softmax, unit
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

DOUBT_OF_EVIDENCE = 2.0  # by which it is divided: rows are chosen, and answers are not independent
Beforehand: TypeAlias = tuple[Floats, Floats, tuple[float, float]]
LEAST = 1e-3  # of a form's weight: those below are left out


@dataclass(frozen=True)
class Belief:
    """pool: (n, k) class probabilities, as if classes were equally frequent; the posterior where an
    answer is known. fit: None before any label. trust: in the foundation model, 0..1. belief_fn:
    the same for any rows, (m, k), without their answers."""

    pool: Floats
    fit: PoolFit | None
    trust: float
    belief_fn: Callable[[Rows], Floats]


@dataclass(frozen=True)
class AnswerTargets:
    """Answers as a regression learns them.

    answers: (m,) classes, of several answers a row what they come to; targets: (m, k) of these;
    sureness: (m,) of a row's answers, or None; votes: where there are several annotators.
    """

    answers: Ints
    targets: Floats
    sureness: Floats | None = None
    votes: AnswerTable | None = None

    @classmethod
    def of(cls, state: State, log_prior: Floats, beforehand: Beforehand) -> AnswerTargets:
        """The answers of a state; log_prior: (m, k) of their rows' classes; beforehand: what is
        thought of experts and noise."""
        if state.annotator_pool is None:
            answers = state.labels[state.labelled]
            return cls(answers, one_hot(answers, state.n_classes))
        votes, (mean, precision, noise) = AnswerTable.of(state), beforehand
        _, gain = mean_multi_annotator(log_prior[None], votes, mean[1:], precision[1:], noise)
        targets, sureness = vote_targets(votes, gain)
        return cls(targets.argmax(axis=1), targets, sureness, votes)


@dataclass(frozen=True, eq=False)
class CrossFitModel:
    """A regression in folds, and its bias (k,) for a class, which is taken away."""

    models: Sequence[FoldModel]
    bias: Floats


@dataclass(frozen=True, eq=False)
class MixtureComponent:
    """A pair of experts, the regression and the prior with a shift, their exponents (2,), and how
    far the pair is believed."""

    expert: CrossFitModel
    shift: float
    exponents: Floats
    weight: float


@dataclass(frozen=True, eq=False)
class Mixture:
    """What all forms say of any rows; means: (k,) logarithms of the prior's class frequencies in
    the pool; known: rows of whom it was asked, and what it said."""

    forms: Sequence[MixtureComponent]
    means: Floats
    trust: float
    known: tuple[Rows, Floats] | None = None

    def __call__(self, rows: Rows) -> Floats:
        """(m, k) probabilities. O(folds m d k) for every regression, nothing for known rows."""
        if self.known is not None and rows is self.known[0]:
            return self.known[1]
        log_prior, features = log_floor(rows.prior), unit(rows.features)
        said = {
            expert: everywhere(expert.models, features) - expert.bias
            for expert in dict.fromkeys(form.expert for form in self.forms)
        }
        pool = np.zeros(log_prior.shape)
        for form in self.forms:
            believed = self.trust * divided_prior(log_prior, self.means, form.shift)
            both = np.stack([said[form.expert], believed])
            pool += form.weight * pooled(both, form.exponents)
        return pool


def prior_alone(rows: Rows) -> Floats:
    """(m, k) the belief before any answer."""
    return softmax(log_floor(rows.prior))


@dataclass(frozen=True)
class OutOfFoldBelief:
    """The pool of the prior and an out-of-fold logistic regression, weighed by the answers.

    Every pair of a ridge and a shift is a form of the two experts, fitted for itself; the belief is
    the mean of all, weighed by ``exp(evidence / 2)`` (Bayesian model averaging: Hoeting et al.,
    1999). Exponents and noise rate are the likeliest (`fit_pool`). ValueError without a form.

        >>> belief = OutOfFoldBelief(l2_grid=[1.0]).believe(state, rng)

    Parameters
    ----------
    folds : of the regression on unit-norm features
    l2_grid : its l2 penalties
    prior_exponents : powers of the prior's class frequencies, by which it is divided (Saerens et
        al., 2002)
    exponents, precision : mean and precision of the normal prior of the exponents of (task model,
        foundation model)
    noise : pseudo-counts of (wrong, right) answers
    trust_gate : whether `trust` scales the prior down where answers contradict it
    bias_pseudocount : answers of a class at which half of its `class_bias` is removed
    by_classes : whether l2_grid are in units of `curvature`, so that many classes, of few answers
        each, are held no tighter than two
    """

    folds: int = 4
    l2_grid: Sequence[float] = (8.0,)
    prior_exponents: Sequence[float] = (0.0, 1.0)
    exponents: tuple[float, float] = (1.0, 1.0)
    precision: tuple[float, float] = (4.0, 4.0)
    noise: tuple[float, float] = (1.0, 9.0)
    trust_gate: bool = True
    bias_pseudocount: float = 10.0
    by_classes: bool = True

    # 1: folds in the features' own coordinates; 2: one form of the experts; 3: not by_classes
    version: ClassVar = 4
    several: ClassVar = 2  # 1: each one's competence was fitted, and took the experts' errors

    def __post_init__(self) -> None:
        for name in (
            "l2_grid",
            "prior_exponents",
            "exponents",
            "precision",
            "noise",
        ):  # lists, of a config
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        for name, values in (("l2_grid", self.l2_grid), ("prior_exponents", self.prior_exponents)):
            fine = len(values) and min(values) >= 0
            require(bool(fine), self, "one at least, none below 0", **{name: list(values)})

    @property
    def beforehand(self) -> Beforehand:
        """What is thought of exponents (mean and precision) and noise before any answer."""
        return np.array(self.exponents), np.array(self.precision), self.noise

    def believe(self, state: State, rng: np.random.Generator) -> Belief:
        """O(folds iterations m d k) time for every ridge, O(folds n d k) for each that counts; O(n
        k) memory."""
        if len(state.labelled) == 0:
            return Belief(prior_alone(state.rows), None, 1.0, prior_alone)
        rows, answers = state.labelled, state.labels[state.labelled]
        labelled = state.rows.take(rows)
        prior = log_floor(labelled.prior)
        faith = prior_trust(labelled.prior, answers) if self.trust_gate else 1.0
        means = np.log(np.maximum(state.rows.prior.mean(axis=0, dtype=np.float64), 1e-12))
        told = AnswerTargets.of(state, faith * prior, self.beforehand)
        folds = fold_numbers(told.answers, self.folds, rng)
        experts = self.experts(unit(labelled.features), told, folds)
        pairs = list(product(experts, self.prior_exponents))
        fits = [
            self.fit(told, own, faith * divided_prior(prior, means, shift))
            for (_, own), shift in pairs
        ]
        weights = softmax(np.array([[fit.evidence for fit in fits]]) / DOUBT_OF_EVIDENCE)[0]
        weights = np.where(weights > LEAST, weights, 0)
        weights /= weights.sum()
        forms = [
            MixtureComponent(expert, shift, fit.exponents, weight)
            for ((expert, _), shift), fit, weight in zip(pairs, fits, weights, strict=True)
            if weight
        ]
        belief_fn = Mixture(forms, means, faith)
        said, fit = belief_fn(state.rows), PoolFit.mean(fits, weights)
        pool = said.copy()
        pool[rows] = fit.posterior
        return Belief(pool, fit, faith, replace(belief_fn, known=(state.rows, said)))

    def experts(
        self, features: Floats, told: AnswerTargets, folds: Ints
    ) -> Iterator[tuple[CrossFitModel, Floats]]:
        """One for each ridge, and what it says of the labelled rows held out, (m, k)
        log-probabilities; features: (m, d) of these."""
        k = told.targets.shape[1]
        # held out, a class of one or two rows can hardly be predicted: no evidence on the model
        few = np.bincount(told.answers, minlength=k)[told.answers] < 3
        unit_ridge = curvature(k) if self.by_classes else 1.0
        for ridge in self.l2_grid:
            penalty = ridge * unit_ridge
            models = fold_models(features, told.targets, folds, penalty, told.sureness)
            own = held_out(models, features)
            bias = class_bias(own[~few], told.answers[~few], self.bias_pseudocount)
            own = own - bias
            own[few] = -np.log(k)
            yield CrossFitModel(models, bias), own

    def one(self, experts: Floats, answers: Ints) -> PoolFit:
        """What (e, m, k) experts come to by one answer a row, (m,)."""
        return fit_pool(experts, answers, *self.beforehand)

    def fit(self, told: AnswerTargets, own: Floats, log_prior: Floats) -> PoolFit:
        """Of one form of the experts, (m, k) each."""
        experts = np.stack([own, log_prior])
        if told.votes is None:
            return self.one(experts, told.answers)
        return mean_multi_annotator(experts, told.votes, *self.beforehand)[0]


@dataclass(frozen=True)
class AveragedBelief(OutOfFoldBelief):
    """`OutOfFoldBelief` whose exponents and noise rate are posterior means (`mean_pool`).

    The likeliest ones hold few noisy answers for the fault of a good foundation model.

        >>> belief = AveragedBelief(confusion_pseudocount=5.0).believe(state, rng)

    Parameters
    ----------
    folds, l2_grid, prior_exponents, exponents, precision, noise : as in `OutOfFoldBelief`
    trust_gate, bias_pseudocount, by_classes : as in `OutOfFoldBelief`
    confusion_pseudocount : if given, learn which classes are confused, with so many pseudo-answers
        a class for errors spread evenly. With several annotators each one's habit is learned
        anyhow
    """

    precision: tuple[float, float] = (2.0, 2.0)
    noise: tuple[float, float] = (0.5, 2.0)
    confusion_pseudocount: float | None = None

    version: ClassVar = 1
    several: ClassVar = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        fine = self.confusion_pseudocount is None or self.confusion_pseudocount > 0
        require(
            fine, self, "more than 0, or null", confusion_pseudocount=self.confusion_pseudocount
        )

    def one(self, experts: Floats, answers: Ints) -> PoolFit:
        return mean_pool(experts, answers, *self.beforehand, self.confusion_pseudocount)


def confident_rows(
    beliefs: Floats, rows: Ints, fraction: float, most: int, rng: np.random.Generator
) -> Ints:
    """Of each predicted class the `fraction` of `rows` it is surest of, at most `most` a class.

    Ascending; ties fall at random. O(r k + r log r) for r rows.
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
    """The belief as a label model: several answers, weighed by each annotator's skill, on top of
    what foundation model and task model say of the row, who are heard the less the fewer answers
    there are that look wrong (ours). An annotator's record is what the belief makes of his answers.

        >>> consensus = BeliefModel().infer(asked, rng)

    Parameters
    ----------
    belief : what says so
    """

    version: ClassVar = 2  # 1: the beliefs' first way with several annotators
    belief: OutOfFoldBelief = field(default_factory=AveragedBelief)

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        belief = self.belief.believe(state, rng)
        fit = belief.fit
        assert fit is not None
        assert fit.judged is not None
        made = consensus_of(state, state.labelled, fit.posterior)
        return replace(made, probs=fit.judged, belief=belief, believer=self.belief)


def belief_of(belief: OutOfFoldBelief, state: State, rng: np.random.Generator) -> Belief:
    """What a belief says, read off the consensus where an equal one made it."""
    made = state.consensus
    if made is not None and isinstance(made.belief, Belief) and made.believer == belief:
        return made.belief
    return belief.believe(state, rng)
