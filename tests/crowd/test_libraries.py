"""Label models on crowds of known skill: they equal their papers, and find out who is good."""

import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from al_bench.core.state import (
    AnnotatorPool,
    Answers,
    Consensus,
    Floats,
    Ints,
    LabelModel,
    Rows,
    State,
)
from al_bench.crowd.consensus import Majority
from al_bench.crowd.crossfit import view, views
from al_bench.crowd.glad import Glad, improved, posterior
from al_bench.crowd.libraries import Crowdlab, DawidSkene, Mace, averaged
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from tests.reference import dawid_skene as slow
from tests.reference import glad as plain

OPTIONS = ("majority", "dawid_skene", "glad", "mace", "crowdlab")
SKILLED = ("dawid_skene", "glad", "mace")  # learn skill from agreement alone


def option(name: str) -> LabelModel:
    for needs in {"dawid_skene": ["crowdkit"], "mace": ["crowdkit"], "crowdlab": ["cleanlab"]}.get(
        name, []
    ):
        pytest.importorskip(needs)
    made: LabelModel = instantiate(plan([f"label_model={name}"])[0].config["label_model"])
    return made


def crowd(
    skills: list[float],
    n: int = 400,
    k: int = 3,
    each: int = 3,
    seed: int = 0,
    identified: bool = True,
    telling: float = 0.0,
) -> tuple[State, Ints]:
    """A pool all of which was answered by `each` of some annotators, who err evenly; features tell
    the class as far as `telling`, against noise of one. (state, truth)"""
    rng = np.random.default_rng(seed)
    truth = rng.integers(k, size=n)
    each = min(each, len(skills))
    rows = np.repeat(np.arange(n), each)
    who = np.argsort(rng.random((n, len(skills))), axis=1)[:, :each].ravel()
    right = rng.random(len(rows)) < np.array(skills)[who]
    said = np.where(right, truth[rows], (truth[rows] + rng.integers(1, k, len(rows))) % k)
    features = telling * rng.normal(size=(k, 8))[truth] + rng.normal(size=(n, 8))
    pool = Rows(range(n), features.astype(np.float32), np.full((n, k), 1 / k, dtype=np.float32))
    a = len(skills)
    names = tuple(f"person {number}" for number in range(a))
    annotator_pool = AnnotatorPool(
        names, np.ones((n, a), bool), np.ones(a), np.zeros(a, bool), identified
    )
    return State.start(pool, annotator_pool, True).tell(rows, said, who), truth


def infer(model: LabelModel, state: State, seed: int = 0) -> Consensus:
    return model.infer(state, np.random.default_rng(seed))


def accuracy(model: LabelModel, state: State, truth: Ints) -> float:
    rng = np.random.default_rng(1)
    labels = state.agreed(infer(model, state), rng).labels
    return float((labels == truth)[labels >= 0].mean())


def skill(consensus: Consensus) -> Floats:
    return np.asarray(consensus.right.sum(axis=1) / consensus.asked.sum(axis=1))


def test_a_majority_by_hand() -> None:
    state, _ = crowd([0.9, 0.8, 0.6], n=5)
    few = Answers(np.array([4, 1, 4, 4]), np.array([0, 1, 1, 2]), np.array([2, 0, 2, 1]))
    made = infer(Majority(), replace(state, answers=few))
    assert made.rows.tolist() == [1, 4]
    assert_allclose(made.probs, [[1, 0, 0], [0, 1 / 3, 2 / 3]])
    assert_allclose(made.right, [[0, 0, 2 / 3], [1, 0, 2 / 3], [0, 1 / 3, 0]])
    assert_allclose(made.asked.sum(axis=1), [1, 2, 1])


@pytest.mark.parametrize("name", SKILLED)
def test_knowing_who_is_good_beats_a_majority_of_mixed_skills(name: str) -> None:
    skills = [0.95, 0.9, 0.45, 0.4, 0.35, 0.35]
    gains = []
    for seed in range(3):
        state, truth = crowd(skills, seed=seed)
        gains.append(accuracy(option(name), state, truth) - accuracy(Majority(), state, truth))
    assert np.mean(gains) > 0.05
    assert min(gains) > 0


@pytest.mark.parametrize("name", SKILLED)
def test_an_adversary_is_found_out(name: str) -> None:
    state, _ = crowd([0.9, 0.85, 0.8, 0.75, 0.1], each=4)
    found = skill(infer(option(name), state))
    assert found.argmin() == 4
    assert found[4] < 0.2
    assert_allclose(found[:4], [0.9, 0.85, 0.8, 0.75], atol=0.08)


def test_dawid_skene_hears_an_adversary_of_two_classes_the_other_way_round() -> None:
    pytest.importorskip("crowdkit")
    state, truth = crowd([0.9, 0.9, 0.9, 0.05, 0.05], k=2, each=5)
    assert accuracy(DawidSkene(20, 1e-5), state, truth) > 0.98
    assert accuracy(Majority(), state, truth) < 0.85


@pytest.mark.parametrize("identified", [True, False])
@pytest.mark.parametrize("steps", [1, 6])
def test_dawid_skene_is_the_plain_algorithm(steps: int, identified: bool) -> None:
    pytest.importorskip("crowdkit")
    state, _ = crowd([0.9, 0.7, 0.5, 0.4], n=40, identified=identified)
    answers = state.answers
    who = answers.annotators if identified else np.zeros_like(answers.annotators)
    triples = list(zip(answers.rows, who, answers.classes, strict=True))
    wanted = slow.dawid_skene(triples, state.n_classes, steps)
    assert_allclose(infer(DawidSkene(steps, -np.inf), state).probs, wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["dawid_skene", "mace"])
def test_how_names_of_columns_are_kept_changes_no_bit(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, _ = crowd([0.9, 0.7, 0.5, 0.4], n=40)
    found = infer(option(name), state).probs
    import pandas as pd

    stored = pd.get_option("mode.string_storage")
    monkeypatch.setattr(pd, "option_context", lambda *options: nullcontext())
    np.testing.assert_array_equal(infer(option(name), state).probs, found)
    assert pd.get_option("mode.string_storage") == stored


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("steps", [1, 5])
def test_glad_is_crowd_kits(steps: int) -> None:
    """Theirs tells the posterior of before the last step."""
    pytest.importorskip("crowdkit")
    import pandas as pd
    from crowdkit.aggregation import GLAD

    state, _ = crowd([0.9, 0.8, 0.6, 0.4], n=30)
    answers = state.answers
    data = pd.DataFrame(
        {"task": answers.rows, "worker": answers.annotators, "label": answers.classes}
    )
    theirs = GLAD(n_iter=steps + 1, tol=-np.inf, m_step_max_iter=200, m_step_tol=1e-6)
    wanted = theirs.fit_predict_proba(data).sort_index(axis=0).sort_index(axis=1).to_numpy()
    assert_allclose(infer(Glad(steps, -np.inf, 200), state).probs, wanted, atol=1e-3)


@pytest.mark.parametrize("ease", [0.0, 1.5])
def test_glads_posterior_is_the_plain_one(ease: float) -> None:
    state, _ = crowd([0.9, 0.6, 0.2], n=25, k=4)
    answers = state.answers
    point = np.concatenate([[2.0, 0.5, -1.0], np.linspace(-1, ease, 25)])
    found = posterior(point, 3, answers.annotators, answers.rows, answers.classes, 4)
    triples = list(zip(answers.rows, answers.annotators, answers.classes, strict=True))
    probs, evidence = plain.posterior(triples, point[:3], point[3:], 4)
    assert_allclose(found[0], probs, rtol=1e-12)
    assert found[1] == pytest.approx(evidence, rel=1e-12)


def test_glads_step_climbs_to_where_the_plain_likelihood_is_level() -> None:
    state, _ = crowd([0.9, 0.6, 0.2], n=25, k=4)
    answers = state.answers
    hit = np.random.default_rng(0).random(len(answers))
    who, rows = answers.annotators, answers.rows
    best = improved(np.ones(28), 3, who, rows, hit, 500)
    triples = list(zip(rows, who, hit, strict=True))

    def height(place: int, step: float) -> float:
        point = best.copy()
        point[place] += step
        return float(plain.likelihood(triples, point[:3], point[3:]))

    for place in (0, 2, 10):
        assert (height(place, 1e-4) - height(place, -1e-4)) / 2e-4 == pytest.approx(0, abs=2e-3)
        assert height(place, 0) > max(height(place, 0.1), height(place, -0.1))


def test_crowdlab_is_cleanlabs() -> None:
    multiannotator = pytest.importorskip("cleanlab.multiannotator")
    state, truth = crowd([0.9, 0.8, 0.6, 0.4], telling=0.5)
    answers = state.answers
    votes = infer(Majority(), state).probs
    seen = view(state, np.arange(400), votes, 4, 1.0, np.random.default_rng(0))
    table = np.full((400, 4), np.nan)
    table[answers.rows, answers.annotators] = answers.classes
    theirs = multiannotator.get_label_quality_multiannotator(table, seen)["label_quality"]
    ours = infer(Crowdlab(4, 1.0), state).probs
    label = theirs["consensus_label"].to_numpy()
    assert_allclose(ours[np.arange(400), label], theirs["consensus_quality_score"])
    assert (ours.argmax(axis=1) == label).mean() > 0.9  # it weighs anew once labels are chosen
    assert accuracy(Crowdlab(4, 1.0), state, truth) > accuracy(Majority(), state, truth)


def test_crowdlabs_average_by_hand() -> None:
    probs = np.array([[0.6, 0.3, 0.1]])
    places, said, weights = np.array([0, 0]), np.array([1, 1]), np.array([0.5, 1.5])
    mixed = averaged(probs, 2.0, places, said, weights, 0.8)
    assert_allclose(mixed, [[(1.2 + 0.2) / 4, (0.6 + 1.6) / 4, (0.2 + 0.2) / 4]])


def test_crowdlab_of_single_answers_weighs_them_like_the_classifier() -> None:
    pytest.importorskip("cleanlab")
    state, _ = crowd([0.9, 0.6], n=60, each=1, telling=1.0)
    found = infer(Crowdlab(4, 1.0), state)
    said = state.answers.classes[np.argsort(state.answers.rows)]
    assert found.probs.argmax(axis=1).tolist() == said.tolist()
    assert found.probs.max(axis=1).min() > 0.5


def test_few_answers_leave_the_view_to_the_states_model() -> None:
    state, _ = crowd([0.9, 0.6], n=60)
    votes = np.eye(3)[[0, 1]]
    seen, pool = views(state, np.array([3, 5]), votes, 4, 1.0, np.random.default_rng(0))
    assert_allclose(seen, state.probs[[3, 5]])
    assert_allclose(pool, state.probs)
    alone = view(state, np.array([3, 5]), votes, 4, 1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(alone, seen)


def test_views_are_out_of_fold_and_distributions() -> None:
    state, truth = crowd([0.9, 0.6], n=90, telling=2.0)
    wrong = (truth + 1) % 3
    votes = np.eye(3)[np.where(np.arange(90) < 3, wrong, truth)]
    seen, pool = views(state, np.arange(90), votes, 4, 1.0, np.random.default_rng(0))
    assert_allclose(seen.sum(axis=1), 1)
    assert_allclose(pool.sum(axis=1), 1)
    assert (seen.argmax(axis=1) == truth)[:3].all()
    alone = view(state, np.arange(90), votes, 4, 1.0, np.random.default_rng(0))
    assert_allclose(alone, seen, atol=1e-6)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_class_that_nobody_said_gets_nothing_or_what_the_model_leaves_it(name: str) -> None:
    state, _ = crowd([0.9, 0.8, 0.6])
    rows = replace(state.rows, prior=np.full((400, 5), 0.2, dtype=np.float32))
    probs = infer(option(name), replace(state, rows=rows)).probs
    assert probs.shape == (400, 5)
    assert set(probs.argmax(axis=1)) <= {0, 1, 2}
    if name not in ("glad", "crowdlab"):
        assert probs[:, 3:].max() == 0


@pytest.mark.parametrize("name", OPTIONS)
def test_places_all_have_one_skill(name: str) -> None:
    """Which answer came in which place changes nothing."""
    state, _ = crowd([0.8, 0.8, 0.8], n=100, identified=False)
    assert state.annotator_pool is not None
    turned = replace(state.answers, annotators=(state.answers.annotators + state.answers.rows) % 3)
    first = infer(option(name), state).probs
    again = infer(option(name), replace(state, answers=turned)).probs
    assert_allclose(first, again, atol=0.05 if name == "crowdlab" else 1e-9)


@pytest.mark.parametrize("name", OPTIONS)
def test_libraries_say_nothing(
    name: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    state, _ = crowd([0.5, 0.5], n=12, each=2)
    lone = Answers(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0, 1, 2]))
    for answers in (state.answers, lone):
        infer(option(name), replace(state, answers=answers))
    assert capfd.readouterr() == ("", "")
    assert len(recwarn) == 0


def test_random_starts_differ_and_are_drawn_from_the_generator() -> None:
    pytest.importorskip("crowdkit")
    state, _ = crowd([0.6, 0.5, 0.4], n=60)
    few = [infer(Mace(1, 2, 0.5, 0.5, 5.0), state, seed).probs for seed in (0, 0, 1)]
    assert np.array_equal(few[0], few[1])
    assert not np.allclose(few[0], few[2])


@pytest.mark.parametrize(
    ("make", "module", "package"),
    [
        (lambda: DawidSkene(5, 1e-5), "crowdkit.aggregation", "crowd-kit"),
        (lambda: Mace(1, 5, 0.5, 0.5, 0.5), "crowdkit.aggregation", "crowd-kit"),
        (lambda: Crowdlab(4, 1.0), "cleanlab.multiannotator", "cleanlab"),
    ],
)
def test_what_to_install_is_said(make, module, package, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"needs {package}: pip install"):
        infer(make(), crowd([0.9, 0.6])[0])
