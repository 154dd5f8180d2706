"""A batch as a csv that people fill in, and as `tell` reads it back."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from al_bench.session.values import AUDIT, Suggestion


def write_batch(batch: Sequence[Suggestion], modality: str, blind: bool, out: TextIO) -> None:
    """Columns id, text or path, guess, confidence, why, and answer, which is empty; and annotator,
    where somebody in particular is asked, as whose the answer is read back.

    blind: leave out the guess of audit rows, which would pull their answers towards the model's.
    """
    look = {"text": ["text"], "image": ["path"]}.get(modality, [])
    writer = csv.writer(out, lineterminator="\n")
    who = ["annotator"] if any(one.annotator for one in batch) else []
    writer.writerow(["id", *look, "guess", "confidence", "why", *who, "answer"])
    for one in batch:
        shown = [one.guess, f"{one.confidence:.3f}"]
        if blind and one.kind == AUDIT:
            shown = ["", ""]
        content = [getattr(one, name) for name in look]
        whom = [getattr(one, name) or "" for name in who]
        writer.writerow([one.id, *content, *shown, one.why, *whom, ""])
