"""How long runs take, from one command to a grid.

    python benchmarks/speed.py                     # prints the table
    python benchmarks/speed.py --write             # and writes results/benchmarks/speed.md
    python benchmarks/speed.py --seeds 2           # a quick look

A run: one of the grid, alone in a process and among others of one process. The grid: six strategies
by seeds on the shipped text set, ten rounds, a linear head, cached embeddings, in processes of
their own, imports included. Seconds are of the clock; CPU seconds are the processor's, which are
the fair ones on a busy machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

from pages import row, timed

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "speed.md"
STRATEGIES = "random,fm_stratified,confidence,margin,coreset,badge"
GRID = ["dataset=wordnet_nouns25", "noise=symmetric", "protocol=small", "logger=none"]
POOL, WIDTH = 20_000, 384  # rows and features of the pool of a timed round
LARGEST = "experiment=savings"
Table = dict[str, float]

COMMAND = "import sys; from al_bench.cli.main import main; sys.exit(main(sys.argv[1:]))"


def albench(*arguments: str) -> None:
    """Run a command; CalledProcessError where it fails."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def one_run(folder: Path) -> Table:
    """Seconds and memory of a whole command that makes one run."""
    clock, processor = timed(lambda: albench("run", *GRID, f"results={folder}/one"))
    return {"one run, whole command, s": clock, "one run, whole command, CPU s": processor}


def within(folder: str, seeds: int) -> Table:
    """Of runs that share a process: seconds a run, and memory."""
    from al_bench.runs.plan import plan
    from al_bench.runs.run import execute

    jobs = list(
        plan([*GRID, f"results={folder}", f"strategy={STRATEGIES}", f"seed=range({seeds})"])
    )
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (this process has nothing else to say)
    execute(jobs[0])  # which imports and loads
    clock, processor = perf_counter(), process_time()
    runs = len([execute(job) for job in jobs[1:]])
    table = {
        "a further run of a process, s": (perf_counter() - clock) / runs,
        "a further run of a process, CPU s": (process_time() - processor) / runs,
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return table | {"most memory of a process, MiB": peak / 1024}


def grid(folder: Path, seeds: int, workers: int) -> Table:
    """Runs a minute of the grid, imports included, and the processor's seconds a run."""
    swept = [f"strategy={STRATEGIES}", f"seed=range({seeds})", f"results={folder}/grid{workers}"]
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={workers}"]
    runs = seeds * len(STRATEGIES.split(","))
    clock, processor = timed(lambda: albench("run", "-m", *GRID, *swept, *launcher))
    return {
        f"{runs} runs, {workers} workers, runs a minute": 60 * runs / clock,
        f"{runs} runs, {workers} workers, CPU s a run": processor / runs,
    }


def commands(folder: Path) -> Table:
    """Seconds of commands that make no run, where every run of the largest suite is done."""
    from al_bench.runs.experiments import plans

    manifest = next((folder / "one" / "runs").iterdir()) / "manifest.json"
    names = [job.id for planned in plans([LARGEST], None).values() for job in planned]
    for name in names:
        (folder / "many" / "runs" / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(manifest, folder / "many" / "runs" / name)
    lines = [["run", "--help"], ["list"], ["status", LARGEST, f"results={folder}/many"]]
    table: Table = {}
    for line in lines:
        clock, processor = timed(lambda line=line: albench(*line))  # type: ignore[misc]
        name = f"albench {' '.join(line[:2])}"
        table |= {f"{name}, s": clock, f"{name}, CPU s": processor}
    return table


def in_python(folder: str) -> Table:
    """Seconds to plan the largest suite, and to read a run that is finished."""
    import al_bench
    from al_bench.runs.experiments import plans

    before = process_time()
    names = {job.id for planned in plans([LARGEST], None).values() for job in planned}
    table = {f"planning {len(names):,} runs, CPU s": process_time() - before}
    for _ in range(2):  # the first imports
        before = process_time()
        al_bench.run(overrides=GRID, results=f"{folder}/one")
    return table | {"a finished run through Python, CPU s": process_time() - before}


def one_round(k: int) -> Table:
    """Seconds of one round of codecision, 20 answers a class, in a pool of 20,000 rows."""
    import numpy as np

    from al_bench.core.state import Rows, State
    from al_bench.learners import ResidualHead
    from al_bench.strategies import Codecision
    from al_bench.supervision import PosteriorLabelsPool

    rng = np.random.default_rng(0)
    truth, means = rng.integers(k, size=POOL), rng.normal(size=(k, WIDTH))
    features = (means[truth] + 2 * rng.normal(size=(POOL, WIDTH))).astype(np.float32)
    prior = np.exp(2 * np.eye(k)[truth] + rng.normal(size=(POOL, k)))
    rows = Rows(range(POOL), features, (prior / prior.sum(axis=1, keepdims=True)).astype("f4"))
    asked = rng.choice(POOL, 20 * k, replace=False)
    answers = np.where(rng.random(20 * k) < 0.2, rng.integers(k, size=20 * k), truth[asked])
    state = State.start(rows).tell(asked, answers)
    clock, processor = perf_counter(), process_time()
    training = PosteriorLabelsPool().training_set(state, rng)
    model = ResidualHead(l2=12.0, by_classes=True).fit(rows, training, rng)
    Codecision().select(replace(state, training=training, model=model), 2 * k, rng)
    name = f"a round of codecision, {k} classes"
    return {f"{name}, s": perf_counter() - clock, f"{name}, CPU s": process_time() - processor}


def lines(table: Table) -> list[str]:
    return [row(name, f"{value:.3f}") for name, value in table.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=68, help="of the grid; by six strategies")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors at the start"
    print(load, flush=True)
    albench("embed", *GRID)
    table: Table = {}
    folder = Path(tempfile.mkdtemp(prefix="speed"))
    spawn = multiprocessing.get_context("spawn")
    try:
        steps: list[Callable[[], Table]] = [
            lambda: one_run(folder),
            lambda: pool.apply(within, (f"{folder}/within", max(2, args.seeds // 6))),
            *(lambda k=k: pool.apply(one_round, (k,)) for k in (10, 150)),  # type: ignore[misc]
            *(lambda n=n: grid(folder, args.seeds, n) for n in args.workers),  # type: ignore[misc]
            lambda: commands(folder),
            lambda: pool.apply(in_python, (str(folder),)),
        ]
        with spawn.Pool(1) as pool:
            for step in steps:
                found = step()
                table |= found
                print("\n".join(lines(found)), flush=True)
    finally:
        shutil.rmtree(folder)
    if args.write:
        about = (
            f"Made by `python benchmarks/speed.py --write`; {load}. See the file for what is what."
        )
        head = ["# Speed", "", about, "", "| what | value |", "| --- | ---: |"]
        OUTPUT.write_text("\n".join([*head, *lines(table)]) + "\n")


if __name__ == "__main__":
    main()
