"""Pools of annotators: how they err, who is who, and that bad ones are refused."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.rng import rng
from al_bench.core.state import ABSENT, Ints
from al_bench.data import (
    Alike,
    Ballots,
    Clean,
    Individuals,
    Largest,
    Misreading,
    OnRecord,
    Recorded,
    Symmetric,
    Uniform,
    WithModel,
    WithModels,
)
from al_bench.data.build import answers_of_several
from al_bench.data.types import Annotators, People, Truth
from al_bench.priors import Flat, Given
from al_bench.testing.situations import make_pool

N, K = 4000, 4


def look(n: int = N) -> Truth:
    rows, truth = make_pool(n=n, k=K)
    votes = np.random.default_rng(1).multinomial(5, [0.4, 0.3, 0.2, 0.1], size=n)
    named = np.where(np.random.default_rng(2).random((n, 3)) < 0.4, ABSENT, truth[:, None])
    named[:, 0] = truth
    people = {
        "raters": People(named, ("ann", "bob", "cy")),
        "three": People((truth[:, None] + np.arange(3)) % K, ()),
    }
    return Truth(truth, K, rows.features, {"votes": votes}, people, rows.prior)


def wrong(truth: Truth, answers: Ints) -> Ints:
    return answers != truth.labels[:, None]


def test_people_who_are_alike_err_as_often_and_each_for_himself() -> None:
    truth = look()
    crowd = Alike(3, Symmetric(0.3)).crowd(truth, rng(0, "annotators"))
    errors = wrong(truth, crowd.answers)
    np.testing.assert_allclose(errors.mean(axis=0), 0.3, atol=0.03)
    both = (errors[:, 0] & errors[:, 1]).mean()
    assert both == pytest.approx(0.09, abs=0.02)
    assert crowd.identified
    assert len(set(crowd.names)) == 3


def test_individuals_err_each_in_his_own_way_and_colluders_make_one_mistake() -> None:
    truth = look()
    members = {"good": Symmetric(0.1), "bad": Symmetric(0.6), "spam": Uniform(), "lazy": Largest()}
    crowd = Individuals(members, {"twin": "bad"}, {"good": 3.0}).crowd(truth, rng(0, "annotators"))
    assert crowd.names == ("good", "bad", "spam", "lazy", "twin")
    assert crowd.prices.tolist() == [3, 1, 1, 1, 1]
    rates = wrong(truth, crowd.answers).mean(axis=0)
    np.testing.assert_allclose(rates[:3], [0.1, 0.6, 0.75], atol=0.03)
    assert len(set(crowd.answers[:, 3])) == 1
    np.testing.assert_array_equal(crowd.answers[:, 1], crowd.answers[:, 4])


def test_another_member_shifts_nobodys_answers() -> None:
    truth = look()
    few = Individuals({"a": Symmetric(0.3), "b": Symmetric(0.3)}, {}, {})
    more = Individuals({"a": Symmetric(0.3), "b": Symmetric(0.3), "c": Uniform()}, {}, {})
    one, other = (pool.crowd(truth, rng(0, "annotators")) for pool in (few, more))
    np.testing.assert_array_equal(one.answers, other.answers[:, :2])


def test_people_who_misread_find_the_same_rows_hard() -> None:
    truth = look()
    crowd = Misreading([0.1, 0.3, 0.3], 5).crowd(truth, rng(0, "annotators"))
    errors = wrong(truth, crowd.answers)
    np.testing.assert_allclose(errors.mean(axis=0), [0.1, 0.3, 0.3], atol=0.03)
    assert (errors[:, 1] & errors[:, 2]).mean() > 1.3 * 0.09  # independent ones would give .09


def test_ballots_are_drawn_without_replacement() -> None:
    truth = look(300)
    table = Ballots("votes", 9).crowd(truth, rng(0, "annotators"))
    assert not table.identified
    assert table.answers.shape == (300, 5)
    counts = np.stack([(table.answers == c).sum(axis=1) for c in range(K)], axis=1)
    np.testing.assert_array_equal(counts, truth.columns["votes"])
    few = Ballots("votes", 2).crowd(truth, rng(0, "annotators")).answers
    np.testing.assert_array_equal(few, table.answers[:, :2])
    first = np.bincount(table.answers[:, 0], minlength=K) / 300
    np.testing.assert_allclose(first, truth.columns["votes"].sum(axis=0) / 1500, atol=0.08)


def test_recorded_persons_have_their_own_rows_and_places_come_in_a_drawn_order() -> None:
    truth = look(300)
    people = Recorded("raters").crowd(truth, rng(0, "annotators"))
    assert (people.identified, people.names) == (True, ("ann", "bob", "cy"))
    np.testing.assert_array_equal(people.answers, truth.people["raters"].answers)
    places = Recorded("three").crowd(truth, rng(0, "annotators"))
    assert not places.identified
    np.testing.assert_array_equal(
        np.sort(places.answers, axis=1), np.sort(truth.people["three"].answers, axis=1)
    )
    assert (places.answers[:, 0] == truth.labels).mean() == pytest.approx(1 / 3, abs=0.1)


def test_places_put_what_is_absent_last() -> None:
    truth = look(300)
    table = np.array(truth.people["raters"].answers)
    few = Truth(truth.labels, K, truth.features, {}, {"r": People(table, ())})
    answers = OnRecord(5).crowd(few, rng(0, "annotators")).answers
    there = answers != ABSENT
    assert np.all(there[:, :-1] >= there[:, 1:])
    assert there.sum() == (table != ABSENT).sum()


def test_who_answered_no_row_of_the_pool_is_not_there() -> None:
    truth = look(50)
    table = np.column_stack([truth.labels, np.full(50, ABSENT)])
    one = Truth(truth.labels, K, truth.features, {}, {"r": People(table, ("ann", "bob"))})
    assert Recorded("r").crowd(one, rng(0, "annotators")).names == ("ann",)


def test_the_foundation_model_answers_its_likeliest_class() -> None:
    truth = look(300)
    crowd = WithModel(Alike(2, Clean()), "clip").crowd(truth, rng(0, "annotators"))
    assert crowd.names[-1] == "clip"
    assert crowd.is_model.tolist() == [False, False, True]
    assert truth.prior is not None
    np.testing.assert_array_equal(crowd.answers[:, 2], truth.prior.argmax(axis=1))
    alike = np.where(np.arange(300)[:, None] < 9, 1 / K, truth.prior).astype(np.float32)
    crowd = WithModel(Alike(2, Clean())).crowd(replace(truth, prior=alike), rng(0, "annotators"))
    assert np.flatnonzero(crowd.answers[:, 2] == ABSENT).tolist() == list(range(9))
    beside = WithModel(Alike(2, Clean()), "other", Flat(Given()))
    crowd = beside.crowd(replace(truth, ask=lambda prior: alike), rng(0, "annotators"))
    assert np.flatnonzero(crowd.answers[:, 2] == ABSENT).tolist() == list(range(9))
    with pytest.raises(ValueError, match="no prior to ask"):
        beside.crowd(truth, rng(0, "annotators"))


def test_models_on_record_give_their_most_frequent_answer_or_none() -> None:
    truth = look(300)
    votes = np.array(truth.columns["votes"])
    votes[:100] = 0
    votes[100:200] = [3, 3, 1, 0]
    truth = replace(truth, columns={"yi": truth.columns["votes"], "qwen": votes})
    crowd = WithModels(["yi", "qwen"], Alike(2, Clean())).crowd(truth, rng(0, "annotators"))
    assert crowd.names[2:] == ("yi", "qwen")
    assert crowd.is_model.tolist() == [False, False, True, True]
    own = np.take_along_axis(truth.columns["yi"], crowd.answers[:, [2]], axis=1)[:, 0]
    np.testing.assert_array_equal(own, truth.columns["yi"].max(axis=1))
    assert set(crowd.answers[:100, 3]) == {ABSENT}
    assert np.mean(crowd.answers[100:200, 3] == 0) == pytest.approx(0.5, abs=0.2)
    assert set(crowd.answers[100:200, 3]) == {0, 1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: WithModels([]), "columns is empty"),
        (lambda: Alike(0, Clean()), "count=0; wanted 1 or more"),
        (lambda: Individuals({}, {}, {}), "no members; wanted one"),
        (lambda: Individuals({"a": Clean()}, {"b": "x"}, {}), "copies names 'x'; there are a"),
        (lambda: Individuals({"a": Clean()}, {}, {"c": 1}), "prices names 'c'"),
        (lambda: Individuals({"a": Clean()}, {}, {"a": 0}), "prices got a=0; wanted more than 0"),
        (lambda: Misreading([], 5), "rates is empty"),
        (lambda: Misreading([1.2], 5), "rate=1.2; wanted 0 or more and under 1"),
        (lambda: Ballots("votes", 0), "most=0; wanted 1 or more"),
    ],
)
def test_a_pool_of_nobody_or_of_nonsense_is_refused(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("annotators", "said"),
    [
        (Recorded("nobody"), "no people 'nobody'; it has raters, three"),
        (Ballots("nothing", 3), "no human column 'nothing'; it has votes"),
        (OnRecord(3), "several people's answers under the names raters, three, votes"),
        (WithModel(Ballots("votes", 3), "clip"), "beside persons alone"),
        (WithModels(["votes"], Ballots("votes", 3)), "beside persons alone"),
        (WithModels(["gemma"]), "no human column 'gemma'; it has votes"),
    ],
)
def test_answers_that_are_not_on_record_are_missed_in_a_sentence(
    annotators: Annotators, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        annotators.crowd(look(50), rng(0, "annotators"))


def test_noise_beside_annotators_is_refused() -> None:
    with pytest.raises(ValueError, match=r"annotators \(Alike\) and noise \(Symmetric\) both say"):
        answers_of_several(Alike(2, Clean()), Symmetric(0.2), look(50), 0)
