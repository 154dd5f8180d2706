"""How long query rules take, beside the same rules of other libraries, and whether they agree.

    python benchmarks/peers.py --write              # into results/benchmarks/peers.md
    python benchmarks/peers.py --rows 5000 margin   # a smaller pool, one rule

Measured as in benchmarks/scale.py: one whole ``select`` on a fresh state whose predictions exist
already, on one thread and the same arrays. Features have length one, so that all libraries
measure the same distances. Peers are scikit-activeml (through ``strategy=skactiveml``), small-text
and modAL, as far as they are installed (`pip install small-text modAL-python`); LabelBench, libact
and ALiPy are no packages that can be installed beside these.

Same rows: the part of the rows that both query, where a rule leaves nothing to chance.
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from pages import row
from scale import Size, make_pool, measure, node, ready

from al_bench.core.arrays import unit
from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.state import Floats, Ints, Rows, State
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "peers.md"
LABELLED, BUDGET, CLASSES, DIM = 1_000, 100, 10, 384
LIBRARIES = {"scikit-activeml": "skactiveml", "small-text": "small_text", "modAL-python": "modAL"}


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


def small_text(rule: str, **parameters: Any) -> dict[str, Any]:
    return {"_target_": "peers.SmallText", "rule": rule, **parameters}


def modal(rule: str) -> dict[str, Any]:
    return {"_target_": "peers.ModAL", "rule": rule}


def skactiveml(rule: str, *options: str) -> list[str]:
    return ["strategy=skactiveml", f"strategy.query._target_=skactiveml.pool.{rule}", *options]


def by_method(method: str) -> list[str]:
    return skactiveml("UncertaintySampling", f"+strategy.query.method={method}")


RULES: dict[str, dict[str, Any]] = {  # ours: theirs by library
    "confidence": {
        "scikit-activeml": by_method("least_confident"),
        "small-text": small_text("LeastConfidence"),
        "modAL-python": modal("uncertainty_sampling"),
    },
    "margin": {
        "scikit-activeml": by_method("margin_sampling"),
        "small-text": small_text("BreakingTies"),
        "modAL-python": modal("margin_sampling"),
    },
    "entropy": {
        "scikit-activeml": by_method("entropy"),
        "small-text": small_text("PredictionEntropy"),
        "modAL-python": modal("entropy_sampling"),
    },
    "coreset": {
        "scikit-activeml": skactiveml("CoreSet"),
        "small-text": small_text("GreedyCoreset", distance_metric="euclidean", normalize=True),
    },
    "centroid": {"small-text": small_text("EmbeddingKMeans")},
    "badge": {"scikit-activeml": skactiveml("Badge")},
    "typiclust": {"scikit-activeml": skactiveml("TypiClust")},
    "dropquery": {"scikit-activeml": skactiveml("DropQuery")},
}


CERTAIN = ("confidence", "margin", "entropy", "coreset")  # they leave nothing to chance


def on_sphere(size: Size) -> tuple[State, Ints]:
    """The pool of the scale benchmark with features of length one."""
    state, truth = make_pool(size)
    rows = Rows(state.rows.inputs, unit(state.rows.features), state.rows.prior)
    return ready(State(rows, state.labels, state.model)), truth


def chosen(node: Any, pool: tuple[State, Ints], budget: int) -> Ints:
    """The rows that a rule queries."""
    state, truth = pool
    return query(instantiate(node), state, budget, Oracle(truth[:, None]), "after_batch", 0, 2)[
        0
    ].rows


def agreement(rule: str, ours: Any, theirs: Any, pool: tuple[State, Ints]) -> str:
    """Which part of the rows both query."""
    if rule not in CERTAIN:
        return "–"
    both = np.intersect1d(chosen(ours, pool, BUDGET), chosen(theirs, pool, BUDGET))
    return f"{len(both) / BUDGET:.0%}"


def table(args: argparse.Namespace) -> list[str]:
    """A line a rule and library."""
    pool = on_sphere(Size(args.rows, DIM, LABELLED, BUDGET, CLASSES))
    cells = ["rule", "library", "ours, s", "theirs, s", "theirs / ours", "ours, MiB", "theirs, MiB",
             "same rows"]  # fmt: skip
    out = [row(*cells), row(*["---"] * len(cells))]
    print("\n".join(out), flush=True)
    for rule in args.rules or RULES:
        mine = node(rule)
        we = measure(mine, pool, BUDGET, args.repeat, args.limit, args.limit)
        for library, theirs in RULES[rule].items():
            if find_spec(LIBRARIES[library]) is None:
                continue
            if isinstance(theirs, list):
                theirs = plan(theirs)[0].config["strategy"]
            instantiate(theirs)  # which imports their library here once, not in each measurement
            they = measure(theirs, pool, BUDGET, args.repeat, args.limit, args.limit)
            both = agreement(rule, mine, theirs, pool)
            seconds = [f"{we.processor:.4f}", f"{they.processor:.3f}"]
            ratio = f"{they.processor / we.processor:.0f}"
            memory = [f"{cost.mebibytes:.0f}" for cost in (we, they)]
            out.append(row(rule, library, *seconds, ratio, *memory, both))
            print(out[-1], flush=True)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("rules", nargs="*", choices=[[], *RULES], default=[])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300, help="seconds a measurement may take")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    here = [name for name, module in LIBRARIES.items() if find_spec(module)]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    versions = ", ".join(f"{name} {version(name)}" for name in here)
    away = "".join(f"; {name} is not installed" for name in LIBRARIES if name not in here)
    lines = [
        "# Query rules beside other libraries",
        "",
        f"Made by `python benchmarks/peers.py --write`; {versions}{away}. "
        f"Pool {args.rows:,} x {DIM} float32 of length one, {CLASSES} classes, {LABELLED:,} "
        f"labelled, budget {BUDGET}; one thread; processor seconds, median of {args.repeat} (fewer "
        f"beyond {args.limit:.0f} s); load averages at the start {load} on {os.cpu_count()} "
        "processors. MiB: most memory beyond the pool.",
        "",
        *table(args),
    ]
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
