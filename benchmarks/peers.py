"""How many times as long query rules take in other libraries, and whether they choose the same.

    make peers                                     # installs them; into results/benchmarks/peers.md
    python benchmarks/peers.py --rows 5000 margin  # those at hand, a smaller pool, one rule

Measured as in benchmarks/scale.py: one whole ``select`` on a fresh state whose predictions exist
already, on one thread and the same arrays. Features have length one, so that all libraries
measure the same distances. Peers are what can be imported: scikit-activeml (through
``strategy=skactiveml``), small-text, modAL, and clones of LabelBench and dal-toolbox.
"""

from __future__ import annotations

import argparse
import io
import math
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pages import published, table
from scale import Size, make_pool, measure, ready

from al_bench.core.arrays import unit
from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.state import Floats, Ints, Rows, State
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from al_bench.strategies.common.posterior import linear_head

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "peers.md"
LABELLED, BUDGET, CLASSES, DIM = 1_000, 100, 10, 384
LIBRARIES = {
    "scikit-activeml": "skactiveml", "small-text": "small_text", "modAL-python": "modAL",
    "LabelBench": "LabelBench", "dal-toolbox": "dal_toolbox",
}  # fmt: skip
CLONED = ("LabelBench", "dal-toolbox")  # no index has them
LONG = 10.0  # seconds after which a measurement is not repeated


class Known:
    """A classifier of theirs that knows all predictions already; a data set is its row numbers."""

    def __init__(self, state: State) -> None:
        self.state = state

    def predict_proba(self, rows: Ints) -> Floats:
        return self.state.probs[rows]

    def embed(self, rows: Ints, return_proba: bool = False, **_: Any) -> Any:
        features = self.state.rows.features[rows]
        return (features, self.state.probs[rows]) if return_proba else features


class SmallText:
    """A query strategy of small-text by name, with its parameters."""

    def __init__(self, rule: str, **parameters: Any) -> None:
        self.rule = getattr(import_module("small_text"), rule)(**parameters)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        rows, labelled = np.arange(len(state.rows)), state.labelled
        given = (Known(state), rows, state.unlabelled, labelled, state.labels[labelled])
        return np.asarray(self.rule.query(*given, n=budget))


class ModAL:
    """A query function of modAL by name."""

    def __init__(self, rule: str) -> None:
        self.rule = getattr(import_module("modAL.uncertainty"), rule)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        found = self.rule(Known(state), state.unlabelled, n_instances=budget)
        index = found[0] if isinstance(found, tuple) else found
        return state.unlabelled[np.asarray(index)]


@dataclass(frozen=True)
class LabelBench:
    """A strategy of LabelBench by module and class; GALAXY reads the truth of what it queries."""

    rule: str
    config: dict[str, Any] = field(default_factory=dict)
    truth: Ints | None = None
    reads_truth: ClassVar = True

    def given(self, truth: Ints) -> LabelBench:
        return replace(self, truth=truth)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        module, _, name = self.rule.partition(".")
        rule = getattr(import_module(f"LabelBench.strategy.strategy_impl.{module}"), name)
        given = Given(state, self.truth)
        with redirect_stderr(io.StringIO()):  # its progress
            return np.asarray(rule(self.config, given).select(given, budget))


@dataclass(frozen=True)
class Given:
    """What LabelBench's strategies read of a data set and of a trainer."""

    state: State
    truth: Ints | None

    def __len__(self) -> int:
        return len(self.state.rows)

    def labeled_idxs(self) -> Ints:
        return self.state.labelled

    def unlabeled_idxs(self) -> Ints:
        return self.state.unlabelled

    def retrieve_inputs(self, kinds: Sequence[Any]) -> list[Any]:
        """Arrays by the names of its enumeration; copies, as a rule writes into them."""
        made = {
            "TRAIN_PRED": lambda: self.state.probs.copy(),
            "TRAIN_EMBEDDING": lambda: self.state.rows.features,
            "TRAIN_LABEL": lambda: np.eye(self.state.n_classes)[self.truth],
        }
        return [made[kind.name]() for kind in kinds]


@dataclass(frozen=True)
class DalToolbox:
    """A strategy of dal-toolbox by module and class, with a linear model that predicts anew."""

    rule: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def select(self, state: State, budget: int, rng: np.random.Generator) -> Ints:
        import torch
        from dal_toolbox.active_learning import ActiveLearningDataModule
        from dal_toolbox.models import DeterministicModel

        features, weight, bias = (torch.tensor(part) for part in linear_head(state))
        linear = torch.nn.Linear(weight.shape[1], len(weight))
        linear.load_state_dict({"weight": weight, "bias": bias})
        linear.forward_features, linear.forward_head = torch.nn.Identity(), linear.forward
        rows = torch.utils.data.TensorDataset(features, torch.tensor(state.labels))
        data = ActiveLearningDataModule(rows, rows)
        data.labeled_indices = state.labelled.tolist()
        data.unlabeled_indices = state.unlabelled.tolist()
        model = DeterministicModel(linear, optimizer=torch.optim.SGD(linear.parameters(), 0.01))
        module, _, name = self.rule.rpartition(".")
        rule = getattr(import_module(module), name)(**self.parameters)
        with redirect_stdout(io.StringIO()):
            return np.asarray(rule.query(model=model, al_datamodule=data, acq_size=budget))


def small_text(rule: str, **parameters: Any) -> dict[str, Any]:
    return {"_target_": "peers.SmallText", "rule": rule, **parameters}


def modal(rule: str) -> dict[str, Any]:
    return {"_target_": "peers.ModAL", "rule": rule}


def labelbench(rule: str, **config: Any) -> dict[str, Any]:
    return {"_target_": "peers.LabelBench", "rule": rule, "config": config}


def dal_toolbox(rule: str, **parameters: Any) -> dict[str, Any]:
    module = "publications.cleaning_the_pool" if rule == "Refine" else "dal_toolbox.active_learning"
    path = f"{module}.strategies.{rule}"
    return {"_target_": "peers.DalToolbox", "rule": path, "parameters": parameters}


def skactiveml(rule: str, *options: str) -> list[str]:
    return ["strategy=skactiveml", f"strategy.query._target_=skactiveml.pool.{rule}", *options]


def by_method(method: str) -> list[str]:
    return skactiveml("UncertaintySampling", f"+strategy.query.method={method}")


OURS = {"refine": ["strategy.depth=2", "strategy.batches=16"]}  # 5 and 100 take too long
ENSEMBLE = [
    "random",
    "margin",
    "badge",
    "typiclust",
    "alfamix",
    "dropquery",
    "max_herding",
    "unc_herding",
]
RULES: dict[str, dict[str, Any]] = {  # ours: theirs by library
    "confidence": {
        "scikit-activeml": by_method("least_confident"),
        "small-text": small_text("LeastConfidence"),
        "modAL-python": modal("uncertainty_sampling"),
        "LabelBench": labelbench("confidence_sampling.ConfidenceSampling"),
        "dal-toolbox": dal_toolbox("LeastConfidentSampling"),
    },
    "margin": {
        "scikit-activeml": by_method("margin_sampling"),
        "small-text": small_text("BreakingTies"),
        "modAL-python": modal("margin_sampling"),
        "LabelBench": labelbench("margin_sampling.MarginSampling"),
        "dal-toolbox": dal_toolbox("MarginSampling"),
    },
    "entropy": {
        "scikit-activeml": by_method("entropy"),
        "small-text": small_text("PredictionEntropy"),
        "modAL-python": modal("entropy_sampling"),
        "LabelBench": labelbench("entropy_sampling.EntropySampling"),
        "dal-toolbox": dal_toolbox("EntropySampling"),
    },
    "coreset": {
        "scikit-activeml": skactiveml("CoreSet"),
        "small-text": small_text("GreedyCoreset", distance_metric="euclidean", normalize=True),
        "LabelBench": labelbench("coreset_sampling.CoresetSampling", working_memory_GB=1),
        "dal-toolbox": dal_toolbox("CoreSet"),
    },
    "centroid": {"small-text": small_text("EmbeddingKMeans")},
    "badge": {
        "scikit-activeml": skactiveml("Badge"),
        "LabelBench": labelbench("badge.BADGESampling"),
        "dal-toolbox": dal_toolbox("Badge"),
    },
    "galaxy": {"LabelBench": labelbench("galaxy.GALAXYSampling")},
    "typiclust": {
        "scikit-activeml": skactiveml("TypiClust"),
        "dal-toolbox": dal_toolbox("TypiClust"),
    },
    "dropquery": {
        "scikit-activeml": skactiveml("DropQuery"),
        "dal-toolbox": dal_toolbox("DropQuery"),
    },
    "alfamix": {"dal-toolbox": dal_toolbox("AlfaMix")},
    "refine": {
        "dal-toolbox": dal_toolbox(
            "Refine", al_strategies=ENSEMBLE, progressive_depth=2, num_batches=16
        )
    },
}


CERTAIN = ("confidence", "margin", "entropy", "coreset")  # they leave nothing to chance


def on_sphere(size: Size) -> tuple[State, Ints]:
    """The pool of the scale benchmark with features of length one."""
    state, truth = make_pool(size)
    rows = Rows(state.rows.inputs, unit(state.rows.features), state.rows.prior)
    return ready(State(rows, state.labels, state.model)), truth


def chosen(node: Any, pool: tuple[State, Ints], budget: int) -> Ints:
    """The rows that a rule queries."""
    (state, truth), rule = pool, instantiate(node)
    return query(rule, state, budget, Oracle(truth[:, None]), "after_batch", 0, 2)[0].rows


def cells(rule: str, here: Sequence[str], pool: Any, args: argparse.Namespace) -> list[str]:
    """A rule and, for each library here, what times the seconds of ours it takes; in brackets the
    fraction of the rows that both query, if a rule of no chance queries others."""
    mine = plan([f"strategy={rule}", *OURS.get(rule, [])])[0].config["strategy"]
    ours = measure(mine, pool, BUDGET, args.repeat, args.limit, LONG).processor
    out = [rule]
    for library in here:
        theirs = RULES[rule].get(library)
        if theirs is None:
            out.append("")
            continue
        if isinstance(theirs, list):
            theirs = plan(theirs)[0].config["strategy"]
        seconds = measure(theirs, pool, BUDGET, args.repeat, args.limit, LONG).processor
        if math.isinf(seconds):
            out.append(f"over {args.limit / ours:.0f}")
            continue
        both = 1.0
        if rule in CERTAIN:
            same = np.intersect1d(chosen(mine, pool, BUDGET), chosen(theirs, pool, BUDGET))
            both = len(same) / BUDGET
        out.append(f"{seconds / ours:.2g}" if seconds < 10 * ours else f"{seconds / ours:.0f}")
        out[-1] += f" ({both:.0%})" * (both < 1)
    print(*out, sep=" | ", flush=True)
    return out


def state_of(library: str) -> str:
    """Its version, or the commit of its clone, or that it is not here."""
    found = find_spec(LIBRARIES[library])
    if found is None:
        return f"{library} is not installed"
    if library in CLONED:
        (folder,) = found.submodule_search_locations or ["."]
        command = ["git", "-C", folder, "rev-parse", "--short", "HEAD"]
        return f"{library} at commit {subprocess.check_output(command, text=True).strip()}"
    return f"{library} {version(library)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("rules", nargs="*", choices=[[], *RULES], default=[])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--limit", type=float, default=900, help="seconds a measurement may take")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    here = [name for name, module in LIBRARIES.items() if find_spec(module)]
    pool = on_sphere(Size(args.rows, DIM, LABELLED, BUDGET, CLASSES))
    body = [cells(rule, here, pool, args) for rule in args.rules or RULES]
    lines = [
        "# Query rules beside other libraries",
        "",
        "How many times the processor seconds of ours each library takes for the same choice: 10 "
        "is ten times as long. Rules of no chance "
        f"({', '.join(CERTAIN)}) query the same rows, or in brackets how many of them.",
        "",
        *table(["rule", *here], body),
        "",
        f"Made by `make peers`; {', '.join(state_of(library) for library in LIBRARIES)}. "
        f"Pool {args.rows:,} x {DIM} float32 of length one, {CLASSES} classes, {LABELLED:,} "
        f"labelled, budget {BUDGET}; one thread, median of {args.repeat} (of fewer beyond "
        f"{LONG:.0f} s). dal-toolbox predicts anew, the others read predictions. REFINE has two "
        "passes of 16 batches of eight rules.",
    ]
    published("\n".join([*lines, ""]), OUTPUT, args.write)


if __name__ == "__main__":
    main()
