"""What holds for every imbalance-aware and prior-aware strategy, and every wrapper."""

from dataclasses import replace

import numpy as np
import pytest

from al_bench.state import HIDDEN, UNLABELLED, Ints, Rows, State
from tests.conftest import make_state
from tests.pools import Given, configured, run

METHODS = [
    *("galaxy", "direct", "fm_stratified", "fm_balanced", "tail_first", "tail_first_product"),
    *("tail_first_prior", "base", "likely", "flqmi", "flcg", "cbal", "product_margin"),
    *("product_entropy", "disagreement", "class_guided", "pcoreset"),
]


AROUND_OTHERS = [
    *("tailor", "pcb", "subsample", "class_balanced", "prefilter", "selective"),
    *("anchoral", "seals", "nas"),
]

UNSURE = ["confidence", "margin", "entropy"]


# --- Hard states ----------------------------------------------------------------------------------


def hard_states() -> dict[str, tuple[State, Ints]]:
    """States that have broken published code, with answers for them."""
    state, truth = make_state(n=48, k=4, labelled=8)
    n, start = 48, State.start(state.rows)
    alike = np.ones((n, 8), np.float32)
    certain = np.eye(4, dtype=np.float32)[truth]
    flat = np.full((n, 4), 0.25, np.float32)
    holes = state.rows.prior * (state.rows.prior == state.rows.prior.max(axis=1, keepdims=True))
    two, two_truth = make_state(n=48, k=2, labelled=8)
    many, many_truth = make_state(n=24, k=40, labelled=0)
    one_class = np.where((truth == 0) & (np.arange(n) < 30), 0, UNLABELLED)
    return {
        "nothing labelled": (start, truth),
        "one class labelled": (replace(state, labels=one_class), truth),
        "duplicates": (replace(state, rows=replace(state.rows, features=alike)), truth),
        "certain model": (replace(state, model=Given(certain)), truth),
        "certain and alike": (
            replace(state, rows=Rows(list(range(n)), alike, certain), model=Given(certain)),
            truth,
        ),
        "flat": (State.start(replace(state.rows, prior=flat)), truth),
        "zeros in the prior": (
            replace(state, rows=replace(state.rows, prior=holes / holes.sum(1, keepdims=True))),
            truth,
        ),
        "hidden rows": (state.hide(np.arange(0, 48, 3)), truth),
        "two classes": (two, two_truth),
        "more classes than rows": (many, many_truth % 40),
    }


HARD = hard_states()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", [*METHODS, *AROUND_OTHERS])
def test_every_hard_state_and_budget_gets_exactly_the_budget(name):
    strategy = configured(name)
    for state, answers in HARD.values():
        free = len(state.unlabelled)
        for budget in (1, 7, free - 1, free, free + 5):
            for reveal in ("sequential", "batch"):
                queried, _ = run(strategy, state, budget, answers, reveal=reveal)
                assert len(queried) == min(budget, free)
                assert np.all(state.labels[queried] == UNLABELLED)


@pytest.mark.parametrize("name", [*METHODS, *AROUND_OTHERS])
def test_the_same_generator_gives_the_same_rows_and_inputs_stay(name):
    state, truth = make_state(n=120, k=4, labelled=20)
    state = state.hide(np.arange(5))
    before = state.labels.copy(), state.probs.copy(), state.rows.features.copy()
    np.random.seed(0)  # noqa: NPY002 (the global generator must stay where it is)
    held = np.random.get_state()[1].copy()  # noqa: NPY002
    first, _ = run(configured(name), state, 15, truth, seed=3)
    second, _ = run(configured(name), state, 15, truth, seed=3)
    assert np.array_equal(first, second)
    after = state.labels, state.probs, state.rows.features
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(held, np.random.get_state()[1])  # noqa: NPY002


# --- Order, luck and secrets ----------------------------------------------------------------------


ORDERLY = [
    *("tail_first", "tail_first_prior", "tail_first_product", "base", "likely", "flqmi", "cbal"),
    *("product_margin", "product_entropy", "disagreement", *UNSURE, "prioral"),
]


@pytest.mark.parametrize("name", ORDERLY)
def test_the_order_of_the_pool_changes_no_choice(name):
    state, _ = make_state(n=150, k=4, labelled=20)
    order = np.random.default_rng(1).permutation(150)
    turned = replace(state, rows=state.rows.take(order), labels=state.labels[order])
    strategy = configured(name)
    straight = strategy.select(state, 20, np.random.default_rng(0))
    shuffled = strategy.select(turned, 20, np.random.default_rng(0))
    assert len(np.intersect1d(straight, order[shuffled])) >= 19  # rounding may swap one


@pytest.mark.parametrize("name", [*METHODS, *UNSURE, "prioral", "codecision"])
def test_ties_do_not_follow_the_order_of_the_pool(name):
    n = 200
    rows = Rows(list(range(n)), np.ones((n, 4), np.float32), np.full((n, 4), 0.25, np.float32))
    state = State.start(rows).tell(np.array([0, 50, 100, 150]), np.arange(4))
    queried = np.concatenate(
        [run(configured(name), state, 10, np.arange(n) // 50, seed)[0] for seed in range(12)]
    )
    quarters = np.bincount(queried // 50, minlength=4)
    assert quarters.min() >= 12  # 30 expected in each
    assert len(np.unique(queried)) > 60


@pytest.mark.parametrize(
    "name", [*METHODS, *AROUND_OTHERS, "truth_balanced", *UNSURE, "prioral", "codecision"]
)
def test_choices_are_not_those_of_random_sampling(name):
    state, truth = make_state(n=600, k=6, labelled=60)
    strategy = configured(name)
    if name == "truth_balanced":
        strategy = strategy.given(truth)
    batches = [run(strategy, state, 30, truth, seed)[0] for seed in range(6)]
    free = len(state.unlabelled)
    overlaps = [len(np.intersect1d(a, b)) for i, a in enumerate(batches) for b in batches[:i]]
    chance = 30 * 30 / free
    assert np.mean(overlaps) > 2 * chance  # independent random batches fraction about 1.7 of 30


@pytest.mark.parametrize("name", [*METHODS, *AROUND_OTHERS])
def test_choices_depend_on_no_answer_that_was_not_given(name):
    state, truth = make_state(n=120, k=4, labelled=20)
    one, _ = run(configured(name), state, 12, truth, reveal="batch")
    two, _ = run(configured(name), state, 12, 3 - truth, reveal="batch")
    assert np.array_equal(one, two)


@pytest.mark.parametrize("name", ["galaxy", "direct"])
def test_hidden_rows_are_never_on_a_line(name):
    state, truth = make_state(n=200, k=3, labelled=20)
    hidden = state.unlabelled[::2]
    queried, _ = run(configured(name), state.hide(hidden), 40, truth)
    assert not np.isin(queried, hidden).any()
    assert np.all(state.hide(hidden).labels[hidden] == HIDDEN)
