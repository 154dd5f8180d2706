"""How long an exported model takes to load and to answer one text.

    python benchmarks/handover.py --write     # into results/benchmarks

A session of glosses of WordNet with a script that knows their classes is exported by the default
options, loaded in a process of its own, and asked about texts that it has not seen, one at a time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from pages import published, table

from al_bench.labelling import Answer, Session
from al_bench.runs.config import instantiate
from al_bench.runs.plan import composed

PAGE = Path(__file__).parents[1] / "results" / "benchmarks" / "handover.md"
ROWS, LABELS, TEXTS = 300, 60, 200
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


def exported(folder: Path) -> list[str]:
    """Export a model; returns texts that it has not seen."""
    data = instantiate(composed(["dataset=wordnet_nouns25", "seed=0"], None).dataset).load()
    rows = np.random.default_rng(0).permutation(len(data.train.labels))[: ROWS + TEXTS]
    texts = [data.train.inputs[row] for row in rows]
    truth = [data.class_names[data.train.labels[row]] for row in rows]
    with Session.new(folder / "session", texts[:ROWS], data.class_names) as session:
        for _ in range(2):
            batch = session.suggest(LABELS // 2)
            session.tell([Answer(one.id, truth[int(one.id)]) for one in batch])
        session.export(folder / "final")
    return texts[ROWS:]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.name}")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        texts = exported(Path(made))
        line = [sys.executable, "-c", ASK, str(Path(made) / "final")]
        answer = subprocess.run(
            line, input=json.dumps(texts), capture_output=True, text=True, check=True
        )
    loaded, *each = json.loads(answer.stdout)
    cells = [[f"{np.quantile(one, at):.1f}" for at in (0.5, 0.95)] for one in each]
    text = "\n".join([
        "# An exported model, loaded",
        "",
        f"Made by `python benchmarks/handover.py`: one text at a time, {len(texts)} texts, in "
        f"milliseconds; loading took {loaded:.1f} s. The clock is of a machine with other work.",
        "",
        *table(["time of", "median", "95 of 100 under"],
               [["the clock", *cells[0]], ["the processor", *cells[1]]]),
    ]) + "\n"  # fmt: skip
    published(text, PAGE, args.write)


if __name__ == "__main__":
    main()
