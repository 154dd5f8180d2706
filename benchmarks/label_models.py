"""How long a label model takes, and how often it is right: every label model config.

    python benchmarks/label_models.py            # the table
    python benchmarks/label_models.py --write    # also into results/benchmarks

A measurement is one whole ``infer`` on a fresh state, after one on a tiny pool, so imports do not
count. Annotators are right at rates spread evenly over 0.3 to 0.9, wrong answers are even; features
tell the classes apart, which CROWDLAB alone reads. Wall and processor seconds are medians on one
thread; on a busy machine the processor's are the fair ones.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pages import row

from al_bench.configuration.config import build, config_dir
from al_bench.configuration.plan import plan
from al_bench.state import Floats, Ints, Panel, Rows, State

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "label_models.md"
GOAL = 2.0  # processor seconds that we set out for


class Size(NamedTuple):
    rows: int
    answers: int
    classes: int
    annotators: int
    dim: int


def make_crowd(size: Size, seed: int) -> tuple[State, Ints, Floats]:
    """A pool all of which was answered, the truth and the annotators' rates; each class has 0.7 of
    the rows of the one before."""
    rng = np.random.default_rng([seed, *size])
    fractions = 0.7 ** np.arange(size.classes)
    truth = rng.choice(size.classes, size=size.rows, p=fractions / fractions.sum())
    rates = np.linspace(0.3, 0.9, size.annotators)
    rows = np.repeat(np.arange(size.rows), size.answers)
    order = np.argsort(rng.random((size.rows, size.annotators)), axis=1)
    who = order[:, : size.answers].ravel()
    wrong = (truth[rows] + rng.integers(1, size.classes, len(rows))) % size.classes
    said = np.where(rng.random(len(rows)) < rates[who], truth[rows], wrong)
    centres = rng.standard_normal((size.classes, size.dim), dtype=np.float32)
    noise = rng.standard_normal((size.rows, size.dim), dtype=np.float32)
    flat = np.full((size.rows, size.classes), 1 / size.classes, dtype=np.float32)
    pool = Rows(range(size.rows), 0.5 * centres[truth] + 2 * noise, flat)
    panel = Panel(
        tuple(f"annotator {number + 1}" for number in range(size.annotators)),
        np.ones((size.rows, size.annotators), dtype=bool),
        np.ones(size.annotators),
        np.zeros(size.annotators, dtype=bool),
        persons=True,
    )
    return State.start(pool, panel, True).tell(rows, said, who), truth, rates


def measured(node: Any, size: Size, repeat: int) -> list[str]:
    """Wall and processor seconds, labels that are right, and how far off the annotators' rates are
    on average."""
    small = Size(200, 2, size.classes, size.annotators, 8)
    build(node).infer(make_crowd(small, 0)[0], np.random.default_rng(0))
    walls, processors, right, off = [], [], [], []
    for seed in range(repeat):
        state, truth, rates = make_crowd(size, seed)
        rng = np.random.default_rng(seed)
        wall, processor = perf_counter(), process_time()
        made = build(node).infer(state, rng)
        walls.append(perf_counter() - wall)
        processors.append(process_time() - processor)
        right.append(float((state.agreed(made, rng).labels == truth).mean()))
        found = made.right.sum(axis=1) / made.asked.sum(axis=1)
        off.append(float(np.abs(found - rates).mean()))
    return [
        *(f"{median(seconds):.2f}" for seconds in (walls, processors)),
        f"{100 * np.mean(right):.1f}",
        f"{100 * np.mean(off):.1f}",
    ]


def every_label_model() -> list[str]:
    return sorted(path.stem for path in (config_dir() / "label_model").glob("*.yaml"))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--label-models", nargs="+", default=every_label_model())
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--answers", type=int, default=3, help="about each row")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--annotators", type=int, default=20)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    return parser.parse_args()


def main() -> None:
    args = parse()
    size = Size(args.rows, args.answers, args.classes, args.annotators, args.dim)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    head = ["label model", "wall", "processor", "labels right, %", "rates off, points"]
    lines = [
        "# Seconds to infer a consensus",
        "",
        f"Made by `python benchmarks/label_models.py`. {size.rows:,} rows of {size.classes} "
        f"classes with {size.answers} answers each by {size.annotators} annotators, right at rates "
        f"from 0.3 to 0.9; features of {size.dim} dimensions. Median of {args.repeat}, one thread; "
        f"load averages at the start {load} on {os.cpu_count()} processors. Goal: {GOAL:g} "
        "processor seconds; in `crowdlab` and `belief` are a classifier's four fits, in `belief` "
        "besides the means of exponents over a grid. Rates off: mean distance of what the "
        "consensus says of an annotator from the truth.",
        "",
        row(*head),
        row(*["---"] * len(head)),
    ]
    print("\n".join(lines))
    for name in args.label_models:
        node = plan([f"label_model={name}"])[0].config["label_model"]
        lines.append(row(name, *measured(node, size, args.repeat)))
        print(lines[-1], flush=True)
    if args.write:
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
