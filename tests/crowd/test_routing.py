"""Who answers what by how sure the model is: as the plain versions say, and within the bound."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.core.state import AnnotatorPool, Floats, Ints, State
from al_bench.crowd import CoAnnotating, PACLabels
from tests.pools import generator, pool_of
from tests.reference import routing

MODEL = 2


def pool(prior: Floats) -> State:
    """Two people and a model may be asked about every row."""
    n = len(prior)
    names, models = ("ann", "bob", "model"), np.arange(3) == MODEL
    annotator_pool = AnnotatorPool(
        names, np.ones((n, 3), dtype=bool), np.ones(3), models, identified=True
    )
    rows = replace(pool_of(np.zeros((n, 2), np.float32), k=prior.shape[1]).rows, prior=prior)
    return State.start(rows, annotator_pool)


def prior_and_truth(n: int, k: int, seed: int, sharp: float = 1.0) -> tuple[Floats, Ints]:
    """A calibrated prior; in every third seed each row of it is there twice, and some are flat."""
    rng = np.random.default_rng(seed)
    prior = rng.dirichlet(np.full(k, 1 / sharp), n)
    if seed % 3 == 0:
        prior = prior[np.arange(n) // 2]
        prior[::7] = 1 / k
    return prior, np.array([rng.choice(k, p=p) for p in prior])


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("people", [0.0, 0.3, 1.0])
def test_the_unsure_part_of_the_pool_goes_to_people(people: float, seed: int) -> None:
    prior, _ = prior_and_truth(60, 2 + seed % 3, seed)
    rows = generator(seed).permutation(60)[:40]
    expected = routing.unsure_to_people(prior, rows, people, generator(seed))
    who = CoAnnotating(people).assign(pool(prior), rows, generator(seed))
    assert (who != MODEL).tolist() == expected


def test_a_flat_prior_sends_a_random_part_to_people() -> None:
    state = pool(np.full((2000, 4), 0.25))
    who = CoAnnotating(0.3).assign(state, np.arange(2000), generator())
    assert np.mean(who != MODEL) == pytest.approx(0.3, abs=0.04)


def checked(prior: Floats, truth: Ints, count: int, seed: int) -> State:
    """After people answered so many random rows."""
    rows = generator(seed).permutation(len(prior))[:count]
    return pool(prior).tell(rows, truth[rows], np.arange(count) % 2)


@pytest.mark.parametrize("seed", range(12))
def test_models_answer_where_every_smaller_threshold_is_safe(seed: int) -> None:
    prior, truth = prior_and_truth(300, 3, seed, sharp=4.0)
    count = (0, 89, 90, 120)[seed % 4]
    error, alpha = (0.02, 0.1, 0.3)[seed % 3], (0.05, 0.3)[seed % 2]
    state = checked(prior, truth, count, seed)
    said = dict(zip(state.answers.rows[:90], state.answers.classes[:90], strict=True))
    expected = routing.labelled_by_model(prior, said, 90, error, alpha)
    who = PACLabels(error, alpha, checked=0.3).assign(state, state.unlabelled, generator())
    assert np.array_equal(state.unlabelled[who == MODEL], np.setdiff1d(expected, state.labelled))


def test_wrong_labels_are_as_rare_as_promised_as_often_as_promised() -> None:
    broken, routed = 0, 0.0
    for seed in range(40):
        prior, truth = prior_and_truth(400, 3, 3 * seed + 1, sharp=3.0)
        state = checked(prior, truth, 120, seed)
        rule = PACLabels(error=0.1, alpha=0.2, checked=0.3)
        who = rule.assign(state, state.unlabelled, generator(seed))
        models = state.unlabelled[who == MODEL]
        broken += np.sum(prior[models].argmax(axis=1) != truth[models]) > 0.1 * 400
        routed += len(models) / 400 / 40
    assert broken <= 0.2 * 40
    assert routed > 0.2


def test_too_small_a_check_shows_nothing_and_people_answer_all() -> None:
    prior, truth = np.eye(2)[np.arange(200) % 2], np.arange(200) % 2
    for count, models in ((58, 0), (59, 141)):  # 0.95 ** 59 < 0.05: then none wrong is enough
        rule = PACLabels(checked=(count + 0.5) / 200)
        state = checked(prior, truth, count, 0)
        who = rule.assign(state, state.unlabelled, generator())
        assert np.sum(who == MODEL) == models


@pytest.mark.parametrize(
    ("change", "said"),
    [({"error": 0.0}, "error=0.0"), ({"alpha": 1.0}, "alpha=1.0"), ({"checked": 0.0}, "checked=0")],
)
def test_a_promise_that_is_none_is_refused(change: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PACLabels(**change)
    with pytest.raises(ValueError, match=r"people=1\.1"):
        CoAnnotating(1.1)
