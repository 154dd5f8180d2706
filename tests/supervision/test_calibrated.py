"""How far a belief is heard beside the model: by what both said before answers were known."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.arrays import one_hot, softmax
from al_bench.core.loop import Parts, Round, active_learning
from al_bench.core.metrics import evaluate
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.problem import Problem
from al_bench.core.state import Floats, Ints, Prequential, Rows, State, Supervision, TrainingSet
from al_bench.data.protocol import Counts
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from al_bench.supervision.calibrated import Calibrated, learned_blend_weight, prequential_of
from al_bench.supervision.human import HumanLabels
from al_bench.testing.situations import SoftmaxModel, make_pool
from tests.pools import small_problem

Draws = np.random.Generator


def spoken(truth: Ints, right: float, rng: Draws) -> Floats:
    """(h, 4) log-probabilities of somebody who is right, and sure, so often."""
    said = np.where(rng.random(len(truth)) < right, truth, (truth + rng.integers(1, 4)) % 4)
    scores = 3.0 * one_hot(said, 4) + rng.normal(0, 0.3, (len(truth), 4))
    return np.asarray(np.log(softmax(scores)))


def heard(
    own: float, believed: float, noise: float = 0.0, n: int = 300
) -> tuple[Prequential, Ints]:
    """What a model and a belief, right so often, said of rows, and answers of which so many lie."""
    rng = np.random.default_rng(0)
    truth = rng.integers(4, size=n)
    answers = np.where(rng.random(n) < noise, (truth + rng.integers(1, 4, size=n)) % 4, truth)
    both = (spoken(truth, share, rng) for share in (own, believed))
    return Prequential(np.arange(n), *both), answers


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_better_of_model_and_belief_is_heard(noise: float) -> None:
    assert learned_blend_weight(*heard(0.6, 0.9, noise), 0.5, 2.0) > 2
    assert learned_blend_weight(*heard(0.9, 0.6, noise), 0.5, 2.0) < 0.5
    assert 0.5 < learned_blend_weight(*heard(0.8, 0.8, noise), 0.5, 2.0) < 2


def test_without_answers_the_power_is_what_was_given() -> None:
    nothing, none = heard(0.6, 0.9, n=0)
    for blend_weight in (0.25, 0.5, 3.0):
        assert learned_blend_weight(nothing, none, blend_weight, 2.0) == pytest.approx(blend_weight)


def test_the_less_it_is_doubted_the_less_it_moves() -> None:
    powers = [
        learned_blend_weight(*heard(0.6, 0.9, n=20), 0.5, blend_log2_sd)
        for blend_log2_sd in (0.01, 0.5, 2.0)
    ]
    assert powers == sorted(powers)
    assert powers[0] == pytest.approx(0.5, rel=0.01)


def test_the_mean_is_that_of_a_slow_reading() -> None:
    known, answers = heard(0.7, 0.8, 0.2, n=40)
    seen = np.array([np.sum(answers == c) + 0.5 for c in range(4)])
    powers, weights = [], []
    for deviation in np.linspace(-2.5, 2.5, 21):
        power, total = 0.5 * 4**deviation, 0.0
        for rate in np.linspace(0.005, 0.6, 13):
            chance = np.exp(-(deviation**2) / 2)
            for own, believed, answer in zip(known.model, known.belief, answers, strict=True):
                joint = np.exp((own + power * believed) / (1 + power)) * seen
                hit = joint[answer] / joint.sum()
                chance *= (1 - rate) * hit + rate / 3 * (1 - hit)
            total += chance
        powers.append(np.log2(power))
        weights.append(total)
    wanted = 2 ** np.average(powers, weights=weights)
    assert learned_blend_weight(known, answers, 0.5, 2.0) == pytest.approx(wanted, rel=1e-6)


class AnswerTargets(Supervision):
    """Teaches the annotated rows, and believes something that does not depend on them."""

    def __init__(self, belief: Floats) -> None:
        self.belief_fn: Callable[[Rows], Floats] = lambda rows: belief[
            rows.features[:, 0].astype(int)
        ]

    def training_set(self, state: State, rng: Draws) -> TrainingSet:
        taught = HumanLabels().training_set(state, rng)
        return replace(taught, belief_fn=self.belief_fn)


def test_what_is_foreseen_was_said_before_the_answers_round_by_round() -> None:
    rows, truth = make_pool(n=60, k=4)
    rows = replace(rows, features=np.column_stack([np.arange(60), rows.features]).astype("f4"))
    rng = np.random.default_rng(0)
    belief = rng.dirichlet(np.ones(4), 60)
    rule = Calibrated(AnswerTargets(belief), 0.5, 2.0)
    state, wanted = State(rows, np.full(60, -1)), []
    for number, new in enumerate(np.arange(60).reshape(6, 10)[:3]):
        if number:
            said = CalibratedPredictor(state)
            wanted.append(said.own(state.model.predict_proba(rows.take(new))))
        state = state.tell(new, truth[new], np.zeros(10, dtype=np.int64))
        training = rule.training_set(state, rng)
        model = SoftmaxModel(rng.normal(size=(4, rows.features.shape[1])) / 30, np.zeros(4))
        state = replace(state, training=training, model=model)
        if number == 0:
            assert training.prequential is None
            assert training.exponents == pytest.approx((2 / 3, 1 / 3))
    found = training.prequential
    assert found is not None
    assert found.rows.tolist() == list(range(10, 30))
    np.testing.assert_allclose(found.model, np.concatenate(wanted), rtol=1e-6)
    np.testing.assert_allclose(found.belief, np.log(belief[10:30]), rtol=1e-6)
    weight = learned_blend_weight(found, truth[10:30], 0.5, 2.0)
    assert training.exponents == pytest.approx((1 / (1 + weight), weight / (1 + weight)))


def test_a_rule_that_never_judged_has_foreseen_nothing() -> None:
    rows, truth = make_pool(n=60, k=4)
    state = State(rows, np.full(60, -1)).tell(np.arange(9), truth[:9], np.zeros(9, dtype=np.int64))
    assert prequential_of(state) is None


@pytest.mark.parametrize(
    ("blend_weight", "blend_log2_sd", "said"),
    [
        (-0.1, 0.0, "blend_weight=-0.1"),
        (0.5, -1.0, "blend_log2_sd=-1.0"),
        (0.0, 1.0, "blend_log2_sd=1.0, blend_weight=0.0; wanted blend_weight above 0"),
    ],
)
def test_powers_and_doubts_below_nothing_are_refused(
    blend_weight: float, blend_log2_sd: float, said: str
) -> None:
    with pytest.raises(ValueError, match=f"Calibrated got .*{said}"):
        Calibrated(HumanLabels(), blend_weight, blend_log2_sd)


def test_a_belief_that_is_not_there_cannot_be_joined() -> None:
    rows, truth = make_pool(n=60, k=4)
    state = State(rows, np.full(60, -1)).tell(np.arange(9), truth[:9], np.zeros(9, dtype=np.int64))
    with pytest.raises(ValueError, match=r"Calibrated got blend_weight=1\.0 for HumanLabels"):
        Calibrated(HumanLabels(), 1.0, 0.0).training_set(state, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("supervision", "learner"), [("belief_blend", "linear"), ("expert_pool", "linear_on_prior")]
)
def test_unbought_answers_and_an_interruption_change_nothing_of_what_is_foreseen(
    supervision: str, learner: str
) -> None:
    options = ["strategy=codecision", "strategy@init=codecision", f"supervision={supervision}"]
    options.append(f"learner={learner}")
    config = plan(options)[0].config
    made = [instantiate(config[part]) for part in ("init", "strategy", "supervision", "learner")]
    parts = Parts(*made, Counts(start=10, budget=10, rounds=4, feedback="within_batch"), evaluate)

    def run(problem: Problem, done: Sequence[Round] = ()) -> list[Round]:
        return [*done, *active_learning(parts, problem, 3, done)]

    def numbers(rounds: list[Round]) -> list[object]:
        return [(r.queried, r.answers, r.metrics, r.recall) for r in rounds]

    problem = small_problem()
    whole = run(problem)
    poisoned = (problem.answers + 1) % problem.pool.n_classes
    asked = np.concatenate([r.queried for r in whole]).astype(int)
    assert 0 < len(asked) < len(poisoned)
    poisoned[asked] = problem.answers[asked]
    assert numbers(run(replace(problem, answers=poisoned))) == numbers(whole)
    assert numbers(run(problem, whole[:3])) == numbers(whole)
