"""What every component must keep. The tests run it over all configs; ``albench check`` over yours.

Each check takes a function that makes a fresh component and raises ContractError, with one
sentence, where the component breaks its promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.problem.types import Truth
from al_bench.state import Ints, PriorModel, State, TrainingSet
from al_bench.testing import asking_contract, strategy_contract
from al_bench.testing.asking import asked_situations
from al_bench.testing.promises import (
    Check,
    ContractError,
    Make,
    generator,
    global_generators_untouched,
    knowing,
    lock,
)
from al_bench.testing.situations import (
    make_pool,
    make_state,
    make_trained,
    situations,
    telling_inputs,
)

# --- training rules -------------------------------------------------------------------------------


def makes_a_training_set(make: Make) -> None:
    """Distinct rows of the pool, targets that sum to one, finite weights >= 0 with some mass."""
    several = ((asked.name, asked.state, asked.truth) for asked in asked_situations())
    for name, state, truth in (*situations(), *several):
        if not len(state.labelled):
            continue
        made = knowing(make(), truth).training_set(state, generator())
        m, k = len(made.rows), state.n_classes
        problems = {
            f"{m} rows, targets {made.targets.shape}, weights {made.weights.shape}": (
                made.targets.shape != (m, k) or made.weights.shape != (m,)
            ),
            "rows twice": len(np.unique(made.rows)) != m,
            "rows outside the pool": m == 0
            or made.rows.min() < 0
            or made.rows.max() >= len(state.labels),
            "targets that do not sum to one": not np.allclose(
                made.targets.sum(axis=1), 1, atol=1e-4
            ),
            "negative targets": bool((made.targets < 0).any()),
            "bad weights": not np.isfinite(made.weights).all() or bool((made.weights < 0).any()),
            "no weight": not made.weights.sum() > 0,
        }
        for what, wrong in problems.items():
            if wrong:
                raise ContractError(f"with {name}: the training set has {what}")


def makes_the_same_training_set_again(make: Make) -> None:
    """Equal generators give equal training sets, from a fresh instance and from a used one."""
    state, truth = make_state()
    used = make()
    first = knowing(used, truth).training_set(state, generator())
    other, another_truth = make_state(seed=5)
    knowing(used, another_truth).training_set(other, generator(1))
    for rule in (used, make()):
        again = knowing(rule, truth).training_set(state, generator())
        if not all(
            np.array_equal(getattr(first, part), getattr(again, part))
            for part in ("rows", "targets", "weights")
        ):
            raise ContractError("equal generators give different training sets")


def making_it_leaves_the_input_alone(make: Make) -> None:
    """Arrays of the state are read, never written; no global generator is used."""
    state, truth = make_trained()
    lock(state)
    with global_generators_untouched():
        knowing(make(), truth).training_set(state, generator())


# --- learners -------------------------------------------------------------------------------------


def _readable(learner: Any, state: State, truth: Ints) -> State:
    """The state with inputs of the kind that a learner ``reads`` besides features, if it does."""
    kind = getattr(learner, "reads", None)
    if kind is None:
        return state
    return replace(state, rows=replace(state.rows, inputs=telling_inputs(kind, truth)))


def _training(state: State) -> TrainingSet:
    """The state's own training set, or what human labels make of it."""
    if state.training is not None:
        return state.training
    index = state.labelled
    targets = np.eye(state.n_classes)[state.labels[index]]
    return TrainingSet(index, targets, np.ones(len(index)))


def predicts_distributions(make: Make) -> None:
    """k columns that sum to one, whatever classes were seen; also with soft targets."""
    for name, state, truth in situations():
        if not len(state.labelled) or isinstance(state.model, PriorModel):
            continue
        state = _readable(make(), state, truth)
        training = _training(state)
        for soft in (False, True):
            if soft:
                smooth = 0.8 * training.targets + 0.2 / state.n_classes
                training = replace(training, targets=smooth)
            probs = make().fit(state.rows, training, generator()).predict_proba(state.rows)
            if probs.shape != (len(state.rows), state.n_classes):
                raise ContractError(f"with {name}: predictions of shape {probs.shape}")
            if not np.isfinite(probs).all() or not np.allclose(probs.sum(axis=1), 1, atol=1e-4):
                raise ContractError(f"with {name}: predictions that are no distributions")


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
    """On well separated classes it is far better than chance on rows it was not trained on."""
    state, truth = make_state(n=300, labelled=80, noise=0.3)
    state = _readable(make(), state, truth)
    model = make().fit(state.rows, _training(state), generator())
    guess = model.predict_proba(state.rows).argmax(axis=1)
    accuracy = float((guess == truth)[state.unlabelled].mean())
    if accuracy < 0.8:
        raise ContractError(f"accuracy {accuracy:.2f} on separable classes; wanted 0.8 or more")


# --- imbalance and noise --------------------------------------------------------------------------


def keeps_existing_rows(make: Make) -> None:
    """Ascending distinct rows; classes 0..k-1; equal generators keep equal rows."""
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
    """A class for every pool row; equal generators answer equally; truth is left alone."""
    rows, truth = make_pool(n=300, k=10)
    votes = np.eye(10, dtype=np.int64)[truth] * 3 + 1
    columns = {getattr(make(), "column", "human"): truth} | {"votes": votes}
    look = Truth(truth, 10, rows.features, columns)
    truth.flags.writeable = False
    answers, again = (make().answers(look, generator()) for _ in range(2))
    if not np.array_equal(answers, again):
        raise ContractError("equal generators give different answers")
    if answers.shape != truth.shape or answers.min() < 0 or answers.max() >= 10:
        raise ContractError("answers are not one class for each row")


CHECKS: dict[str, tuple[Check, ...]] = {
    "strategy": strategy_contract.CHECKS,
    "supervision": (
        makes_a_training_set,
        makes_the_same_training_set_again,
        making_it_leaves_the_input_alone,
    ),
    "learner": (predicts_distributions, learns_the_same_again, learns_something),
    "imbalance": (keeps_existing_rows,),
    "noise": (answers_every_row,),
    **asking_contract.CHECKS,
}
ROLES = {"init": "strategy"}  # a start is a strategy of round 1 (strategy@init)


def check_config(overrides: Sequence[str], extra: Path | None) -> int:
    """Check the components named in `overrides` (``strategy=mine``); 1 if a promise is broken."""
    from al_bench.configuration.config import build
    from al_bench.configuration.plan import plan

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
                promise(partial(build, job.config[group]))
                print(f"ok      {what}")
            except ContractError as error:
                broken += 1
                print(f"BROKEN  {what}\n        {error}")
    return 1 if broken else 0
