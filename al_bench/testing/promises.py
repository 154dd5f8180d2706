"""Helpers of all contracts: common checks, and the error for a broken contract."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from al_bench.core.state import State
from al_bench.testing.situations import Situation

Make: TypeAlias = Callable[[], Any]
Check: TypeAlias = Callable[[Make], None]
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
