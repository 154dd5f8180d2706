"""When rules say stop, and whether what they promise holds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from al_bench.arithmetic import one_hot
from al_bench.audit.design import Audit
from al_bench.audit.estimate import estimate
from al_bench.audit.published import (
    MaxConfidence,
    OverallUncertainty,
    SelectedAccuracy,
    Stable,
    kappa,
)
from al_bench.audit.stopping import (
    Facts,
    Gain,
    StoppingRule,
    Target,
    looks,
    rise,
    spent,
)

N = 400
TRUTH = np.arange(N) % 2
STRATA = np.zeros(N, dtype=np.int64)


def facts(labels: int, guesses: np.ndarray, rows: np.ndarray, measured: bool = True) -> Facts:
    """A round whose audit has these rows; half measured where only looks are counted."""
    audit = Audit(rows, STRATA, TRUTH[rows])
    probs = np.where(one_hot(guesses, 2) > 0, 0.8, 0.2)
    found = estimate(probs, audit) if measured else None
    return Facts(labels, guesses, 0.5, 0.9, 0.5, audit, one_hot(audit.answers, 2), found)


def curve(levels: Sequence[float], each: int, seed: int) -> list[Facts]:
    """Rounds of 50 labels whose models are right on these fractions of rows, each right where the
    one before it was; the audit grows by `each`."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(N)
    ease = rng.permutation(N) / N
    rounds = []
    for number, level in enumerate(levels, start=1):
        guesses = np.where(ease < level, TRUTH, 1 - TRUTH)
        rounds.append(facts(50 * number, guesses, order[: each * number]))
    return rounds


def first_stop(rule: StoppingRule, rounds: list[Facts]) -> int | None:
    return next((n for n in range(len(rounds)) if rule.advice(rounds[: n + 1]).stop), None)


def test_errors_of_all_looks_together_are_no_more_than_one() -> None:
    assert sum(spent(0.05, look) for look in range(1, 2000)) <= 0.05
    assert spent(0.05, 1) == 0.025


def test_the_audit_is_looked_at_when_it_has_grown() -> None:
    sizes = list(range(8, 72, 8))
    rounds = [facts(1, TRUTH, np.arange(size), measured=False) for size in sizes]
    assert [sizes[n] for n in looks(rounds, 1.5)] == [24, 40, 64]
    assert looks(rounds, 1.0) == [2, 3, 4, 5, 6, 7]
    said = Target(0.5).advice(rounds[:2])
    assert (said.stop, said.why) == (False, "the audit is looked at next when it has 20 rows")
    assert "when it has 36 rows" in Target(0.5).advice(rounds[:4]).why


def test_a_target_is_met_once_the_estimate_is_surely_over_it() -> None:
    rounds = curve([0.5, 0.6, 0.9, 0.95, 0.95, 0.95], each=20, seed=0)
    stops = [n for n in range(6) if Target(0.75).advice(rounds[: n + 1]).stop]
    assert stops
    assert stops[0] >= 2
    floor = rounds[stops[0]].estimate.balanced.quantile(spent(0.05, stops[0] + 1))  # type: ignore[union-attr]
    assert floor > 0.75
    plain = Target(0.75, plain=True)
    assert first_stop(plain, rounds) == stops[0]
    assert ": accuracy is surely above" in plain.advice(rounds[: stops[0] + 1]).why


def test_a_target_that_is_not_reached_is_seldom_called_met_however_often_one_looks() -> None:
    runs = [curve([0.7] * 12, each=10, seed=seed) for seed in range(100)]
    paid, free = Target(0.72, growth=1.0, plain=True), Target(0.72, error=0.1, plain=True)
    assert np.mean([first_stop(paid, rounds) is not None for rounds in runs]) <= 0.05
    naive = [any(free.advice([one]).stop for one in rounds) for rounds in runs]
    assert np.mean(naive) > 0.08  # each look at 5 %


def test_the_rise_of_a_curve_is_found_on_the_audited_rows() -> None:
    levels = 0.5 + 0.1 * np.log(np.arange(1, 11))
    found = [rise(curve(levels, each=20, seed=seed)) for seed in range(40)]
    slopes, deviations = np.array(found).T
    assert np.mean(slopes) == pytest.approx(0.1, abs=0.01)
    assert np.mean(deviations) == pytest.approx(np.std(slopes), rel=0.6)
    assert np.mean(deviations) >= np.std(slopes)  # no correction for the finite pool


def test_a_gain_is_called_small_where_the_curve_is_flat_and_not_where_it_is_steep() -> None:
    flat = curve([0.8] * 10, each=20, seed=0)
    steep = curve(0.4 + 0.2 * np.log(np.arange(1, 11)), each=20, seed=0)
    rule = Gain(0.05)
    assert first_stop(rule, flat) is not None
    assert first_stop(rule, steep) is None
    assert not rule.advice(flat[:2]).stop


def test_agreement_of_models_is_the_kappa_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 4, 300)
    after = np.where(rng.random(300) < 0.7, before, rng.integers(0, 4, 300))
    assert kappa(before, after) == pytest.approx(cohen_kappa_score(before, after))
    assert kappa(before, before) == 1
    assert kappa(np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64)) == 1


def test_predictions_are_stable_after_enough_rounds_of_the_same_guesses() -> None:
    rows = np.arange(20)
    same = [facts(50, TRUTH, rows, measured=False)] * 4
    assert not Stable().advice(same[:3]).stop
    assert Stable().advice(same).stop
    other = facts(50, 1 - TRUTH, rows, measured=False)
    assert not Stable().advice([*same, other]).stop


def test_rules_of_the_literature_read_the_last_round() -> None:
    now = facts(50, TRUTH, np.arange(20), measured=False)
    sure = replace(now, uncertainty=0.01, doubt=1e-4, right=0.95)
    for rule in (OverallUncertainty(), MaxConfidence(), SelectedAccuracy()):
        assert not rule.advice([sure, now]).stop
        assert rule.advice([now, sure]).stop
        assert rule.promise.startswith("none")


def test_a_promise_says_its_numbers() -> None:
    assert "95% confidence" in Target(0.8).promise
    assert "balanced accuracy is over 80.0%" in Target(0.8).promise
    assert "next 100 labels are expected to gain less than 2.0%" in Gain(0.02).promise
