"""What a fine-tuning round costs beside its forward and backward passes.

    python benchmarks/finetuning.py                 # one table
    python benchmarks/finetuning.py --write         # and into results/benchmarks/finetuning.md
    python benchmarks/finetuning.py --steps 50 --repeat 5     # longer, on a GPU for instance

A learner's whole `fit` (copying the pretrained weights, reading and augmenting inputs, Lightning)
and a bare PyTorch loop take the same steps on the same rows of a shipped data set, in turns, so
that a busy machine slows both. The bare loop finds its batches ready in memory, and does nothing
but forward pass, loss, backward pass, clipping and AdamW. Seconds are the processor's (of the clock
on a GPU).
"""

from __future__ import annotations

import argparse
import os
from copy import deepcopy
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from pages import row

from al_bench.core.state import Rows, TrainingSet
from al_bench.learners.network import moved
from al_bench.learners.training import batches
from al_bench.priors.weights import device
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "finetuning.md"
CASES = {
    "transformers": "wordnet_nouns25",
    "timm_lite2": "openclipart",
    "timm": "fashion_mnist",
}
TAUGHT = 300  # rows of the training set


def bare(model: Any, training: TrainingSet, learner: Any, ready: list[tuple[Any, Any]]) -> None:
    """The same steps as anybody would write them, over batches that are ready."""
    network, recipe = model.network, learner.training
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate)
    for inputs, targets in ready:
        scores = network(inputs)
        loss = -(targets * torch.log_softmax(scores, dim=1)).sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()


def prepared(model: Any, rows: Rows, training: TrainingSet, recipe: Any) -> list[tuple[Any, Any]]:
    """The batches that `fit` makes of a training set under the generator of `measured`."""
    generator = np.random.default_rng(0)
    generator.integers(2**31)  # as the learner does, for its own draws
    taught, where = rows.take(training.rows), device()
    targets = torch.from_numpy(training.targets)
    return [
        (moved(model.reader.batch(taught.take(part), True), where), targets[part].to(where))
        for part in batches(len(taught), recipe.batch, recipe.steps, generator)
    ]


def measured(name: str, dataset: str, steps: int, repeat: int) -> str:
    """One line: median seconds a step of `fit` and of the bare loop, and what lies between."""
    config = plan([f"dataset={dataset}", f"learner={name}", f"learner.training.steps={steps}"])[0]
    split = instantiate(config.config.dataset).load().train
    k, nothing = int(split.labels.max()) + 1, np.zeros((len(split), 1), dtype=np.float32)
    rows = Rows(split.inputs, nothing, np.full((len(split), k), 1 / k, dtype=np.float32))
    some = np.random.default_rng(1).choice(len(split), TAUGHT, replace=False)
    targets = np.eye(k, dtype=np.float32)[split.labels[some]]
    training = TrainingSet(some, targets, np.ones(TAUGHT, dtype=np.float32))
    learner = instantiate(config.config.learner)
    model = learner.fit(rows, training, np.random.default_rng(0))  # weights, libraries
    ready = prepared(model, rows, training, learner.training)
    clock = perf_counter if device().type == "cuda" else process_time
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * repeat):
        ours, other = turn % 4 in (0, 3), deepcopy(model)
        start = clock()
        if ours:
            learner.fit(rows, training, np.random.default_rng(0))
        else:
            bare(other, training, learner, ready)
        if device().type == "cuda":
            torch.cuda.synchronize()
        seconds[ours].append(clock() - start)
    ours, theirs = (median(seconds[mine]) / steps for mine in (True, False))
    batch = min(learner.training.batch, TAUGHT)
    cells = (str(batch), f"{1000 * ours:.0f} ms", f"{1000 * theirs:.0f} ms")
    return row(f"{name}, {dataset}", *cells, f"{100 * (ours / theirs - 1):.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name() if device().type == "cuda" else "CPU, one thread"
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    lines = [
        "# Fine-tuning",
        "",
        f"Made by `python benchmarks/finetuning.py` on {where}; load average {load}; {args.steps} "
        f"steps a fit, {TAUGHT} rows, median of {args.repeat}.",
        "",
        row("learner", "rows a step", "fit, a step", "bare loop, a step", "overhead"),
        row(*["---"] * 5),
    ]
    print("\n".join(lines[4:]))
    for name, dataset in CASES.items():
        lines.append(measured(name, dataset, args.steps, args.repeat))
        print(lines[-1], flush=True)
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
