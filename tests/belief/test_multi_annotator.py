"""The belief of several answers: skill from agreement, spammers unmasked, one answer as ever."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.belief import multi_annotator as several
from al_bench.belief.belief import AveragedBelief, BeliefModel, belief_of
from al_bench.belief.multi_annotator import AnswerTable, learned_skills, vote_targets
from al_bench.belief.opinion_pool import mean_multi_annotator
from al_bench.core.arrays import one_hot, softmax
from al_bench.core.logistic import balanced_weights, logistic
from al_bench.core.state import ABSENT, AnnotatorPool, Floats, Ints, Rows, State
from al_bench.crowd import Majority
from al_bench.testing.situations import make_pool
from tests.reference import several as slow

K = 4
NOISE = (1.0, 9.0)
BEFORE = (np.ones(1), np.full(1, 4.0), NOISE)


def told(
    rates: list[float | str], n: int = 400, times: int = 1, seed: int = 0, identified: bool = True
) -> tuple[State, Ints]:
    """`times` answers about each of n rows, by people of these error rates in turn (`largest`: the
    largest class, always)."""
    rows, truth = make_pool(n=n, k=K, seed=seed)
    rng = np.random.default_rng([seed, 9])
    table = np.empty((n, len(rates)), dtype=np.int64)
    for who, rate in enumerate(rates):
        flipped = rng.random(n) < (rate if isinstance(rate, float) else 0)
        table[:, who] = np.where(flipped, (truth + rng.integers(1, K, n)) % K, truth)
        if rate == "largest":
            table[:, who] = 0
    count = len(rates)
    nobody = np.zeros(count, dtype=bool)
    annotator_pool = AnnotatorPool(
        tuple(map(str, range(count))), table != ABSENT, np.ones(count), nobody, identified
    )
    state = State.start(rows, annotator_pool, allow_relabel=True)
    for time in range(times):
        who = (np.arange(n) + time) % count
        state = state.tell(np.arange(n), table[np.arange(n), who], who)
    return state, truth


def log_prior(state: State) -> Floats:
    return np.log(np.maximum(state.rows.prior[state.labelled], 1e-6))


def errors(state: State) -> Floats:
    """(a,) how often each one errs by his other answers, held against the prior."""
    votes = AnswerTable.of(state)
    _, gain = mean_multi_annotator(log_prior(state)[None], votes, *BEFORE)
    odds = np.exp(gain)
    errs = 1 - odds / (odds + votes.k - 1)
    return np.bincount(votes.who, errs) / np.bincount(votes.who)


def test_skills_are_those_of_a_slow_reference() -> None:
    state, _ = told([0.1, 0.4, "largest"], n=25, times=1)
    state = state.tell(np.arange(6), np.arange(6) % K, (np.arange(6) + 1) % 3)
    votes, rate = AnswerTable.of(state), 0.2
    posterior, gain = np.exp(log_prior(state)), np.linspace(0.1, 2, len(votes.said))
    posterior = posterior / posterior.sum(axis=1, keepdims=True)
    skills = learned_skills(votes, posterior, gain, rate)
    sure = posterior[votes.place, votes.said]
    others = sure / (sure + (1 - sure) * np.exp(gain))
    answers = list(zip(votes.place.tolist(), votes.who.tolist(), votes.said.tolist(), strict=True))
    constants = (several.SHIFTS, several.SPREADS, several.BEFORE)
    constants += (several.ALONE, several.IDLE, several.HABIT)
    wanted = slow.skills(answers, others.tolist(), rate, K, *constants)
    found = np.concatenate(skills.chances(votes, np.array([rate])), axis=1)
    assert_allclose(found, wanted, rtol=1e-6)


def test_sums_are_those_of_one_answer_after_the_other() -> None:
    state, _ = told([0.1, 0.4, "largest"], n=40, times=2)
    votes = AnswerTable.of(state)
    weights = np.random.default_rng(0).random((len(votes.said), 2))
    by_row, by_person = np.zeros((40, K)), np.zeros((3, 2))
    for place, who, said, weight in zip(votes.place, votes.who, votes.said, weights, strict=True):
        by_row[place, said] += weight[0]
        by_person[who] += weight
    np.testing.assert_array_equal(votes.by_row(weights[:, 0]), by_row)
    np.testing.assert_array_equal(votes.by_person(weights), by_person)
    cells, order, of_cell, of_row = votes.groups
    sums = np.add.reduceat(weights[order, 0], of_cell)
    assert_allclose(sums, by_row.take(cells))
    assert_allclose(np.add.reduceat(sums, of_row), by_row.sum(axis=1))


def test_skill_shows_in_agreement_with_the_prior_even_with_one_answer_a_row() -> None:
    found = errors(told([0.05, 0.3, 0.6, 0.75], n=800)[0])
    assert np.all(np.diff(found) > 0.05)
    assert found[0] < 0.2 < 0.65 < found[3]


def test_who_always_says_the_largest_class_is_no_authority() -> None:
    found = errors(told([0.1, "largest"], n=400)[0])
    assert found[0] < 0.2 < 0.6 < found[1]


@pytest.mark.parametrize("bad", [0.75, 0.95])
def test_spammers_and_adversaries_are_found_where_rows_are_shared(bad: float) -> None:
    found = errors(told([0.1, 0.2, bad, 0.1], n=60, times=3)[0])
    assert found[2] > 0.6 > 0.3 > max(found[[0, 1, 3]])


def test_a_spammers_word_teaches_nothing_and_a_tie_teaches_both() -> None:
    state, _ = told([0.05, 0.75], n=600, times=2)
    votes = AnswerTable.of(state)
    _, gain = mean_multi_annotator(log_prior(state)[None], votes, *BEFORE)
    targets, sureness = vote_targets(votes, gain)
    assert_allclose(targets.sum(axis=1), 1)
    good = votes.said[votes.who == 0][np.argsort(votes.place[votes.who == 0])]
    bad = votes.said[votes.who == 1][np.argsort(votes.place[votes.who == 1])]
    split = good != bad
    assert (targets[split].argmax(axis=1) == good[split]).mean() == 1
    assert sureness[~split].mean() > sureness[split].mean()
    assert ((sureness >= 0) & (sureness <= 1)).all()
    even, nothing = vote_targets(votes, np.ones(len(votes.said)))
    assert_allclose(even[split].max(axis=1), 0.5)
    assert (nothing[split] < nothing[~split].min()).all()


def test_a_class_that_nobody_said_is_taught_to_no_regression() -> None:
    state, _ = told([0.1, 0.2], n=12)
    votes = AnswerTable.of(state)
    targets, _ = vote_targets(votes, np.full(len(votes.said), 1.5))
    np.testing.assert_array_equal(targets, one_hot(votes.said, K))


def test_answers_of_no_person_share_one_skill() -> None:
    state, _ = told([0.1, 0.6], n=200, times=2, identified=False)
    _, gain = mean_multi_annotator(log_prior(state)[None], AnswerTable.of(state), *BEFORE)
    assert_allclose(gain, gain[0])


def alone(state: State) -> State:
    """The same answers, of an only annotator; of two about a row the last one."""
    answers = state.answers
    return State.start(state.rows).tell(answers.rows, answers.classes)


def with_people(rows: Rows, index: Ints, said: Ints, who: Ints, count: int = 2) -> State:
    every, nobody = np.ones((len(rows), count), dtype=bool), np.zeros(count, dtype=bool)
    annotator_pool = AnnotatorPool(
        tuple(map(str, range(count))), every, np.ones(count), nobody, identified=True
    )
    return State.start(rows, annotator_pool, allow_relabel=True).tell(index, said, who)


AVERAGED = AveragedBelief()


@pytest.mark.parametrize("identified", [True, False])
def test_a_panel_of_one_person_is_believed_as_an_only_annotator(identified: bool) -> None:
    state, _ = told([0.3], n=60, identified=identified)
    several, one = (AVERAGED.believe(s, np.random.default_rng(0)) for s in (state, alone(state)))
    assert several.fit is not None
    assert one.fit is not None
    assert_allclose(several.fit.exponents, one.fit.exponents, rtol=1e-4)
    assert_allclose(several.fit.noise, one.fit.noise, rtol=1e-4)
    assert_allclose(several.fit.evidence, one.fit.evidence, rtol=1e-4)
    assert_allclose(several.pool, one.pool, atol=1e-4)


def misled(seed: int, n: int = 300) -> tuple[Rows, Ints, np.random.Generator]:
    """Two classes, the second one rarer; a foundation model that favours one whatever the row."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < rng.choice([0.05, 0.2, 0.5])).astype(np.int64)
    truth[:2] = 0, 1
    features = rng.normal(size=(n, 10))
    features[:, :2] += rng.uniform(1, 3) * truth[:, None]
    score = rng.uniform(0.3, 2) * (truth - 0.5) + 1.2 * rng.normal(size=n) + rng.normal()
    prior = softmax(rng.uniform(0.5, 3) * np.stack([np.zeros(n), score], axis=1))
    return Rows(range(n), features.astype(np.float32), prior.astype(np.float32)), truth, rng


def test_people_who_share_no_row_and_err_alike_are_believed_as_one() -> None:
    rows, truth, rng = misled(1)
    index = rng.choice(300, 80, replace=False)
    said = np.where(rng.random(80) < 0.15, 1 - truth[index], truth[index])
    state = with_people(rows, index, said, np.arange(80) % 4, 4)
    several, one = (AVERAGED.believe(s, np.random.default_rng(0)) for s in (state, alone(state)))
    assert several.fit is not None
    assert one.fit is not None
    assert_allclose(several.fit.exponents, one.fit.exponents, atol=0.05)
    assert abs(several.fit.noise - one.fit.noise) < 0.03
    assert np.abs(several.pool - one.pool).mean() < 0.05


def accuracy(state: State, truth: Ints) -> float:
    """Of a regression that is taught the labels of a state."""
    x, targets = state.rows.features, one_hot(state.labels[state.labelled], 2)
    weights = balanced_weights(targets, np.ones(len(targets)))
    taught = x[state.labelled], targets, weights
    weight = logistic(*taught, 1.0, np.zeros(2), 1e-4, 50)
    return float(((x @ weight[:-1] + weight[-1]).argmax(axis=1) == truth).mean())


def test_right_answers_of_a_second_person_cost_no_accuracy_in_200_histories() -> None:
    model, costs, labels = BeliefModel(replace(AVERAGED, prior_exponents=(0.0,))), [], []
    for seed in range(200):
        rows, truth, rng = misled(seed)
        first, second = rng.choice([20, 40, 80]), rng.choice([1, 5, 20])
        index = rng.permutation(300)[: first + second]
        index = np.append(0, np.append(1, index[index > 1]))  # of each class one at least
        who = (np.arange(len(index)) >= first).astype(np.int64)
        state = with_people(rows, index, truth[index], who)
        judged = state.agreed(model.infer(state, rng), rng)
        costs.append(accuracy(alone(state), truth) - accuracy(judged, truth))
        labels.append((judged.labels[index] == truth[index]).mean())
    assert max(costs) < 0.01
    assert np.mean(labels) > 0.999


def test_the_consensus_is_better_than_the_majority() -> None:
    state, truth = told([0.05, 0.2, 0.6, 0.7, "largest"], n=300, times=3)
    rng = np.random.default_rng(0)
    ours, plain = (m.infer(state, rng) for m in (BeliefModel(), Majority()))
    right = [(c.probs.argmax(axis=1) == truth[c.rows]).mean() for c in (ours, plain)]
    assert right[0] > right[1] + 0.1
    skill = ours.right.sum(axis=1) / ours.asked.sum(axis=1)
    assert skill[0] > 0.85 > 0.55 > skill[3]


def test_the_same_answers_in_another_order_are_believed_alike() -> None:
    state, _ = told([0.1, 0.3], n=80, times=2)
    order = np.random.default_rng(1).permutation(len(state.answers))
    parts = (state.answers.rows, state.answers.annotators, state.answers.classes)
    turned = replace(state, answers=type(state.answers)(*(part[order] for part in parts)))
    assert_allclose(errors(state), errors(turned))


def test_a_training_rule_reads_the_belief_of_an_equal_belief_alone() -> None:
    state, _ = told([0.1, 0.5, "largest"], n=120, times=2)
    made = BeliefModel().infer(state, np.random.default_rng(0))
    state = state.agreed(made, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    assert belief_of(AveragedBelief(), state, rng) is made.belief
    for other in (AveragedBelief(bias_pseudocount=0.0), AveragedBelief(noise=NOISE)):
        assert np.abs(belief_of(other, state, rng).pool - made.belief.pool).max() > 1e-3
