"""How long a query rule takes to choose, beside scikit-activeml's of the same method.

    python benchmarks/adapters.py --write     # into results/benchmarks

Measured as in benchmarks/selection.py: one whole ``select`` on a fresh state whose predictions
exist already, on one thread, theirs through ``strategy=skactiveml``. Features have length one, so
that both libraries measure the same distances. Wall and processor seconds are medians; on a busy
machine the processor's are the fair ones.
"""

from __future__ import annotations

import argparse
import os
from importlib.metadata import version
from pathlib import Path

import selection
from selection import Size, make_pool, measure, node, row

from al_bench.arithmetic import unit
from al_bench.configuration.config import build
from al_bench.configuration.plan import plan
from al_bench.state import Ints, Rows, State

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "adapters.md"
SIZE = Size(rows=5_000, dim=128, labelled=100, budget=100, classes=10)
METHODS = {  # ours, and the parameters of theirs
    "margin": ["UncertaintySampling", "+strategy.query.method=margin_sampling"],
    "entropy": ["UncertaintySampling", "+strategy.query.method=entropy"],
    "coreset": ["CoreSet"],
    "badge": ["Badge"],
    "typiclust": ["TypiClust"],
    "probcover": ["ProbCover"],
}


def on_sphere(size: Size) -> tuple[State, Ints]:
    """The pool of the selection benchmark with features of length one."""
    state, truth = make_pool(size, isotropic=False)
    rows = Rows(state.rows.inputs, unit(state.rows.features), state.rows.prior)
    state = State(rows, state.labels, state.model)
    for name in ("probs", "labelled", "unlabelled", "counts"):
        getattr(state, name)  # computed when first read, and shared by all rules of a round
    return state, truth


def table(args: argparse.Namespace) -> list[str]:
    pool = on_sphere(SIZE)
    selection.LONG = args.limit  # repeat all of them
    cells = ["strategy", "ours, wall", "theirs, wall", "ours, processor", "theirs, processor"]
    cells += ["theirs / ours", "ours, MiB", "theirs, MiB"]
    out = [row(cells), row(["---"] * len(cells))]
    for name, (query, *options) in METHODS.items():
        target = f"strategy.query._target_=skactiveml.pool.{query}"
        theirs = plan(["strategy=skactiveml", target, *options])[0].config["strategy"]
        build(theirs)  # which imports their library here once, not in each measurement
        we, they = (measure(n, pool, SIZE.budget, 1, args) for n in (node(name), theirs))
        seconds = [we.wall, they.wall, we.processor, they.processor]
        ratio = f"{they.processor / we.processor:.1f}"
        memory = [f"{cost.mebibytes:.0f}" for cost in (we, they)]
        out.append(row([name, *(f"{s:.3f}" for s in seconds), ratio, *memory]))
        print(out[-1], flush=True)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300, help="seconds a measurement may take")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    lines = [
        "# Seconds to select a batch, beside scikit-activeml",
        "",
        f"Made by `python benchmarks/adapters.py`, scikit-activeml {version('scikit-activeml')}. "
        f"Pool {SIZE.rows:,} x {SIZE.dim} float32 of length one, {SIZE.classes} classes, "
        f"{SIZE.labelled} labelled, budget {SIZE.budget}; one thread; median of {args.repeat}. "
        f"Other work ran beside it: load averages at the start {load} on "
        f"{os.cpu_count()} processors, so processor seconds are the fair ones, and theirs / ours "
        "is of those. MiB: most memory beyond the pool. The two differ in details: clusters of "
        "TypiClust, radius of ProbCover.",
        "",
        *table(args),
    ]
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
