"""How far below its foundation model may codecision end? Problems drawn by a known law.

    python benchmarks/floor.py           # a table
    python benchmarks/floor.py --write   # and into results/benchmarks/floor.md

Classes are Gaussian clouds in 32 dimensions, skewed 20:1; the foundation model is right for a given
share of the rows of each class, and its errors do not follow the features. Regret is the area
(mean balanced accuracy over rounds, in points) of the best of three, chosen by truth, less that of
codecision: the foundation model alone, a head on human labels, and a head on top of the model.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from pages import published, table

import al_bench
from al_bench.core.problem import Problem

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "floor.md"
CLASSES, ACCURACIES, RATES, SEEDS = (2, 6), (0.4, 0.6, 0.75, 0.9), (0.0, 0.2, 0.4), range(5)
POOL, TEST, WIDTH, SKEW, APART = 2000, 2000, 32, 20, 0.45
CODECISION = {
    "strategy": "codecision", "init": "fm_balanced", "supervision": "posterior_labels_pool",
    "learner": "linear_on_prior",
}  # fmt: skip
RIVALS = {
    "a head on human labels": {"strategy": "margin", "init": "fm_balanced"},
    "a head on top of the model": {
        "strategy": "margin", "init": "fm_balanced", "learner": "linear_residual",
    },
}  # fmt: skip


def drawn(k: int, accuracy: float, rate: float, seed: int) -> Problem:
    """A problem of k classes with noise at a rate; the test split has even classes."""
    rng = np.random.default_rng([k, seed])
    means = APART * rng.normal(size=(k, WIDTH))
    shares = SKEW ** -np.linspace(0, 1, k)
    truth = np.concatenate([rng.choice(k, POOL, p=shares / shares.sum()), np.arange(TEST) % k])
    features = means[truth] + rng.normal(size=(POOL + TEST, WIDTH))

    def flipped(wrong: np.ndarray) -> np.ndarray:
        return np.where(wrong, (truth + rng.integers(1, k, len(truth))) % k, truth)

    least = max(accuracy, 1 / k)
    named = flipped(rng.random(len(truth)) >= least)
    scores = np.log(least / (1 - least) * (k - 1)) * np.eye(k)[named]
    scores += 0.5 * rng.normal(size=scores.shape)
    prior = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    answers = flipped(rng.random(len(truth)) < rate)
    pool, test = slice(POOL), slice(POOL, None)
    return Problem.from_arrays(
        features[pool], prior[pool], truth[pool], features[test], truth[test],
        test_prior=prior[test], answers=answers[pool],
    )  # fmt: skip


def curve(problem: Problem, parts: dict[str, str], seed: int) -> np.ndarray:
    """(r,) balanced accuracy in % by round; round 0 is the foundation model alone."""
    size = ["protocol.start=20", "protocol.budget=20", "protocol.rounds=9"]
    rounds = al_bench.active_learning(problem, seed=seed, overrides=size, **parts)
    return np.array([100 * one.metrics["balanced_accuracy"] for one in rounds])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {OUTPUT.name}")
    write = parser.parse_args().write
    body, regrets = [], []
    for k, accuracy, rate in product(CLASSES, ACCURACIES, RATES):
        found = []
        for seed in SEEDS:
            problem = drawn(k, accuracy, rate, seed)
            ours = curve(problem, CODECISION, seed)
            rivals = [curve(problem, parts, seed) for parts in RIVALS.values()]
            levels = [ours[0], *(one[1:].mean() for one in rivals)]
            found.append([*levels, ours[1:].mean(), ours[-1], (ours[1:] - ours[0]).min()])
        alone, *others, area, end, lowest = np.mean(found, axis=0)
        regrets.append(max(alone, *others) - area)
        cells = (alone, *others, area, regrets[-1], end - alone, lowest)
        body.append([f"{k}, {rate:.0%}", *(f"{cell:.1f}" for cell in cells)])
        print(*body[-1], sep=" | ", flush=True)
    heads = ["classes, noise", "the model alone", *RIVALS, "codecision", "regret",
             "end over the model", "lowest round over the model"]  # fmt: skip
    text = "\n".join([
        "# How far below its foundation model may codecision end?", "",
        f"Made by `python benchmarks/floor.py --write`: {POOL:,} rows skewed {SKEW}:1, 200 labels, "
        f"mean of {len(SEEDS)} seeds, areas of balanced accuracy in %.", "",
        f"Mean regret {np.mean(regrets):.1f} points, worst {max(regrets):.1f}.", "",
        *table(heads, body), "",
    ])  # fmt: skip
    published(text, OUTPUT, write)


if __name__ == "__main__":
    main()
