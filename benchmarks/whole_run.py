"""Where the seconds of a sweep go: six suites, a sample of the runs of each.

    python benchmarks/whole_run.py                    # prints the table; embeddings must be cached
    python benchmarks/whole_run.py --write            # and writes results/benchmarks/profile.md
    python benchmarks/whole_run.py --runs 10 demo     # a quick look at one

A fresh process for each suite plans it, draws runs evenly over its sweeps and makes them one after
the other on one thread, in a folder of its own. Each part's seconds are its own, without those of
parts inside it, of the clock, on a machine with nothing else to do; the sample's mean a run stands
for all runs. Imports and plan come once a worker. What a foundation model costs comes once for all
suites and is shown apart: the rate on a sample of rows, for the rows of the suite's data sets.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import Any

from pages import row

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "profile.md"
SUITES = ("demo", "savings", "savings_rule", "savings_parts", "annotators", "whom")
WORKERS = 2
EMBEDDED = 256  # rows
ONCE = ("imports", "plan")
PARTS = ("config", "load", "problem", "embeddings read", "prior read", "select", "labels", "fit",
         "evaluate", "disk", "rest")  # fmt: skip
WHERE = {  # what is timed, and as which part
    "al_bench.runs.run.science": "config",
    "al_bench.runs.run.identified": "config",
    "al_bench.runs.run.new_manifest": "config",
    "al_bench.runs.run.parts_of": "config",
    "al_bench.runs.run.problem_of": "problem",
    "al_bench.runs.parts.loaded": "load",
    "al_bench.problem.build.embeddings": "embeddings read",
    "al_bench.problem.build.zero_shot": "prior read",
    "al_bench.loop.query": "select",
    "al_bench.loop.answered": "labels",
    "al_bench.loop.trained": "fit",
    "al_bench.runs.parts.evaluate": "evaluate",
    "al_bench.runs.store.RunFolder.append": "disk",
    "al_bench.runs.store.RunFolder.write_manifest": "disk",
    "al_bench.runs.store.RunFolder.resume": "disk",
}


class Clock:
    """Seconds of each part, without those of the parts inside it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.inside: list[str] = []
        self.since = monotonic()

    def turn(self) -> None:
        now = monotonic()
        if self.inside:
            self.seconds[self.inside[-1]] += now - self.since
        self.since = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self.turn()
        self.inside.append(name)
        try:
            yield
        finally:
            self.turn()
            self.inside.pop()

    def around(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(call)
        def timed(*given: Any, **named: Any) -> Any:
            with self.part(name):
                return call(*given, **named)

        return timed


def instrument(clock: Clock) -> None:
    """Put the clock around every call of WHERE."""
    for place, part in WHERE.items():
        owner, name = place.rsplit(".", 1)
        try:
            holder: Any = importlib.import_module(owner)
        except ModuleNotFoundError:
            module, kind = owner.rsplit(".", 1)
            holder = getattr(importlib.import_module(module), kind)
        setattr(holder, name, clock.around(getattr(holder, name), part))


def measured(suite: str, count: int) -> dict[str, Any]:
    """In a process of its own: seconds of each part over a sample of a suite's runs."""
    began = float(os.environ["AL_BENCH_BEGAN"])
    import numpy as np

    from al_bench.configuration.config import config_folders
    from al_bench.configuration.experiments import plans
    from al_bench.configuration.memory import keep
    from al_bench.runs.run import execute

    keep()
    ready = monotonic()
    with tempfile.TemporaryDirectory() as results:
        sweeps = plans([f"experiment={suite}", f"results={results}"], None).values()
        jobs = [(planned, index) for planned in sweeps for index in range(len(planned))]
        planned = monotonic()
        clock = Clock()
        instrument(clock)
        sample = np.unique(np.linspace(0, len(jobs) - 1, count).astype(int))
        for number in sample:
            with clock.part("config"):
                job = jobs[number][0][jobs[number][1]]
                config, folders = job.config, config_folders(None)
            with clock.part("rest"):
                execute(config, folders, experiment=suite, say=lambda text: None)
    once = {"imports": ready - began, "plan": planned - ready}
    return {
        "runs": len(jobs),
        "sample": len(sample),
        "once": once,
        "parts": {part: clock.seconds[part] for part in PARTS},
        "embedding": embedding(jobs),
    }


def embedding(jobs: list[Any]) -> float:
    """Seconds in which a foundation model would embed the rows of all data sets, each once."""
    from al_bench.runs.parts import Call, known_prior, loaded

    nodes = {}
    for planned, index in jobs:
        job = planned[index]
        nodes.setdefault(json.dumps([job.at("dataset"), job.at("prior")], sort_keys=True), job)
    rates: dict[str, float] = {}
    seconds = 0.0
    for job in nodes.values():
        dataset = loaded(Call.of(job.config.dataset))
        encoder = known_prior(Call.of(job.config.prior)).encoder(dataset.modality)
        if encoder.key == "given":
            continue
        if encoder.key not in rates:
            rows = [dataset.train.inputs[i] for i in range(min(EMBEDDED, len(dataset.train)))]
            encoder.embed(rows[:64])  # weights, libraries
            start = monotonic()
            encoder.embed(rows)
            rates[encoder.key] = len(rows) / (monotonic() - start)
        seconds += (len(dataset.train) + len(dataset.test)) / rates[encoder.key]
    return seconds


def child(suite: str, count: int) -> dict[str, Any]:
    """The same, from a fresh process with one thread."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, __file__, "--child", "--runs", str(count), suite]
    env = os.environ | threads | {"AL_BENCH_BEGAN": str(monotonic())}
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(found: dict[str, dict[str, Any]]) -> list[str]:
    """A column a suite: seconds of one processor for the whole of it, and in %."""
    lines = [row("", *found), row("---", *["---:"] * len(found))]
    whole = {}
    for suite, one in found.items():
        a_run = {part: one["parts"][part] / one["sample"] for part in PARTS}
        seconds = {part: WORKERS * one["once"][part] for part in ONCE}
        whole[suite] = seconds | {part: one["runs"] * a_run[part] for part in PARTS}
    totals = {suite: sum(parts.values()) for suite, parts in whole.items()}
    lines.append(row("runs", *(f"{one['runs']:,}" for one in found.values())))
    lines.append(row("processor seconds", *(f"{total:,.0f}" for total in totals.values())))
    hours = (f"{one['runs'] / totals[suite] * 3600:,.0f}" for suite, one in found.items())
    lines.append(row("runs a processor-hour", *hours))
    for part in (*ONCE, *PARTS):
        shares = (f"{whole[suite][part] / totals[suite]:.1%}" for suite in found)
        lines.append(row(part, *shares))
    lines.append(
        row("embedding, once, seconds", *(f"{one['embedding']:,.0f}" for one in found.values()))
    )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("suites", nargs="*", default=SUITES)
    parser.add_argument("--runs", type=int, default=60, help="the sample of each suite")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measured(args.suites[0], args.runs)))
        return
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    lines = table({suite: child(suite, args.runs) for suite in args.suites})
    print("\n".join(lines))
    if args.write:
        about = (
            f"Made by `python benchmarks/whole_run.py --write`; load average {load}; {args.runs} "
            f"runs of each suite, one thread; imports and plan for {WORKERS} workers."
        )
        OUTPUT.write_text("\n".join(["# Where the seconds go", "", about, "", *lines, ""]))


if __name__ == "__main__":
    main()
