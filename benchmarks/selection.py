"""How long a query rule takes to choose: every strategy config, by pool, budget and classes.

    python benchmarks/selection.py                    # all strategies, the headline table
    python benchmarks/selection.py --growth --write   # and how time grows, into results/benchmarks
    python benchmarks/selection.py --rows 200000 --strategies margin coreset badge

A measurement is one whole ``select`` on a fresh state whose model predictions exist already (all
rules of a round fraction them), in a process of its own that has selected once on a tiny pool, so
imports do not count. In-batch answers are given. Wall and processor seconds are medians; on a busy
machine the processor's are the fair ones. Growth is measured at three sizes each of pool, budget
and number of classes, and summed up as the exponent of a power law through the first and last.
Larger pools are in benchmarks/scale.py.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import signal
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "2")  # the most any measurement uses

import numpy as np
from pages import row
from threadpoolctl import threadpool_limits

from al_bench.configuration.config import build, config_dir
from al_bench.configuration.plan import plan
from al_bench.desk import Desk
from al_bench.loop import query
from al_bench.state import UNLABELLED, Ints, Rows, State
from al_bench.testing.situations import SoftmaxModel

for library in ("scipy.cluster.hierarchy", "scipy.optimize", "sklearn.cluster"):
    import_module(library)  # that rules load when first used: here once, not in each measurement

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "selection.md"
LONG = 3.0  # seconds after which a measurement is not repeated
SHORT = 0.01  # seconds under which growth is not told from noise
FIRST_CLASSES, MANY_CLASSES = 10, 100
# wall seconds on one thread that we set out for: 10 classes, and three times as long for 100
GOALS = {
    **dict.fromkeys(("confidence", "margin", "entropy"), 0.02),
    **dict.fromkeys(("galaxy", "direct"), 0.25),
    **dict.fromkeys(("coreset", "badge"), 1.0),
    **dict.fromkeys(("typiclust", "probcover", "uherding", "dropquery", "codecision"), 3.0),
    "bait": 30.0,
}


class Size(NamedTuple):
    rows: int
    dim: int
    labelled: int
    budget: int
    classes: int


class Cost(NamedTuple):
    """Median seconds of one selection, the memory it needs beyond the pool, and the most that its
    process has, libraries and pool included."""

    wall: float
    processor: float
    mebibytes: float
    peak: float


def make_pool(size: Size, isotropic: bool) -> tuple[State, Ints]:
    """A long tail of classes (100 to 1), each of eight groups in 64 directions, plus noise; or, as
    the worst case for everything that prunes, features without any structure."""
    rng = np.random.default_rng(size)
    fractions = 100 ** -np.linspace(0, 1, size.classes)
    truth = rng.choice(size.classes, size=size.rows, p=fractions / fractions.sum())
    groups = rng.standard_normal((size.classes, 8, 64), dtype=np.float32)
    basis = rng.standard_normal((64, size.dim), dtype=np.float32) / 8
    features = 0.3 * rng.standard_normal((size.rows, size.dim), dtype=np.float32)
    for start in range(0, 0 if isotropic else size.rows, 8192):
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
    state = State(Rows(range(size.rows), features, prior), labels, model)
    for name in ("probs", "labelled", "unlabelled", "counts"):
        getattr(state, name)  # computed when first read, and shared by all rules of a round
    return state, truth.astype(np.int64)


def select(node: Any, state: State, truth: Ints, budget: int) -> None:
    """One whole selection by a fresh strategy."""
    strategy = build(node)
    if getattr(strategy, "oracle", False):
        strategy = strategy.given(truth)
    query(strategy, state, budget, Desk(truth[:, None]), "sequential", 0, 2)


def measure(
    node: Any, pool: tuple[State, Ints], budget: int, threads: int, args: argparse.Namespace
) -> Cost:
    """In a fork of this process, so that memory is that of the selection alone; what takes long is
    not repeated, and what takes longer than the limit is given up."""
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def child() -> None:
        select(node, *make_pool(Size(400, 16, 60, 5, 4), False), 5)
        with threadpool_limits(threads):  # after the libraries that a rule loads when first used
            state, truth = pool
            before = resident()
            walls: list[float] = []
            processors: list[float] = []
            for _ in range(args.repeat):
                if sum(walls) > LONG:
                    break
                wall, processor = perf_counter(), process_time()
                select(node, state, truth, budget)
                walls.append(perf_counter() - wall)
                processors.append(process_time() - processor)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        theirs.send(Cost(median(walls), median(processors), max(peak - before, 0), peak))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    theirs.close()
    if not ours.poll(args.limit):
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


def headline(names: list[str], size: Size, args: argparse.Namespace) -> list[str]:
    """One line a strategy: first number of classes on one and more threads, then the others."""
    threads = args.threads
    title = [f"{k} classes" for k in args.classes]
    head = [f"wall, {t} thread{'s' * (t > 1)}" for t in threads]
    cells = ["strategy", *(f"{k}: {h}" for k in title for h in [*head, "processor"]), "MiB", "goal"]
    pools = {k: make_pool(size._replace(classes=k), args.isotropic) for k in args.classes}
    out = [row(*cells), row(*["---"] * len(cells))]
    for name in names:
        line, memory = [name], 0.0
        for pool in pools.values():
            costs = [measure(node(name), pool, size.budget, t, args) for t in threads]
            line += [f"{cost.wall:.3f}" for cost in costs] + [f"{costs[0].processor:.3f}"]
            memory = max(memory, *(cost.mebibytes for cost in costs))
        out.append(row(*line, f"{memory:.0f}", goal(GOALS, name)))
        print(out[-1], flush=True)
    return out


def growth(names: list[str], size: Size, args: argparse.Namespace) -> list[str]:
    """One line a strategy: processor seconds on one thread at three pools, budgets and classes."""
    sizes = [size._replace(rows=size.rows // part) for part in (4, 2, 1)]
    sizes += [size._replace(budget=size.budget * part // 4) for part in (1, 4, 16)]
    sizes += [size._replace(classes=k) for k in (FIRST_CLASSES, 30, MANY_CLASSES)]
    pools = {
        s._replace(budget=0): make_pool(s._replace(budget=size.budget), args.isotropic)
        for s in dict.fromkeys(sizes)
    }
    cells = ["strategy", *(f"{s.rows:,} rows" for s in sizes[:3]), "exponent"]
    cells += [*(f"budget {s.budget}" for s in sizes[3:6]), "exponent"]
    cells += [*(f"{s.classes} classes" for s in sizes[6:]), "exponent"]
    out = [row(*cells), row(*["---"] * len(cells))]
    for name in names:
        known: dict[Size, float] = {}
        for s in dict.fromkeys(sizes):
            pool = pools[s._replace(budget=0)]
            known[s] = measure(node(name), pool, s.budget, 1, args).processor
        line = [name]
        for three, what in ((sizes[:3], "rows"), (sizes[3:6], "budget"), (sizes[6:], "classes")):
            seconds = [known[s] for s in three]
            ratio = getattr(three[2], what) / getattr(three[0], what)
            line += [*(f"{t:.3f}" for t in seconds), exponent(seconds, ratio)]
        out.append(row(*line))
        print(out[-1], flush=True)
    return out


def exponent(seconds: list[float], ratio: float) -> str:
    """Of the power law through the first and the last, sizes apart by this ratio; none where
    milliseconds or a limit were measured."""
    first, last = seconds[0], seconds[-1]
    if min(first, last) < SHORT or math.isinf(first) or math.isinf(last):
        return "–"
    return f"{math.log(last / first) / math.log(ratio):.1f}"


def goal(goals: dict[str, float], name: str) -> str:
    return f"{goals[name]:g}" if name in goals else ""


def node(name: str) -> Any:
    return plan([f"strategy={name}"])[0].config["strategy"]


def every_strategy() -> list[str]:
    folder = config_dir() / "strategy"
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--strategies", nargs="+", default=every_strategy())
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--labelled", type=int, default=1_000)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--classes", type=int, nargs="+", default=[FIRST_CLASSES, MANY_CLASSES])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=300, help="seconds a measurement may take")
    parser.add_argument("--isotropic", action="store_true", help="features without structure")
    parser.add_argument("--growth", action="store_true", help="also how time grows")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    return parser.parse_args()


def main() -> None:
    args = parse()
    size = Size(args.rows, args.dim, args.labelled, args.budget, args.classes[0])
    shape = f"{size.rows:,} x {size.dim} float32, {size.labelled:,} labelled, budget {size.budget}"
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    kind = "without structure" if args.isotropic else "with groups"
    print(f"Pool {shape}; load averages at the start {load} on {os.cpu_count()} processors\n")
    lines = [
        "# Seconds to select a batch",
        "",
        f"Made by `python benchmarks/selection.py`. Pool {shape}, features {kind}. Median of "
        f"{args.repeat} (fewer beyond {LONG:.0f} s; inf: over {args.limit:.0f} s); load averages "
        f"at the start {load} on {os.cpu_count()} processors. "
        "Processor: seconds of processor time on one thread. MiB: most memory beyond the pool. "
        f"Goal: wall seconds on one thread for {FIRST_CLASSES} classes; three times that for "
        f"{MANY_CLASSES}.",
        "",
        *headline(args.strategies, size, args),
    ]
    if args.growth:
        print()
        lines += ["", "## Growth (processor seconds, one thread)", ""]
        lines += growth(args.strategies, size, args)
    if args.write:
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
