"""What hearing a belief beside a model loses against the better of the two, and what it wins.

    python benchmarks/floor.py           # both tables
    python benchmarks/floor.py --write   # and into results/benchmarks/floor.md

First in simulation, where model and belief are right as often as said, as sure as they may be, and
err each by itself or together. Then on the committed runs of `savings_parts`: codecision against
the best, chosen by the truth, of prior, human labels and model.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from pages import row

import al_bench
from al_bench.arithmetic import log_softmax, one_hot
from al_bench.configuration.plan import plan
from al_bench.state import Floats, Foreseen, Ints
from al_bench.supervision.calibrated import learned_power
from al_bench.supervision.delivered import pooled

RESULTS = Path(__file__).parents[1] / "results"
OUTPUT = RESULTS / "benchmarks" / "floor.md"
JOINED = plan(["supervision=joined"])[0].config.supervision
BESIDE, DOUBT = float(JOINED.beside), float(JOINED.doubt)
PAIRS = ((0.9, 0.6), (0.8, 0.7), (0.75, 0.75), (0.7, 0.8), (0.6, 0.9), (0.6, "chance"))
CASES = ((0, 0.0), *((known, noise) for known in (20, 100, 400) for noise in (0.0, 0.2, 0.4)))
MOST = 400  # answers
CLASSES, HELD_OUT = 4, 4000
Draws = np.random.Generator


def says(truth: Ints, right: float, shared: Floats, together: float, rng: Draws) -> Floats:
    """(h, k) log-probabilities of somebody who is right so often and knows how often that is.

    Scores are the truth times a factor plus normal noise, a part of which is `shared`; both are
    found so that the accuracy is right and the scores are the logarithm of Bayes' posterior.
    """
    own = rng.normal(size=shared.shape)
    noise = np.sqrt(together) * shared + np.sqrt(1 - together) * own
    signal = strength(right)
    return log_softmax(signal * (signal * one_hot(truth, CLASSES) + noise))


@cache
def strength(right: float) -> float:
    """Of a signal in unit normal noise, by which the likeliest of the classes is right so often."""
    rng, low, high = np.random.default_rng(0), 0.0, 8.0
    noise = rng.normal(size=(100_000, CLASSES))
    for _ in range(30):
        middle = (low + high) / 2
        hits = middle + noise[:, 0] > noise[:, 1:].max(axis=1)
        low, high = (middle, high) if hits.mean() < right else (low, middle)
    return low


def simulated(own: float, belief: float, together: float, repeat: int) -> pd.DataFrame:
    """What is won over the better of both, in points, for each number of answers and noise."""
    found = []
    for draw in range(repeat):
        rng = np.random.default_rng(draw)
        count = MOST + HELD_OUT
        truth = rng.integers(CLASSES, size=count)
        shared = rng.normal(size=(count, CLASSES))
        one, other = (says(truth, right, shared, together, rng) for right in (own, belief))
        rest = slice(MOST, None)
        best = max(np.mean(said[rest].argmax(axis=1) == truth[rest]) for said in (one, other))
        for known, noise in CASES:
            wrong = rng.random(known) < noise
            lies = (truth[:known] + rng.integers(1, CLASSES, known)) % CLASSES
            heard = Foreseen(np.arange(known), one[:known], other[:known])
            power = learned_power(heard, np.where(wrong, lies, truth[:known]), BESIDE, DOUBT)
            joined = pooled(one[rest], other[rest], power)
            right = np.mean(joined.argmax(axis=1) == truth[rest])
            found.append((known, noise, power, 100 * (right - best)))
    return pd.DataFrame(found, columns=["answers", "noise", "power", "won"])


def simulation(repeat: int) -> list[str]:
    heads = [f"{known} answers, {noise:.0%} wrong" for known, noise in CASES]
    heads[0] = "no answers"
    lines = [row("right: model", "belief", "errors shared", *heads),
             row("---", *["---:"] * (len(heads) + 2))]  # fmt: skip
    for own, belief in PAIRS:
        for together in (0.0, 0.5):
            level = 1 / CLASSES if belief == "chance" else float(belief)
            found = simulated(own, level, together, repeat).groupby(["answers", "noise"])
            mean, worst, power = found.won.mean(), found.won.min(), found.power.median()
            cells = [
                f"{mean[known, noise]:+.1f} ({worst[known, noise]:+.1f}; {power[known, noise]:.1f})"
                for known, noise in CASES
            ]
            lines.append(row(str(own), str(belief), f"{together:.0%}", *cells))
    return lines


def committed() -> pd.DataFrame:
    """By set and noise of `savings_parts`: the last levels of the three that could be given out and
    of what is, %, means over seeds."""
    runs = al_bench.load_results(RESULTS / "savings_parts.parquet")
    last = runs[runs["round"] == runs.groupby("id")["round"].transform("max")].copy()
    last["noise"] = last.noise_rate.round(1)
    joined = last.supervision == "joined"
    settings = [f"{part}_config" for part in ("strategy", "supervision", "init")]
    usual = last.loc[joined, settings].mode().iloc[0]  # all but one arm share each of them
    same = {part: last[part] == usual[part] for part in settings}
    rest = same["strategy_config"] & same["init_config"]
    alone = last.supervision_config.map(lambda text: json.loads(text).get("beside") == 0)
    whole = last[rest & same["supervision_config"]].groupby(["dataset", "noise"])

    def level(arm: pd.Series[bool]) -> pd.Series[float]:
        return last[rest & arm].groupby(["dataset", "noise"]).balanced_accuracy.mean()

    return 100 * pd.DataFrame(
        {
            "prior": whole.prior_balanced_accuracy.mean(),
            "human labels": level(last.supervision == "labels"),
            "model": level(alone),
            "given out": whole.balanced_accuracy.mean(),
        }
    )


def on_record() -> list[str]:
    """The committed runs: each setting, and what is won over the best of three."""
    found = committed()
    won = found["given out"] - found.drop(columns="given out").max(axis=1)
    lines = [row("set", "wrong answers", *found.columns, "over the best"),
             row("---", "---:", *["---:"] * 5)]  # fmt: skip
    for (name, noise), levels in found.iterrows():
        over = won[name, noise]
        lines.append(row(name, f"{noise:.0%}", *(f"{v:.1f}" for v in levels), f"{over:+.1f}"))
    loss = won.clip(upper=0)
    name, noise = won.idxmin()
    return [*lines, "", f"Mean {won.mean():+.1f}; losses alone {loss.mean():+.1f}; "
            f"worst {won.min():+.1f} ({name}, {noise:.0%} wrong)."]  # fmt: skip


def page(repeat: int) -> list[str]:
    return [
        "# A floor under what is given out",
        "",
        "Made by `python benchmarks/floor.py --write`.",
        "",
        "## In simulation",
        "",
        f"{CLASSES} classes; a model and a belief that are right as often as said and know it, "
        "whose errors have nothing in common, or half of the noise. Accuracy of both joined, over "
        f"that of the better one, points: mean of {repeat} draws (worst draw; median power of the "
        f"belief). Before any answer the power is {BESIDE}.",
        "",
        *simulation(repeat),
        "",
        "## On committed runs",
        "",
        "Balanced accuracy at the full budget of `savings_parts`, %, means over seeds: the prior, "
        "codecision with human labels only, its model without the belief, and what it gives out.",
        "",
        *on_record(),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeat", type=int, default=50, help="draws of a simulation")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args(arguments)
    lines = page(args.repeat)
    print("\n".join(lines))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
