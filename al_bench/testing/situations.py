"""Synthetic pools and states for checking components: small, with the awkward cases."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from al_bench.core.arrays import softmax
from al_bench.core.state import (
    ABSENT,
    UNLABELLED,
    AnnotatorPool,
    Floats,
    Ints,
    Model,
    Rows,
    State,
    TrainingSet,
)
from al_bench.crowd.consensus import Majority

WORDS = ("cat", "ship", "sea", "dog")  # one per class
SKILLS = (0.9, 0.8, 0.7, 0.6, 0.3)  # accuracies; with two classes, the last is mostly wrong
Make: TypeAlias = Callable[[], Any]
Check: TypeAlias = Callable[[Make], None]


@dataclass(frozen=True)
class Situation:
    """A state, and what a component must not see: (n,) truth and (n, a) all answers."""

    name: str
    state: State
    truth: Ints
    table: Ints


@dataclass(frozen=True)
class SoftmaxModel:
    """A linear model with given weights: (k, d) and (k,)."""

    weight: Floats
    bias: Floats

    def predict_proba(self, rows: Rows) -> Floats:
        return softmax(rows.features @ self.weight.T + self.bias)


def make_pool(
    n: int = 200, d: int = 8, k: int = 4, seed: int = 0, noise: float = 1.0
) -> tuple[Rows, Ints]:
    """A pool of Gaussian classes of halving size with an imperfect prior: (rows, truth)."""
    generator = np.random.default_rng(seed)
    fractions = 0.5 ** np.arange(k)
    truth = generator.choice(k, size=n, p=fractions / fractions.sum())
    truth[: min(k, n)] = np.arange(min(k, n))
    centres = generator.normal(size=(k, d)) * 2
    features = (centres[truth] + noise * generator.normal(size=(n, d))).astype(np.float32)
    scores = -0.3 * ((features[:, None] - centres[None]) ** 2).sum(axis=2)
    prior = softmax(scores + generator.normal(size=scores.shape)).astype(np.float32)
    return Rows([f"row {i}" for i in range(n)], features, prior), truth


def make_state(
    n: int = 200, d: int = 8, k: int = 4, labelled: int = 20, seed: int = 0, noise: float = 1.0
) -> tuple[State, Ints]:
    """A pool with some labelled rows and a linear model of medium quality: (state, truth)."""
    rows, truth = make_pool(n, d, k, seed, noise)
    index = np.random.default_rng(seed + 1).choice(n, size=labelled, replace=False)
    weight = np.zeros((k, d))
    for c in np.unique(truth[index]):
        weight[c] = rows.features[index][truth[index] == c].mean(axis=0)
    labels = np.full(n, UNLABELLED, dtype=np.int64)
    labels[index] = truth[index]
    return State(rows, labels, SoftmaxModel(0.5 * weight, np.zeros(k))), truth


def make_trained(n: int = 200, believing: bool = True) -> tuple[State, Ints]:
    """A state with an earlier round's training set with soft pseudo-labels: (state, truth)."""
    state, truth = make_state(n)
    then, since = np.split(state.labelled, [len(state.labelled) // 2])
    rows = np.concatenate([then, since[::2], state.unlabelled[::3]])
    soft = 0.8 * np.eye(state.n_classes)[truth[then]] + 0.2 * state.rows.prior[then]
    targets = np.concatenate([soft, state.rows.prior[rows[len(then) :]]]).astype(np.float32)
    weights = np.linspace(0.5, 1.5, len(rows), dtype=np.float32)
    beliefs = (state.probs + state.rows.prior) / 2 if believing else None
    return replace(state, training=TrainingSet(rows, targets, weights, beliefs)), truth


def one_annotator(seed: int) -> Situation:
    """A few labels by one annotator without errors."""
    state, truth = make_state(seed=seed)
    return Situation("a few labels", state, truth, truth[:, None])


def after_training(seed: int) -> Situation:
    """A few labels by one annotator, with the training set of an earlier round."""
    state, truth = make_trained()
    return Situation("a training set of an earlier round", state, truth, truth[:, None])


def telling_inputs(kind: str, truth: Ints, seed: int = 0) -> Sequence[Any]:
    """(n,) texts that contain the name of a row's class, or images of its colour."""
    generator = np.random.default_rng(seed)
    if kind == "text":
        other = generator.choice(["the big", "a small", "this"], size=len(truth))
        name = [WORDS[c] if c < len(WORDS) else f"thing {c}" for c in truth]
        return [f"{a} {b}" for a, b in zip(other, name, strict=True)]
    if kind == "image":
        colours = np.random.default_rng(7).permutation(np.indices((4, 4, 4)).reshape(3, -1).T)
        noise = generator.integers(0, 60, (len(truth), 32, 32, 3))
        return list((60 * colours[truth % 64][:, None, None] + noise).astype(np.uint8))
    raise ValueError(f"a learner reads {kind!r}; wanted text or image, or nothing for features")


@dataclass(frozen=True)
class _Table:
    """A model whose probabilities are a given table over the pool."""

    probs: Floats

    def predict_proba(self, rows: Rows) -> Floats:
        if len(rows) != len(self.probs):  # synthetic rows made by a strategy
            return np.resize(self.probs, (len(rows), self.probs.shape[1]))
        return self.probs


def situations() -> Iterator[Situation]:
    """States that a strategy meets with one annotator without errors."""
    for name, state, truth in _states():
        yield Situation(name, state, truth, truth[:, None])


def _states() -> Iterator[tuple[str, State, Ints]]:
    state, truth = make_state(n=61)
    rows = state.rows
    empty = np.full(61, UNLABELLED, dtype=np.int64)
    yield "a few labels", state, truth
    yield "no label yet", State.start(rows), truth
    one = empty.copy()
    one[np.flatnonzero(truth == 0)[:5]] = 0
    yield "one class labelled", State(rows, one, state.model), truth
    yield "hidden rows", state.hide(np.arange(0, 61, 2)), truth
    equal = Rows(rows.inputs, np.ones_like(rows.features), np.full_like(rows.prior, 0.25))
    yield "equal rows", State(equal, state.labels, _Table(np.full_like(rows.prior, 0.25))), truth
    sure: Model = _Table(np.eye(4)[truth])
    yield "a model that is sure", State(rows, state.labels, sure), truth
    flat = replace(rows, prior=np.full_like(rows.prior, 0.25))
    yield "a flat prior", State(flat, empty), truth
    certain = replace(rows, prior=np.eye(4, dtype=np.float32)[truth])
    yield "a certain prior", State(certain, state.labels, state.model), truth
    two, truth_two = make_state(n=40, k=2, labelled=8)
    yield "two classes", two, truth_two
    yield "a training set of an earlier round", *make_trained(61)
    yield "an earlier training set without beliefs", *make_trained(61, False)
    many, truth_many = make_state(n=30, k=40, labelled=6)
    yield "more classes than rows", many, truth_many


def make_table(truth: Ints, k: int, here: float, seed: int) -> Ints:
    """(n, a) answers with the accuracies SKILLS, each to a fraction `here` of the rows."""
    rng = np.random.default_rng([seed, 5])
    shape = (len(truth), len(SKILLS))
    right = rng.random(shape) < np.array(SKILLS)
    wrong = (truth[:, None] + rng.integers(1, k, size=shape)) % k
    table = np.where(right, truth[:, None], wrong)
    chance = rng.random(shape)
    away = (chance >= here) & (chance > chance.min(axis=1, keepdims=True))
    return np.where(away, ABSENT, table)


def people_of(table: Ints, identified: bool) -> AnnotatorPool:
    """The annotator pool of a table; if identified, the first is a model, the last costs more."""
    count = table.shape[1]
    prices, models = np.ones(count), np.zeros(count, dtype=bool)
    if identified:
        prices[-1], models[0] = 3.0, True
    names = tuple(f"annotator {number + 1}" for number in range(count))
    return AnnotatorPool(names, table != ABSENT, prices, models, identified)


def bought(state: State, table: Ints, rows: Ints, rng: np.random.Generator) -> State:
    """The state after one more answer to each of these rows, by a random annotator or place."""
    pool = state.annotator_pool
    assert pool is not None
    draw = rng.uniform(1, 2, size=(len(rows), len(pool))) if pool.identified else 1.0
    annotators = np.argmax(state.available[rows] * draw, axis=1)
    return state.tell(rows, table[rows, annotators], annotators)


def make_asked(
    name: str,
    n: int = 60,
    k: int = 4,
    labelled: int = 20,
    most: int = 3,
    here: float = 1.0,
    identified: bool = True,
    agreed: bool = True,
    allow_relabel: bool = True,
    seed: int = 0,
) -> Situation:
    """A pool in which some rows have one to `most` answers. here: fraction of the rows that each
    annotator answers; identified: persons, else places; agreed: whether there is a consensus."""
    fitted, truth = make_state(n=n, k=k, labelled=min(max(labelled, k), n), seed=seed)
    table = make_table(truth, k, here, seed)
    if not identified:  # the answers of a row fill its first places
        table = np.take_along_axis(table, np.argsort(table == ABSENT, axis=1, kind="stable"), 1)
    state = State.start(fitted.rows, people_of(table, identified), allow_relabel=True)
    rng = np.random.default_rng([seed, 6])
    rows = rng.permutation(n)[:labelled]
    for time in range(most):
        again = rows[: len(rows) * (most - time) // most]
        state = bought(state, table, again[state.available[again].any(axis=1)], rng)
    if labelled:
        state = replace(state, model=fitted.model)
    if agreed and labelled:
        state = state.agreed(Majority().infer(state, rng), rng)
    return Situation(name, replace(state, allow_relabel=allow_relabel), truth, table)


def asked_situations() -> Iterator[Situation]:
    """States that occur with several annotators; all but the first have answers."""
    yield make_asked("no answer yet", labelled=0)
    yield make_asked("a panel of persons")
    yield make_asked("a panel of places", identified=False, here=0.7)
    yield make_asked("persons who are away", here=0.5)
    yield make_asked("labelled rows that nobody is left to ask about", labelled=12, most=5)
    yield make_asked("one answer a row", most=1)
    yield make_asked("answers without a consensus", agreed=False)
    yield make_asked("rows that are asked about once", allow_relabel=False)
    yield make_asked("an answer about every row", n=24, labelled=24, most=2)
    yield make_asked("two classes of several answers", n=40, k=2, labelled=10)
    yield make_asked("more classes than rows", n=30, k=40, labelled=6)
    hidden = make_asked("hidden rows beside several answers")
    yield replace(hidden, state=hidden.state.hide(np.arange(0, 60, 2)))
    single = make_asked("all answers of one class")
    state = replace(single.state, consensus=None)
    answers = replace(state.answers, classes=np.zeros_like(state.answers.classes))
    labels = np.where(state.labels >= 0, 0, state.labels)
    same = replace(state, labels=labels, answers=answers)
    yield replace(single, state=same, table=np.where(single.table == ABSENT, ABSENT, 0))


def others_poisoned(asked: Situation, rows: Ints, annotators: Ints) -> Ints:
    """The table with another class wherever an answer was not bought, neither before nor now."""
    k = asked.state.n_classes
    other = np.where(asked.table == ABSENT, ABSENT, (asked.table + 1) % k)
    before = asked.state.answers
    known = np.append(before.rows, rows), np.append(before.annotators, annotators)
    other[known] = asked.table[known]
    return other


Use: TypeAlias = Callable[[Any, Situation, int], Sequence[Any]]  # what a component gives at a seed


class ContractError(AssertionError):
    """A component broke the contract of its kind."""


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([7, seed])


def lock(state: State) -> None:
    """Make the arrays of a state read-only."""
    arrays = [state.labels, state.probs, state.rows.features, state.rows.prior, state.available]
    for part in (state.training, state.answers, state.annotator_pool, state.consensus):
        values = {} if part is None else vars(part)
        arrays += [value for value in values.values() if isinstance(value, np.ndarray)]
    for array in arrays:
        array.flags.writeable = False


@contextmanager
def global_generators_untouched() -> Iterator[None]:
    """Raise ContractError if code inside draws from or seeds a global random generator."""
    before = _global_states()
    yield
    for name, state in _global_states().items():
        if name in before and state != before[name]:
            raise ContractError(f"it changed the state of {name}'s global generator")


def _global_states() -> dict[str, bytes]:
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 (to see that nobody uses it)
    assert isinstance(numpy_state, dict)
    states = {
        "numpy": repr((numpy_state["state"]["key"].tobytes(), numpy_state["state"]["pos"])),
        "random": repr(random.getstate()),
    }
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes().hex()
    return {name: state.encode() for name, state in states.items()}


@contextmanager
def kept(where: str) -> Iterator[None]:
    """Turn any exception inside into a ContractError that says where it was raised."""
    try:
        yield
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(f"{where}: {type(error).__name__}: {error}") from error


def none_of(problems: Mapping[str, Any], where: str) -> None:
    """ContractError that names the first problem that is present."""
    for what, wrong in problems.items():
        if wrong:
            raise ContractError(f"{where} {what}")


def same_again(use: Use, situate: Callable[[int], Situation]) -> Check:
    def gives_the_same_again(make: Make) -> None:
        """Equal generators give equal results, by a fresh instance and by a used one."""
        here, used = situate(0), make()
        first = use(used, here, 0)
        use(used, situate(5), 1)
        for name, part in (("a used instance", used), ("a fresh instance", make())):
            again = use(part, here, 0)
            if not all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
                raise ContractError(f"{name} with an equal generator gives another result")

    return gives_the_same_again


def hands_off(use: Use, situate: Callable[[int], Situation]) -> Check:
    def leaves_its_input_alone(make: Make) -> None:
        """Arrays of the state are never written; no global random generator is used."""
        here = situate(0)
        lock(here.state)
        with global_generators_untouched(), kept("where the state is not to be written into"):
            use(make(), here, 0)

    return leaves_its_input_alone
