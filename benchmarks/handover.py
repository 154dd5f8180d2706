"""The walk-through of docs/own-data.md: what a search for a rare class finds, and how long its
exported model takes to load and to answer one text.

    python benchmarks/handover.py --write     # into results/benchmarks

A script that knows which glosses of WordNet are feelings answers in place of a person. The model is
loaded in a process of its own and asked about glosses that it has not seen, one at a time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pages import published, table
from sklearn.metrics import average_precision_score

from al_bench.data import Packaged
from al_bench.labelling import Answer, Session

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "handover.md"
RARE, OTHER = "feeling", "other"
BATCH, BATCHES, TEXTS = 20, 15, 200
ASK = """
import json, sys
from time import perf_counter, process_time
import al_bench
folder, texts = sys.argv[1], json.load(sys.stdin)
began = perf_counter()
model = al_bench.load(folder)
loaded, took, worked = perf_counter() - began, [], []
for text in texts:
    began, cpu = perf_counter(), process_time()
    model.predict_proba([text])
    took.append(1000 * (perf_counter() - began))
    worked.append(1000 * (process_time() - cpu))
print(json.dumps([loaded, took, worked]))
"""


def exported(folder: Path) -> tuple[list[str], str]:
    """Export a model; returns texts that it has not seen, and what was found, in words."""
    data = Packaged("wordnet_nouns25").load()
    rare = np.asarray(data.train.labels) == data.class_names.index(RARE)
    pd.DataFrame({"text": data.train.inputs}).to_csv(folder / "glosses.csv")
    source, found = folder / "glosses.csv", 0
    with Session.new(folder / "feelings", source, [RARE, OTHER], rare=RARE) as session:
        for _ in range(BATCHES):
            rows = [int(one.id) for one in session.suggest(BATCH)]
            session.tell([Answer(str(row), RARE if rare[row] else OTHER) for row in rows])
            found += int(rare[rows].sum())
        ranked = average_precision_score(rare, session.predict()[f"p({RARE})"])
        session.export(folder / "final")
    said = f"{BATCH * BATCHES} answers find {found} of {rare.sum()} feelings among {len(rare):,} "
    said += f"glosses; average precision on all glosses: {ranked:.2f}."
    return list(data.test.inputs[:TEXTS]), said


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        texts, said = exported(Path(made))
        line = [sys.executable, "-c", ASK, str(Path(made) / "final")]
        answer = subprocess.run(
            line, input=json.dumps(texts), capture_output=True, text=True, check=True
        )
    loaded, *each = json.loads(answer.stdout)
    cells = [[f"{np.quantile(one, at):.1f}" for at in (0.5, 0.95)] for one in each]
    text = "\n".join([
        "# The walk-through: feelings among glosses",
        "",
        f"Made by `python benchmarks/handover.py`. {said}",
        "",
        f"The exported model, asked about {len(texts)} other texts, one at a time, in "
        f"milliseconds; loading took {loaded:.1f} s. A machine of two cores.",
        "",
        *table(["time of", "median", "95 of 100 under"],
               [["the clock", *cells[0]], ["the processor", *cells[1]]]),
    ]) + "\n"  # fmt: skip
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
