"""Runs as the store writes them, with learning curves made up, for the tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from al_bench.runs.declarations import KINDS, class_options

Given: TypeAlias = (
    "str | float | tuple[str, dict[str, Any]]"  # an option, a number, or with its node
)
CLASSES = {"clean": "Clean", "natural": "Natural"}


def chosen(group: str, given: Given) -> tuple[str, dict[str, Any]]:
    """An option and its node; of noise a number is the rate, of imbalance the ratio."""
    if isinstance(given, tuple):
        return given
    if given == "merge":
        return "merge", {"_target_": "al_bench.data.Merge", "classes": 3, "order": "fixed"}
    if not isinstance(given, str) and group == "noise":
        return "symmetric", {"_target_": "al_bench.data.Symmetric", "rate": given}
    if not isinstance(given, str):
        return "longtail", {"_target_": "al_bench.data.LongTail", "ratio": given}
    if given in CLASSES:
        return given, {"_target_": f"al_bench.data.{CLASSES[given]}"}
    kind = "strategy" if group == "init" else group
    known = class_options(kind) if kind in KINDS else {}
    return given, {"_target_": known.get(given, f"al_bench.{group}.{given}")}


SPEED = {"random": 1.0, "margin": 1.6, "badge": 1.4, "galaxy": 1.8, "codecision": 2.6}


def fake_run(
    folder: Path,
    strategy: Given = "random",
    supervision: Given = "labels",
    start: Given = "random",
    dataset: str = "flowers",
    imbalance: str | float = "natural",
    noise: str | float = "clean",
    seed: int = 0,
    rounds: int = 10,
    curve: list[float] | None = None,
    class_names: tuple[str, ...] = ("rose", "tulip", "daisy", "iris", "poppy", "lily"),
    reads_truth: bool = False,
    error: str | None = None,
    finished: bool = True,
    digest: str | None = "d1",
    n_test: int = 300,
    learner: Given = "linear",
    asking: Mapping[str, Given] | None = None,
) -> Path:
    """A run directory as the store writes it, with a plausible learning curve or a given one.

    asking: annotators, label model, annotator selection; half of the answers are a model's then, at
    0.25.
    """
    given = {"dataset": dataset, "imbalance": imbalance, "noise": noise, "prior": "minilm",
             "supervision": supervision, "learner": learner, "init": start,
             "strategy": strategy, "protocol": "small"} | dict(asking or {})  # fmt: skip
    parts = {group: chosen(group, value) for group, value in given.items()}
    choices = {group: option for group, (option, _) in parts.items()}
    science = {group: node for group, (_, node) in parts.items()} | {"seed": seed}
    name = f"{abs(hash_of(science, seed)):012x}"[:12]
    rng = np.random.default_rng([seed, hash_of(science | {"seed": 0}, 0)])
    rate = 0.2 if noise != "clean" else 0.0
    speed = SPEED.get(choices["strategy"], 1.2) * (
        1.25 if choices["supervision"] != "labels" else 1.0
    )
    counts = [400, 200, 100, 50, 25, 12]
    here = run_path(folder, name)
    manifest = {
        "id": name, "choices": choices, "science": science, "seed": seed,
        "facts": {"n_pool": sum(counts), "n_test": n_test, "n_classes": 6, "class_counts": counts,
                  "noise_rate": rate, "noise_rates": [rate] * 6, "class_names": list(class_names),
                  "reads_truth": reads_truth} | ({"digest": digest} if digest else {}),
        "versions": {"numpy": "2.0", "torch": "2.6"}, "commit": "abc1234", "device": "cpu",
        "started": "2026-01-01T00:00:00", "finished": "2026-01-01T00:01:00" if finished else None,
        "error": error,
    }  # fmt: skip
    (here / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lines = []
    for number in range(rounds + 1):
        queried = [] if number == 0 else list(range(20 * number - 20, 20 * number))
        labelled = 20 * number
        top = 0.88 - rate / 2 - (0.06 if imbalance != "natural" else 0)
        level = 0.55 if number == 0 else top - 0.5 * np.exp(-speed * labelled / 110)
        level = level + (0.012 * rng.normal() if number else 0.0)
        if curve is not None and number:
            level = curve[number - 1]
        recall = np.clip(level + 0.1 * np.log(np.array(counts) / 70), 0, 1)
        metrics = {
            "balanced_accuracy": level, "macro_f1": level - 0.02, "accuracy": level + 0.05,
            "head_recall": level + 0.1, "medium_recall": level, "tail_recall": level - 0.1,
            "worst_recall": max(level - 0.3, 0), "nll": 1.5 - level, "ece": 0.1,
            "product_balanced_accuracy": level + 0.02, "prior_balanced_accuracy": 0.55,
            "pool_balanced_accuracy": level + 0.03, "pool_unlabelled_balanced_accuracy": level,
            "classes_found": min(6, 2 + number), "imbalance_l1": 1.0 / (1 + speed * number),
            "rarest_count": number // 2, "oracle_calls": number,
            "labelled_noise": rate * (1 + 0.1 * (speed - 1.5)) + 0.01 * rng.random() * (rate > 0),
        } | ({"model_answers": labelled / 2} if asking else {})  # fmt: skip
        who = {"annotators": [], "cost": float(len(queried)), "ids": []}
        if asking:
            who |= {"annotators": [row % 2 for row in queried], "cost": 0.625 * len(queried)}
        lines.append(json.dumps({
            "round": number, "queried": queried, "answers": [0] * len(queried),
            "oracle_calls": int(number > 0),
            "metrics": metrics, "recall": recall.tolist(),
            "seconds": {"select": 0.01 * speed, "fit": 0.05, "evaluate": 0.02},
        } | who))  # fmt: skip
    (here / "rounds.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return here


def hash_of(labels: dict[str, Any], seed: int) -> int:
    from zlib import crc32

    return crc32(json.dumps([labels, seed], sort_keys=True).encode()) | (seed + 1) << 33


def run_path(folder: Path, name: str) -> Path:
    here = folder / name
    here.mkdir(parents=True)
    return here


def fake_runs(
    folder: Path, strategies: tuple[Given, ...] = tuple(SPEED), seeds: int = 5, **fixed: Any
) -> Path:
    """A folder of finished runs: each strategy with each seed."""
    for strategy, seed in product(strategies, range(seeds)):
        fake_run(folder, strategy=strategy, seed=seed, **fixed)
    return folder
