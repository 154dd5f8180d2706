"""GLAD: how able an annotator is, and how hard a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from al_bench.core.state import Consensus, Floats, Ints, State
from al_bench.crowd.consensus import consensus_of, places_of, speakers

BEFORE = 1.0  # mean of the normal prior of abilities and of eases, and where both start


@dataclass(frozen=True)
class Glad:
    """Abilities of annotators times eases of rows, by expectation-maximisation
    (Whitehill et al., 2009).

    An answer is right with probability ``sigmoid(ability exp(ease))``, wrong ones spread evenly
    over the other classes; all classes are alike before any answer, abilities and eases are
    normal around 1. crowd-kit has the same model, but takes minutes for what takes a second here,
    and ends where the expected likelihood falls, which is no end. Answers that are nobody's in
    particular share one ability. O(n_iter (inner v + m k)).

        >>> consensus = Glad(n_iter=5).infer(asked, rng)

    Parameters
    ----------
    n_iter : steps, at most
    tol : gain of the log-posterior an answer, in nats, under which it ends
    inner : steps of L-BFGS in each
    """

    n_iter: int = 20
    tol: float = 1e-4
    inner: int = 10

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        answers, k = state.answers, state.n_classes
        rows, places = places_of(answers)
        who = speakers(state)
        size = int(who.max()) + 1
        point, before = np.full(size + len(rows), BEFORE), -np.inf
        probs, evidence = posterior(point, size, who, places, answers.classes, k)
        for _ in range(self.n_iter):
            if evidence - before < self.tol:
                break
            before = evidence
            hit = probs[places, answers.classes]
            point = improved(point, size, who, places, hit, self.inner)
            probs, evidence = posterior(point, size, who, places, answers.classes, k)
        return consensus_of(state, rows, probs)


def factors(point: Floats, size: int, who: Ints, places: Ints) -> tuple[Floats, Floats]:
    """(v,) ability and exponential of the ease of each answer; point: the abilities of `size`
    annotators and the eases of the rows."""
    return point[:size][who], np.exp(point[size:])[places]


def log_chances(score: Floats) -> tuple[Floats, Floats]:
    """(v,) log-probabilities that each answer is right and that it is wrong."""
    return -np.logaddexp(0.0, -score), -np.logaddexp(0.0, score)


def posterior(
    point: Floats, size: int, who: Ints, places: Ints, classes: Ints, n_classes: int
) -> tuple[Floats, float]:
    """(m, k) of the true class of each row, and the log-posterior of the point, an answer, up to a
    constant."""
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
    """Abilities and eases that make the answers likelier; hit: (v,) probability that each answer is
    right."""
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
