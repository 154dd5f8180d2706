"""What a session costs: from a csv to the first batch, the next batches, new rows, memory.

    python benchmarks/session.py --write      # into results/benchmarks/session.md

Texts: those of VADER, as they ship with the package, written to a csv without their labels, by the
default engine and an empty cache; every command is a process of its own, as somebody types it.
Embeddings: a made-up pool whose prior
is right for most rows; one process, whose most memory is that of the whole of it. A script that
knows the classes answers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd
from pages import row, timed

from al_bench.data import Packaged
from al_bench.labelling import Answer, Session

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "session.md"
TEXTS, BUDGET, NEW = 12_000, 50, 5_000
MAIN = "import sys; from al_bench.cli.main import main; sys.exit(main())"
WIDE, DIM, CLASSES = 100_000, 384, 10


def command(*line: str) -> tuple[float, float]:
    """Seconds of ``albench session ...`` as a process of its own."""
    whole = [sys.executable, "-c", MAIN, "session", *line]
    return timed(lambda: subprocess.run(whole, check=True, stdout=subprocess.DEVNULL))


def step(name: str, seconds: Sequence[float]) -> str:
    return row(name, *(f"{one:.1f}" for one in seconds))


def texts(folder: Path) -> list[str]:
    """Seconds from a csv of texts to the first batch, to further ones, and to new rows labelled."""
    os.environ["AL_BENCH_CACHE"] = str(folder / "cache")
    data = Packaged("vader").load()
    every = list(data.train.inputs)
    truth = dict(zip(map(str, range(TEXTS)), data.train.labels, strict=False))
    pd.DataFrame({"text": every[:TEXTS]}).to_csv(folder / "texts.csv", index=False)
    pd.DataFrame({"text": every[TEXTS : TEXTS + NEW]}).to_csv(folder / "new.csv", index=False)
    place, names = str(folder / "texts"), ",".join(data.class_names)
    new = command("new", place, "--data", str(folder / "texts.csv"), "--classes", names)
    batch = folder / "batch.csv"
    out = [row("step", "seconds", "processor seconds"), row("---", "---:", "---:")]
    first = command("suggest", place, "--budget", str(BUDGET), "--out", str(batch))
    out.append(step(f"`new` on {TEXTS:,} texts in {len(data.class_names)} classes", new))
    out.append(step(f"`suggest`, the first {BUDGET}", first))
    out.append(step("csv to first batch, all told", np.add(new, first)))
    for number in (2, 3):
        table = pd.read_csv(batch, dtype=str, keep_default_na=False)
        table["answer"] = [data.class_names[truth[name]] for name in table["id"]]
        table.to_csv(batch, index=False)
        told = command("tell", place, str(batch))
        batch = folder / f"batch{number}.csv"
        again = command("suggest", place, "--budget", str(BUDGET), "--out", str(batch))
        out.append(step(f"`tell`, {BUDGET} answers", told))
        out.append(step(f"`suggest`, batch {number}", again))
    final = str(folder / "final")
    out.append(step("`export`", command("export", place, "--out", final)))
    line = ("predict", final, "--data", str(folder / "new.csv"), "--out", str(folder / "said.csv"))
    out.append(step(f"`predict`, {NEW:,} new rows", command(*line)))
    return [*out, *within(place, data.class_names, truth)]


def within(place: str, names: Sequence[str], truth: dict[str, int]) -> list[str]:
    """The same in one process that stays, such as the page's: fit and choice after each batch."""
    out = []
    with Session.open(place) as session:
        session.withdraw()
        session.suggest(BUDGET)  # which opens the pool
        for _ in range(8):
            waiting = session.waiting()
            session.tell([Answer(one.id, names[truth[one.id]]) for one in waiting])
            began, before = perf_counter(), process_time()
            session.suggest(BUDGET)
            cells = f"{perf_counter() - began:.2f}", f"{process_time() - before:.2f}"
            labels = session.status().answered
            out.append(row(f"next batch in a process that stays, {labels} labels", *cells))
    return [out[0], out[-1]]


def embeddings(folder: Path) -> list[str]:
    """Seconds and most memory of a session of many embeddings."""
    rng = np.random.default_rng(0)
    truth = rng.choice(CLASSES, size=WIDE, p=np.arange(1, CLASSES + 1) / sum(range(CLASSES + 1)))
    centers = rng.normal(size=(CLASSES, DIM)).astype(np.float32)
    features = 0.5 * centers[truth] + rng.normal(size=(WIDE, DIM)).astype(np.float32)
    prior = np.eye(CLASSES, dtype=np.float32)[truth] + rng.exponential(0.5, (WIDE, CLASSES))
    prior /= prior.sum(axis=1, keepdims=True)
    np.savez(folder / "wide.npz", features=features, prior=prior)
    np.save(folder / "truth.npy", truth)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: list[str] = pool.apply(label_wide, (folder,))
    return found


def label_wide(folder: Path) -> list[str]:
    names, truth = [f"class {c}" for c in range(CLASSES)], np.load(folder / "truth.npy")
    out = [row("step", "seconds"), row("---", "---:")]
    began = perf_counter()
    with Session.new(folder / "wide", folder / "wide.npz", names) as session:
        out.append(row(f"`new` on {WIDE:,} rows x {DIM}", f"{perf_counter() - began:.1f}"))
        for number in range(1, 12):
            began = perf_counter()
            batch = session.suggest(BUDGET)
            seconds = perf_counter() - began
            if number in (1, 2, 11):
                labels = BUDGET * (number - 1)
                out.append(row(f"batch {number}, {labels} labels", f"{seconds:.2f}"))
            session.tell([Answer(one.id, names[truth[int(one.id)]]) for one in batch])
        right = np.mean(session.predict()["label"] == np.array(names)[truth])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    out.append(row("most memory of the process", f"{most:,.0f} MiB"))
    out.append(row("rows that the last model labels rightly", f"{right:.1%}"))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        parts = {"Texts": texts(folder), "Embeddings": embeddings(folder)}
    lines = ["# What a session costs", "", "Made by `python benchmarks/session.py`; load averages "
             f"at the start {load} on {os.cpu_count()} processors; where other work ran beside it, "
             "processor seconds are the fair ones. Defaults throughout."]  # fmt: skip
    for name, table in parts.items():
        lines += ["", f"## {name}", "", *table]
    print("\n".join(lines))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
