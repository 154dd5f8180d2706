"""Whether intervals of the audit of a rare class hold: replayed on shipped data.

    python benchmarks/rare_audit.py --write     # into results/benchmarks

Half of a pool is searched for a class, 200 labels in batches of 50. From the other half, which no
model is taught, a reserve is drawn anew for each replay, and of it the audit, in four parts by the
models of that time. The truth is that of the whole half and read by the scorer alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pages import published, table
from sklearn.metrics import average_precision_score

import al_bench
from al_bench.api import chosen
from al_bench.core.loop import answered, query, trained
from al_bench.core.oracle import Oracle
from al_bench.core.predictor import CalibratedPredictor
from al_bench.core.state import Bools, Floats, Ints, State
from al_bench.labelling.audit.rare import estimate_rare, next_drawn
from al_bench.runs.run import parts_of

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "rare_audit.md"
SETTINGS = [
    ("wordnet_nouns25", 23, 0.05),
    ("wordnet_nouns25", 23, 0.0143),
    ("fashion_mnist", 4, 0.05),
]
RULE = {
    "strategy": "rare",
    "init": "rare",
    "protocol": "small",
}
BATCH, BATCHES = 50, 4
SHARE = 0.2  # of the held half that is the reserve: a tenth of the pool
AUDITS = (60, 150)


@dataclass(frozen=True)
class Models:
    """Of the held half: truth (h,), probabilities of the class by the model of each round (r, h),
    and whether the last one predicts it (h,)."""

    truth: Bools
    scores: Floats
    predicted: Bools

    def values(self) -> dict[str, float]:
        """What is estimated, by the truth."""
        y, guess = self.truth, self.predicted
        hits = float(np.count_nonzero(y & guess))
        recall, other = hits / y.sum(), float(np.mean(~guess[~y]))
        return {
            "prevalence": float(y.mean()),
            "precision": hits / max(guess.sum(), 1),
            "recall": recall,
            "f1": 2 * hits / (y.sum() + guess.sum()),
            "average_precision": float(average_precision_score(y, self.scores[-1])),
            "accuracy": float(np.mean(y == guess)),
            "balanced_accuracy": (recall + other) / 2,
        }


def models(dataset: str, target: int, rate: float, seed: int = 0) -> Models:
    """The search of one half of a pool."""
    wanted = [f"imbalance.target={target}", f"imbalance.rate={rate}"]
    problem = al_bench.make_problem(dataset, imbalance="one_vs_rest", seed=seed, overrides=wanted)
    n = len(problem.pool)
    held = np.sort(np.random.default_rng(seed).permutation(n)[: n // 2])
    parts, _ = parts_of(chosen(RULE, seed, []), problem)
    state, oracle = State.start(problem.pool).hide(held), Oracle(problem.table)
    scores = []
    for number in range(1, BATCHES + 1):
        told, _ = query(parts.strategy, state, BATCH, oracle, "after_batch", seed, number)
        state = answered(state, told, None, seed, number)
        state = trained(state, parts.supervision, parts.learner, seed, number)
        scores.append(CalibratedPredictor(state).pool[held, 0])
    truth = problem.truth[held] == 0
    return Models(truth, np.array(scores, dtype=np.float64), scores[-1] > 0.5)


def replays(made: Models, count: int, audits: int) -> Iterator[dict[str, object]]:
    """A line a replay and quantity: whether its interval holds, and its width."""
    values, n = made.values(), len(made.truth)
    for number in range(count):
        rng = np.random.default_rng(number)
        reserve = np.sort(rng.permutation(n)[: round(SHARE * n)])
        numbers, chances = rng.random(len(reserve)), np.zeros(len(reserve))
        asked: Ints = np.empty(0, dtype=np.int64)
        for scores in made.scores:
            now = (scores[reserve], numbers, chances, asked, audits // BATCHES)
            drawn, chances = next_drawn(*now)
            asked = np.concatenate([asked, drawn])
        found = estimate_rare(
            made.scores[-1, reserve],
            made.predicted[reserve],
            chances,
            asked,
            made.truth[reserve[asked]].astype(np.float64),
            n,
            0,
        )
        for what, value in values.items():
            one = getattr(found, what)
            yield {
                "what": what.replace("_", " "),
                "truth": value,
                "positives": found.positives,
                "covers": bool(one.low - 1e-9 <= value <= one.high + 1e-9),
                "width": one.high - one.low,
                "bias": one.value - value,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replays", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    lines: list[dict[str, object]] = []
    for dataset, target, rate in SETTINGS:
        made = models(dataset, target, rate)
        for audits in AUDITS:
            about = {"data": f"{dataset}, {rate:.1%}", "audited": audits}
            lines += [about | line for line in replays(made, args.replays, audits)]
    frame = pd.DataFrame(lines)
    mean = frame.groupby(["data", "audited", "what"], sort=False)[
        ["truth", "positives", "covers", "width", "bias"]
    ].mean()
    body = [
        [data, audits, what, f"{100 * x.truth:.1f}", f"{x.positives:.1f}", f"{100 * x.covers:.1f}",
         f"{100 * x.width:.0f}", f"{100 * x.bias:+.1f}"]
        for (data, audits, what), x in mean.iterrows()
    ]  # fmt: skip
    heads = ["data, class", "audited", "quantity", "truth, %", "audited positives", "coverage, %"]
    text = "\n".join([
        "# The audit of a rare class, replayed",
        "",
        f"Made by `python benchmarks/rare_audit.py`: {args.replays:,} replays of each line, 95 % "
        "intervals, true answers. Width and bias in points.",
        "",
        *table([*heads, "width", "bias"], [[str(cell) for cell in line] for line in body]),
    ]) + "\n"  # fmt: skip
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
