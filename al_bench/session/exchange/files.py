"""Exports of annotation tools, read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from al_bench.session.exchange.annotations import annotated
from al_bench.session.exchange.argilla import responded
from al_bench.session.exchange.brought import Found


def exported(path: Path) -> Found:
    """The answers of a JSON export of Label Studio or of Argilla, whichever it is.

    FileNotFoundError where there is none; ValueError, in one sentence, where it is neither.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} of answers")
    try:
        whole: Any = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON in UTF-8: {error}") from error
    first = whole[0] if isinstance(whole, list) and whole else None
    if isinstance(first, dict) and "annotations" in first:
        return annotated(str(path), whole)
    if isinstance(first, dict) and "responses" in first:
        return responded(str(path), whole)
    raise ValueError(
        f"{path} holds neither tasks with annotations nor records with responses; wanted the "
        "export of Label Studio as JSON (not JSON-MIN) or Argilla's records"
    )
