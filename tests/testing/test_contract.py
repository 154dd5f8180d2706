"""Every component that a config names keeps the contract of its kind."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core.state import Consensus, Ints, State
from al_bench.crowd.consensus import Majority
from al_bench.runs.config import config_dir, instantiate
from al_bench.runs.options import option_names
from al_bench.runs.plan import plan
from al_bench.testing.contract import CHECKS, learns_something
from al_bench.testing.situations import Check, ContractError
from tests.tiny_models import bert_folder, on_cpu, timm_weights

__all__ = ["on_cpu"]

TEN = [[0.91 if row == column else 0.01 for column in range(10)] for row in range(10)]
GIVEN = {  # values a user has to give, and less where much is tried
    ("noise", "confusion"): [f"noise.matrix={TEN}"],
    ("strategy", "nas"): ["strategy.epochs=5"],
    ("strategy", "refine"): ["strategy.batches=8", "strategy.depth=2"],
    ("strategy", "boss"): ["strategy.batches=10", "strategy.iterations=5"],
}
EXTRAS = {  # packages that options need
    "transformers_lora": "peft",
    "skactiveml": "skactiveml",
    "dawid_skene": "crowdkit",
    "mace": "crowdkit",
    "crowdlab": "cleanlab",
    "activelab": "cleanlab",
}


def cases() -> list[tuple[str, str, Check]]:
    found = []
    for group, checks in CHECKS.items():
        for option in option_names(group, [config_dir()]):
            found += [(group, option, check) for check in checks]
    return found


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny networks in place of those that learners fine-tune."""
    folder = tmp_path_factory.mktemp("weights")
    bert_folder(folder / "bert")
    timm_weights(folder)
    return folder


@pytest.mark.parametrize(
    ("group", "option", "check"), cases(), ids=lambda v: getattr(v, "__name__", str(v))
)
def test_every_config_keeps_the_contract(
    group: str, option: str, check: Check, weights: Path
) -> None:
    if option in EXTRAS:
        pytest.importorskip(EXTRAS[option])
    steps = 50 if check is learns_something else 4
    check(lambda: instantiate(node(group, option, weights, steps)))


@lru_cache(maxsize=1)
def node(group: str, option: str, weights: Path, steps: int) -> Any:
    given = tiny(option, weights, steps) if group == "learner" else GIVEN.get((group, option), [])
    return plan([f"{group}={option}", *given])[0].config[group]


def tiny(learner: str, weights: Path, steps: int) -> list[str]:
    """What makes a learner's network tiny, and its training as short as that allows."""
    if learner in ("linear", "linear_residual", "linear_on_prior", "sklearn"):
        return []
    found = [f"learner.training.steps={steps}", "learner.training.batch=16"]
    found += ["learner.training.learning_rate=0.01", "learner.training.head_learning_rate=0.01"]
    if learner == "mlp":
        return found
    if learner.startswith("transformers"):
        return [*found, f"learner.encoder.weights={weights}/bert", "learner.encoder.pin=null",
                "learner.encoder.max_length=16"]  # fmt: skip
    if learner == "timm":
        return [*found, "learner.model=test_resnet", "learner.size=32"]
    return [*found, "learner.model=test_efficientnet", "learner.size=32", "learner.pin=null",
            f"learner.weights={weights}/model.safetensors"]  # fmt: skip


def test_each_kind_of_component_is_found() -> None:
    found = {group for group, _, _ in cases()}
    assert found == set(CHECKS)
    assert Path(config_dir()).is_dir()


class Broken:
    """First rows come first, after some mischief."""

    def __init__(self, mischief: Callable[[State], object]) -> None:
        self.mischief = mischief

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        self.mischief(state)
        return state.unlabelled[:budget]


def scribble(state: State) -> None:
    if state.training is not None and state.training.beliefs is not None:
        state.training.beliefs[0] = 0


def trust_old_labels(state: State) -> None:
    """Takes what was trained on for what is labelled."""
    if state.training is not None:
        assert np.all(state.labels[state.training.rows] >= 0)


def check_of(group: str, name: str) -> Check:
    (found,) = (check for check in CHECKS[group] if check.__name__ == name)
    return found


@pytest.mark.parametrize(
    ("check", "mischief", "said"),
    [
        ("leaves_its_input_alone", scribble, "read-only"),
        ("queries_exactly_the_budget", trust_old_labels, "a training set of an earlier round"),
        ("leaves_its_input_alone", lambda state: np.random.random(), "numpy"),  # noqa: NPY002
    ],
)
def test_a_broken_promise_is_seen(check: str, mischief: Any, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        check_of("strategy", check)(lambda: Broken(mischief))
    check_of("strategy", check)(lambda: Broken(lambda state: None))


class Repeating:
    """Of each two rows the first one, twice where it may be queried twice."""

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        if not state.allow_relabel or budget < 2:
            return state.unlabelled[:budget]
        new = state.unlabelled[: max(budget - 1, 1)]
        return np.concatenate([new, new[state.remaining[new] > 1][:1]])


def test_asking_again_without_filling_the_budget_is_seen() -> None:
    with pytest.raises(ContractError, match="ask again; wanted"):
        check_of("strategy", "asks_again_within_bounds")(Repeating)


class Votes:
    """The majority, after some mischief, and with some."""

    def __init__(self, mischief: Callable[[State, int, Consensus], Consensus]) -> None:
        self.mischief, self.calls = mischief, 0

    def infer(self, state: State, rng: np.random.Generator) -> Consensus:
        self.calls += 1
        return self.mischief(state, self.calls, Majority().infer(state, rng))


def rescaled(state: State, calls: int, made: Consensus) -> Consensus:
    return replace(made, probs=made.probs * 2)


def counted(state: State, calls: int, made: Consensus) -> Consensus:
    return replace(made, probs=np.roll(made.probs, calls, axis=1))


def last_word(state: State, calls: int, made: Consensus) -> Consensus:
    latest = state.tell(state.answers.rows, state.answers.classes).labels[made.rows]
    return replace(made, probs=np.eye(state.n_classes)[latest])


def overwritten(state: State, calls: int, made: Consensus) -> Consensus:
    state.answers.classes[:] = 0
    return made


@pytest.mark.parametrize(
    ("check", "mischief", "said"),
    [
        ("makes_a_consensus", rescaled, "do not sum to one"),
        ("gives_the_same_again", counted, "a used instance .* another result"),
        ("hears_answers_in_any_order", last_word, "the order in which answers came"),
        ("leaves_its_input_alone", overwritten, "read-only"),
    ],
)
def test_a_label_models_broken_promise_is_seen(check: str, mischief: Any, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        check_of("label_model", check)(lambda: Votes(mischief))


class First:
    """The first annotator, whoever was asked before."""

    def assign(self, state: State, rows: Ints, rng: np.random.Generator) -> Ints:
        return np.zeros(len(rows), dtype=np.int64)


@pytest.mark.parametrize("check", ["names_somebody_open", "assigns_by_bought_answers_alone"])
def test_an_annotator_selection_that_names_the_same_one_again_is_seen(check: str) -> None:
    with pytest.raises(ContractError, match="cannot be asked"):
        check_of("annotator_selection", check)(First)
