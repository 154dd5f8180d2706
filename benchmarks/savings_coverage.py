"""Bias of the share of the budget and coverage of its intervals, on curves with known truth.

    python benchmarks/savings_coverage.py            # the table
    python benchmarks/savings_coverage.py --write    # also into results/benchmarks

Curves are power laws over ten rounds; ours is the opponent's with its labels scaled. Noise is that
of seeds in results/savings.parquet.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from pages import table

from al_bench.report.comparison import without_full
from al_bench.report.curves import aligned, learning_curves
from al_bench.report.keys import METHOD, keyed
from al_bench.report.results import read_parquet
from al_bench.report.savings import SHARES, efficiency, median_share
from al_bench.report.spec import ReportSpec

Floats = NDArray[np.floating[Any]]
RESULTS = Path(__file__).parents[1] / "results"
OUTPUT = RESULTS / "benchmarks" / "savings_coverage.md"
LABELS = np.arange(1.0, 11.0) * 100
TRUE = (0.25, 0.5, 0.7, 0.9, 1.0, 1.5)  # shares of the budget; above 1 it is never reached
SETS = 12
NAMES = [str(number) for number in range(SETS)]


class Noise(NamedTuple):
    """Of one seed about the mean: its standard deviation, the correlation between rounds (10, 10),
    and the part of the variance that methods share; levels: mean at the first and last round."""

    deviation: float
    rounds: Floats
    shared: float
    levels: tuple[float, float]

    def draw(self, rng: np.random.Generator, *shape: int) -> tuple[Floats, Floats]:
        """(*shape, 10) of two methods, paired."""
        root = self.deviation * np.linalg.cholesky(self.rounds).T
        both, a, b = rng.normal(size=(3, *shape, len(root))) @ root
        own = np.sqrt(1 - self.shared)
        return own * a + np.sqrt(self.shared) * both, own * b + np.sqrt(self.shared) * both


def observed() -> Noise:
    """The noise and the levels of results/savings.parquet."""
    spec = ReportSpec(method=(*METHOD, "learner"))
    frame = keyed(read_parquet(RESULTS / "savings.parquet").frame, spec.method)
    found = learning_curves(aligned(without_full(frame, spec.metric)[0]), spec.metric)
    found = [one for one in found if len(one.labels) == len(LABELS)]
    scores = [one.scores[~np.isnan(one.scores).any(axis=(1, 2))] for one in found]  # all seeds
    rest = [part - part.mean(axis=1, keepdims=True) for part in scores]
    seeds = rest[0].shape[1]
    spread = [(part**2).mean(axis=(0, 1)) * seeds / (seeds - 1) for part in rest]
    moments = sum(np.einsum("msp,msq->pq", p, p) / p.shape[0] for p in rest)
    root = np.sqrt(np.diag(moments))
    both = sum((part.mean(axis=0) ** 2).sum() for part in rest)
    every = sum((part**2).sum() / len(part) for part in rest)
    own = np.mean([1 / len(part) for part in rest])  # of what is not shared, is in a mean of these
    ends = np.mean([part.mean(axis=(0, 1))[[0, -1]] for part in scores], axis=0)
    return Noise(
        float(np.sqrt(np.mean(spread))),
        np.asarray(moments / np.outer(root, root)),
        float((both / every - own) / (1 - own)),
        (float(ends[0]), float(ends[1])),
    )


def power(labels: Floats, levels: tuple[float, float]) -> Floats:
    """A power law of exponent -1/2 through the levels of the first and the last round."""
    start, end = (LABELS[i] ** -0.5 for i in (0, -1))
    return np.asarray(levels[0] + (levels[1] - levels[0]) * (start - labels**-0.5) / (start - end))


def ours(share: float, levels: tuple[float, float]) -> Floats:
    """(10,) the opponent's curve with its labels scaled, so that its end is reached at a share."""
    return power(LABELS / share, levels)


def spread(middle: float) -> Floats:
    """(12,) shares of twelve sets about a middle one."""
    return middle * np.exp(np.linspace(-0.6, 0.6, SETS))


def off(found: list[float], true: float) -> str:
    """The middle one of the estimates less the truth, in points; not reached is the highest."""
    return f"{100 * (float(np.median(found)) - true):+.1f}"


def within(intervals: list[tuple[float, float]], true: float) -> str:
    """How often, in %, an interval holds the truth."""
    low, high = np.array(intervals).T
    return f"{100 * np.mean((low <= true + 1 / len(SHARES)) & (high >= true - 1e-9)):.0f}"


def rows(noise: Noise, repeats: int) -> Iterator[list[str]]:
    """A row a number of seeds and true share, of one set and of the median of twelve."""
    base = power(LABELS, noise.levels)
    for seeds in (5, 20):
        for true in TRUE:
            rng = np.random.default_rng([seeds, TRUE.index(true)])
            each = spread(true)
            middle = float(np.median(each)) if (each <= 1).sum() > SETS // 2 else np.inf
            one, many = [], []
            for _ in range(repeats):
                a, b = noise.draw(rng, SETS + 1, seeds)
                curves = [ours(share, noise.levels) for share in (true, *each)]
                told = [
                    efficiency(x + curve, y + base, LABELS)
                    for x, y, curve in zip(a, b, curves, strict=True)
                ]
                one.append(told[0])
                many.append(median_share(told[1:], NAMES))
            reached = true if true <= 1 else np.inf
            yield [
                str(seeds), f"{100 * true:.0f}" if true <= 1 else "not reached",
                off([e.share for e in one], reached) if true <= 1 else "–",
                within([(e.low, e.high) for e in one], reached),
                off([m.median for m in many], middle) if np.isfinite(middle) else "–",
                within([m.over_seeds for m in many], middle),
            ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=500, help="simulated comparisons a row")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    noise = observed()
    lags = ", ".join(f"{np.diag(noise.rounds, lag).mean():.2f}" for lag in (1, 2, 4))
    head = ["seeds", "true share of the budget, %", "one set: bias, points", "covers, %"]
    head += [f"median of {SETS} sets: bias, points", "covers, %"]
    lines = [
        "# How far can the share of the budget and its interval be trusted?",
        "",
        f"Made by `python benchmarks/savings_coverage.py`: {args.repeats} simulated comparisons a "
        f"row. Seeds vary as in results/savings.parquet: standard deviation "
        f"{100 * noise.deviation:.1f} points, correlation between rounds {lags} at lags 1, 2 and "
        f"4, {100 * noise.shared:.0f} % of the variance shared by methods. The opponent rises from "
        f"{100 * noise.levels[0]:.0f} to {100 * noise.levels[1]:.0f} % in ten rounds, as a power "
        "law of exponent -1/2. Ours is the same curve with its labels scaled. The twelve sets have "
        "shares from 55 to 182 % of the one in the row; above 100 % they do not reach the end.",
        "",
        "Bias is the middle estimate less the truth. The interval is the 95 % CI over seeds. The "
        "opponent is given, not chosen as the best of several.",
        "",
        *table(head, rows(noise, args.repeats)),
    ]
    print("\n".join(lines))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
