"""What a choice costs in large pools, and what rules that look at a part of them lose by it.

    python benchmarks/scale.py                    # both tables, into results/benchmarks/scale.jsonl
    python benchmarks/scale.py --write            # and into results/benchmarks/scale.md
    python benchmarks/scale.py --rows 100000 --strategies margin badge --quality

Seconds and memory are measured as in benchmarks/selection.py, on one thread. Each measurement is a
line of the cells file as soon as it is made; what is in the file is not measured again, except what
took longer than a smaller limit. So a killed command goes on where it was; --known --write
only makes the page.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy, which selection imports

import scale_quality
from pages import row
from selection import Size, every_strategy, goal, make_pool, measure, node

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "results" / "benchmarks" / "scale.md"
GIBIBYTES = 8.0  # of a whole process, that no rule may need more than
MANY = (1_000_000, 100)  # rows and budget for which there are goals: seconds
GOALS = {
    **dict.fromkeys(("confidence", "margin", "entropy"), 0.5),
    **dict.fromkeys(("galaxy", "direct"), 8.0),
    **dict.fromkeys(("coreset", "badge"), 30.0),
}
Record = dict[str, Any]


class Cells:
    """Measurements by what was measured, a JSON line each, kept in a file as they are made."""

    def __init__(self, file: Path) -> None:
        self.file, self.records = file, dict[str, Record]()
        if file.exists():
            for line in file.read_text("utf-8").splitlines():
                record = json.loads(line)
                self.records[key(record["what"])] = record

    def known(self, what: Record, limit: float) -> Record | None:
        """What was measured of this; None where nothing, or where more time is given now."""
        record = self.records.get(key(what))
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


def cost(name: str, size: Size) -> Record:
    return {"cost": name, **size._asdict()}


def measure_costs(cells: Cells, sizes: Sequence[Size], args: argparse.Namespace) -> None:
    """Every strategy at every size; one pool at a time is in memory."""
    for rows in dict.fromkeys(size.rows for size in sizes):
        same = [size for size in sizes if size.rows == rows]
        missing = [
            (name, size)
            for name in args.strategies
            for size in same
            if cells.known(cost(name, size), args.limit) is None
        ]
        pool = make_pool(same[0], False) if missing else None
        for name, size in missing:
            assert pool is not None
            cells.add({"what": cost(name, size), **measured(name, size, pool, args)})


def measured(name: str, size: Size, pool: Any, args: argparse.Namespace) -> Record:
    """Seconds and GiB; or after how many seconds it was given up; or how it failed."""
    try:
        found = measure(node(name), pool, size.budget, 1, args)
    except RuntimeError as error:
        return {"failed": str(error)}
    if math.isinf(found.wall):
        return {"over": args.limit}
    return {"seconds": found.wall, "gibibytes": found.peak / 1024}


def measure_quality(cells: Cells, args: argparse.Namespace) -> None:
    """Every comparison with an exact version, whatever it is of, that is not known yet."""
    for what in scale_quality.comparisons(args.quality_size):
        if what["quality"] in args.strategies and cells.known(what, math.inf) is None:
            cells.add({"what": what, **scale_quality.compared(what)})


def cost_table(cells: Cells, sizes: Sequence[Size], args: argparse.Namespace) -> list[str]:
    """One line a strategy: seconds at each size, then GiB at each number of rows."""
    heads = [f"{size.rows:,} rows, budget {size.budget:,}: s" for size in sizes]
    rows = list(dict.fromkeys(size.rows for size in sizes))
    heads += [f"{n:,} rows: GiB" for n in rows]
    lines = [row("strategy", *heads, "goal, s"), row("---", *["---:"] * (len(heads) + 1))]
    missed = []
    for name in args.strategies:
        found = {size: cells.known(cost(name, size), 0) or {} for size in sizes}
        line = [name, *(said(found[size]) for size in sizes)]
        for n in rows:
            most = [r["gibibytes"] for s, r in found.items() if s.rows == n and "gibibytes" in r]
            line.append(f"{max(most):.1f}" if most else "")
        lines.append(row(*line, goal(GOALS, name)))
        missed += misses(name, found)
    return [*lines, "", "Missed: " + ("; ".join(missed) or "nothing") + "."]


def said(record: Record) -> str:
    if "over" in record:
        return f"over {record['over']:.0f}"
    return record.get("failed") or (f"{record['seconds']:.2f}" if record else "")


def misses(name: str, found: dict[Size, Record]) -> list[str]:
    """What of one strategy is over a goal, took longer than the limit, or failed."""
    out = []
    for size, record in found.items():
        where = f"{name} at {size.rows:,} rows and budget {size.budget:,}"
        if "over" in record or "failed" in record:
            out.append(f"{where} ({said(record)})")
        elif record and record["gibibytes"] > GIBIBYTES:
            out.append(f"{where} ({record['gibibytes']:.1f} GiB)")
        elif (
            record
            and (size.rows, size.budget) == MANY
            and record["seconds"] > GOALS.get(name, math.inf)
        ):
            out.append(f"{where} ({record['seconds']:.1f} s)")
    return out


def page(cells: Cells, sizes: Sequence[Size], args: argparse.Namespace) -> list[str]:
    size = sizes[0]
    comparisons = scale_quality.comparisons(args.quality_size)
    compared = [cells.known(what, 0) for what in comparisons]
    shape = f"{size.dim} float32 numbers a row, {size.classes} classes, {size.labelled:,} labelled"
    return [
        "# Large pools",
        "",
        "Made by `python benchmarks/scale.py --write`.",
        "",
        "## Seconds and memory",
        "",
        f"Pool with {shape}, features with groups. Wall seconds of one whole choice on one thread "
        f"(median of {args.repeat}, fewer beyond a few seconds), model predictions given, in-batch "
        "answers included. GiB: the most memory of the whole process, pool and libraries included, "
        f"at the budget that takes more; the goal is {GIBIBYTES:.0f} at most. Goals of seconds are "
        f"for {MANY[0]:,} rows and a budget of {MANY[1]}.",
        "",
        *cost_table(cells, sizes, args),
        "",
        "## Quality beside exact versions",
        "",
        "Of one choice from the same kind of pool: the rule's own criterion for the rows that it "
        "queries, for those of a version that looks at everything, and for random rows. Exact "
        "greedy covers are greedy over all rows; a tree of more rows does not fit into memory.",
        "",
        *scale_quality.table([found for found in compared if found is not None]),
    ]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--strategies", nargs="+", default=every_strategy())
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 1_000])
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--labelled", type=int, default=1_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=900, help="seconds a measurement may take")
    parser.add_argument("--quality-rows", type=int, default=100_000)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--costs", action="store_true", help="measure seconds and memory alone")
    only.add_argument("--quality", action="store_true", help="measure quality alone")
    only.add_argument("--known", action="store_true", help="measure nothing, show what is known")
    parser.add_argument("--cells", type=Path, default=OUTPUT.with_suffix(".jsonl"))
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args(arguments)
    size = Size(0, args.dim, args.labelled, args.budgets[0], args.classes)
    args.quality_size = size._replace(rows=args.quality_rows)
    args.sizes = [size._replace(rows=n, budget=b) for n in args.rows for b in args.budgets]
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse(arguments)
    cells = Cells(args.cells)
    if not (args.quality or args.known):
        measure_costs(cells, args.sizes, args)
    if not (args.costs or args.known):
        measure_quality(cells, args)
    lines = page(cells, args.sizes, args)
    print("\n".join(["", *lines]))
    if args.write:
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
