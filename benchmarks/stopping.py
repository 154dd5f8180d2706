"""What audits' intervals are worth, and stopping rules: replayed on skewed sets with wrong answers.

    python benchmarks/stopping.py            # the tables
    python benchmarks/stopping.py --write    # also into results/benchmarks

Every run is made once, with a part of its pool kept for the audit, and is then audited many times
over: which rows are audited is drawn anew, and so are the answers about them. The truth is read by
the scorer alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pages import published, table
from replays import FRACTION, METHODS, SHARE, Replay, Setting, made
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from al_bench.core.arrays import one_hot
from al_bench.core.metrics import recalls
from al_bench.core.state import Floats, Ints
from al_bench.labelling.audit.design import Audit, deviations, merged_strata, next_audited, weights
from al_bench.labelling.audit.estimate import AuditEstimate, Interval, agreement, estimate
from al_bench.labelling.audit.stopping import GAIN, STEP, advice, due, look_at

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "stopping.md"
SETS = (
    *("openclipart", "fashion_mnist", "wordnet_nouns25", "vader", "trec", "sst2"),
    *("tweeteval_emotion", "banking77", "davidson_hate", "ag_news", "reuters_r52"),
)
ROUNDS = (1, 4, 8, 15)  # whose intervals are scored
CLEAN, ONE, THREE = "truth", "one answer", "three answers"  # what audited rows have
OURS, WALD = "ours", "normal intervals"
TARGETS = {"10 points below the last round": -0.1, "a point above the best": 0.01}
SEEN = {"0": -1, "1": 0, "2": 1, "3 to 5": 2, "6 to 10": 5, "11 to 20": 10, "over 20": 20}


def draws(run: Replay, rate: float, count: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """The order in which rows of the reserve are audited, and (m, 3) answers about them."""
    strata, k = run.strata[run.held], run.probs.shape[2]
    nobody = np.empty(0, dtype=np.int64)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        places = np.argsort(rng.random(len(strata)))  # an order of all is one within each stratum
        order = next_audited(strata, places, nobody, int(SHARE * run.labels[-1]))
        said = np.repeat(run.truth[:, None], 3, axis=1)
        wrong = (said + rng.integers(1, k, said.shape)) % k
        yield order, np.where(rng.random(said.shape) < rate, wrong, said)


def measured(run: Replay, draw: tuple[Ints, Ints], how: str) -> Iterator[tuple[Audit, Floats, Any]]:
    """The audit after each round, what its answers are taken for and the estimate; rounds in which
    answers agree no more than by chance are left out."""
    (order, answers), k = draw, run.probs.shape[2]
    for number, labels in enumerate(run.labels.tolist()):
        rows = order[: int(SHARE * labels)]
        said = run.truth if how == CLEAN else answers[:, 0]
        audit = Audit(rows, run.strata[run.held], said[rows])
        try:
            truths = agreement(answers[rows], k)[0] if how == THREE else one_hot(audit.answers, k)
        except ValueError:
            continue
        yield audit, truths, (number, estimate(run.model(number), audit, truths))


def wald(probs: Floats, audit: Audit) -> AuditEstimate:
    """The plain way: weighted means of the audited rows and normal intervals, by linearisation for
    recalls; NaN of a class that none of them has."""
    w, own = weights(audit.strata, audit.rows), one_hot(audit.answers, probs.shape[1])
    strata, right = (
        merged_strata(audit.strata[audit.rows]),
        probs[audit.rows].argmax(1) == audit.answers,
    )
    size = w @ own
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = (w * right) @ own / size
        pulls = w[:, None] * own * (right[:, None] - recall) / size
    each = deviations(np.nan_to_num(pulls), strata)

    def around(value: float, moves: Floats) -> Interval:
        half = norm.ppf(0.975) * np.sqrt((moves**2).sum())
        return Interval(value, value - half, value + half)

    return AuditEstimate(
        around(float(w @ right), deviations((w * right)[:, None], strata)),
        around(float(np.nanmean(recall)), each[:, size > 0].mean(axis=1)),
        tuple(around(float(r), each[:, c]) for c, r in enumerate(recall)),
        estimate(probs, audit).balanced,
    )


def scored(run: Replay, number: int, one: AuditEstimate, audit: Audit) -> Iterator[dict[str, Any]]:
    """A line a quantity: whether its interval holds. Classes that the reserve lacks have none."""
    guess, k = run.probs[number].argmax(axis=1), run.probs.shape[2]
    recall, counts = recalls(run.truth, guess, k), np.bincount(run.truth[audit.rows], minlength=k)
    lines = [("accuracy", one.accuracy, float(np.mean(run.truth == guess)), len(audit.rows))]
    lines += [("balanced accuracy", one.balanced_accuracy, np.nanmean(recall), len(audit.rows))]
    lines += [("recall", one.recalls[c], recall[c], counts[c]) for c in range(k)]
    for what, interval, value, rows in lines:
        if not np.isnan(value):
            yield {
                "what": what,
                "rows": rows,
                "covers": bool(interval.low - 1e-9 <= value <= interval.high + 1e-9),
                "width": min(interval.high, 1.0) - max(interval.low, 0.0),
                "bias": interval.value - value,
            }


def levels(run: Replay) -> Floats:
    """(r,) true balanced accuracy on the whole reserve."""
    each = [recalls(run.truth, p.argmax(axis=1), run.probs.shape[2]) for p in run.probs]
    return np.asarray(np.nanmean(each, axis=1))


def stops(
    run: Replay, rounds: list[tuple[Audit, Floats, Any]], expected: Floats
) -> Iterator[dict[str, Any]]:
    """A line a rule: where it stops, what that loses, and whether it was wrong: under its target,
    or with a gain ahead by the `expected` levels, (r,). One that never stops spends the budget."""
    k, level = run.probs.shape[2], levels(run)
    ahead = np.interp(run.labels + STEP, run.labels, expected) - expected
    goals = {f"target {name}": (level.max() if add > 0 else level[-1]) + add
             for name, add in TARGETS.items()}  # fmt: skip
    rules: dict[str, float | None] = {f"gain of {STEP} labels below {GAIN:.0%}": None, **goals}
    at, last, count = dict.fromkeys(rules, -1), None, 0
    for audit, truths, (number, found) in rounds:
        if len(audit.rows) >= due(last):
            count += 1
            guesses = run.probs[: number + 1, audit.rows].argmax(axis=2)
            last = look_at(count, found, audit, truths, run.labels[: number + 1], guesses)
        counts = {str(c): int(n) for c, n in enumerate(np.bincount(audit.answers, minlength=k))}
        for rule, target in rules.items():
            if at[rule] < 0 and advice(last, found, counts, target).stop:
                at[rule] = number
    for rule, target in rules.items():
        here = at[rule]
        yield {
            "rule": rule,
            "stopped": here >= 0,
            "labels": run.labels[here] / run.labels[-1],
            "lost": level[-1] - level[here],
            "wrong": here >= 0
            and (ahead[here] >= GAIN if target is None else level[here] <= target),
        }


def gathered(args: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All lines of intervals and of stops; replays are made where they are not there yet."""
    covers, rules = [], []
    for name, rate, method in product(args.sets, args.rates, METHODS):
        settings = [Setting(name, rate, method, seed) for seed in range(args.seeds)]
        runs = [made(setting, args.replays) for setting in settings]
        expected = isotonic_regression(np.mean([levels(run) for run in runs], axis=0)).x
        for seed, run in enumerate(runs):
            kinds = (ONE, THREE) if rate else (CLEAN,)
            for draw, how in product(draws(run, rate, args.draws, seed), kinds):
                about = {"dataset": name, "wrong answers": f"{rate:.0%}", "audited rows have": how}
                rounds = list(measured(run, draw, how))
                rules += [about | line for line in stops(run, rounds, expected)]
                for audit, _, (number, found) in rounds:
                    each = {OURS: found} if number in ROUNDS else {}
                    if each and how != THREE:
                        each[WALD] = wald(run.model(number), audit)
                    for estimator, one in each.items():
                        by = about | {"intervals": estimator}
                        covers += [by | line for line in scored(run, number, one, audit)]
        print(f"{name}, {rate:.0%}, {method}", file=sys.stderr, flush=True)
    return pd.DataFrame(covers), pd.DataFrame(rules)


def intervals(frame: pd.DataFrame, keys: list[str], columns: str, bias: bool = True) -> list[str]:
    """A line a group, a column a value: coverage in % (mean width) and bias; sets count alike."""
    body, values = [], list(frame[columns].unique())
    for key, part in frame.groupby(keys, sort=False, observed=True):
        cells = [str(one) for one in key]
        for value in values:
            some = part[part[columns] == value].groupby("dataset")[["covers", "width", "bias"]]
            covers, width, off = 100 * some.mean().mean()
            cells.append(f"{covers:.1f} ({width:.0f}){f' {off:+.1f}' if bias else ''}")
        body.append(cells)
    return table([*keys, *values], body)


def spending(frame: pd.DataFrame) -> list[str]:
    """A line a rule, a column a kind of answers."""
    frame = frame.assign(answers=frame["wrong answers"] + ", " + frame["audited rows have"])
    of = ["stopped", "labels", "lost", "wrong"]
    mean = 100 * frame.groupby(["rule", "answers"], sort=False)[of].mean()
    cells = mean.apply(lambda x: f"{x.iloc[0]:.0f} / {x.iloc[1]:.0f} / {x.iloc[2]:+.1f} / "
                                 f"{x.iloc[3]:.1f}", axis=1).unstack(sort=False)  # fmt: skip
    return table(["rule", *cells], [[rule, *line] for rule, line in cells.iterrows()])


def page(covered: pd.DataFrame, stopped: pd.DataFrame, args: argparse.Namespace) -> str:
    """The whole page in Markdown."""
    clean = covered[covered["audited rows have"] == CLEAN]
    edges = [*SEEN.values(), np.inf]
    seen = clean[clean["what"] == "recall"].rename(columns={"rows": "n"})
    seen = seen.assign(dataset="", rows=pd.cut(seen["n"], edges, labels=list(SEEN))).sort_values(
        "n"
    )
    lines = [
        "# Audits and stopping rules, replayed",
        "",
        f"Made by `python benchmarks/stopping.py`. {len(args.sets)} data sets, "
        f"`imbalance=natural_or_longtail`, `noise=symmetric`, {args.seeds} seeds, "
        "codecision and margin with labels only; up to 80 "
        f"labels a class or a quarter of the pool in 16 rounds, {SHARE:.0%} of each for the audit, "
        f"which is drawn from a reserve of {FRACTION:.0%} of the pool. Each run is audited "
        f"{args.draws} times over. Intervals are of 95 %; the truth is that of the whole reserve, "
        "which no model was taught.",
        *("", "## Do intervals hold", ""),
        "Coverage in %, in brackets the mean width and behind them the bias in points, after "
        f"rounds {', '.join(str(n + 1) for n in ROUNDS)}; sets count alike. Normal intervals: of "
        "weighted means; a class without an audited row has none, which counts as not covered.",
        *("", *intervals(covered, ["wrong answers", "audited rows have", "intervals"], "what")),
        *("", "Ours, true answers, set by set.", ""),
        *intervals(clean[clean["intervals"] == OURS].assign(set=clean["dataset"]), ["set"], "what"),
        *("", "Recalls with true answers, by the audited rows that the class has.", ""),
        *intervals(seen, ["rows"], "intervals", bias=False),
        *("", "## When rules stop", ""),
        "Each cell: stops before the budget is spent, in % of runs / labels in % of the budget / "
        "balanced accuracy lost by not going on to the last round, in points / wrong, in % of "
        "runs. The audit is estimated every round. A target above the best round is always wrong; "
        "a gain is wrong where the seeds' mean curve still has more ahead.",
        *("", *spending(stopped)),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--rates", nargs="+", type=float, default=(0.0, 0.2, 0.4))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=8, help="audits of each run")
    parser.add_argument("--replays", type=Path, default=Path("build/stopping"), help="a folder")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    text = page(*gathered(args), args)
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
