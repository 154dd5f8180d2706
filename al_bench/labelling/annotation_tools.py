"""Write suggestions as Label Studio tasks or Argilla records, and read the annotations back.

The formats are Label Studio's JSON import and export (https://labelstud.io/guide/tasks.html), and
``dataset.records.to_json`` and ``from_json`` of Argilla 2. An Argilla dataset needs a field
``text`` (or ``image``) and a ``LabelQuestion("label", labels=classes)``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from al_bench.labelling.annotations import Imported
from al_bench.labelling.store import QUERY, Answer, Suggestion

Json: TypeAlias = dict[str, Any]

ROW = "row"  # key of a task's data: the row's id
LABEL = "label"  # name of the question
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves its machine's files
VARIABLE = re.compile(r"\$[\w\[\].{}]")  # Label Studio replaces this by a part of the task's data
OBJECTS = {"text": "Text", "image": "Image"}  # its tags, by modality
WANTED = {list: "a list", dict: "an object", int: "a number", str: "a text"}


@dataclass(frozen=True)
class Images:
    """A tool finds an image at `url`, followed by the image's path below the folder `root`."""

    root: Path
    url: str = LOCAL_FILES

    def of(self, path: str) -> str:
        """The address of an image; ValueError where it does not lie below the folder."""
        root = self.root.expanduser().resolve()
        if not Path(path).is_relative_to(root):
            raise ValueError(f"the image {path} does not lie below {root}, which is served")
        return self.url + quote(Path(path).relative_to(root).as_posix())


def check_shown(modality: str, images: Images | None) -> None:
    """ValueError where a tool cannot show this modality, or images come without their folder."""
    if modality not in OBJECTS:
        raise ValueError(f"the rows are {modality}, at which nobody can look")
    if modality == "image" and images is None:
        raise ValueError(
            "the rows are images, which a tool shows by their address; say --images-root, the "
            "folder that is served, and perhaps --images-url"
        )
    if modality != "image" and images is not None:
        raise ValueError(f"the rows are {modality}, of which there are no images; leave them out")


def each_row(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """The first suggestion of each row, in order; a row may be suggested to several annotators."""
    rows: dict[str, Suggestion] = {}
    for one in suggestions:
        rows.setdefault(one.id, one)
    return list(rows.values())


def shown_content(one: Suggestion, images: Images | None) -> dict[str, str]:
    """A row's text, or the address of its image; call `check_shown` first."""
    if images is not None and one.path is not None:
        return {"image": images.of(one.path)}
    return {"text": str(one.text)}


def tasks(suggestions: Sequence[Suggestion], images: Images | None, blind: bool) -> list[Json]:
    """One Label Studio task per row; the model's guess is its prediction. blind: leave out the
    guess of audit rows, because a guess biases the answer."""
    found = []
    for one in each_row(suggestions):
        seen, predictions = shown_content(one, images), []
        if not (blind and one.kind != QUERY):
            choice = {"from_name": LABEL, "to_name": next(iter(seen)), "type": "choices"}
            result = [choice | {"value": {"choices": [one.guess]}}]
            version, score = f"batch {one.batch}", round(one.confidence, 6)
            predictions = [{"model_version": version, "score": score, "result": result}]
        meta = {"why": one.why, "batch": one.batch}
        found.append({"data": {ROW: one.id} | seen, "meta": meta, "predictions": predictions})
    return found


def records(suggestions: Sequence[Suggestion], images: Images | None, blind: bool) -> list[Json]:
    """One Argilla record per row, as in `tasks`; the model's guess is its suggestion."""
    found = []
    for one in each_row(suggestions):
        agent, score = f"batch {one.batch}", round(one.confidence, 6)
        guess = {LABEL: {"value": one.guess, "score": score, "agent": agent}}
        found.append({
            "id": one.id,
            "fields": shown_content(one, images),
            "metadata": {"why": one.why, "batch": one.batch},
            "suggestions": {} if blind and one.kind != QUERY else guess,
            "responses": {},
            "vectors": {},
        })  # fmt: skip
    return found


def label_config(classes: Sequence[str], modality: str) -> str:
    """Label Studio's interface; ValueError where it would not show a class name as it is."""
    view = ElementTree.Element("View")
    shown = {"name": modality, "value": f"${modality}"}
    ElementTree.SubElement(view, OBJECTS[modality], shown)
    asked = {"name": LABEL, "toName": modality, "choice": "single", "required": "true"}
    choices = ElementTree.SubElement(view, "Choices", asked)
    for name in classes:
        if VARIABLE.search(name):
            raise ValueError(
                f"a class is called {name!r}, and Label Studio shows a part of a task's data in "
                "place of a word behind $; wanted another name"
            )
        ElementTree.SubElement(choices, "Choice", {"value": name})
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def exported(path: Path) -> tuple[list[Imported], int]:
    """The answers of a JSON export of Label Studio or Argilla, and how many annotations are empty.
    FileNotFoundError where there is no file; ValueError, in one sentence, for another format."""
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


def annotated(where: str, tasks: list[Any]) -> tuple[list[Imported], int]:
    """The answers of Label Studio's tasks, and how many annotations are empty. A skipped task means
    "not sure"; annotators are named by their number. ValueError for another list."""
    found = [
        annotation(f"{where}: task {number}", task, one)
        for number, task in enumerate(tasks, start=1)
        for one in part(f"{where}: task {number}", task, "annotations", list)
    ]
    answers = [one for one in found if one is not None]
    return answers, len(found) - len(answers)


def annotation(place: str, task: Json, one: Any) -> Imported | None:
    if not isinstance(one, dict):
        raise ValueError(f"{place} has an annotation that is no object")
    chosen: list[Any] = []
    skipped = bool(one.get("was_cancelled"))
    for region in [] if skipped else part(place, one, "result", list):
        if isinstance(region, dict) and region.get("from_name") == LABEL:
            chosen += part(place, part(place, region, "value", dict), "choices", list)
    if not all(isinstance(name, str) for name in chosen):
        raise ValueError(f"{place} is annotated with {chosen!r}; wanted the name of a class")
    if not skipped and not chosen:
        return None
    if len(chosen) > 1:
        raise ValueError(f"{place} is annotated with {len(chosen)} classes; wanted one")
    row = part(place, task, "data", dict).get(ROW)
    if not isinstance(row, str | int):
        raise ValueError(f"{place} has no {ROW!r} in its data, so it was not made by a session")
    who = one.get("completed_by")
    who = who.get("id") if isinstance(who, dict) else who
    if not isinstance(who, int):
        raise ValueError(f"{place} has an annotation of nobody: completed_by is {who!r}")
    seconds = one.get("lead_time")
    if not isinstance(seconds, int | float | None):
        raise ValueError(f"{place} has the lead_time {seconds!r}; wanted seconds")
    project, number = one.get("project", task.get("project")), part(place, one, "id", int)
    created, changed = (time_of(place, one, name) for name in ("created_at", "updated_at"))
    key = f"Label Studio {project}/{number}/{created:.6f}"  # numbers begin anew on another server
    answer = Answer(
        str(row),
        chosen[0] if chosen else None,
        f"studio user {who}",
        None if seconds is None else float(seconds),
    )
    return Imported(key, answer, changed)


def time_of(place: str, annotation: Json, name: str) -> float:
    found = part(place, annotation, name, str)
    try:
        return datetime.fromisoformat(found).timestamp()
    except ValueError as error:
        raise ValueError(f"{place} has the {name} {found!r}; wanted a time") from error


def responded(where: str, records: list[Any]) -> tuple[list[Imported], int]:
    """The answers of Argilla's records, and how many responses may be drafts: the export does not
    say, so only completed records are read. No value means "not sure". ValueError for another
    list."""
    found, empty = [], 0
    for number, one in enumerate(records, start=1):
        place = f"{where}: record {number}"
        responses = part(place, {LABEL: []} | part(place, one, "responses", dict), LABEL, list)
        if one.get("status") != "completed":
            empty += len(responses)
            continue
        for response in responses:
            row, who = part(place, one, "id", str), part(place, response, "user_id", str)
            value = response.get("value")
            if not isinstance(value, str | None):
                raise ValueError(f"{place} is answered with {value!r}; wanted the name of a class")
            key = f"Argilla {one.get('_server_id')}/{row}/{who}"
            found.append(Imported(key, Answer(row, value, f"argilla user {who}"), None))
    return found, empty


def part(place: str, thing: Any, name: str, kind: type) -> Any:
    """A part of an object; ValueError where it is missing or of another type."""
    if not isinstance(thing, dict):
        raise ValueError(f"{place} is no object, but {str(thing)[:40]!r}")
    if not isinstance(thing.get(name), kind):
        raise ValueError(f"{place} has no {name!r} that is {WANTED[kind]}")
    return thing[name]
