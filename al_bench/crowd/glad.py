"""GLAD: a label model of annotators' abilities and rows' difficulties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Consensus, Floats, Ints, State
from al_bench.crowd.consensus import consensus_of, places_of, speakers

BEFORE = 1.0  # mean of the normal prior of abilities and of eases, and their start value


@dataclass(frozen=True)
class Glad:
    """Abilities of annotators times eases of rows, by expectation-maximisation
    (Whitehill et al., 2009).

    An answer is right with probability ``sigmoid(ability exp(ease))``; wrong answers are spread
    evenly over the other classes. Classes have a uniform prior, abilities and eases a normal prior
    around 1. crowd-kit's implementation of this model takes minutes where this takes a second, and
    may stop before it has converged. Unidentified annotators share one ability. O(n_iter (inner v +
    m k)).

        >>> consensus = Glad(n_iter=5).infer(asked, rng)

    Parameters
    ----------
    n_iter : EM steps, at most; at 20,000 rows of 3 answers, 100 steps label as many right, to 0.1
        points
    tol : EM stops once the log-posterior per answer grows by less, in nats
    inner : L-BFGS steps in each EM step
    """

    title = "GLAD"
    n_iter: int = 20
    tol: float = 1e-4
    inner: int = 10

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        answers, k = state.answers, state.n_classes
        rows, places = places_of(answers)
        annotators = speakers(state)
        size = int(annotators.max()) + 1
        point, before = np.full(size + len(rows), BEFORE), -np.inf
        probs, evidence = posterior(point, size, annotators, places, answers.classes, k)
        for _ in range(self.n_iter):
            if evidence - before < self.tol:
                break
            before = evidence
            hit = probs[places, answers.classes]
            point = improved(point, size, annotators, places, hit, self.inner)
            probs, evidence = posterior(point, size, annotators, places, answers.classes, k)
        return consensus_of(state, rows, probs)


def factors(point: Floats, size: int, who: Ints, places: Ints) -> tuple[Floats, Floats]:
    """(v,) ability of each answer's annotator, and exp(ease) of its row, from a point."""
    return point[:size][who], np.exp(point[size:])[places]


def log_chances(score: Floats) -> tuple[Floats, Floats]:
    """(v,) log-probabilities that each answer is right and that it is wrong."""
    return -np.logaddexp(0.0, -score), -np.logaddexp(0.0, score)


def posterior(
    point: Floats, size: int, who: Ints, places: Ints, classes: Ints, n_classes: int
) -> tuple[Floats, float]:
    """(m, k) posterior of the rows' true classes, and the log-posterior of the point per answer."""
    ability, ease = factors(point, size, who, places)
    right, wrong = log_chances(ability * ease)
    wrong = wrong - np.log(n_classes - 1)
    scores = np.zeros((len(point) - size, n_classes))
    scores += np.bincount(places, wrong, minlength=len(scores))[:, None]
    np.add.at(scores, (places, classes), right - wrong)
    most = scores.max(axis=1, keepdims=True)
    odds = np.exp(scores - most)
    total = odds.sum(axis=1, keepdims=True)
    evidence = np.sum(most + np.log(total)) - 0.5 * np.sum((point - BEFORE) ** 2)
    return odds / total, float(evidence) / len(who)


def improved(point: Floats, size: int, who: Ints, places: Ints, hit: Floats, steps: int) -> Floats:
    """The M-step: better abilities and eases; hit: (v,) probability that each answer is right."""
    from scipy.optimize import minimize

    def loss(point: Floats) -> tuple[float, Floats]:
        ability, ease = factors(point, size, who, places)
        right, wrong = log_chances(ability * ease)
        away = point - BEFORE
        pull = (hit - np.exp(right)) * ease
        abilities = np.bincount(who, pull, minlength=size)
        eases = np.bincount(places, pull * ability, minlength=len(point) - size)
        likely = hit @ right + (1 - hit) @ wrong - 0.5 * away @ away
        return -float(likely), away - np.concatenate([abilities, eases])

    found = minimize(loss, point, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return np.asarray(found.x)
