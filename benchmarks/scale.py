"""How long a query rule takes to choose in large pools, and how much memory: every strategy.

    python benchmarks/scale.py                    # into results/benchmarks/scale.jsonl, prints
    python benchmarks/scale.py --write            # and into results/benchmarks/scale.md
    python benchmarks/scale.py --rows 20000 --strategies margin badge
    python benchmarks/scale.py --strategies bait typiclust dropquery --threads 2

A measurement is one whole ``select`` on a fresh state whose model predictions exist already, on as
many threads as told, in a process of its own that has selected once on a tiny pool, so imports do
not count. Answers within a batch are given. Each measurement is a line of the cells file as soon as
it is made; what is in the file is not measured again, except what took longer than a smaller limit.
So a killed command goes on where it was; --known --write only makes the page.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import signal
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import numpy as np
from pages import row
from threadpoolctl import threadpool_limits

from al_bench.core.loop import query
from al_bench.core.oracle import Oracle
from al_bench.core.state import UNLABELLED, Ints, Rows, State
from al_bench.runs.config import config_dir, instantiate
from al_bench.runs.options import option_names
from al_bench.runs.plan import plan
from al_bench.testing.situations import SoftmaxModel

for library in ("scipy.cluster.hierarchy", "scipy.optimize", "sklearn.cluster"):
    import_module(library)  # that rules load when first used: here once, not in each measurement

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "scale.md"
LONG = 3.0  # seconds after which a measurement is not repeated
ENSEMBLES = ("boss", "refine")  # hundreds of calls of other rules: minutes in small pools
Record = dict[str, Any]


class Size(NamedTuple):
    rows: int
    dim: int
    labelled: int
    budget: int
    classes: int
    threads: int = 1


class Cost(NamedTuple):
    """Median seconds of one selection, the memory it needs beyond the pool, and the most that its
    process has, libraries and pool included."""

    wall: float
    processor: float
    mebibytes: float
    peak: float


def make_pool(size: Size) -> tuple[State, Ints]:
    """A long tail of classes (100 to 1), each of eight groups in 64 directions, plus noise."""
    rng = np.random.default_rng(size[:5])
    fractions = 100 ** -np.linspace(0, 1, size.classes)
    truth = rng.choice(size.classes, size=size.rows, p=fractions / fractions.sum())
    groups = rng.standard_normal((size.classes, 8, 64), dtype=np.float32)
    basis = rng.standard_normal((64, size.dim), dtype=np.float32) / 8
    features = 0.3 * rng.standard_normal((size.rows, size.dim), dtype=np.float32)
    for start in range(0, size.rows, 8192):
        part = slice(start, start + 8192)
        inner = groups[truth[part], rng.integers(8, size=len(truth[part]))]
        inner = inner + 0.7 * rng.standard_normal(inner.shape, dtype=np.float32)
        features[part] += inner @ basis
    labels = np.full(size.rows, UNLABELLED, dtype=np.int64)
    index = rng.choice(size.rows, size=size.labelled, replace=False)
    labels[index] = truth[index]
    weight = np.zeros((size.classes, size.dim), dtype=np.float32)
    for c in np.unique(truth[index]):
        weight[c] = features[index[truth[index] == c]].mean(axis=0)
    model = SoftmaxModel(0.3 * weight, np.zeros(size.classes, dtype=np.float32))
    prior = rng.standard_exponential((size.rows, size.classes), dtype=np.float32)
    prior[np.arange(size.rows), truth] += 3
    prior /= prior.sum(axis=1, keepdims=True)
    return ready(State(Rows(range(size.rows), features, prior), labels, model)), truth.astype(int)


def ready(state: State) -> State:
    """The state with everything computed that all rules of a round share."""
    for name in ("probs", "labelled", "unlabelled", "counts"):
        getattr(state, name)
    return state


def select(node: Any, state: State, truth: Ints, budget: int) -> None:
    """One whole selection by a fresh strategy."""
    strategy = instantiate(node)
    if getattr(strategy, "reads_truth", False):
        strategy = strategy.given(truth)
    query(strategy, state, budget, Oracle(truth[:, None]), "within_batch", 0, 2)


def measure(
    node: Any,
    pool: tuple[State, Ints],
    budget: int,
    repeat: int,
    limit: float,
    long: float = LONG,
    threads: int = 1,
) -> Cost:
    """In a fork of this process, so that memory is that of the selection alone; what takes longer
    than `long` seconds is not repeated, and what takes longer than the limit is given up."""
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def child() -> None:
        select(node, *make_pool(Size(400, 16, 60, 5, 4)), 5)
        with threadpool_limits(threads):  # after the libraries that a rule loads when first used
            state, truth = pool
            before = resident()
            walls: list[float] = []
            processors: list[float] = []
            while len(walls) < repeat and sum(walls) <= long:
                wall, processor = perf_counter(), process_time()
                select(node, state, truth, budget)
                walls.append(perf_counter() - wall)
                processors.append(process_time() - processor)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        theirs.send(Cost(median(walls), median(processors), max(peak - before, 0), peak))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    theirs.close()
    if not ours.poll(limit):
        process.kill()
        process.join()
        return Cost(math.inf, math.inf, math.nan, math.nan)
    try:
        cost: Cost = ours.recv()
    except EOFError:
        process.join()
        code = process.exitcode or 0
        why = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise RuntimeError(f"a measurement ended early: {why}") from None
    process.join()
    return cost


def resident() -> float:
    """Mebibytes of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def node(name: str) -> Any:
    return plan([f"strategy={name}"])[0].config["strategy"]


class Cells:
    """Measurements by what was measured, a JSON line each, kept in a file as they are made."""

    def __init__(self, file: Path) -> None:
        self.file, self.records = file, dict[str, Record]()
        if file.exists():
            for line in file.read_text("utf-8").splitlines():
                record = json.loads(line)
                self.records[key(record["what"])] = record

    def known(self, name: str, size: Size, limit: float = 0) -> Record | None:
        """What was measured of this; None where nothing, or where more time is given now."""
        record = self.records.get(key(what(name, size)))
        if record and "over" in record and record["over"] < limit:
            return None
        return record

    def add(self, record: Record) -> None:
        self.records[key(record["what"])] = record
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\n")
        print(json.dumps(record), flush=True)


def key(what: Record) -> str:
    return json.dumps(what, sort_keys=True)


def what(name: str, size: Size) -> Record:
    """What a line of the cells file was measured of; one thread is not named."""
    named = {"cost": name, **size._asdict()}
    return {key: value for key, value in named.items() if (key, value) != ("threads", 1)}


def measure_all(cells: Cells, sizes: Sequence[Size], args: argparse.Namespace) -> None:
    """Every strategy at every size; one pool at a time is in memory."""
    for rows in dict.fromkeys(size.rows for size in sizes):
        same = [size for size in sizes if size.rows == rows]
        missing = [
            (name, size)
            for name in args.strategies
            for size in same
            if cells.known(name, size, args.limit) is None
        ]
        pool = make_pool(same[0]) if missing else None
        for name, size in missing:
            assert pool is not None
            cells.add({"what": what(name, size), **measured(name, size, pool, args)})


def measured(name: str, size: Size, pool: Any, args: argparse.Namespace) -> Record:
    """Seconds and GiB; or after how many seconds it was given up; or how it failed."""
    try:
        found = measure(node(name), pool, size.budget, args.repeat, args.limit, LONG, size.threads)
    except RuntimeError as error:
        return {"failed": str(error)}
    if math.isinf(found.wall):
        return {"over": args.limit}
    return {"seconds": found.wall, "gibibytes": found.peak / 1024}


def table(cells: Cells, sizes: Sequence[Size], names: Sequence[str]) -> list[str]:
    """One line a strategy: seconds at each size, then GiB at each number of rows."""
    heads = [f"{size.rows:,} rows, budget {size.budget:,}: s" for size in sizes]
    rows = list(dict.fromkeys(size.rows for size in sizes))
    heads += [f"{n:,} rows: GiB" for n in rows]
    lines = [row("strategy", *heads), row("---", *["---:"] * len(heads))]
    for name in names:
        found = {size: cells.known(name, size) or {} for size in sizes}
        line = [name, *(said(found[size]) for size in sizes)]
        for n in rows:
            most = [r["gibibytes"] for s, r in found.items() if s.rows == n and "gibibytes" in r]
            line.append(f"{max(most):.1f}" if most else "")
        lines.append(row(*line))
    return lines


def said(record: Record) -> str:
    if "over" in record:
        return f"over {record['over']:.0f}"
    return record.get("failed") or (f"{record['seconds']:.2f}" if record else "")


def page(cells: Cells, sizes: Sequence[Size], args: argparse.Namespace) -> list[str]:
    size = sizes[0]
    lines = [
        "# How long a choice takes in a large pool",
        "",
        f"Made by `python benchmarks/scale.py --write`. {size.dim} float32 numbers a row, "
        f"{size.classes} classes, {size.labelled:,} labelled, features with groups. Wall seconds "
        f"of one whole choice (median of {args.repeat}, fewer beyond a few seconds), model "
        "predictions given. GiB: the most memory of the whole process at the budget that takes "
        "more. Blank: not measured.",
    ]
    for threads in sorted({record["what"].get("threads", 1) for record in cells.records.values()}):
        here = [size._replace(threads=threads) for size in sizes]
        names = [n for n in args.strategies if any(cells.known(n, size) for size in here)]
        if names:
            lines += ["", f"## On {threads} thread{'s' * (threads > 1)}", ""]
            lines += table(cells, here, names)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    names = [o for o in option_names("strategy", [config_dir()]) if o not in ENSEMBLES]
    parser.add_argument("--strategies", nargs="+", default=names)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--labelled", type=int, default=1_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=900, help="seconds a measurement may take")
    parser.add_argument("--known", action="store_true", help="measure nothing, show what is known")
    parser.add_argument("--cells", type=Path, default=OUTPUT.with_suffix(".jsonl"))
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    sizes = [
        Size(rows, args.dim, args.labelled, budget, args.classes, args.threads)
        for rows in args.rows
        for budget in args.budgets
    ]
    cells = Cells(args.cells)
    if not args.known:
        measure_all(cells, sizes, args)
    lines = page(cells, sizes, args)
    print("\n".join(["", *lines]))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
