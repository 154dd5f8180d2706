"""Imbalance: golden class counts, honest ratios, and which class is rare."""

from collections.abc import Callable

import numpy as np
import pytest

from al_bench.core.rng import rng
from al_bench.core.state import Ints
from al_bench.data.imbalance import LongTail, Merge, NaturalOrLongTail, OneVsRest, Step
from al_bench.data.types import Imbalance

CIFAR10 = np.repeat(np.arange(10), 5000)
CIFAR100 = np.repeat(np.arange(100), 500)
SVHN = np.repeat(np.arange(10), [4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659])
NATURAL_COUNTS = [1250, 1223, 1162, 896, 835, 86]
NATURAL = np.repeat(np.arange(6), NATURAL_COUNTS)


def counts(imbalance: Imbalance, labels: Ints, seed: int = 0) -> list[int]:
    kept = imbalance.keep(labels, int(labels.max()) + 1, rng(seed, "imbalance"))
    return np.bincount(kept.classes[labels[kept.rows]]).tolist()


@pytest.mark.parametrize(
    ("labels", "ratio", "total", "largest", "smallest"),
    [
        (CIFAR10, 10, 20_431, 5000, 500),
        (CIFAR10, 50, 13_996, 5000, 100),
        (CIFAR10, 100, 12_406, 5000, 50),
        (CIFAR100, 10, 19_573, 500, 50),
        (CIFAR100, 100, 10_847, 500, 5),
    ],
)
@pytest.mark.parametrize("order", ["fixed", "drawn"])
def test_long_tail_has_the_counts_of_the_literature(
    labels: Ints, ratio: float, total: int, largest: int, smallest: int, order: str
) -> None:
    found = counts(LongTail(ratio, order), labels)
    assert (sum(found), max(found), min(found)) == (total, largest, smallest)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (NATURAL, sorted(NATURAL_COUNTS, reverse=True)),  # 14.5 to 1: skewed enough as it is
        (CIFAR10, [5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100]),
        (CIFAR100[:25_000], None),
    ],
)
def test_natural_or_longtail_leaves_skewed_data_and_gives_others_a_tail(
    labels: Ints, wanted: list[int] | None
) -> None:
    found = sorted(counts(NaturalOrLongTail(10, 50, 20, 20, "drawn"), labels), reverse=True)
    tail = counts(LongTail(20, "fixed"), labels)  # of the many classes
    assert found == (tail if wanted is None else wanted)


@pytest.mark.parametrize(
    ("labels", "k", "wanted"),
    [
        (CIFAR10, 2, [5000, 45_000]),
        (CIFAR10, 3, [5000, 5000, 40_000]),
        (CIFAR100, 2, [500, 49_500]),
        (CIFAR100, 3, [500, 500, 49_000]),
        (CIFAR100, 10, [500] * 9 + [45_500]),
        (SVHN, 2, [4948, 68_309]),
        (SVHN, 3, [4948, 13_861, 54_448]),
    ],
)
def test_merge_clips_labels_as_galaxy_does(labels: Ints, k: int, wanted: list[int]) -> None:
    assert counts(Merge(k, "fixed"), labels) == wanted


def test_drawn_merge_keeps_the_order_of_the_classes_that_stay() -> None:
    kept = Merge(4, "drawn").keep(CIFAR10, 10, rng(3, "imbalance"))
    stay = np.flatnonzero(kept.classes < 3)
    assert kept.classes[stay].tolist() == [0, 1, 2]
    assert np.all(np.delete(kept.classes, stay) == 3)
    assert len(kept.rows) == len(CIFAR10)


@pytest.mark.parametrize(
    ("imbalance", "wanted"),
    [
        (LongTail(1, "drawn"), [5000] * 10),
        (Step(10, 0.3, "fixed"), [5000] * 7 + [500] * 3),
        (Step(10, 0.3, "drawn"), [5000] * 7 + [500] * 3),
        (Step(100, 0.01, "drawn"), [5000] * 9 + [50]),  # one class at least on each side
        (Step(100, 0.99, "drawn"), [5000] + [50] * 9),
    ],
)
def test_a_fraction_of_balanced_classes_is_rare(imbalance: Imbalance, wanted: list[int]) -> None:
    found = counts(imbalance, CIFAR10)
    assert sorted(found, reverse=True) == wanted
    assert found == wanted or imbalance.order == "drawn"  # type: ignore[attr-defined]


@pytest.mark.parametrize("imbalance", [LongTail(10, "drawn"), Step(10, 0.5, "drawn")])
def test_naturally_imbalanced_classes_never_grow_and_never_vanish(imbalance: Imbalance) -> None:
    for seed in range(20):
        found = np.array(counts(imbalance, NATURAL, seed))
        assert np.all(found <= np.bincount(NATURAL))
        assert np.all(found >= 1)
    extreme = LongTail(1e6, "fixed")
    assert counts(extreme, NATURAL)[-1] == 1


def test_one_vs_rest_reaches_the_rate_and_keeps_all_of_the_smaller_side() -> None:
    for rate in (0.01, 0.1, 0.3, 0.7):
        found = counts(OneVsRest(3, rate), CIFAR10)
        assert found[0] / sum(found) == pytest.approx(rate, rel=1e-2)
    assert counts(OneVsRest(0, 0.01), CIFAR10) == [455, 45_000]  # 45,000 / 99
    assert counts(OneVsRest(0, 0.5), CIFAR10) == [5000, 5000]


def test_what_is_drawn_differs_by_seed_and_is_the_same_for_equal_seed() -> None:
    for imbalance in (LongTail(100, "drawn"), Step(100, 0.1, "drawn")):
        rarest = [int(np.argmin(counts(imbalance, CIFAR10, seed))) for seed in range(12)]
        assert len(set(rarest)) > 3
    kept = [OneVsRest(rate=0.1).keep(CIFAR10, 10, rng(s, "imbalance")) for s in range(12)]
    assert len({int(np.argmin(one.classes)) for one in kept}) > 3
    for order in ("drawn", "fixed"):
        rows = [LongTail(10, order).keep(CIFAR10, 10, rng(s, "imbalance")).rows for s in (5, 5, 6)]
        np.testing.assert_array_equal(rows[0], rows[1])
        assert not np.array_equal(rows[0], rows[2])


def kept_of(imbalance: Imbalance) -> object:
    return imbalance.keep(NATURAL, 6, rng(0, "imbalance"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        *((lambda r=r: LongTail(r, "drawn"), "largest over smallest") for r in (0.1, -1, np.nan)),
        *((lambda r=r: Step(r, 0.5, "drawn"), "largest over smallest") for r in (0, np.inf)),
        *((lambda m=m: Step(10, m, "drawn"), f"minority={m}") for m in (0, 1, 1.5)),
        (lambda: Merge(1, "fixed"), "classes=1"),
        (lambda: kept_of(Merge(6, "fixed")), "classes=6; wanted fewer than the 6 of"),
        (lambda: kept_of(OneVsRest(9, 0.1)), "target=9"),
        (lambda: OneVsRest(0, 0), "rate=0"),
        (lambda: LongTail(10, "sorted"), "order='sorted'; wanted one of drawn, fixed"),
    ],
)
def test_impossible_settings_end_in_one_sentence(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
