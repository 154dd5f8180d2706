"""The belief of several answers: skill from agreement, spammers unmasked, one answer as ever."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.configuration.config import build
from al_bench.configuration.plan import plan
from al_bench.label_models import Majority, several
from al_bench.label_models.belief import AveragedBelief, OutOfFoldBelief, belief_of
from al_bench.label_models.several import Votes, learned_skills, said_targets
from al_bench.state import ABSENT, Floats, Ints, Panel, State
from al_bench.testing.situations import make_pool
from tests.reference.several import learned

K = 4
NOISE = (1.0, 9.0)
GIVEN = (
    4,
    (8.0,),
    (0.0, 1.0),
    (1.0, 1.0),
    (4.0, 4.0),
    NOISE,
    True,
    10.0,
    True,
)  # as configs/belief/version_2.yaml


def told(
    rates: list[float | str], n: int = 400, times: int = 1, seed: int = 0, persons: bool = True
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
    panel = Panel(tuple(map(str, range(count))), table != ABSENT, np.ones(count), nobody, persons)
    state = State.start(rows, panel, reask=True)
    for time in range(times):
        who = (np.arange(n) + time) % count
        state = state.tell(np.arange(n), table[np.arange(n), who], who)
    return state, truth


def log_prior(state: State) -> Floats:
    return np.log(np.maximum(state.rows.prior[state.labelled], 1e-6))


def test_skills_are_those_of_a_slow_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    state, _ = told([0.1, 0.4, "largest"], n=40, times=2)
    monkeypatch.setattr(several, "SWEEPS", 5)
    votes = Votes.of(state)
    skills = learned_skills(votes, log_prior(state), NOISE)
    answers = list(zip(votes.place, votes.who, votes.said, strict=True))
    odds = np.exp(log_prior(state).astype(float))
    priors = dict(enumerate((odds / odds.sum(axis=1, keepdims=True)).tolist()))
    theta, habit = learned(answers, priors, K, 3, NOISE, several.OWN, several.HABIT, 5)
    assert_allclose(skills.competence, theta, rtol=1e-5)
    assert_allclose(skills.habit, habit, rtol=1e-5)


def test_sums_are_those_of_one_answer_after_the_other() -> None:
    state, _ = told([0.1, 0.4, "largest"], n=40, times=2)
    votes = Votes.of(state)
    weights = np.random.default_rng(0).random(len(votes.said))
    by_row, by_annotator = np.zeros((40, K)), np.zeros((3, K))
    for place, who, said, weight in zip(votes.place, votes.who, votes.said, weights, strict=True):
        by_row[place, said] += weight
        by_annotator[who, said] += weight
    np.testing.assert_array_equal(votes.by_row(weights), by_row)
    np.testing.assert_array_equal(votes.tally(weights), by_annotator)
    habit = by_annotator / by_annotator.sum(axis=1, keepdims=True)
    skills = several.Skills(np.array([0.9, 0.5, 0.1]), habit)
    knows = skills.competence[votes.who]
    gain = knows / ((1 - knows) * habit[votes.who, votes.said])
    np.testing.assert_array_equal(skills.gain(votes), gain)
    np.testing.assert_array_equal(skills.evidence(votes), votes.by_row(np.log1p(gain)))


def test_skill_shows_in_agreement_with_the_prior_even_with_one_answer_a_row() -> None:
    state, _ = told([0.05, 0.3, 0.6, 0.75], n=800)
    competence = learned_skills(Votes.of(state), log_prior(state), NOISE).competence
    assert np.all(np.diff(competence) < -0.05)
    assert competence[0] > 0.8
    assert competence[3] < 0.3


def test_who_always_says_the_largest_class_is_no_authority() -> None:
    state, _ = told([0.1, "largest"], n=400)
    competence = learned_skills(Votes.of(state), log_prior(state), NOISE).competence
    assert competence[1] < 0.3 < 0.7 < competence[0]


def test_a_spammers_word_teaches_nothing_and_a_tie_teaches_both() -> None:
    state, _ = told([0.05, 0.75], n=600, times=2)
    votes = Votes.of(state)
    targets, sureness = said_targets(votes, learned_skills(votes, log_prior(state), NOISE))
    assert_allclose(targets.sum(axis=1), 1)
    good = votes.said[votes.who == 0][np.argsort(votes.place[votes.who == 0])]
    bad = votes.said[votes.who == 1][np.argsort(votes.place[votes.who == 1])]
    split = good != bad
    assert (targets[split].argmax(axis=1) == good[split]).mean() == 1
    assert sureness[~split].mean() > sureness[split].mean()
    assert ((sureness >= 0) & (sureness <= 1)).all()


def test_answers_of_no_person_share_one_skill() -> None:
    state, _ = told([0.1, 0.6], n=200, times=2, persons=False)
    skills = learned_skills(Votes.of(state), log_prior(state), NOISE)
    assert skills.competence.shape == (1,)


def believed(belief: str = "version_2") -> object:
    options = ["label_model=belief", f"belief@label_model.belief={belief}", "annotators=alike"]
    (job,) = plan(options, None)
    return build(job.config.label_model)


@pytest.mark.parametrize("belief", ["version_2", "averaged"])
def test_the_consensus_is_better_than_the_majority(belief: str) -> None:
    state, truth = told([0.05, 0.2, 0.6, 0.7, "largest"], n=300, times=3)
    rng = np.random.default_rng(0)
    ours, plain = (m.infer(state, rng) for m in (believed(belief), Majority()))  # type: ignore[attr-defined]
    right = [(c.probs.argmax(axis=1) == truth[c.rows]).mean() for c in (ours, plain)]
    assert right[0] > right[1] + 0.1
    skill = ours.right.sum(axis=1) / ours.asked.sum(axis=1)
    assert skill[0] > 0.85 > 0.55 > skill[3]


def test_the_same_answers_in_another_order_are_believed_alike() -> None:
    state, _ = told([0.1, 0.3], n=80, times=2)
    order = np.random.default_rng(1).permutation(len(state.answers))
    turned = replace(
        state,
        answers=type(state.answers)(
            state.answers.rows[order], state.answers.annotators[order], state.answers.classes[order]
        ),
    )
    one, other = (
        learned_skills(Votes.of(s), log_prior(s), NOISE).competence for s in (state, turned)
    )
    assert_allclose(one, other)


def test_a_training_rule_reads_the_belief_of_an_equal_belief_alone() -> None:
    state, _ = told([0.1, 0.5, "largest"], n=120, times=2)
    model = believed()
    made = model.infer(state, np.random.default_rng(0))  # type: ignore[attr-defined]
    state = state.agreed(made, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    assert belief_of(OutOfFoldBelief(*GIVEN), state, rng) is made.belief
    for other in (OutOfFoldBelief(*GIVEN[:-2], 0.0, True), AveragedBelief(*GIVEN, None)):
        assert np.abs(belief_of(other, state, rng).pool - made.belief.pool).max() > 1e-3
