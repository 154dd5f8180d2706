"""Bias of savings and coverage of their intervals, on curves whose true saving is known.

    python benchmarks/savings_coverage.py            # the tables
    python benchmarks/savings_coverage.py --write    # also into results/benchmarks

Curves are power laws over ten rounds; ours is the baseline's with its labels scaled, or gets there
so much sooner but ends at the same level. Noise is that of seeds in results/savings.parquet.
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
from scipy.optimize import brentq
from scipy.stats import t as student

from al_bench.analysis.curves import aligned, settings
from al_bench.analysis.frame import read_parquet
from al_bench.analysis.keys import METHOD, keyed
from al_bench.analysis.over_sets import mean_limits
from al_bench.analysis.references import without_references
from al_bench.analysis.savings import all_forms, edge, isotonic, labels_over_levels
from al_bench.analysis.spec import ReportSpec

Floats = NDArray[np.floating[Any]]
RESULTS = Path(__file__).parents[1] / "results"
OUTPUT = RESULTS / "benchmarks" / "savings_coverage.md"
LABELS = np.arange(1.0, 11.0) * 100
FINE = np.linspace(LABELS[0], LABELS[-1], 4001)
SAVINGS = (-0.5, 0.0, 0.2, 0.5, 0.75)
FORMS = ("final", "levels")
OTHERS = (
    "unbounded",
    "truncated",
    "always twice",
    "budget",
)  # other ways to count what is not reached
NONE = np.empty(0)


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
    found = settings(aligned(without_references(frame, spec)[0]), spec.metric)
    found = [one for one in found if len(one.labels) == len(LABELS)]
    rest = [one.curves - one.curves.mean(axis=1, keepdims=True) for one in found]
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


def scaled(saving: Floats, levels: tuple[float, float]) -> Floats:
    """(..., 10) the baseline's curve with its labels scaled: where it saves, it ends higher."""
    return power(LABELS / (1 - np.asarray(saving)[..., None]), levels)


def meeting(saving: Floats, levels: tuple[float, float]) -> Floats:
    """(10,) a curve that ends where the baseline's does, and saves so much over all levels."""
    base = power(FINE, levels)
    rise = np.diff(base)

    def needed(most: float) -> Floats:
        return np.asarray(FINE * (1 - most * (1 - (FINE / FINE[-1]) ** 4)))

    def off(most: float) -> float:
        spent = np.maximum(needed(most), FINE[0])
        middles = ((one[1:] + one[:-1]) / 2 @ rise for one in (spent, FINE))
        return float(1 - next(middles) / next(middles) - float(saving))

    return np.asarray(np.interp(LABELS, needed(brentq(off, -4, 0.97)), base))


def logs(a: Floats, b: Floats) -> Floats:
    """(..., 2) logs of ratios, at the final level and over all levels, of curves (..., 10)."""
    found = all_forms(a.reshape(-1, 10), b.reshape(-1, 10), LABELS, NONE, (True,))
    return found.reshape(*a.shape[:-1], 2)


def otherwise(a: Floats, b: Floats) -> Floats:
    """(b, 4) ratios over levels by other ways to count what only one reaches: as the last level
    that both reach without a bound, not at all, as twice what the other needed, as the budget."""
    a, b = isotonic(a), isotonic(b)
    low, top_a, top_b = b[:, 0], a[:, -1], b[:, -1]
    shared, high = np.maximum(np.minimum(top_a, top_b), low), np.maximum(top_a, top_b)
    (to_a, to_b), (all_a, all_b), (alone_a, alone_b) = (
        [labels_over_levels(one, LABELS, *ends) for one in (a, b)]
        for ends in ((low, shared), (low, high), (shared, high))
    )
    budget = LABELS[-1] * (high - shared)
    last = edge(a, b, LABELS, np.inf)
    charged = [(all_a + alone_b * last, all_b + alone_a / last), (to_a, to_b)]
    charged += [(all_a + 2 * alone_b, all_b + 2 * alone_a)]
    charged += [(all_a + budget * (alone_b > 0), all_b + budget * (alone_a > 0))]
    return np.stack([x / np.where(y > 0, y, np.inf) for x, y in charged], axis=1)


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
    """A row a kind of curves, number of seeds, true saving and form."""
    # three quarters over all levels cannot be saved by a curve that ends where the other does
    for kind, savings in (("scaled", SAVINGS), ("meeting", SAVINGS[:-1])):
        for seeds in (5, 20):
            for saving in savings:
                rng = np.random.default_rng([seeds, SAVINGS.index(saving), len(kind)])
                make = meeting if kind == "meeting" else scaled
                mine, base = make(np.asarray(saving), noise.levels), power(LABELS, noise.levels)
                a, b = noise.draw(rng, repeats, seeds)
                a, b = a + mine, b + base
                found, again = simulated(a, b, draws, rng)
                error = again.std(axis=1) * np.sqrt(seeds / (seeds - 1))
                half = student.ppf(0.975, seeds - 1) * error
                ends = np.quantile(again, [0.025, 0.975], axis=1)
                quiet = logs(mine[None], base[None])[0]
                others = 1 - np.exp(np.log(otherwise(a.mean(axis=1), b.mean(axis=1))).mean(axis=0))
                for f, form in enumerate(FORMS):
                    if form == "final" and kind == "meeting":
                        continue  # it has no true value of its own
                    true = np.log(1 - saving)
                    low, high = found[:, f] - half[:, f], found[:, f] + half[:, f]
                    yield [
                        kind, str(seeds), form, f"{100 * saving:.0f}",
                        f"{100 * (1 - np.exp(quiet[f])):.1f}",
                        *(f"{100 * float(mean - saving):+.1f}" for mean in (
                            1 - np.exp(found[:, f].mean()), (1 - np.exp(found[:, f])).mean())),
                        *(f"{within(low, high, at):.0f}" for at in (true, quiet[f])),
                        f"{within(ends[0, :, f], ends[1, :, f], quiet[f]):.0f}",
                        *(f"{100 * (x - saving):+.1f}" if f else "" for x in others),
                    ]  # fmt: skip


def rows_over_sets(noise: Noise, repeats: int, draws: int, sets: int = 12) -> Iterator[list[str]]:
    """A row a number of seeds, mean true saving and spread of the sets' log ratios."""
    for seeds in (5, 20):
        for saving in SAVINGS[1:]:
            for spread in (0.1, 0.4):
                rng = np.random.default_rng([seeds, SAVINGS.index(saving), int(10 * spread)])
                ratios = np.exp(rng.normal(np.log(1 - saving), spread, repeats * sets))
                mine = scaled(1 - ratios, noise.levels)
                a, b = noise.draw(rng, repeats * sets, seeds)
                a, b = a + mine[:, None], b + power(LABELS, noise.levels)
                found, again = simulated(a, b, draws, rng)
                quiet = logs(mine, np.broadcast_to(power(LABELS, noise.levels), mine.shape))[:, 1]
                error = again[..., 1].std(axis=1) * np.sqrt(seeds / (seeds - 1))
                error, free = error.reshape(repeats, sets), np.full(sets, seeds - 1.0)
                log = found[:, 1].reshape(repeats, sets)
                limits = np.array([mean_limits(x, e, free, np.arange(sets))
                                   for x, e in zip(log, error, strict=True)])  # fmt: skip
                every = again[..., 1].reshape(repeats, sets, draws)
                ends = 1 - np.exp(np.quantile(every.mean(axis=1), [0.975, 0.025], axis=1))
                picked = rng.integers(0, sets, (500, sets))
                drawn = every[:, picked, rng.integers(0, draws, (500, sets))].mean(axis=2)
                both = 1 - np.exp(np.quantile(drawn, [0.975, 0.025], axis=1))
                here = 1 - np.exp(quiet.reshape(repeats, sets).mean(axis=1))
                population, means = 1 - np.exp(quiet.mean()), 1 - np.exp(log.mean(axis=1))
                yield [
                    str(seeds), f"{100 * saving:.0f}", f"{spread:g}",
                    f"{100 * float((means - here).mean()):+.1f}",
                    f"{within(limits[:, 0, 0], limits[:, 0, 1], here):.0f}",
                    f"{within(ends[0], ends[1], here):.0f}",
                    f"{within(limits[:, 1, 0], limits[:, 1, 1], population):.0f}",
                    f"{within(both[0], both[1], population):.0f}",
                ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1000, help="simulated comparisons a row")
    parser.add_argument("--draws", type=int, default=200, help="resamples of each")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    noise = observed()
    lags = ", ".join(f"{np.diag(noise.rounds, lag).mean():.2f}" for lag in (1, 2, 4))
    head = [
        "curves",
        "seeds",
        "form",
        "true saving, %",
        "without noise, %",
        "bias, points",
        "bias of an arithmetic mean",
    ]
    head += ["covers true, %", "covers that without noise, %", "percentile interval, %"]
    head += [f"bias, {other}" for other in OTHERS]
    over = ["seeds", "mean saving, %", "spread of log ratios", "bias, points", "these sets, %"]
    over += ["percentile", "sets like these, %", "hierarchical bootstrap"]
    lines = [
        "# What savings and their intervals are worth",
        "",
        f"Made by `python benchmarks/savings_coverage.py`: {args.repeats} comparisons a row with "
        f"{args.draws} resamples each. Seeds as in results/savings.parquet: standard deviation "
        f"{100 * noise.deviation:.1f} points, correlation between rounds {lags} at lags 1, 2 and "
        f"4, {100 * noise.shared:.0f} % of the variance shared by methods; the baseline rises from "
        f"{100 * noise.levels[0]:.0f} to {100 * noise.levels[1]:.0f} % in ten rounds, as a power "
        "law of exponent -1/2. Scaled: ours is the baseline's curve with its labels scaled, so one "
        "of the two does not reach the other's top; meeting: both end at one level.",
        "",
        "Without noise: what the definition says of the mean curves themselves. It is nearer to "
        "none than a large true saving where ours starts above the baseline, since all levels "
        "below its start are charged its first labels. Bias: of 1 less the geometric mean of the "
        "ratios of labels, as means over sets are. The last columns are the bias over all levels "
        "where those that only one reaches count as the last that both reach without a bound, are "
        "left out, always count twice, or count the budget.",
        "",
        *table(head, rows(noise, args.repeats, args.draws)),
        "",
        "Means over 12 sets whose true log ratios spread about their mean; coverage of the mean "
        "without noise of these sets, and of all such sets. Beside each interval that of the "
        "bootstrap.",
        "",
        *table(over, rows_over_sets(noise, args.repeats // 5, args.draws // 2)),
    ]
    print("\n".join(lines))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
