"""What holds for every query rule, and every wrapper of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import HIDDEN, UNLABELLED, Ints, Rows, State
from al_bench.strategies.asking import AskAgain, ReLabel, Repeated
from al_bench.strategies.badge import Badge, Vessal
from al_bench.strategies.bait import Bait
from al_bench.strategies.balanced import MostLikelyPositive
from al_bench.strategies.bayesian import Bald, BatchBald, PowerBald
from al_bench.strategies.cal import Cal
from al_bench.strategies.clustered import Centroid, ClusterMargin, TypiClust
from al_bench.strategies.codecision import Codecision, CodecisionAgain
from al_bench.strategies.common.posterior import Dropout, Laplace
from al_bench.strategies.coverage import CoreSet, MaxHerding, PCoreSet, ProbCover, UHerding
from al_bench.strategies.flips import AlfaMix, DropQuery
from al_bench.strategies.nas import NAS
from al_bench.strategies.random import Random
from tests.conftest import FixedModel, make_state
from tests.pools import LAPLACE, Table, configured, generator, pool_of, run
from tests.reference import random as random_reference

pytestmark = pytest.mark.usefixtures("small_blocks")


RULES: dict[str, Any] = {
    "random": Random(),
    "coreset": CoreSet(),
    "badge": Badge(),
    "centroid": Centroid(),
    "bald": Bald(LAPLACE, models=10),
    "bald_dropout": Bald(Dropout(rate=0.5), models=10),
    "powerbald": PowerBald(LAPLACE, models=10, power=1.0),
    "batchbald": BatchBald(LAPLACE, models=10, candidates=20, configurations=50),
    "typiclust": TypiClust(20, 500, 6, "scikit_learn", "unlabelled"),
    "typiclust_two_passes": TypiClust(20, 500, 6, "two_passes", "cluster"),
    "probcover": ProbCover(radius=None, purity=0.95, sample=1000),
    "probcover_sampled": ProbCover(radius=0.4, purity=0.95, sample=20),
    "maxherding": MaxHerding(width=1.0, sample=1000),
    "maxherding_sampled": MaxHerding(width=1.0, sample=20),
    "uherding": UHerding(temperature=1.0, sample=1000),
    "dropquery": DropQuery(3, 0.75, 25, "standardised", lloyd=True),
    "dropquery_unit": DropQuery(3, 0.75, 25, "unit", lloyd=False),
    "bait": Bait(10, ridge=1.0, weighting="published", oversample=2.0, limit=512),
    "bait_counts": Bait(2, ridge=0.1, weighting="counts", oversample=2.0, limit=60),
    "cluster_margin": ClusterMargin(factor=10, sample=1000),
    "alfamix": AlfaMix(step=0.03125),
    "cal": Cal(neighbours=10),
    "vessal": Vessal(dim=16, ridge=0.01),
}


# hidden rows change the seeds of their clusters
CLUSTERED = {"centroid", "dropquery", "dropquery_unit", "typiclust", "typiclust_two_passes"}


METHODS = [
    *("galaxy", "direct", "fm_stratified", "fm_balanced", "tail_first", "tail_first_product"),
    *("tail_first_prior", "base", "likely", "flqmi", "flcg", "cbal", "product_margin"),
    *("product_entropy", "disagreement", "class_guided", "pcoreset"),
]
AROUND_OTHERS = [
    *("tailor", "pcb", "subsample", "class_balanced", "prefilter", "selective"),
    *("anchoral", "seals", "nas"),
]
UNSURE = ["confidence", "margin", "entropy", "prioral"]


def belief() -> Any:
    return configured("codecision").belief


def rule(name: str) -> Any:
    return RULES[name] if name in RULES else configured(name)


# --- What holds in every state --------------------------------------------------------------------


def hard_states() -> Iterator[tuple[str, State, Ints]]:
    """States that have broken published code, with answers for them."""
    state, truth = make_state(n=37, d=5, k=3, labelled=9)
    rows = state.rows
    alike, certain = np.ones_like(rows.features), np.eye(3, dtype=np.float32)[truth]
    holes = rows.prior * (rows.prior == rows.prior.max(axis=1, keepdims=True))
    holes /= holes.sum(axis=1, keepdims=True)
    one_class = np.full(37, UNLABELLED)
    one_class[truth == 0] = np.where(np.arange(np.sum(truth == 0)) < 4, 0, UNLABELLED)
    nothing = rows.features.copy()
    nothing[::3] = 0
    features = {"only duplicates": alike, "only zeros": 0 * alike, "zero rows": nothing}
    features["double precision"] = rows.features.astype(np.float64)
    flat = State.start(replace(rows, prior=np.full((37, 3), 1 / 3)))
    same = replace(rows, features=alike, prior=certain)
    for name, found in {
        "ordinary": state,
        "nothing labelled": State.start(rows),
        "a flat prior": flat,
        "one class labelled": replace(state, labels=one_class),
        **{n: replace(state, rows=replace(rows, features=f)) for n, f in features.items()},
        "always certain": replace(state, model=Table(certain)),
        "certain and alike": replace(state, rows=same, model=Table(certain)),
        "exact zeros": replace(state, model=Table(np.where(certain == 1, 0.0, 0.5))),
        "zeros in the prior": replace(state, rows=replace(rows, prior=holes)),
        "hidden rows": state.hide(np.arange(0, 37, 2)),
    }.items():
        yield name, found, truth
    yield "two classes", *make_state(n=37, d=5, k=2, labelled=6)
    yield "more classes than rows", *make_state(n=20, d=5, k=25, labelled=4)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", [*RULES, *METHODS, *AROUND_OTHERS])
def test_every_rule_asks_exactly_the_budget_wherever_it_may_saturate(name: str) -> None:
    for situation, state, answers in hard_states():
        left = len(state.unlabelled)
        for budget in (1, 7, left - 1, left, left + 5):
            for feedback in ("batch",) if name in RULES else ("within_batch", "after_batch"):
                chosen, _ = run(rule(name), state, budget, answers, budget, feedback)
                assert len(chosen) == min(budget, left), (situation, budget)
                assert np.all(state.labels[chosen] == UNLABELLED), (situation, budget)


@pytest.mark.parametrize("name", sorted(set(RULES) - {"random"}))
def test_every_rule_prefers_some_rows_to_others(name: str) -> None:
    """Two generators agree far more often than two random batches do, or the batch differs from
    random ones in what the rule looks at: here in how evenly it covers three distant groups."""
    same = other = 0.0
    for seed in range(12):
        state = grouped(seed)
        first = RULES[name].select(state, 6, generator(seed))
        second = RULES[name].select(state, 6, generator(seed + 100))
        control = [Random().select(state, 6, generator(seed + shift)) for shift in (0, 100)]
        same += likeness(state, first, second)
        other += likeness(state, *control)
    assert same > other


def grouped(seed: int) -> State:
    """Three distant groups of very unequal size, a few rows on their borders."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1, 2], [60, 9, 6])
    centres = np.array([[4.0, 0, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]])
    features = (centres[group] + 0.8 * rng.standard_normal((75, 4))).astype(np.float32)
    labels = np.full(75, UNLABELLED)
    labels[[0, 1, 2, 60, 69]] = group[[0, 1, 2, 60, 69]]
    rows = Rows(list(range(75)), features, np.full((75, 3), 1 / 3, dtype=np.float32))
    return State(rows, labels, FixedModel(0.3 * centres, np.zeros(3)))


def likeness(state: State, first: Ints, second: Ints) -> float:
    """Shared rows, and how alike the batches are in the mean of what rules look at."""
    probs = state.probs
    shared = len(np.intersect1d(first, second))
    low = np.sort(probs, axis=1)
    gap = low[:, -1] - low[:, -2]
    return shared - 6 * abs(gap[first].mean() - gap[second].mean())


@pytest.mark.parametrize("name", sorted(set(RULES) - CLUSTERED))
def test_hidden_rows_weigh_nothing(name: str) -> None:
    """Hiding rows is as good as their not being there."""
    state = make_state(n=40, d=5, k=3, labelled=8)[0]
    hidden = state.hide(np.arange(0, 40, 3))
    strange = hidden.rows.features.copy()
    strange[hidden.labels == HIDDEN] = 77.0
    model = Table(hidden.probs) if "dropout" not in name else hidden.model
    plain = replace(hidden, model=model)
    changed = replace(plain, rows=replace(hidden.rows, features=strange))
    chosen = [RULES[name].select(one, 6, generator()) for one in (plain, changed)]
    assert np.array_equal(*chosen)


# --- Luck, order, parameters ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [*METHODS, *AROUND_OTHERS, "truth_balanced", *UNSURE, "codecision"]
)
def test_choices_are_not_those_of_random_sampling(name: str) -> None:
    state, truth = make_state(n=600, k=6, labelled=60)
    strategy = rule(name)
    if name == "truth_balanced":
        strategy = strategy.given(truth)
    batches = [run(strategy, state, 30, truth, seed)[0] for seed in range(6)]
    free = len(state.unlabelled)
    overlaps = [len(np.intersect1d(a, b)) for i, a in enumerate(batches) for b in batches[:i]]
    chance = 30 * 30 / free
    assert np.mean(overlaps) > 2 * chance  # independent random batches fraction about 1.7 of 30


def test_random_sampling_is_uniform_and_so_is_the_plain_urn() -> None:
    state = make_state(n=12, labelled=4)[0]
    for draw in (
        lambda seed: Random().select(state, 3, generator(seed)),
        lambda seed: random_reference.select(state.labels, 3, generator(seed)),
    ):
        counts = np.bincount(np.concatenate([draw(seed) for seed in range(1500)]), minlength=12)
        np.testing.assert_allclose(counts[state.unlabelled] / 1500, 3 / 8, atol=0.06)
        assert counts[state.labelled].sum() == 0


@pytest.mark.parametrize(
    "name",
    [
        *("coreset", "badge", "maxherding", "probcover", "cal", "bait", "typiclust", "codecision"),
        *(METHODS + UNSURE),
    ],
)
def test_ties_do_not_follow_the_order_of_the_pool(name: str) -> None:
    n = 200
    state = pool_of(np.ones((n, 4), np.float32), k=4).tell(
        np.array([0, 50, 100, 150]), np.arange(4)
    )
    queried = np.concatenate(
        [run(rule(name), state, 10, np.arange(n) // 50, seed)[0] for seed in range(12)]
    )
    assert np.bincount(queried // 50, minlength=4).min() >= 12  # 30 expected in each
    assert len(np.unique(queried)) > 60


ORDERLY = [
    *("tail_first", "tail_first_prior", "tail_first_product", "base", "likely", "flqmi", "cbal"),
    *("product_margin", "product_entropy", "disagreement", *UNSURE),
    *("coreset", "uherding", "bait", "bait_counts", "cal"),
]


@pytest.mark.parametrize("name", ORDERLY)
def test_the_order_of_the_pool_changes_no_choice(name: str) -> None:
    state, _ = make_state(n=150, k=4, labelled=20)
    order = generator().permutation(150)
    turned = replace(state, rows=state.rows.take(order), labels=state.labels[order])
    straight = rule(name).select(state, 20, generator())
    shuffled = rule(name).select(turned, 20, generator())
    assert len(np.intersect1d(straight, order[shuffled])) >= 19  # rounding may swap one


def test_dropquery_starts_with_centroids() -> None:
    state = State.start(make_state(n=60)[0].rows)
    expected = Centroid().select(state, 5, generator())
    assert np.array_equal(RULES["dropquery"].select(state, 5, generator()), expected)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Laplace(precision=0.0), "precision=0.0"),
        (lambda: Dropout(rate=1.0), "rate=1.0"),
        (lambda: Bald(LAPLACE, models=1), "models=1"),
        (lambda: PowerBald(LAPLACE, models=5, power=0.0), "power=0.0"),
        (lambda: BatchBald(LAPLACE, 5, candidates=0, configurations=9), "candidates=0"),
        (lambda: TypiClust(0, 500, 6, "two_passes", "cluster"), "neighbours=0"),
        (lambda: TypiClust(1, 5, 6, "lloyd", "cluster"), "clustering='lloyd'"),
        (lambda: ProbCover(radius=-1.0, purity=0.9, sample=9), "radius=-1.0"),
        (lambda: ProbCover(radius=None, purity=1.5, sample=9), "purity=1.5"),
        (lambda: MaxHerding(width=0.0, sample=9), "width=0.0"),
        (lambda: UHerding(temperature=1.0, sample=0), "sample=0"),
        (lambda: DropQuery(0, 0.5, 2, "unit", lloyd=True), "passes=0"),
        (lambda: DropQuery(3, 0.5, 2, "whitened", lloyd=True), "space='whitened'"),
        (lambda: Bait(2, 1.0, "means", 2.0, 9), "weighting='means'"),
        (lambda: Bait(2, 0.0, "counts", 2.0, 9), "ridge=0.0"),
        (lambda: ClusterMargin(factor=0, sample=9), "factor=0"),
        (lambda: AlfaMix(step=1.0), "step=1.0"),
        (lambda: Cal(neighbours=0), "neighbours=0"),
        (lambda: Vessal(dim=0, ridge=1.0), "dim=0"),
        (lambda: PCoreSet(2), "weight=2"),
        (lambda: NAS(CoreSet(), 101.0), "percentile=101.0; wanted 0 to 100"),
        (lambda: NAS(CoreSet(), epochs=0), "epochs=0"),
        (lambda: Repeated(Random(), 0), "times=0"),
        (lambda: AskAgain(Random(), 1.5, "doubt"), r"fraction=1\.5"),
        (lambda: AskAgain(Random(), 0.5, "luck"), "by='luck'"),
        (lambda: ReLabel(-0.1), "alpha=-0.1"),
        (lambda: Codecision(belief(), "surprise", 0.5, 1), "value='surprise'"),
        (lambda: Codecision(belief(), "none", 0.5, 0), "factor=0; wanted 1 or more"),
        (lambda: CodecisionAgain(belief(), "none", 0.5, 1, -1, 0.2), "again=-1; wanted 0 or"),
        (lambda: CodecisionAgain(belief(), "none", 0.5, 1, 1, 1.2), r"most=1.2; wanted 0 to 1"),
    ],
)
def test_an_impossible_parameter_is_refused_by_name(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("select", "words"),
    [
        (lambda *a: BatchBald(LAPLACE, 4, 10, 3).select(*a), "configurations=3; wanted 4 or more"),
        (lambda *a: configured("truth_balanced").select(*a), "was not given the truth"),
        (lambda *a: MostLikelyPositive("truth").select(*a), "'truth'; wanted labels or prior"),
    ],
)
def test_what_a_problem_does_not_allow_is_said(select: Callable[..., Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        select(make_state()[0], 2, generator())
