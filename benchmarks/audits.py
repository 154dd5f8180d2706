"""Audits of replays: who is audited, what is said of them, and how good the model truly is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from replays import SHARE, Replay
from scipy.stats import norm

from al_bench.arithmetic import one_hot
from al_bench.audit.beta import Beta
from al_bench.audit.design import NEVER, Audit, next_audited
from al_bench.audit.estimate import Estimate, Interval, estimate
from al_bench.audit.sample import deviations, joined, weights
from al_bench.audit.stopping import Facts
from al_bench.audit.truths import agreed, corrected, symmetric
from al_bench.metrics import balanced
from al_bench.state import Floats, Ints

# how an audited row is answered, and what its answers are taken for
CLEAN, ONE, KNOWN, THREE = "truth", "one answer", "one answer, known rate", "three answers"
OURS, ALONE, WALD = "ours", "without predictions", "Wald"


@dataclass(frozen=True)
class Draw:
    """One audit of a replay: rows of the reserve in the order they are audited, by their numbers in
    it, and three answers about each, (m, 3)."""

    order: Ints
    answers: Ints


def draws(replay: Replay, rate: float, count: int, seed: int) -> Iterator[Draw]:
    """Audits of the same design as the first, each with an order and answers of its own."""
    k, strata = replay.probs.shape[2], replay.strata[replay.held]
    nobody, most = np.empty(0, dtype=np.int64), int(SHARE * replay.labels[-1])
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        places = np.argsort(rng.random(len(strata)))  # an order of all is one within each stratum
        assert not np.any(places == NEVER)
        order = next_audited(strata, places, nobody, most)
        said = np.repeat(replay.truth[:, None], 3, axis=1)
        wrong = (said + rng.integers(1, k, said.shape)) % k
        yield Draw(order, np.where(rng.random(said.shape) < rate, wrong, said))


def probabilities(replay: Replay, number: int) -> Floats:
    """(m, k) of the reserve, by the model of a round."""
    probs = replay.probs[number].astype(np.float64)
    return np.asarray(probs / probs.sum(axis=1, keepdims=True))


def sampled(replay: Replay, draw: Draw, number: int, how: str) -> Audit:
    """The rows audited by the end of a round, with one answer each."""
    rows = draw.order[: int(SHARE * replay.labels[number])]
    said = replay.truth if how == CLEAN else draw.answers[:, 0]
    return Audit(rows, replay.strata[replay.held], said[rows])


def truths_of(audit: Audit, draw: Draw, rate: float, how: str, k: int) -> Floats | None:
    """(a, k) what is said of the true class; None where answers agree no more than by chance."""
    if how in (CLEAN, ONE):
        return one_hot(audit.answers, k)
    if how == KNOWN:
        return corrected(audit.answers, symmetric(rate, k))
    try:
        return agreed(draw.answers[audit.rows], k)[0]
    except ValueError:  # few rows, many errors
        return None


def history(replay: Replay, draw: Draw, rate: float, how: str) -> list[Facts]:
    """The rounds of a replay as stopping rules see them, with such an audit."""
    rounds = []
    for number, labels in enumerate(replay.labels.tolist()):
        probs = probabilities(replay, number)
        audit = sampled(replay, draw, number, how)
        truths = truths_of(audit, draw, rate, how, probs.shape[1])
        found = (audit, truths, estimate(probs, audit, truths=truths))
        known: tuple[Any, ...] = (None, None, None) if truths is None else found
        seen = (float(x[number]) for x in (replay.uncertainty, replay.doubt, replay.right))
        rounds.append(Facts(labels, probs.argmax(axis=1), *seen, *known))
    return rounds


def true_values(replay: Replay) -> list[tuple[float, float]]:
    """Accuracy and balanced accuracy on the whole reserve, round by round."""
    truth, k = replay.truth, replay.probs.shape[2]
    guesses = replay.probs.argmax(axis=2)
    return [(float(np.mean(truth == guess)), balanced(truth, guess, k)) for guess in guesses]


def wald(probs: Floats, audit: Audit, level: float = 0.95) -> Estimate:
    """The plain way: weighted means of the audited rows and normal intervals, by linearisation for
    recalls; NaN of a class that none of them has."""
    k, w = probs.shape[1], weights(audit.strata, audit.rows)
    strata, hit = joined(audit.strata[audit.rows]), probs[audit.rows].argmax(axis=1)
    right, own = hit == audit.answers, np.eye(k)[audit.answers]
    size = w @ own
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = (w * right) @ own / size
        pulls = w[:, None] * own * (right[:, None] - recall) / size
    some = size > 0
    each = deviations(np.nan_to_num(pulls), strata)
    total = (w * right)[:, None]
    width = norm.ppf((1 + level) / 2)

    def around(value: float, moves: Floats) -> Interval:
        half = width * np.sqrt((moves**2).sum())
        return Interval(value, value - half, value + half)

    return Estimate(
        around(float(w @ right), deviations(total, strata)),
        around(float(np.nanmean(recall)), each[:, some].mean(axis=1)),
        tuple(around(float(r), each[:, c]) for c, r in enumerate(recall)),
        len(audit.rows),
        Beta(1, 1),
        Beta(1, 1),
    )
