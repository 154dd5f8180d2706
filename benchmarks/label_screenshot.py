"""The picture of the labelling page in the docs, of a real session.

    python benchmarks/label_screenshot.py     # writes docs/images/label.png

Texts about films of the shipped data set `vader` are put into a session and labelled on the page in
Chromium, by key presses; the answers are what most of the people on record said.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from io import BytesIO
from pathlib import Path

import pandas as pd
from labelling import chromium, enter, served
from PIL import Image

from al_bench.api import chosen
from al_bench.labelling import Session
from al_bench.runs.config import instantiate

OUTPUT = Path(__file__).parents[1] / "docs" / "images" / "label.png"
SIZE = {"width": 960, "height": 650}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--presses", type=int, default=120)
    given = parser.parse_args()
    data = instantiate(chosen({"dataset": "vader"}, 0, []).config.dataset).load()
    labelled = zip(data.train.inputs, data.train.labels.tolist(), strict=True)
    keys = {text: str(1 + label) for text, label in labelled if re.search("film|movie", text)}
    texts = list(keys)[: given.rows]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "reviews"
        frame = pd.DataFrame({"text": texts})
        Session.new(folder, frame, data.class_names, text="text", prompts=data.prompts).close()
        with served(folder) as address, chromium() as browser:
            page = browser.new_page(viewport=SIZE)
            enter(page, address)
            for _ in range(given.presses):
                page.wait_for_selector('#work[data-state="row"]')
                row = page.get_attribute("#row", "aria-label")
                page.keyboard.press(keys[page.locator("#row .text").text_content()])
                page.wait_for_function(
                    "row => document.querySelector('#row').ariaLabel !== row", arg=row
                )
            page.wait_for_selector("#guess")
            page.wait_for_timeout(4000)  # the estimate of these answers
            shot = page.screenshot()
    OUTPUT.parent.mkdir(exist_ok=True)
    Image.open(BytesIO(shot)).convert("RGB").quantize(128).save(OUTPUT, optimize=True)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
