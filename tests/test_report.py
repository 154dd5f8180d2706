"""From run directories to tables, figures and a page: nothing lost, nothing smoothed, all escaped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al_bench.report.analysis import ReportSpec, analyse
from al_bench.report.build import report
from al_bench.report.curves import settings
from al_bench.report.frame import Results, named, read_parquet, read_runs, write_parquet
from al_bench.report.render import console, latex, latex_text, markdown
from al_bench.report.style import colours
from al_bench.report.tables import DAGGER, Table, tables

SPEED = {"random": 1.0, "margin": 1.6, "badge": 1.4, "galaxy": 1.8, "codecision": 2.6}


def fake_run(
    folder: Path,
    strategy: str = "random",
    supervision: str = "human",
    start: str = "random",
    dataset: str = "flowers",
    imbalance: str = "natural",
    noise: str = "clean",
    seed: int = 0,
    rounds: int = 10,
    curve: list[float] | None = None,
    class_names: tuple[str, ...] = ("rose", "tulip", "daisy", "iris", "poppy", "lily"),
    reads_truth: bool = False,
    error: str | None = None,
    finished: bool = True,
) -> Path:
    """A run directory as the store writes it, with a plausible learning curve or a given one."""
    labels = {"dataset": dataset, "imbalance": imbalance, "noise": noise, "prior": "minilm",
              "supervision": supervision, "learner": "linear", "start": start,
              "strategy": strategy, "protocol": "small"}  # fmt: skip
    name = f"{abs(hash_of(labels, seed)):012x}"[:12]
    rng = np.random.default_rng([seed, hash_of(labels, 0)])
    rate = 0.2 if noise != "clean" else 0.0
    speed = SPEED.get(strategy.split("(")[0], 1.2) * (1.25 if supervision != "human" else 1.0)
    counts = [400, 200, 100, 50, 25, 12]
    here = run_path(folder, name)
    manifest = {
        "id": name, "choices": labels, "science": {"seed": seed}, "labels": labels, "seed": seed,
        "facts": {"n_pool": sum(counts), "n_test": 300, "n_classes": 6, "class_counts": counts,
                  "noise_rate": rate, "noise_rates": [rate] * 6, "class_names": list(class_names),
                  "reads_truth": reads_truth},
        "versions": {"numpy": "2.0", "torch": "2.6"}, "commit": "abc1234", "device": "cpu",
        "started": "2026-01-01T00:00:00", "finished": "2026-01-01T00:01:00" if finished else None,
        "error": error,
    }  # fmt: skip
    (here / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lines = []
    for number in range(rounds + 1):
        asked = [] if number == 0 else list(range(20 * number - 20, 20 * number))
        bought = 20 * number
        top = 0.88 - rate / 2 - (0.06 if imbalance != "natural" else 0)
        level = 0.55 if number == 0 else top - 0.5 * np.exp(-speed * bought / 110)
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
            "rarest_count": number // 2, "trips": number,
            "bought_noise": rate * (1 + 0.1 * (speed - 1.5)) + 0.01 * rng.random() * (rate > 0),
        }  # fmt: skip
        lines.append(json.dumps({
            "round": number, "asked": asked, "answers": [0] * len(asked), "trips": int(number > 0),
            "metrics": metrics, "recall": recall.tolist(),
            "seconds": {"select": 0.01 * speed, "fit": 0.05, "evaluate": 0.02},
        }))  # fmt: skip
    (here / "rounds.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return here


def hash_of(labels: dict[str, str], seed: int) -> int:
    from zlib import crc32

    return crc32(json.dumps([labels, seed], sort_keys=True).encode()) | (seed + 1) << 33


def run_path(folder: Path, name: str) -> Path:
    here = folder / name
    here.mkdir(parents=True)
    return here


def fake_runs(
    folder: Path, strategies: tuple[str, ...] = tuple(SPEED), seeds: int = 5, **fixed: Any
) -> Path:
    """A folder of finished runs: each strategy with each seed."""
    for strategy, seed in product(strategies, range(seeds)):
        fake_run(folder, strategy=strategy, seed=seed, **fixed)
    return folder


QUICK = ReportSpec(bootstrap=200)


class Everything(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)
