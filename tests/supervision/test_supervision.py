"""Training rules: provenance, targets and weights, and what each does with the prior."""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.belief.belief import AveragedBelief
from al_bench.belief.split import balanced_entropy, fm_guesses
from al_bench.core.state import Floats, State, Supervision, TrainingSet
from al_bench.supervision.human import (
    ConfidentLearning,
    Discrepancy,
    HumanLabels,
    Smoothed,
    SoftLabels,
)
from al_bench.supervision.posterior import (
    PoolByTruth,
    PosteriorLabels,
    PosteriorLabelsPool,
)
from al_bench.supervision.pseudo import AllPseudo, ConfidentSplit, Distill, SelfTraining
from al_bench.testing.situations import make_asked
from tests.conftest import make_state
from tests.pools import Given


def belief() -> AveragedBelief:
    return AveragedBelief(l2=4.0, prior_exponents=(0.0,))


def posterior_pool() -> PosteriorLabelsPool:
    return PosteriorLabelsPool(belief())


def taught(rule: Supervision, state: State) -> TrainingSet:
    return rule.training_set(state, np.random.default_rng(0))


def asked_of(state: State, training: TrainingSet) -> Floats:
    return state.labels[training.rows] >= 0


def test_human_labels_are_the_answers_and_nothing_else() -> None:
    state, _ = make_state()
    training = taught(HumanLabels(), state)
    assert training.rows.tolist() == state.labelled.tolist()
    assert training.targets.argmax(axis=1).tolist() == state.labels[state.labelled].tolist()
    assert training.targets.max() == training.weights.max() == 1


def test_smoothing_gives_its_share_to_all_classes_alike() -> None:
    state, _ = make_state(k=4)
    targets = taught(Smoothed(0.2), state).targets
    assert_allclose(np.sort(targets, axis=1), [[0.05, 0.05, 0.05, 0.85]] * len(targets), rtol=1e-6)


def test_answers_that_the_model_contradicted_when_they_came_weigh_less_for_good() -> None:
    first, truth = make_state(labelled=20)
    rule = Discrepancy(0.3)
    start = taught(rule, replace(first, training=None))
    assert (start.weights == 1).all()
    rows, weights = start.rows.tolist(), dict.fromkeys(start.rows.tolist(), 1.0)
    state, training = first, start
    for number in range(3):  # each round's model is another one
        flipped = state.rows.prior[:, np.roll(np.arange(state.n_classes), number)]
        state = replace(state, model=Given(flipped), training=training)
        new = state.unlabelled[:30]
        state = state.tell(new, truth[new])
        weights |= {
            int(row): 1.0 if flipped[row].argmax() == truth[row] else 0.3 for row in new.tolist()
        }
        training = taught(rule, state)
        assert training.rows.tolist() == state.labelled.tolist()
        assert_allclose(training.weights, [weights[row] for row in training.rows.tolist()])
    assert set(rows) < set(training.rows.tolist())
    assert len(set(np.round(training.weights, 3))) == 2


def test_soft_labels_are_the_consensus_or_without_one_the_answers() -> None:
    state = make_asked("people", labelled=30).state
    training = taught(SoftLabels(), state)
    assert state.consensus is not None
    assert training.rows.tolist() == state.consensus.rows.tolist()
    assert_allclose(training.targets, state.consensus.probs, rtol=1e-6)
    assert 0 < (training.targets.max(axis=1) < 1).sum() < 30
    alone, _ = make_state()
    plain = taught(HumanLabels(), alone)
    assert_allclose(taught(SoftLabels(), alone).targets, plain.targets)


def test_all_pseudo_teaches_every_row_and_lets_the_annotator_win() -> None:
    state, _ = make_state()
    training = taught(AllPseudo(), state)
    human = asked_of(state, training)
    assert sorted(training.rows) == list(range(len(state.labels)))
    classes = training.targets.argmax(axis=1)
    assert_allclose(classes[human], state.labels[training.rows[human]])
    assert_allclose(classes[~human], state.rows.prior[training.rows[~human]].argmax(axis=1))
    assert (training.weights == 1).all()
    assert (training.targets.max(axis=1) == 1).all()


def test_self_training_adds_of_each_class_the_rows_that_the_model_is_surest_of() -> None:
    state, _ = make_state()
    training = taught(SelfTraining(0.3, 4000, 0.1), state)
    human = asked_of(state, training)
    assert training.rows[human].tolist() == state.labelled.tolist()
    assert (training.targets.argmax(axis=1)[human] == state.labels[state.labelled]).all()
    assert training.targets.max() == training.targets.max(axis=1).min() == 1
    assert (training.weights[human] == 1).all()
    assert training.weights[~human].sum() == pytest.approx(0.1 * human.sum(), rel=1e-5)
    assert np.ptp(training.weights[~human]) == 0
    added = set(training.rows[~human].tolist())
    probs, free = state.probs, state.unlabelled
    assert added == set(training.rows.tolist()) & set(free.tolist())
    for c in range(4):
        of_class = [row for row in free if probs[row].argmax() == c]
        surest = sorted(of_class, key=lambda row: -probs[row, c])[
            : int(np.ceil(0.3 * len(of_class)))
        ]
        assert {row for row in added if probs[row].argmax() == c} == set(surest)
    classes = training.targets.argmax(axis=1)[~human]
    assert classes.tolist() == probs[training.rows[~human]].argmax(axis=1).tolist()


def test_self_training_is_capped_reads_no_prior_and_waits_for_a_model() -> None:
    state, _ = make_state()
    few = taught(SelfTraining(1.0, 8, 0.1), state)
    assert (few.targets[~asked_of(state, few)].sum(axis=0) <= 2).all()
    other = replace(state, rows=replace(state.rows, prior=state.rows.prior[::-1]))
    assert taught(SelfTraining(1.0, 8, 0.1), other).rows.tolist() == few.rows.tolist()
    before = State(state.rows, state.labels)  # its model is the prior
    assert taught(SelfTraining(1.0, 8, 0.1), before).rows.tolist() == state.labelled.tolist()


@pytest.mark.parametrize("rho", [0.0, 0.25, 1.0])
def test_the_confident_split_frees_the_share_that_rho_leaves(rho: float) -> None:
    state, _ = make_state(n=200, labelled=20)
    training = taught(ConfidentSplit(rho, "as_published", True, 1e-4), state)
    assert (~asked_of(state, training)).sum() == 180 - round(rho * 180)


def test_the_split_frees_the_rows_of_lowest_weighted_entropy() -> None:
    state, _ = make_state()
    rng = np.random.default_rng(0)
    guesses = fm_guesses(state.rows.prior, rng)
    scores = balanced_entropy(state, guesses, "as_published", True, 1e-4)
    training = taught(ConfidentSplit(0.5, "as_published", True, 1e-4), state)
    free = np.isin(state.unlabelled, training.rows)
    assert scores[free].max() <= scores[~free].min()


def test_distilling_fades_as_labels_come() -> None:
    fractions = []
    for labelled in (10, 40, 160):
        state, _ = make_state(n=200, k=4, labelled=labelled)
        training = taught(Distill(5), state)
        human = asked_of(state, training)
        fractions.append(training.weights[~human].sum() / training.weights.sum())
        assert_allclose(training.targets[~human], state.rows.prior[training.rows[~human]])
    assert_allclose(fractions, [20 / 30, 20 / 60, 20 / 180], rtol=1e-5)


def noisy_state(rate: float) -> State:
    """Four separable classes, 120 answers, some of them wrong."""
    state, truth = make_state(n=400, labelled=160, noise=0.5)
    rng = np.random.default_rng(3)
    rows = state.labelled
    wrong = rows[rng.random(len(rows)) < rate]
    labels = state.labels.copy()
    labels[wrong] = (truth[wrong] + rng.integers(1, 4, size=len(wrong))) % 4
    return State(state.rows, labels, state.model)


def test_vetting_doubts_wrong_answers_and_keeps_right_ones() -> None:
    state, clean = noisy_state(0.25), noisy_state(0.0)
    rows = state.labelled
    targets = taught(PosteriorLabels(belief()), state).targets
    kept = targets[np.arange(len(rows)), state.labels[rows]]
    right = state.labels[rows] == clean.labels[rows]
    assert kept[right].mean() > 0.9
    assert kept[~right].mean() < 0.4


def test_posterior_labels_pool_adds_unasked_rows_and_says_what_it_believes() -> None:
    state = noisy_state(0.2)
    for hard in (True, False):
        training = taught(PosteriorLabelsPool(belief(), hard=hard), state)
        human = asked_of(state, training)
        assert human.sum() == len(state.labelled)
        assert 0.6 * 240 < (~human).sum() < 0.8 * 240
        assert training.beliefs is not None
        assert training.beliefs.shape == (400, 4)
        free = training.targets[~human]
        likeliest = training.beliefs[training.rows[~human]].argmax(axis=1)
        assert free.argmax(axis=1).tolist() == likeliest.tolist()
        assert (free.max(axis=1) == 1).all() == hard


def test_pseudo_labels_weigh_less_where_a_class_has_many_answers() -> None:
    state, _ = make_state(labelled=60)
    k, human = state.n_classes, len(state.labelled)
    training = taught(replace(posterior_pool(), fade=60 / k / 4), state)
    counts = training.targets[:human].sum(axis=0)
    assert counts.min() < 60 / k < counts.max()
    assert (training.weights[:human] == 1).all()
    classes = training.targets[human:].argmax(axis=1)
    wanted = 60 / k / 4 / np.minimum(counts, 60 / k)
    assert_allclose(training.weights[human:], np.minimum(wanted, 1)[classes], rtol=1e-5)
    assert (taught(replace(posterior_pool(), fade=60 / k), state).weights == 1).all()


def test_the_pool_rows_are_capped_over_all_classes() -> None:
    training = taught(
        PosteriorLabelsPool(belief(), fraction=1.0, most=40), state := noisy_state(0.0)
    )
    free = training.targets[~asked_of(state, training)]
    assert (free.sum(axis=0) <= 10).all()


def test_confident_learning_drops_mostly_wrong_answers() -> None:
    state, clean = noisy_state(0.25), noisy_state(0.0)
    kept = taught(ConfidentLearning(4, 1.0), state).rows
    dropped = np.setdiff1d(state.labelled, kept)
    assert len(dropped) > 10
    assert (state.labels[dropped] != clean.labels[dropped]).mean() > 0.7


def test_confident_learning_never_empties_a_class() -> None:
    state, _ = make_state(n=60, labelled=12)
    kept = taught(ConfidentLearning(4, 1.0), state)
    assert set(state.labels[kept.rows]) == set(state.labels[state.labelled])


def test_confident_learning_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    with pytest.raises(ImportError, match="needs cleanlab"):
        taught(ConfidentLearning(4, 1.0), make_state()[0])


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Smoothed(1.0), "smoothing"),
        (lambda: Discrepancy(0.0), "weight=0.0; wanted more than 0"),
        (lambda: Distill(0), "worth"),
        (lambda: PosteriorLabelsPool(belief(), 0.0, 10, True), "fraction"),
        (lambda: SelfTraining(1.1, 10, 1.0), "fraction"),
        (lambda: SelfTraining(0.5, 0, 1.0), "most=0"),
        (lambda: SelfTraining(0.5, 1, 0.0), "weight=0"),
        (lambda: taught(ConfidentSplit(1.5, "none", True, 1e-4), make_state()[0]), r"rho=1\.5"),
        (lambda: taught(ConfidentSplit(0.5, "up", True, 1e-4), make_state()[0]), "weight='up'"),
        (lambda: PoolByTruth(posterior_pool(), "belief", "all", None), "free=.all.; wanted one of"),
        (
            lambda: taught(PoolByTruth(posterior_pool(), "belief", "truth", None), make_state()[0]),
            "call giv",
        ),
    ],
)
def test_options_out_of_range_are_named(make: Callable[[], object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()


@pytest.mark.parametrize("answered", ["nothing", "belief", "truth"])
@pytest.mark.parametrize("free", ["nothing", "belief", "truth"])
def test_the_pool_by_truth_teaches_what_its_rule_does_but_as_told(answered: str, free: str) -> None:
    state, truth = make_state(labelled=60)
    rule = posterior_pool()
    if answered == free == "nothing":
        with pytest.raises(ValueError, match="nothing for both"):
            PoolByTruth(rule, answered, free, truth)
        return
    whole, training = taught(rule, state), taught(PoolByTruth(rule, answered, free, truth), state)
    kinds = np.where(asked_of(state, whole), answered, free)
    assert training.rows.tolist() == whole.rows[kinds != "nothing"].tolist()
    by_truth = kinds[kinds != "nothing"] == "truth"
    guesses = training.targets.argmax(axis=1)
    assert guesses[by_truth].tolist() == truth[training.rows[by_truth]].tolist()
    believed = np.isin(whole.rows, training.rows[~by_truth])
    assert training.targets[~by_truth].tolist() == whole.targets[believed].tolist()
