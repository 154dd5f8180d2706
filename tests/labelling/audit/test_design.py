"""The design of an audit: a random order in each stratum, and strata that take turns."""

import numpy as np

from al_bench.labelling.audit.design import NEVER, next_audited, reserve

GUESSES = np.repeat([0, 1, 2], [60, 30, 10])


def test_a_reserve_is_a_part_of_every_stratum_in_a_random_order() -> None:
    strata, places = reserve(GUESSES, 0.2, np.random.default_rng(0))
    np.testing.assert_array_equal(strata, GUESSES)
    for stratum, size in enumerate([12, 6, 2]):
        own = places[strata == stratum]
        assert sorted(own[own != NEVER]) == list(range(size))


def test_each_row_of_a_stratum_is_audited_first_equally_often() -> None:
    first = np.zeros(len(GUESSES))
    for seed in range(3000):
        first += reserve(GUESSES, 0.05, np.random.default_rng(seed))[1] == 0
    for stratum, size in enumerate([60, 30, 10]):
        often = first[stratum == GUESSES] / 3000
        assert abs(often - 1 / size).max() < 5 * np.sqrt(1 / size / 3000)


def test_guesses_that_skip_a_class_leave_no_empty_stratum() -> None:
    strata, _ = reserve(np.array([4, 4, 1]), 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(strata, [1, 1, 0])


def test_strata_take_turns_by_the_root_of_their_size() -> None:
    strata, places = reserve(np.repeat([0, 1], [900, 100]), 1 - 1e-9, np.random.default_rng(0))
    chosen = next_audited(strata, places, np.empty(0, dtype=np.int64), 40)
    assert np.bincount(strata[chosen]).tolist() == [30, 10]  # 3:1, not 9:1


def test_batches_one_by_one_audit_what_one_batch_would() -> None:
    strata, places = reserve(GUESSES, 0.3, np.random.default_rng(0))
    asked = np.empty(0, dtype=np.int64)
    whole = next_audited(strata, places, asked, 12)
    for size in (1, 4, 5, 2):
        asked = np.concatenate([asked, next_audited(strata, places, asked, size)])
    assert set(asked) == set(whole)


def test_an_audit_ends_with_its_reserve_and_audits_nothing_without_a_budget() -> None:
    strata, places = reserve(GUESSES, 0.1, np.random.default_rng(0))
    nothing = np.empty(0, dtype=np.int64)
    chosen = next_audited(strata, places, nothing, 1000)
    np.testing.assert_array_equal(np.sort(chosen), np.flatnonzero(places != NEVER))
    assert [len(next_audited(strata, places, nothing, budget)) for budget in (0, -1)] == [0, 0]
