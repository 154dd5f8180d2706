"""Suggestions as records of Argilla, what people answered to them, and exports of either tool.

The form is that of ``dataset.records.to_json`` and ``from_json`` of Argilla 2, whose settings want
a field ``text`` (or ``image``) and a ``LabelQuestion("label", labels=classes)``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from al_bench.labelling.annotations import Imported
from al_bench.labelling.labelstudio import LABEL, Images, Json, annotated, content, once, part
from al_bench.labelling.schema import AUDIT, Answer, Suggestion


def records(suggestions: Sequence[Suggestion], images: Images | None, blind: bool) -> list[Json]:
    """A record a row; the guess is its suggestion, but of audit rows where these are `blind`."""
    return [record(one, images, blind) for one in once(suggestions)]


def record(one: Suggestion, images: Images | None, blind: bool) -> Json:
    guess = {"value": one.guess, "score": round(one.confidence, 6), "agent": f"batch {one.batch}"}
    return {
        "id": one.id,
        "fields": content(one, images),
        "metadata": {"why": one.why, "batch": one.batch},
        "suggestions": {} if blind and one.kind == AUDIT else {LABEL: guess},
        "responses": {},
        "vectors": {},
    }


def responded(where: str, records: Any) -> tuple[list[Imported], int]:
    """The answers of exported records, and how many responses may be drafts.

    Argilla does not export whether a response is a draft, so only records are read that it calls
    completed; nor when one changed. ValueError, in one sentence, where these are no records.
    """
    if not isinstance(records, list):
        raise ValueError(f"{where} is no list of records; wanted Argilla's records as JSON")
    found, empty = [], 0
    for number, one in enumerate(records, start=1):
        place = f"{where}: record {number}"
        responses = part(place, {LABEL: []} | part(place, one, "responses", dict), LABEL, list)
        if one.get("status") != "completed":
            empty += len(responses)
            continue
        found += [imported(place, one, response) for response in responses]
    return found, empty


def imported(place: str, record: Mapping[str, Any], response: Any) -> Imported:
    """A response; one without a value was discarded, so that somebody was not sure."""
    row, who = part(place, record, "id", str), part(place, response, "user_id", str)
    value = response.get("value")
    if not isinstance(value, str | None):
        raise ValueError(f"{place} is answered with {value!r}; wanted the name of a class")
    key = f"Argilla {record.get('_server_id')}/{row}/{who}"
    return Imported(key, Answer(row, value, f"argilla user {who}"), None)


def exported(path: Path) -> tuple[list[Imported], int]:
    """The answers of a JSON export of Label Studio or of Argilla, whichever it is, and how many
    annotations hold none yet.

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
