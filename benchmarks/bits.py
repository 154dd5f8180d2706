"""What is the same to the bit on another processor: hashes of what a run computes.

    python benchmarks/bits.py                                   # here
    qemu-x86_64 -cpu Haswell-noTSX "$(realpath .venv/bin/python)" benchmarks/bits.py
    python benchmarks/bits.py deterministic=false               # libraries not held to AVX2

The second line, of Debian's qemu-user, runs the same libraries on an emulated processor without
AVX-512 (with PYTHONPATH naming the environment's packages). Takes a minute or two there.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import Any

from al_bench.runs.environment import restart_limited

TEXTS = 24
IMAGES = 3


def digest(*arrays: Any) -> str:
    import numpy as np

    whole = sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:12]


def main() -> None:
    """Print a line for each thing that is computed."""
    import numpy as np

    import al_bench
    from al_bench.core.arrays import unit
    from al_bench.runs.component import Component
    from al_bench.runs.plan import plan
    from al_bench.runs.run import known_prior, load_dataset

    draws = np.random.default_rng(0).normal(size=(300, 64))
    print("exp, log      ", digest(np.exp(draws), np.log(abs(draws)), np.log1p(abs(draws))))
    print("product       ", digest(draws.astype(np.float32) @ draws.astype(np.float32).T))
    print("decomposition ", digest(*np.linalg.svd(draws)))
    (job,) = plan(["dataset=vader", "logger=none"], None)
    dataset = load_dataset(Component.of("dataset", job.at("dataset")))
    prior = known_prior(Component.of("prior", job.at("prior")))
    texts = [dataset.train.inputs[row] for row in range(TEXTS)]
    features = prior.encoder("text").embed(texts)
    print("texts         ", digest(features, prior.encoder("text").embed(["short", "and shorter"])))
    print("prior         ", digest(prior.probabilities(features, texts, dataset.task)))
    (job,) = plan(["dataset=openclipart", "logger=none"], None)
    dataset = load_dataset(Component.of("dataset", job.at("dataset")))
    prior = known_prior(Component.of("prior", job.at("prior")))
    images = [dataset.train.inputs[row] for row in range(IMAGES)]
    print("images        ", digest(prior.encoder("image").embed(images)))
    rng = np.random.default_rng(1)
    centres, labels = rng.normal(size=(3, 32)), rng.integers(3, size=400)
    rows = unit((centres[labels] + 2 * rng.normal(size=(400, 32))).astype(np.float32))
    guesses = rng.dirichlet(np.ones(3), size=400).astype(np.float32)
    problem = al_bench.Problem.from_arrays(
        rows[:300], guesses[:300], labels[:300], rows[300:], labels[300:]
    )
    ours = {
        "strategy": "codecision",
        "init": "fm_balanced",
        "supervision": "posterior_labels_pool",
        "learner": "linear_on_prior",
    }
    few = ["protocol.start=30", "protocol.budget=20", "protocol.rounds=4"]
    rounds = list(al_bench.active_learning(problem, **ours, overrides=few))
    print("queries       ", digest(*[np.array(one.queried) for one in rounds]))
    print("its metrics   ", digest(*[np.array(list(one.metrics.values())) for one in rounds]))


if __name__ == "__main__":
    restart_limited(sys.argv)
    main()
