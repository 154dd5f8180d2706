"""When looks at an audit say stop, and whether what they promise holds."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from al_bench.core.arrays import one_hot
from al_bench.labelling.audit.design import Audit
from al_bench.labelling.audit.estimate import AuditEstimate, estimate
from al_bench.labelling.audit.stopping import ERROR, GAIN, Look, advice, due, look_at, rise, spent
from tests.labelling.audit.populations import make_population

N = 400
TRUTH = np.arange(N) % 2
STRATA = np.zeros(N, dtype=np.int64)
ENOUGH = {"a": 40, "b": 40}  # audited rows by class


def probs_of(guesses: np.ndarray) -> np.ndarray:
    return np.where(one_hot(guesses, 2) > 0, 0.8, 0.2)


def models(levels: Sequence[float] | np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An order of audited rows, and guesses (r, n) of models that are right on these fractions of
    rows, each right where the one before it was."""
    rng = np.random.default_rng(seed)
    order, ease = rng.permutation(N), rng.permutation(N) / N
    return order, np.stack([np.where(ease < level, TRUTH, 1 - TRUTH) for level in levels])


def looks(
    levels: Sequence[float] | np.ndarray, each: int, seed: int
) -> Iterator[tuple[Look | None, AuditEstimate, bool]]:
    """The last look after each 50 labels and `each` more audited rows, the estimate then, and
    whether the look is a new one."""
    order, guesses = models(levels, seed)
    last, count = None, 0
    for number in range(1, len(levels) + 1):
        rows, labels = order[: each * number], 50 * np.arange(1, number + 1)
        audit, then = Audit(rows, STRATA, TRUTH[rows]), guesses[:number, rows]
        found = estimate(probs_of(guesses[number - 1]), audit)
        new = len(rows) >= due(last)
        if new:
            count += 1
            last = look_at(count, found, audit, one_hot(audit.answers, 2), labels, then)
        yield last, found, new


def test_errors_of_all_looks_together_are_no_more_than_one() -> None:
    assert sum(spent(look) for look in range(1, 2000)) <= ERROR
    assert spent(1) == 0.025


def test_the_audit_is_looked_at_when_it_has_grown_by_half() -> None:
    found = list(looks([0.8] * 9, each=8, seed=0))
    assert [look.rows for look, _, new in found if new and look] == [24, 40, 64]
    first, estimated, _ = found[1]
    said = advice(first, estimated, ENOUGH, 0.5)
    assert not said.stop
    assert said.why == "nothing is concluded from fewer than 20 rows drawn at random"
    assert "next at 36 rows" in advice(*found[3][:2], ENOUGH, 0.9).why


def test_a_target_is_met_once_the_estimate_is_surely_over_it() -> None:
    found = list(looks([0.5, 0.6, 0.9, 0.95, 0.95, 0.95], each=20, seed=0))
    stops = [n for n, (look, now, _) in enumerate(found) if advice(look, now, ENOUGH, 0.75).stop]
    assert stops[0] >= 2
    look, now, _ = found[stops[0]]
    assert look is not None
    assert look.floor > 0.75
    assert look.floor == now.balanced.quantile(spent(look.number))
    assert "is above" in advice(look, now, ENOUGH, 0.75).why


def test_targets_that_are_not_reached_are_seldom_called_met_however_often_one_peeks() -> None:
    """Of a model that is never taught all answers go to its audit, and it is estimated after every
    four of them."""
    population = make_population((0.6, 0.4), n=600, sharp=1.2, seed=1)
    target = float(population.recalls.mean()) + 1e-3
    stopped, naive, runs = 0, 0, 100
    for seed in range(runs):
        whole = population.audit(120, seed)
        order = np.random.default_rng(seed).permutation(whole.rows)
        met, lucky, last, count = False, False, None, 0
        for size in range(20, 121, 4):
            rows = order[:size]
            audit = Audit(rows, population.strata, population.truth[rows])
            found = estimate(population.probs, audit)
            lucky |= found.balanced.quantile(spent(1)) > target  # as if each were the first look
            if size >= due(last):
                count += 1
                guesses = population.probs[rows].argmax(axis=1)[None]
                truths = one_hot(audit.answers, 2)
                last = look_at(count, found, audit, truths, np.zeros(1, dtype=np.int64), guesses)
            met |= advice(last, found, ENOUGH, target).stop
        stopped, naive = stopped + met, naive + lucky
    assert stopped / runs <= ERROR
    assert naive / runs > ERROR


def test_between_looks_the_last_one_is_shown_and_any_target_is_held_against_it() -> None:
    (*_, (look, now, _), (again, later, new)) = looks([0.9] * 4, each=12, seed=0)
    assert not new
    assert again == look
    assert look is not None
    for target in (look.floor - 0.01, look.floor + 0.01):
        assert advice(again, later, ENOUGH, target) == advice(look, now, ENOUGH, target)


def test_the_rise_of_a_curve_is_found_on_the_audited_rows() -> None:
    labels = 50 * np.arange(1, 11)
    found = []
    for seed in range(40):
        order, guesses = models(0.5 + 0.1 * np.log(np.arange(1, 11)), seed)
        rows = order[:200]
        audit = Audit(rows, STRATA, TRUTH[rows])
        found.append(rise(audit, one_hot(audit.answers, 2), labels, guesses[:, rows]))
    slopes, deviations = np.array(found).T
    assert np.mean(slopes) == pytest.approx(0.1, abs=0.01)
    assert np.mean(deviations) == pytest.approx(np.std(slopes), rel=0.6)
    assert np.mean(deviations) >= np.std(slopes)  # no correction for the finite pool


def test_a_gain_is_called_small_where_the_curve_is_flat_and_not_where_it_is_steep() -> None:
    flat = list(looks([0.8] * 15, each=25, seed=0))
    steep = looks(0.4 + 0.2 * np.log(np.arange(1, 16)), each=25, seed=0)
    assert advice(*flat[-1][:2], ENOUGH, None).stop
    assert not any(advice(look, now, ENOUGH, None).stop for look, now, _ in steep)
    assert "a curve needs models of three" in advice(*flat[0][:2], ENOUGH, None).why


def surely_enough(gain: float = 0.0) -> Look:
    return Look(1, 40, 100, floor=0.6, gain=gain, most=GAIN / 2)


@pytest.mark.parametrize("target", [None, 0.55])
def test_nobody_is_told_to_stop_while_the_audit_lacks_something(target: float | None) -> None:
    *_, (_, good, _) = looks([0.9] * 4, each=20, seed=0)
    *_, (_, bad, _) = looks([0.55] * 4, each=20, seed=0)
    assert advice(surely_enough(), good, ENOUGH, target).stop
    unseen = advice(surely_enough(), good, {"spam": 0, "ham": 60}, target)
    assert not unseen.stop
    assert unseen.why.startswith("rows drawn at random are 0 of class spam")
    few = advice(surely_enough(), good, {"spam": 4, "ham": 60}, target)
    assert few.stop == (target is not None)
    guessing = advice(surely_enough(), bad, ENOUGH, target)
    assert not guessing.stop
    assert "so rows drawn at random do not show the model to be any better" in guessing.why


def test_nobody_is_told_to_stop_where_the_estimate_fell() -> None:
    *_, (_, good, _) = looks([0.9] * 4, each=20, seed=0)
    *_, (_, bad, _) = looks([0.5] * 4, each=20, seed=0)
    taught = advice(surely_enough(gain=-0.01), good, ENOUGH, None)
    assert not taught.stop
    assert "balanced accuracy fell as labels came" in taught.why
    since = advice(surely_enough(), bad, ENOUGH, 0.58)
    assert not since.stop
    assert "but it fell: it is estimated at" in since.why
    now = good.balanced_accuracy.value
    fell = advice(Look(1, 40, 100, floor=now + 0.01, gain=0, most=0), good, ENOUGH, None)
    assert (fell.stop, fell.why.partition(":")[0]) == (False, "balanced accuracy fell")


def test_a_rare_class_is_searched_until_nearly_all_of_it_is_found() -> None:
    *_, (_, good, _) = looks([0.9] * 4, each=20, seed=0)
    for part, stop in ((0.94, False), (0.95, True)):
        look = Look(1, 40, 100, floor=0.6, gain=None, most=None, found=part)
        assert advice(look, good, ENOUGH, None).stop == stop
    assert not advice(look, good, {"rare": 4, "other": 60}, None).stop


def test_a_model_that_finds_hardly_a_positive_is_not_called_good_enough() -> None:
    """Four rows of class 1 are found among 164 and 40 are missed, by every model so far."""
    truth = np.zeros(2000, dtype=np.int64)
    truth[:44] = 1
    guesses = np.zeros(2000, dtype=np.int64)
    guesses[:4] = guesses[44:204] = 1
    rows = np.r_[0:44:5, 44:2000:10]
    audit = Audit(rows, np.zeros(2000, dtype=np.int64), truth[rows])
    found = estimate(probs_of(guesses), audit)
    labels = np.array([50, 100, 150, 200])
    then = np.tile(guesses[rows], (4, 1))
    look = look_at(1, found, audit, one_hot(audit.answers, 2), labels, then)
    assert look.most is not None
    assert look.most < GAIN
    assert not advice(look, found, ENOUGH, None).stop
