"""Make a held-out task of a labelled data set: its test labels go into a file that nobody is given.

    python scripts/hold_out.py reviews --out board dataset=hub dataset.path=/data/mine ...
    python scripts/task_problems.py reviews --config-dir board --labels reviews_labels.npz

The first writes board/reviews.npz (embeddings and zero-shot probabilities by `prior=...`, labels of
the pool alone, test rows in an order that nobody else knows), board/dataset/reviews.yaml,
board/task/reviews.yaml, to be edited, and reviews_labels.npz; the second puts the problems and the
digest of the labels on record. board/ is what entrants are given.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from al_bench.configuration.plan import plan
from al_bench.datasets.check import check_file_name
from al_bench.entries.score import Labels
from al_bench.problem.build import embedded
from al_bench.problem.cache.embeddings import corrections
from al_bench.problem.types import Dataset, Prior
from al_bench.runs.parts import Call, known_prior, loaded
from al_bench.state import WITHHELD, Ints

DATASET = """# {name}: embeddings by {prior}; the test labels are held out
_target_: al_bench.datasets.Features
name: {name}
path: {path}
prompts: ["{{}}"]
"""
TASK = """# @package _global_
# {name}, whose test labels are held out: clean and with 40 % of answers wrong.
defaults:
  - override /dataset: {name}
  - override /imbalance: usual
  - override /noise: symmetric
  - override /prior: given
  - override /protocol: per_class
  - override /logger: none
  - override /hydra/launcher: joblib

hydra:
  mode: MULTIRUN
  sweeper:
    params: {{noise.rate: "0,0.4", seed: "0,1,2,3,4"}}

task: {{version: 1, metric: balanced_accuracy, held_out: true}}
"""


def given(dataset: Dataset, prior: Prior, cache: Path, order: Ints) -> dict[str, Any]:
    """What entrants are given: all but the test labels; order: of the test rows."""
    train, said = embedded(dataset, "train", dataset.train, prior, cache)
    test, said_of_test = embedded(dataset, "test", dataset.test, prior, cache)
    arrays = {
        "class_names": np.array(dataset.class_names),
        "train_features": train,
        "train_prior": said,
        "train_labels": dataset.train.labels,
        "test_features": test[order],
        "test_prior": said_of_test[order],
        "test_labels": np.full(len(order), WITHHELD),
    }
    return arrays if dataset.train.ids is None else arrays | {"train_ids": dataset.train.ids}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the data without test labels, the configs, and the labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of the task and of its data set")
    parser.add_argument("overrides", nargs="+", help="dataset=... prior=... and their options")
    parser.add_argument("--out", type=Path, required=True, help="the folder to be given away")
    parser.add_argument("--config-dir", type=Path, help="a folder of your own configs besides")
    asked = parser.parse_intermixed_args(arguments)
    name, kept = check_file_name(asked.name), Path(f"{asked.name}_labels.npz")
    if kept.exists():
        raise SystemExit(f"{kept} is there; other labels of that name would be lost")
    (job,) = plan([*asked.overrides, "logger=none"], asked.config_dir)
    dataset, prior = loaded(Call.of(job.config.dataset)), known_prior(Call.of(job.config.prior))
    if dataset.test.withheld or corrections(prior, dataset.modality):
        raise SystemExit("wanted a data set with test labels and a prior without a calibration, "
                         "which the pool of each seed would decide")  # fmt: skip
    order = np.random.default_rng(secrets.randbits(128)).permutation(len(dataset.test))
    data = given(dataset, prior, Path(job.config.cache).expanduser(), order)
    path = asked.out / f"{name}.npz"
    for group, text in (("dataset", DATASET), ("task", TASK)):
        (asked.out / group).mkdir(parents=True, exist_ok=True)
        said = text.format(name=name, path=path, prior=job.choices["prior"])
        (asked.out / group / f"{name}.yaml").write_text(said, "utf-8")
    np.savez_compressed(path, **data)
    salt = np.frombuffer(secrets.token_bytes(16), dtype=np.uint8)
    Labels(name, dataset.test.labels[order], salt).write(kept)
    print(f"{asked.out}: to be given away, with the task to edit\n{kept}: to be kept")


if __name__ == "__main__":
    main()
