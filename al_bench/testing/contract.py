"""The contract of every component; ``albench check`` checks yours. Each check takes a function that
makes a fresh component, and raises ContractError if the contract is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.core.problem import knowing
from al_bench.core.state import ABSENT, Ints, PriorModel, State, TrainingSet
from al_bench.data.types import People, Truth
from al_bench.testing import strategy_contract
from al_bench.testing.situations import (
    Check,
    ContractError,
    Make,
    Situation,
    after_training,
    asked_situations,
    generator,
    global_generators_untouched,
    hands_off,
    make_pool,
    make_state,
    none_of,
    one_annotator,
    same_again,
    situations,
    telling_inputs,
)


def makes_a_training_set(make: Make) -> None:
    """Distinct rows of the pool, targets that sum to one, finite weights >= 0 with some mass."""
    for here in (*situations(), *asked_situations()):
        if not len(here.state.labelled):
            continue
        made = knowing(make(), here.truth).training_set(here.state, generator())
        m, n, k = len(made.rows), len(here.state.labels), here.state.n_classes
        targets, weights = made.targets, made.weights
        problems = {
            f"{m} rows, targets {targets.shape}, weights {weights.shape}": (
                targets.shape != (m, k) or weights.shape != (m,)
            ),
            "rows twice": len(np.unique(made.rows)) != m,
            "rows outside the pool": m == 0 or made.rows.min() < 0 or made.rows.max() >= n,
            "targets that do not sum to one": not np.allclose(targets.sum(axis=1), 1, atol=1e-4),
            "negative targets": (targets < 0).any(),
            "bad weights": not np.isfinite(weights).all() or (weights < 0).any(),
            "no weight": not weights.sum() > 0,
        }
        none_of(problems, f"with {here.name}: the training set has")


def _taught(rule: Any, here: Situation, seed: int) -> list[Any]:
    made = knowing(rule, here.truth).training_set(here.state, generator(seed))
    return [made.rows, made.targets, made.weights]


# --- learners -------------------------------------------------------------------------------------


def _readable(learner: Any, state: State, truth: Ints) -> State:
    """The state with inputs of the kind that a learner ``reads``, if it reads not only features."""
    kind = getattr(learner, "reads", None)
    if kind is None:
        return state
    return replace(state, rows=replace(state.rows, inputs=telling_inputs(kind, truth)))


def _training(state: State) -> TrainingSet:
    """The state's training set, or one of its labelled rows."""
    if state.training is not None:
        return state.training
    index = state.labelled
    targets = np.eye(state.n_classes)[state.labels[index]]
    return TrainingSet(index, targets, np.ones(len(index)))


def predicts_distributions(make: Make) -> None:
    """k columns that sum to one, whichever classes are in the training set; soft targets too."""
    for here in situations():
        if not len(here.state.labelled) or isinstance(here.state.model, PriorModel):
            continue
        state = _readable(make(), here.state, here.truth)
        training = _training(state)
        for soft in (False, True):
            if soft:
                smooth = 0.8 * training.targets + 0.2 / state.n_classes
                training = replace(training, targets=smooth)
            probs = make().fit(state.rows, training, generator()).predict_proba(state.rows)
            if probs.shape != (len(state.rows), state.n_classes):
                raise ContractError(f"with {here.name}: predictions of shape {probs.shape}")
            if not np.isfinite(probs).all() or not np.allclose(probs.sum(axis=1), 1, atol=1e-4):
                raise ContractError(f"with {here.name}: predictions that are no distributions")


def learns_the_same_again(make: Make) -> None:
    """Equal training sets and generators give equal predictions."""
    state = _readable(make(), *make_state())
    training = _training(state)
    with global_generators_untouched():
        first = make().fit(state.rows, training, generator()).predict_proba(state.rows)
        again = make().fit(state.rows, training, generator()).predict_proba(state.rows)
    if not np.array_equal(first, again):
        raise ContractError("equal training sets and generators give different models")


def learns_something(make: Make) -> None:
    """On well separated classes, accuracy far above chance on rows outside the training set."""
    state, truth = make_state(n=300, labelled=80, noise=0.3)
    state = _readable(make(), state, truth)
    model = make().fit(state.rows, _training(state), generator())
    guess = model.predict_proba(state.rows).argmax(axis=1)
    accuracy = float((guess == truth)[state.unlabelled].mean())
    if accuracy < 0.8:
        raise ContractError(f"accuracy {accuracy:.2f} on separable classes; wanted 0.8 or more")


# --- imbalance, noise and annotators --------------------------------------------------------------


def keeps_existing_rows(make: Make) -> None:
    """Distinct rows, ascending; classes 0..k-1; equal generators keep equal rows."""
    labels = np.repeat(np.arange(6), 200)
    kept, again = (make().keep(labels, 6, generator()) for _ in range(2))
    if not np.array_equal(kept.rows, again.rows) or not np.array_equal(kept.classes, again.classes):
        raise ContractError("equal generators keep different rows")
    if np.any(np.diff(kept.rows) <= 0) or kept.rows.min() < 0 or kept.rows.max() >= len(labels):
        raise ContractError("rows are not ascending row numbers of the split")
    if set(kept.classes.tolist()) != set(range(int(kept.classes.max()) + 1)):
        raise ContractError(f"new classes are {sorted(set(kept.classes.tolist()))}")
    if len(np.unique(kept.classes[labels[kept.rows]])) != int(kept.classes.max()) + 1:
        raise ContractError("a class is left without a row")


def answers_every_row(make: Make) -> None:
    """A class for every pool row; equal generators give equal answers; the truth is not changed."""
    answers, again = (make().answers(_look(make()), generator()) for _ in range(2))
    if not np.array_equal(answers, again):
        raise ContractError("equal generators give different answers")
    if answers.shape != (300,) or answers.min() < 0 or answers.max() >= 10:
        raise ContractError("answers are not one class for each row")


def answer_as_a_crowd(make: Make) -> None:
    """A class or ABSENT by each annotator, a class for every row; equal generators agree."""
    crowd = make().crowd(_look(make()), generator())
    with global_generators_untouched():  # a library's first import may draw
        again = make().crowd(_look(make()), generator())
    answers, prices, count = crowd.answers, crowd.prices, len(crowd.names)
    if not np.array_equal(answers, again.answers):
        raise ContractError("equal generators give different answers")
    if answers.shape != (300, count) or not count:
        raise ContractError(f"{count} annotators have answers of shape {answers.shape}")
    if prices.shape != (count,) or crowd.is_model.shape != (count,) or prices.min() <= 0:
        raise ContractError("not everybody has a price above 0 and is a model or none")
    if answers.min() < ABSENT or answers.max() >= 10:
        raise ContractError("answers are no classes")
    if (answers == ABSENT).all(axis=1).any():
        raise ContractError("a row has no answer by anybody")


def _look(annotators: Any) -> Truth:
    """The truth that annotators read, with a human column, votes and people's answers."""
    rows, truth = make_pool(n=300, k=10)
    columns = {getattr(annotators, "column", "human"): truth}
    votes = np.eye(10, dtype=np.int64)[truth] * 3 + 1
    columns |= dict.fromkeys(["votes", *getattr(annotators, "columns", ())], votes)
    people = {"three": People((truth[:, None] + np.arange(3)) % 10, ())}
    truth.flags.writeable = False
    return Truth(truth, 10, rows.features, columns, people, rows.prior)


CHECKS: dict[str, tuple[Check, ...]] = {
    **strategy_contract.CHECKS,
    "supervision": (
        makes_a_training_set,
        same_again(_taught, one_annotator),
        hands_off(_taught, after_training),
    ),
    "learner": (predicts_distributions, learns_the_same_again, learns_something),
    "imbalance": (keeps_existing_rows,),
    "noise": (answers_every_row,),
    "annotators": (answer_as_a_crowd,),
}
ROLES = {"init": "strategy"}  # a start is a strategy of round 1 (strategy@init)


def check_config(overrides: Sequence[str], extra: Path | None) -> int:
    """Check the components named in `overrides` (``strategy=mine``); 1 if a contract is broken."""
    from al_bench.runs.config import instantiate
    from al_bench.runs.plan import plan

    heads = [override.split("=")[0].split("@")[-1] for override in overrides]
    groups = [group for group in heads if ROLES.get(group, group) in CHECKS]
    if not groups:
        raise ValueError(f"nothing to check; name one of {', '.join(f'{g}=...' for g in CHECKS)}")
    parts = {(g, repr(job.at(g))): job for job in plan(overrides, extra) for g in groups}
    broken = 0
    for (group, _), job in parts.items():
        option = job.choices[group]
        for promise in CHECKS[ROLES.get(group, group)]:
            what = f"{group}={option}: {(promise.__doc__ or '').splitlines()[0]}"
            try:
                promise(partial(instantiate, job.config[group]))
                print(f"ok      {what}")
            except ContractError as error:
                broken += 1
                print(f"BROKEN  {what}\n        {error}")
    return 1 if broken else 0
