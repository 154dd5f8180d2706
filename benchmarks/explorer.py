"""How long the results explorer takes in a browser: to its first paint, to numbers, to intervals.

    python benchmarks/explorer.py                             # prints the table
    python benchmarks/explorer.py --write                     # and writes it to results/benchmarks
    python benchmarks/explorer.py --page mine.html --times 9  # of another page

Milliseconds from the start of the navigation, in a fresh tab of the system's Chromium without a
screen; medians and the slowest of some loads. `recompute` is what a filter or a level costs: the
leaderboard and curves anew, intervals kept or not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from statistics import median

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "results" / "benchmarks" / "explorer.md"
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
LOADED = """() => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0].startTime;
    const loaded = performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd;
    return { 'first paint': paint, 'numbers and curves': loaded };
}"""
AGAIN = """() => {
    const start = performance.now();
    state.percent = 70;
    render();
    return performance.now() - start;
}"""
MEASURED = "document.body.dataset.measured === 'true'"


def times(page: Path, number: int) -> dict[str, list[float]]:
    """Milliseconds to each moment, a number a load; RuntimeError where there is no browser."""
    from playwright.sync_api import sync_playwright

    chromium = which("chromium") or which("chromium-browser")
    if chromium is None:
        raise RuntimeError("there is no chromium here; install the system's package")
    found: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for _ in range(number):
            tab = browser.new_page(viewport={"width": 1500, "height": 1000})
            tab.goto(page.resolve().as_uri())
            tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            moments = tab.evaluate(LOADED)
            tab.wait_for_function(MEASURED, timeout=120_000)
            moments["intervals of savings"] = tab.evaluate("performance.now()")
            moments["recompute"] = tab.evaluate(AGAIN)
            for moment, value in moments.items():
                found.setdefault(moment, []).append(value)
            tab.close()
        browser.close()
    return found


def table(found: dict[str, list[float]], page: Path) -> str:
    """The times as a Markdown page."""
    size, number = page.stat().st_size / 1e6, len(found["first paint"])
    rows = [
        f"| {moment} | {median(values):.0f} | {max(values):.0f} |"
        for moment, values in found.items()
    ]
    return "\n".join([
        "# The results explorer in a browser", "",
        f"`python benchmarks/explorer.py --write`: {page.name}, {size:.1f} MB, {number} loads in "
        "Chromium without a screen or graphics card; milliseconds.", "",
        "| moment | median | slowest |", "|---|---:|---:|", *rows, "",
    ])  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--page", type=Path, default=ROOT / "results" / "explorer.html")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    text = table(times(options.page, options.times), options.page)
    print(text)
    if options.write:
        OUTPUT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
