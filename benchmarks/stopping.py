"""What audits' intervals are worth, and stopping rules: replayed on skewed sets with wrong answers.

    python benchmarks/stopping.py            # the tables
    python benchmarks/stopping.py --write    # also into results/benchmarks

Every run is made once, with a part of its pool kept for the audit, and is then audited many times
over: which rows are audited is drawn anew, and so are the answers about them. The truth is read by
the scorer alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from audits import (
    ALONE,
    CLEAN,
    KNOWN,
    ONE,
    OURS,
    THREE,
    WALD,
    Draw,
    draws,
    history,
    probabilities,
    sampled,
    true_values,
    truths_of,
    wald,
)
from replays import FRACTION, METHODS, SHARE, Replay, Setting, replay
from stopping_tables import page

from al_bench.analysis.savings import isotonic
from al_bench.arithmetic import one_hot
from al_bench.audit.estimate import Estimate, Interval, estimate
from al_bench.audit.published import (
    MaxConfidence,
    OverallUncertainty,
    SelectedAccuracy,
    Stable,
)
from al_bench.audit.stopping import Advice, Facts, Gain, StoppingRule, Target
from al_bench.metrics import recalls
from al_bench.state import Floats, Ints

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
SETS = (
    *("openclipart", "fashion_mnist", "wordnet_nouns25", "vader", "trec", "sst2"),
    *("tweeteval_emotion", "banking77", "davidson_hate", "ag_news", "reuters_r52"),
)
ROUNDS = (1, 4, 8, 15)  # whose intervals are scored against other estimators
NEAR = 0.02  # so near to the run's last level is as good as it
STEP, GAIN = 100, 0.02
COVERS = ["covers", "width", "bias"]
SPENDS = ["stopped", "labels", "over best", "lost", "broken"]
BELOW, ABOVE = 0.1, 0.01  # where targets lie, from the last round and from the best one


@dataclass(frozen=True)
class EveryLook:
    """The mistake of looking at each round as if it were the only one."""

    rule: Target

    @property
    def promise(self) -> str:
        return "none that holds"

    def advice(self, history: Sequence[Facts]) -> Advice:
        return replace(self.rule, error=2 * self.rule.error).advice(history[-1:])


PUBLISHED: dict[str, StoppingRule] = {
    "stabilising predictions": Stable(),
    "stabilising predictions, kappa .9": Stable(0.9),
    "overall uncertainty": OverallUncertainty(),
    "max confidence": MaxConfidence(),
    "selected accuracy": SelectedAccuracy(),
}


@dataclass(frozen=True)
class Goal:
    """A rule, what it is held to, and which round is the best in hindsight."""

    name: str
    rule: StoppingRule
    broken: Floats  # (r,) whether a stop there breaks the promise, NaN where nobody can tell
    best: int


def goals(run: Replay, expected: Floats) -> list[Goal]:
    """Every rule on one run; expected: (r,) rising mean of true balanced accuracy over seeds."""
    right, balanced = (np.array(x) for x in zip(*true_values(run), strict=True))
    nothing = np.full(len(expected), np.nan)
    near = int(np.argmax(expected >= expected[-1] - NEAR))
    found = [Goal(name, rule, nothing, near) for name, rule in PUBLISHED.items()]
    ahead = np.interp(run.labels + STEP, run.labels, expected, right=np.nan) - expected
    late = np.where(np.isnan(ahead), np.nan, ahead >= GAIN)
    best = int(np.argmax(late != 1))
    found.append(Goal("gain", Gain(GAIN, STEP), late, best))
    for name, truth, plain in (("accuracy", right, True), ("balanced accuracy", balanced, False)):
        for place, level in (("below", truth[-1] - BELOW), ("above", truth.max() + ABOVE)):
            target, under = Target(float(level), plain=plain), (truth < level).astype(float)
            best = int(np.argmin(under)) if place == "below" else len(truth) - 1
            rules = {"": target, ", a look every round": replace(target, growth=1.0)}
            rules[", looks not paid for"] = EveryLook(target)
            found += [Goal(f"{name}, {place}{x}", rule, under, best) for x, rule in rules.items()]
    return found


def modes(rate: float) -> list[str]:
    return [ONE, KNOWN, THREE] if rate else [CLEAN]


def coverage(run: Replay, setting: Setting, draw: Draw) -> Iterator[dict[str, Any]]:
    """A line a round, kind of answers, estimator and quantity: whether the interval holds."""
    k, guesses = run.probs.shape[2], run.probs.argmax(axis=2)
    for number, how in product(ROUNDS, modes(setting.rate)):
        probs = probabilities(run, number)
        audit = sampled(run, draw, number, how)
        truths = truths_of(audit, draw, setting.rate, how, k)
        if truths is None:
            continue
        guess = one_hot(probs.argmax(axis=1), k)
        vague = 0.6 * guess + 0.4 / k  # a guess, and no more
        found = {OURS: estimate(probs, audit, truths=truths)}
        found |= {ALONE: estimate(vague, audit, truths=truths)}
        if how in (CLEAN, ONE):
            found[WALD] = wald(probs, audit)
        counts = np.bincount(run.truth[audit.rows], minlength=k)
        for estimator, one in found.items():
            about = {"audit": how, "estimator": estimator, "round": number}
            recall = recalls(run.truth, guesses[number], k)
            right = float(np.mean(run.truth == guesses[number]))
            yield from scored(one, right, recall, counts, about)


def scored(
    one: Estimate, accuracy: float, recall: Floats, counts: Ints, about: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """A line a quantity; classes without a row in the reserve have no true recall."""
    balanced = float(np.nanmean(recall))
    lines: list[tuple[str, Interval, float, int]] = [
        ("accuracy", one.accuracy, accuracy, int(counts.sum())),
        ("balanced accuracy", one.balanced_accuracy, balanced, int(counts.sum())),
    ]
    known = np.flatnonzero(~np.isnan(recall))
    lines += [("recall", one.recalls[c], float(recall[c]), int(counts[c])) for c in known]
    for what, interval, value, rows in lines:
        yield about | {
            "what": what,
            "rows": rows,
            "covers": bool(interval.low - 1e-9 <= value <= interval.high + 1e-9),
            "width": min(interval.high, 1.0) - max(interval.low, 0.0),
            "bias": interval.value - value,
        }


def stops(run: Replay, setting: Setting, draw: Draw, expected: Floats) -> Iterator[dict[str, Any]]:
    """A line a kind of answers and rule: where it stops, and whether what it promised holds. A rule
    that never stops spends the budget."""
    truth = np.array([balanced for _, balanced in true_values(run)])
    for how in modes(setting.rate):
        rounds = history(run, draw, setting.rate, how)
        for goal in goals(run, expected):
            if goal.name in PUBLISHED and how in (KNOWN, THREE):
                continue  # these read no audit
            said = (n for n in range(len(rounds)) if goal.rule.advice(rounds[: n + 1]).stop)
            at = next(said, -1)
            each = 1 + 2 * SHARE if how == THREE else 1.0  # labels for one that is bought
            yield {
                "audit": how,
                "rule": goal.name,
                "promises": goal.name not in PUBLISHED,
                "stopped": at >= 0,
                "labels": float(each * run.labels[at]),
                "over best": float(each * run.labels[at] / run.labels[goal.best]),
                "lost": float(truth[-1] - truth[at]),
                "broken": float(goal.broken[at]) if at >= 0 else np.nan,
            }


def replays(args: argparse.Namespace) -> Iterator[tuple[Setting, Replay, Floats]]:
    """All runs, made where they are not there yet, with the mean curve of their seeds."""
    for name, rate, method in product(args.sets, args.rates, METHODS):
        settings = [Setting(name, rate, method, seed) for seed in range(args.seeds)]
        for setting in settings:
            if not setting.path(args.replays).exists():
                replay(setting).write(setting.path(args.replays))
        runs = [Replay.read(setting.path(args.replays)) for setting in settings]
        curves = [[balanced for _, balanced in true_values(run)] for run in runs]
        expected = isotonic(np.mean(curves, axis=0)[None])[0]
        yield from ((setting, run, expected) for setting, run in zip(settings, runs, strict=True))


def gathered(args: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All lines of coverage and of stops; replays are made where they are not there yet."""
    covers, rules = [], []
    for number, (setting, run, expected) in enumerate(replays(args)):
        began = process_time()
        about = setting._asdict()
        for draw in draws(run, setting.rate, args.draws, setting.seed):
            covers += [about | line for line in coverage(run, setting, draw)]
            rules += [about | line for line in stops(run, setting, draw, expected)]
        print(f"{number + 1}: {setting}, {process_time() - began:.1f} s", file=sys.stderr)
    return pd.DataFrame(covers), pd.DataFrame(rules)


def heading(args: argparse.Namespace) -> tuple[str, str, str]:
    """What was run, and what the two parts of the page say."""
    what = (
        f"Made by `python benchmarks/stopping.py`. {len(args.sets)} data sets, `imbalance=usual`, "
        f"`noise=symmetric`, {args.seeds} seeds, codecision and margin with labels only; up to 80 "
        f"labels a class or a quarter of the pool in 16 rounds, {100 * SHARE:.0f} % of each for "
        f"the audit, which is drawn from a reserve of {100 * FRACTION:.0f} % of the pool. Each run "
        f"is audited {args.draws} times over. Intervals are of 95 %; the truth is that of the "
        "whole reserve, which no model was taught."
    )
    intervals = (
        "Coverage in %, mean width and bias in points, after rounds "
        f"{', '.join(str(n + 1) for n in ROUNDS)}; sets count alike. Without predictions: ours, "
        "with the model's guesses but not its probabilities. Wald: weighted means and normal "
        "intervals; a class without an audited row has none, which counts as not covered."
    )
    rules = (
        "Each cell: stops before the budget is spent, in % of runs / labels over those of the best "
        "round in hindsight (geometric mean; a rule that never stops spends the budget, and three "
        "answers are counted as three labels) / balanced "
        "accuracy lost by not going on to the last round, in points / promise broken, in % of "
        f"runs. Gain: the next {STEP} labels gain less than {100 * GAIN:g} points; best and broken "
        "by the mean curve of the seeds, where the run goes on for so long. Targets: accuracy or "
        f"balanced accuracy {100 * BELOW:.0f} points below that of the last round, and "
        f"{100 * ABOVE:.0f} above the best, so that every stop breaks the promise; the best round "
        "is the first that reaches it. Rules of the literature promise nothing; their best round "
        f"is the first within {100 * NEAR:g} points of the last, and they read no audit."
    )
    return what, intervals, rules


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--rates", nargs="+", type=float, default=(0.0, 0.2, 0.4))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=10, help="audits of each run")
    parser.add_argument("--replays", type=Path, default=Path("build/stopping"), help="a folder")
    parser.add_argument("--write", action="store_true", help=f"also write into {RESULTS.name}")
    args = parser.parse_args()
    covered, stopped = gathered(args)
    head = heading(args)
    text = page(covered, stopped, head)
    print(text)
    if args.write:
        (RESULTS / "stopping.md").write_text(text)
        keys = ["dataset", "rate", "method", "audit"]
        intervals = kept(covered, [*keys, "estimator", "round", "what"], COVERS)
        rules = kept(stopped, [*keys, "rule"], SPENDS)
        for name, frame in (("coverage", intervals), ("rules", rules)):
            frame.to_parquet(RESULTS / f"stopping_{name}.parquet", index=False, compression="zstd")


def kept(frame: pd.DataFrame, keys: list[str], values: list[str]) -> pd.DataFrame:
    """Means over seeds and audits, as they are committed."""
    return frame.groupby(keys, sort=False)[values].mean().astype("float32").reset_index()


if __name__ == "__main__":
    main()
