"""What embedding costs: by the packaged encoders, by OpenVINO, and when it is read from the cache.

    python benchmarks/embedding.py                  # two tables
    python benchmarks/embedding.py --write          # and into results/benchmarks/embedding.md

Both encoders read the same rows of a test split in turns on one thread, so that a busy machine
slows both, with memory kept as commands do; seconds are the processor's (of the clock on a GPU).
The cosine is between the two features of a row, accuracies are of the zero-shot priors; data sets
that are not at hand are left out. From the cache: opening stored embeddings and reading all of
them, in a fresh process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pages import row, table

from al_bench.core.metrics import balanced_accuracy
from al_bench.core.state import Floats
from al_bench.data.cache import embeddings
from al_bench.runs.config import instantiate
from al_bench.runs.environment import restart_limited
from al_bench.runs.plan import plan

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "embedding.md"
BATCH = 64  # the encoders' own
SETS = {
    "text": ("wordnet_nouns25", "vader", "trec", "ag_news"),
    "image": ("openclipart", "fashion_mnist", "cifar10"),
}
CACHED, WIDE = 50_000, 1_280  # rows, and numbers of a row


def engines(rows: int, repeat: int) -> list[str]:
    """One line a data set: the packaged prior and the same by OpenVINO."""
    out = table(["data", "rows", "reference", "OpenVINO", "times as fast", "least cosine",
                 "accuracy, points", "balanced accuracy, points"], [])  # fmt: skip
    for modality, names in SETS.items():
        for name in names:
            try:
                out.append(compared(name, modality, rows, repeat))
            except OSError as error:
                print(f"{name} is left out: {error}")
            else:
                print(out[-1], flush=True)
    return out


def compared(name: str, modality: str, rows: int, repeat: int) -> str:
    """The table's line of one data set."""
    dataset = instantiate(plan([f"dataset={name}"])[0].config.dataset).load()
    number = min(rows, len(dataset.test))
    test = dataset.test.take(np.random.default_rng(0).permutation(len(dataset.test))[:number])
    inputs = [test.inputs[i] for i in range(number)]
    some = inputs[: 512 if modality == "text" else 128]
    both = ("packaged", "packaged_openvino")
    priors = [instantiate(plan([f"prior={prior}"])[0].config.prior) for prior in both]
    encoders = [prior.encoder(modality) for prior in priors]
    for encoder in encoders:
        encoder.embed(some[:BATCH])  # weights, libraries
    one, other = (partial(encoder.embed, some) for encoder in encoders)
    seconds = in_turns(one, other, repeat)
    slow, fast = (len(some) / second for second in seconds)
    reference, openvino = (encoder.embed(inputs) for encoder in encoders)
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(openvino, axis=1)
    cosine = ((reference * openvino).sum(axis=1) / lengths).min()
    change = points(priors[1], openvino, dataset, test)
    change -= points(priors[0], reference, dataset, test)
    return row(name, f"{number:,}", f"{slow:.0f} /s", f"{fast:.0f} /s", f"{fast / slow:.1f}",
               f"{cosine:.5f}", *(f"{value:+.2f}" for value in change))  # fmt: skip


def points(prior: Any, features: Floats, dataset: Any, test: Any) -> Floats:
    """Accuracy and balanced accuracy of a zero-shot prior, in points."""
    said = prior.probabilities(features, test.inputs, dataset.task).argmax(axis=1)
    right = balanced_accuracy(test.labels, said, len(dataset.class_names))
    return 100 * np.array([(said == test.labels).mean(), right])


def in_turns(
    one: Callable[[], Floats], other: Callable[[], Floats], repeat: int
) -> tuple[float, float]:
    """Median seconds of each; both take the first turn."""
    from al_bench.priors.weights import device

    clock = perf_counter if device().type == "cuda" else process_time
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * repeat):
        first = turn % 4 in (0, 3)
        start = clock()
        (one if first else other)()
        seconds[first].append(clock() - start)
    return median(seconds[True]), median(seconds[False])


class Drawn:
    """An encoder that computes nothing worth measuring, for what the cache itself costs."""

    key, dim = "drawn", WIDE

    def embed(self, inputs: Sequence[Any]) -> Floats:
        return np.random.default_rng(len(inputs)).standard_normal((len(inputs), WIDE), np.float32)


def opened(folder: str, rows: int) -> tuple[float, float]:
    """Seconds to open stored embeddings, checksum included, and to read them too."""
    start = perf_counter()
    stored = embeddings(Path(folder), "b", "train", Drawn(), range(rows))
    seconds = perf_counter() - start
    float(stored.sum(dtype=np.float32))
    return seconds, perf_counter() - start


def second_use(rows: int) -> list[str]:
    """One line; the first use computes and stores, in a process of its own as the second is."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found = pool.apply(opened, (folder, rows))
    seconds = (f"{value:.2f} s" for value in found)
    head = ["rows", "shape", "opened, checksum included", "and read"]
    return table(head, [(f"{rows:,}", f"x {WIDE} float16", *seconds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=1500, help="test rows that are compared")
    parser.add_argument("--cached", type=int, default=CACHED, help="rows of the second use")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    restart_limited([])
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    kept = second_use(args.cached)
    print("\n".join(kept))
    import torch

    from al_bench.priors.weights import device

    torch.set_num_threads(1)
    where = torch.cuda.get_device_name() if device().type == "cuda" else "CPU"
    about = f"Made by `python benchmarks/embedding.py --write`; load average {load}; batches of "
    about += f"{BATCH}; {where}, one CPU thread."
    lines = ["# What embedding costs", "", about]
    lines += ["", "## By OpenVINO, texts in bfloat16", "", *engines(args.rows, args.repeat)]
    lines += ["", "## From the cache", "", *kept]
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
