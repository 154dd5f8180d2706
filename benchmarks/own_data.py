"""A session on texts whose labels are hidden from it, answered from recorded human votes.

    python benchmarks/own_data.py --write     # into results/benchmarks, with a figure

10,000 texts of VADER (Hutto and Gilbert, 2014), which ships with the package, are written to a csv
without their labels. Every answer is the vote of a person drawn from the twenty who rated the text;
rows of the audit are answered by two of them, so that their agreement says how often people err.
The truth, the class of most votes, is read by this script alone: it measures each model on the rows
kept for the audit, which no model was taught. Random choice, as most people label, has the same
foundation model, learner and audit, and trains on the labels alone.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pages import row, table

from al_bench.api import chosen
from al_bench.core.metrics import balanced_accuracy
from al_bench.core.rng import rng
from al_bench.core.state import Floats, Ints
from al_bench.data.types import Dataset
from al_bench.labelling import Answer, Session, SessionEstimate
from al_bench.runs.config import instantiate

RESULTS = Path(__file__).parents[1] / "results"
ROWS, BATCH, SEEDS = 10_000, 50, 5
LABELS, MOST = 600, 3_000  # of the default, and of random choice, which is given more
RANDOM = ["strategy=random", "strategy@init=random", "supervision=labels"]


@dataclass(frozen=True)
class Point:
    """After so many labelled rows: what is true of the model, and what the session says of it."""

    labels: int
    accuracy: float
    balanced: float
    estimate: SessionEstimate


def people(votes: Ints, seed: int) -> Ints:
    """(n, 2) the classes that two different ones of each text's raters voted for."""
    draws = rng(seed, "people")
    order = draws.permuted(np.tile(np.arange(votes.sum(axis=1).max()), (len(votes), 1)), axis=1)
    ends = votes.cumsum(axis=1)
    first_two = np.stack([place_of(order, ends, number) for number in range(2)], axis=1)
    return np.asarray((first_two[:, :, None] >= ends[:, None, :]).sum(axis=2))


def place_of(order: Ints, ends: Ints, number: int) -> Ints:
    """(n,) the number-th drawn rater of each text, among those that it has."""
    there = order < ends[:, -1:]
    rank = np.cumsum(there, axis=1)
    return order[np.arange(len(order)), np.argmax(rank == number + 1, axis=1)]


def labelled(folder: Path, data: Dataset, options: list[str], seed: int, most: int) -> list[Point]:
    """A session from its csv to `most` labelled rows, a point a batch."""
    names = data.class_names
    truth = data.train.labels[:ROWS]
    said = people(data.train.columns["votes"][:ROWS], seed)
    place = folder / f"session {len(list(folder.iterdir()))}"
    points = []
    more = {"prompts": data.prompts, "overrides": options, "seed": seed}
    with Session.new(place, folder / "texts.csv", names, **more) as session:
        reserve = session.service.snapshot().pool.reserved
        for labels in range(BATCH, most + 1, BATCH):
            answers = []
            for one in session.suggest(BATCH):
                whom = ["ann", "bob"] if one.kind == "audit" else ["ann"]
                votes = said[int(one.id)]
                answers += [Answer(one.id, names[votes[i]], who) for i, who in enumerate(whom)]
            session.tell(answers)
            guess = session.predict()["label"].map(names.index).to_numpy()[reserve]
            right = float(np.mean(guess == truth[reserve]))
            level = balanced_accuracy(truth[reserve], guess, len(names))
            points.append(Point(labels, right, level, session.estimate()))
    return points


def reached(curve: Floats, level: float) -> str:
    """How many labelled rows a mean curve needs for a level, between batches by a straight line."""
    labels = BATCH * np.arange(1, len(curve) + 1)
    over = np.flatnonzero(curve >= level)
    if not len(over):
        return f"more than {labels[-1]:,}"
    at = int(over[0])
    if at == 0:
        return f"{labels[0]:,}"
    part = (level - curve[at - 1]) / (curve[at] - curve[at - 1])
    return f"{labels[at - 1] + part * BATCH:,.0f}"


def mean_curve(runs: list[list[Point]], of: str) -> Floats:
    return np.mean([[getattr(point, of) for point in run] for run in runs], axis=0)


def lines_of(ours: list[list[Point]], random: list[list[Point]]) -> list[str]:
    """A line a hundred labels: the truth of both, and what the first session says of itself."""
    out = table(
        ["rows labelled", "default, %", "random, %", "the first session's own estimate, %"], []
    )
    mine, other = mean_curve(ours, "balanced"), mean_curve(random, "balanced")
    for number in range(1, len(mine), 2):
        one = ours[0][number]
        said = one.estimate.balanced_accuracy
        own = f"{100 * said.value:.1f} \\[{100 * said.low:.1f}, {100 * said.high:.1f}\\]"
        own += f" (truth {100 * one.balanced:.1f})"
        out.append(row(one.labels, f"{100 * mine[number]:.1f}", f"{100 * other[number]:.1f}", own))
    return out


def sentences(ours: list[list[Point]], random: list[list[Point]]) -> list[str]:
    """What random choice would have cost, and how often the intervals hold."""
    mine, other = mean_curve(ours, "balanced"), mean_curve(random, "balanced")
    return [
        f"After {LABELS} labelled rows the default's models have {100 * mine[-1]:.1f} % balanced "
        f"accuracy; random choice and training on labels alone need {reached(other, mine[-1])} "
        "rows for that.",
        held("the default", ours),
        held("random choice", random),
    ]


def held(name: str, runs: list[list[Point]]) -> str:
    """How often the intervals of one arm hold the truth, and how far estimates lie from it."""
    every = [point for run in runs for point in run if point.labels >= 100]
    words = []
    for what, pairs in (
        ("accuracy", [(p.estimate.accuracy, p.accuracy) for p in every]),
        ("balanced accuracy", [(p.estimate.balanced_accuracy, p.balanced) for p in every]),
    ):
        inside = np.mean([x.low <= y <= x.high for x, y in pairs])
        off = np.mean([x.value - y for x, y in pairs])
        words.append(f"{100 * inside:.0f} % for {what} (mean error {100 * off:+.1f} points)")
    return (
        f"Of {len(every):,} estimates of {name} from 100 to {every[-1].labels:,} labelled rows, "
        f"{len(runs)} sessions, the 95 % interval holds the truth in {' and '.join(words)}."
    )


def figure(ours: list[list[Point]], random: list[list[Point]], path: Path) -> None:
    """Mean curves of both, and the first session's own estimates with their intervals."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    from al_bench.report.figures.style import KNOWN, STYLE, save_png

    with plt.style.context(STYLE):
        drawing, axes = plt.subplots(figsize=(4.6, 3.0))
        for name, runs, colour in (
            ("default", ours, KNOWN["codecision"]),
            ("random choice, labels alone", random, KNOWN["random"]),
        ):
            curve = 100 * mean_curve(runs, "balanced")
            axes.plot(BATCH * np.arange(1, len(curve) + 1), curve, color=colour, label=name)
        labels = [point.labels for point in ours[0]]
        said = [point.estimate.balanced_accuracy for point in ours[0]]
        ends = [100 * np.array([getattr(one, end) for one in said]) for end in ("low", "high")]
        axes.fill_between(labels, *ends, color=KNOWN["codecision"], alpha=0.15, lw=0,
                          label="one session's own 95 % intervals")  # fmt: skip
        axes.set(xlabel="rows labelled", ylabel="balanced accuracy, %", xlim=(0, 2 * LABELS))
        axes.legend(loc="lower right")
        drawing.tight_layout()
        save_png(drawing, path, None)
        plt.close(drawing)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument(
        "--write", action="store_true", help="also write own_data.md and its figure"
    )
    args = parser.parse_args()
    data: Dataset = instantiate(chosen({"dataset": "vader"}, 0, []).config.dataset).load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pd.DataFrame({"text": list(data.train.inputs)[:ROWS]}).to_csv(
            folder / "texts.csv", index=False
        )
        runs: dict[str, list[list[Point]]] = {"ours": [], "random": []}
        for seed in range(args.seeds):
            runs["ours"].append(labelled(folder, data, [], seed, LABELS))
            runs["random"].append(labelled(folder, data, RANDOM, seed, MOST))
            print(f"seed {seed}: {100 * runs['ours'][-1][-1].balanced:.1f} %", flush=True)
    lines = [
        "# A session on data whose labels are hidden from it",
        "",
        f"Made by `python benchmarks/own_data.py`: {ROWS:,} texts of VADER, answers by people on "
        f"record, {args.seeds} seeds. Balanced accuracy on the rows kept for the audit, against "
        "the class of most votes.",
        "",
        *lines_of(runs["ours"], runs["random"]),
        "",
        *sentences(runs["ours"], runs["random"]),
    ]
    print("\n".join(lines))
    if args.write:
        (RESULTS / "benchmarks" / "own_data.md").write_text("\n".join(lines) + "\n", "utf-8")
        figure(runs["ours"], runs["random"], RESULTS / "benchmarks" / "own_data.png")


if __name__ == "__main__":
    main()
