"""What all contracts share: how a promise is checked, and how it is said that one is broken."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from al_bench.state import State

Make: TypeAlias = Callable[[], Any]
Check: TypeAlias = Callable[[Make], None]


class ContractError(AssertionError):
    """A component broke a promise of its kind."""


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng([7, seed])


def lock(state: State) -> None:
    """Let whoever writes into the state, its predictions, its training set, or into what is known
    of several annotators get a ValueError."""
    arrays = [state.labels, state.probs, state.rows.features, state.rows.prior, state.open]
    for part in (state.training, state.answers, state.panel, state.consensus):
        values = {} if part is None else vars(part)
        arrays += [value for value in values.values() if isinstance(value, np.ndarray)]
    for array in arrays:
        array.flags.writeable = False


@contextmanager
def global_generators_untouched() -> Iterator[None]:
    """Raises ContractError if anything inside drew from or seeded a global generator."""
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


def knowing(part: Any, truth: Any) -> Any:
    """A component; an upper reference with the truth that a runner would give it."""
    return part.given(truth) if getattr(part, "oracle", False) else part
