"""How long the labelling page takes to answer a key press, while models are fitted behind it.

    python benchmarks/labelling.py                     # prints the table
    python benchmarks/labelling.py --write             # and writes results/benchmarks/labelling.md

A session of random embeddings in ten classes, in which some rows are answered already, is served by
`albench session label` in a process of its own and labelled in the system's Chromium, a key press
every half a second, which is faster than people are. A key press lasts from the browser's keydown
until the next row is on the page, with the answer on the disk; rows are chosen and models fitted
meanwhile, as always. Waits for the next batch are counted, not timed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from pages import row, table

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "labelling.md"
COMMAND = "import sys; from al_bench.cli.main import main; sys.exit(main(sys.argv[1:]))"
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
CLASSES = [f"class{c}" for c in range(10)]
DIMENSIONS = 384
HEAD = ["rows", "answered before", "key presses", "median, ms", "95 of 100 under, ms",
        "slowest, ms", "waits for a batch"]  # fmt: skip
TIMED = """() => {
  window.presses = [];
  let pressed = null;
  document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.target.id !== "work" || pressed === null) return;
    const waited = event.detail.ctx.request.method !== "POST";
    if (!waited) window.presses.push(performance.now() - pressed);
    pressed = null;
  });
}"""


def session(folder: Path, rows: int, before: int) -> None:
    """Make a session of random embeddings around class centres; `before` rows are answered."""
    from al_bench.labelling import Answer, Session

    rng = np.random.default_rng(0)
    truth = rng.integers(len(CLASSES), size=rows)
    centres = rng.normal(size=(len(CLASSES), DIMENSIONS))
    features = (centres[truth] + 3 * rng.normal(size=(rows, DIMENSIONS))).astype(np.float32)
    prior = np.full((rows, len(CLASSES)), 0.4 / len(CLASSES))
    prior[np.arange(rows), truth] += 0.6
    np.savez(folder / "rows.npz", features=features, prior=prior)
    with Session.new(folder / "session", folder / "rows.npz", CLASSES) as made:
        answers = [Answer(str(row), CLASSES[truth[row]], "ann") for row in range(before)]
        made.tell(answers, unasked=True)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `albench session label`, in a process of its own."""
    arguments = ["session", "label", str(folder), "--port", "0"]
    server = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found is not None
        yield found[0]
    finally:
        server.terminate()
        server.wait()


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium without a screen, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    path = which("chromium") or which("chromium-browser")
    if path is None:
        raise SystemExit("there is no chromium on this machine; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def enter(page: Any, address: str) -> None:
    """Give a name and come to the page."""
    page.set_default_timeout(600_000)
    page.goto(address)
    page.get_by_label("Your name").fill("ann")
    page.keyboard.press("Enter")


def pressed(address: str, count: int, pause: float) -> tuple[list[float], int]:
    """Milliseconds of so many key presses, and how often the next batch was not there yet."""
    with chromium() as browser:
        page = browser.new_page()
        enter(page, address)
        page.wait_for_selector('#work[data-state="row"]')
        page.evaluate(TIMED)
        waits = 0
        for number in range(count):
            if page.get_attribute("#work", "data-state") != "row":
                waits += 1
                page.wait_for_selector('#work[data-state="row"]')
            page.keyboard.press(str(1 + number % 9))
            page.wait_for_timeout(1000 * pause)
        presses = page.evaluate("window.presses")
    return [float(one) for one in presses], waits


def measured(rows: int, before: int, count: int, pause: float) -> str:
    """One session, labelled for a while: the table's line."""
    with tempfile.TemporaryDirectory() as made:
        session(Path(made), rows, before)
        with served(Path(made) / "session") as address:
            presses, waits = pressed(address, count, pause)
    middle, high, most = np.quantile(presses, [0.5, 0.95, 1.0])
    cells = (f"{middle:.0f}", f"{high:.0f}", f"{most:.0f}", waits)
    return row(f"{rows:,}", f"{before:,}", len(presses), *cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    option: Any = parser.add_argument
    option("--rows", type=int, nargs="+", default=[10_000, 100_000])
    option("--before", type=int, nargs="+", default=[0, 1_000, 10_000])
    option("--presses", type=int, default=100)
    option("--pause", type=float, default=0.5, help="seconds between key presses")
    option("--write", action="store_true", help=f"also write {OUTPUT.name}")
    given = parser.parse_args()
    pairs = [(rows, before) for rows in given.rows for before in given.before if before < rows]
    lines = table(HEAD, [])
    print("\n".join(lines))
    for pair in pairs:
        lines.append(measured(*pair, given.presses, given.pause))
        print(lines[-1], flush=True)
    if given.write:
        page = [
            "# Key presses on the labelling page",
            "",
            (__doc__ or "").split("\n\n")[-1],
            *lines,
        ]
        OUTPUT.write_text("\n".join(page) + "\n", "utf-8")


if __name__ == "__main__":
    main()
