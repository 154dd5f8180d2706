"""Bias of savings and coverage of their intervals, on curves whose true saving is known.

    python benchmarks/savings_coverage.py            # the tables
    python benchmarks/savings_coverage.py --write    # also into results/benchmarks

Curves are power laws over ten rounds; ours is the baseline's with its labels scaled. Noise is that
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
from scipy.stats import t as student

from al_bench.report.comparison import without_full
from al_bench.report.curves import aligned, learning_curves
from al_bench.report.keys import METHOD, keyed
from al_bench.report.results import read_parquet
from al_bench.report.savings import both_forms
from al_bench.report.spec import ReportSpec

Floats = NDArray[np.floating[Any]]
RESULTS = Path(__file__).parents[1] / "results"
OUTPUT = RESULTS / "benchmarks" / "savings_coverage.md"
LABELS = np.arange(1.0, 11.0) * 100
SAVINGS = (-0.5, 0.0, 0.2, 0.5, 0.75)
FORMS = ("final", "levels")


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
    rest = [one.scores - one.scores.mean(axis=1, keepdims=True) for one in found]
    seeds = rest[0].shape[1]
    spread = [(part**2).mean(axis=(0, 1)) * seeds / (seeds - 1) for part in rest]
    moments = sum(np.einsum("msp,msq->pq", p, p) / p.shape[0] for p in rest)
    root = np.sqrt(np.diag(moments))
    both = sum((part.mean(axis=0) ** 2).sum() for part in rest)
    every = sum((part**2).sum() / len(part) for part in rest)
    own = np.mean([1 / len(part) for part in rest])  # of what is not shared, is in a mean of these
    ends = np.mean([one.curves.mean(axis=(0, 1))[[0, -1]] for one in found], axis=0)
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


def scaled(saving: float, levels: tuple[float, float]) -> Floats:
    """(10,) the baseline's curve with its labels scaled: where it saves, it ends higher."""
    return power(LABELS / (1 - saving), levels)


def logs(a: Floats, b: Floats) -> Floats:
    """(..., 2) logs of ratios, at the final level and over all levels, of curves (..., 10)."""
    found = both_forms(a.reshape(-1, 10), b.reshape(-1, 10), LABELS)
    return found.reshape(*a.shape[:-1], 2)


def simulated(a: Floats, b: Floats, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(r, 2) estimates and (r, d, 2) resamples of curves (r, s, 10), all logs of ratios."""
    seeds = a.shape[1]
    weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), draws) / seeds
    parts = np.array_split(np.arange(len(a)), max(len(a) // 50, 1))
    again = [logs(weights @ a[part], weights @ b[part]) for part in parts]
    return logs(a.mean(axis=1), b.mean(axis=1)), np.concatenate(again)


def within(low: Floats, high: Floats, true: Floats | float) -> float:
    """How often, in %, an interval holds the truth, but for rounding."""
    return float(100 * np.mean((low <= true + 1e-9) & (high >= true - 1e-9)))


def rows(noise: Noise, repeats: int, draws: int) -> Iterator[list[str]]:
    """A row a number of seeds, true saving and form."""
    base = power(LABELS, noise.levels)
    for seeds in (5, 20):
        for saving in SAVINGS:
            rng = np.random.default_rng([seeds, SAVINGS.index(saving), len("scaled")])
            mine = scaled(saving, noise.levels)
            a, b = noise.draw(rng, repeats, seeds)
            found, again = simulated(a + mine, b + base, draws, rng)
            error = again.std(axis=1) * np.sqrt(seeds / (seeds - 1))
            half = student.ppf(0.975, seeds - 1) * error
            ends = np.quantile(again, [0.025, 0.975], axis=1)
            quiet = logs(mine[None], base[None])[0]
            for f, form in enumerate(FORMS):
                low, high = found[:, f] - half[:, f], found[:, f] + half[:, f]
                yield [
                    str(seeds), form, f"{100 * saving:.0f}", f"{100 * (1 - np.exp(quiet[f])):.1f}",
                    f"{100 * float(1 - np.exp(found[:, f].mean()) - saving):+.1f}",
                    *(f"{within(low, high, at):.0f}" for at in (np.log(1 - saving), quiet[f])),
                    f"{within(ends[0, :, f], ends[1, :, f], quiet[f]):.0f}",
                ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000, help="simulated comparisons a row")
    parser.add_argument("--draws", type=int, default=200, help="resamples of each")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    noise = observed()
    lags = ", ".join(f"{np.diag(noise.rounds, lag).mean():.2f}" for lag in (1, 2, 4))
    head = ["seeds", "form", "true saving, %", "without noise, %", "bias, points"]
    head += ["covers true, %", "covers that without noise, %", "percentile interval, %"]
    lines = [
        "# What savings and their intervals are worth",
        "",
        f"Made by `python benchmarks/savings_coverage.py`: {args.repeats} comparisons a row with "
        f"{args.draws} resamples each. Seeds as in results/savings.parquet: standard deviation "
        f"{100 * noise.deviation:.1f} points, correlation between rounds {lags} at lags 1, 2 and "
        f"4, {100 * noise.shared:.0f} % of the variance shared by methods; the baseline rises from "
        f"{100 * noise.levels[0]:.0f} to {100 * noise.levels[1]:.0f} % in ten rounds, as a power "
        "law of exponent -1/2. Ours is the baseline's curve with its labels scaled, so one of the "
        "two does not reach the other's top.",
        "",
        "Without noise: what the definition says of the mean curves themselves. It is nearer to "
        "none than a large true saving where ours starts above the baseline, since all levels "
        "below its start are charged its first labels. Bias: of 1 less the geometric mean of the "
        "ratios of labels, as means over sets are.",
        "",
        *table(head, rows(noise, args.repeats, args.draws)),
    ]
    print("\n".join(lines))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
