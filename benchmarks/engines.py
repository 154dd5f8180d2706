"""How fast another engine embeds, and how near to the reference what it gives is.

    python benchmarks/engines.py           # one table
    python benchmarks/engines.py --write   # and into results/benchmarks/engines.md

Both encoders read the same rows of a test split in turns on one thread, with memory kept as
commands do; seconds are the processor's. Cosines are between the two features of a row; accuracies
are of the zero-shot priors made of them, over as many test rows as said. The data sets that are not
shipped are left out where they are not at hand.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from embedding import BATCH, in_turns, row

from al_bench.configuration.config import build
from al_bench.configuration.memory import keep
from al_bench.configuration.plan import plan
from al_bench.metrics import balanced
from al_bench.state import Floats

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "engines.md"
SETS = {
    "text": ("wordnet_nouns25", "vader", "trec", "ag_news"),
    "image": ("openclipart", "fashion_mnist", "cifar10"),
}
PRIORS = ("packaged", "packaged_openvino")
TIMED = {"text": 512, "image": 128}  # rows
HEAD = ["data", "rows", "reference", "OpenVINO", "times as fast", "least cosine",
        "accuracy, points", "balanced accuracy, points"]  # fmt: skip


def compared(name: str, modality: str, rows: int, repeat: int) -> str:
    """The table's line of one data set."""
    dataset = build(plan([f"dataset={name}"])[0].config.dataset).load()
    number = min(rows, len(dataset.test))
    test = dataset.test.take(np.random.default_rng(0).permutation(len(dataset.test))[:number])
    inputs = [test.inputs[i] for i in range(number)]
    some = inputs[: TIMED[modality]]
    priors = [build(plan([f"prior={prior}"])[0].config.prior) for prior in PRIORS]
    reference, engine = (prior.encoder(modality) for prior in priors)
    for encoder in (reference, engine):
        encoder.embed(some[:BATCH])  # weights, libraries
    seconds = in_turns(partial(engine.embed, some), partial(reference.embed, some), repeat)
    rates = [len(some) / second for second in seconds]
    one, other = reference.embed(inputs), engine.embed(inputs)
    change = points(priors[1], other, dataset, test) - points(priors[0], one, dataset, test)
    cells = [name, f"{number:,}", f"{rates[1]:.0f} /s", f"{rates[0]:.0f} /s",
             f"{rates[0] / rates[1]:.1f}", f"{cosines(one, other).min():.5f}",
             *(f"{value:+.2f}" for value in change)]  # fmt: skip
    return row(*cells)


def cosines(one: Floats, other: Floats) -> Floats:
    """(n,) between rows of two arrays."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / lengths)


def points(prior: Any, features: Floats, dataset: Any, test: Any) -> Floats:
    """Accuracy and balanced accuracy of a zero-shot prior, in points."""
    said = prior.probabilities(features, test.inputs, dataset.task).argmax(axis=1)
    right = balanced(test.labels, said, len(dataset.class_names))
    return 100 * np.array([(said == test.labels).mean(), right])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=3000, help="test rows whose opinions count")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    keep()
    import torch

    torch.set_num_threads(1)
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    lines = [row(*HEAD), row(*["---"] * 2, *["---:"] * 6)]
    for modality, names in SETS.items():
        for name in names:
            try:
                lines.append(compared(name, modality, args.rows, args.repeat))
            except OSError as error:
                print(f"{name} is left out: {error}")
            else:
                print(lines[-1], flush=True)
    about = (
        f"Made by `python benchmarks/engines.py --write`; load average {load}; one thread; texts "
        "in bfloat16, images in float32."
    )
    if args.write:
        OUTPUT.write_text("\n".join(["# Engines", "", about, "", *lines]) + "\n")


if __name__ == "__main__":
    main()
