"""Suggestions as tasks of Label Studio, the interface that shows them, and what people answered.

The forms are those of its JSON import and export: https://labelstud.io/guide/tasks.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from al_bench.labelling.annotations import Imported
from al_bench.labelling.schema import AUDIT, Answer, Suggestion

Json: TypeAlias = dict[str, Any]

ROW = "row"  # key of a task's data: the row's id
LABEL = "label"  # name of the question
LOCAL_FILES = "/data/local-files/?d="  # where Label Studio serves its machine's files
VARIABLE = re.compile(r"\$[\w\[\].{}]")  # what its page replaces by a part of the task's data
OBJECTS = {"text": "Text", "image": "Image"}  # its tags, by modality


@dataclass(frozen=True)
class Images:
    """Where a tool finds images: at `url`, followed by their path below the folder `root`."""

    root: Path
    url: str = LOCAL_FILES

    def of(self, path: str) -> str:
        """The address of an image; ValueError where it does not lie below the folder."""
        root = self.root.expanduser().resolve()
        if not Path(path).is_relative_to(root):
            raise ValueError(f"the image {path} does not lie below {root}, which is served")
        return self.url + quote(Path(path).relative_to(root).as_posix())


def check_shown(modality: str, images: Images | None) -> None:
    """ValueError where a tool can show nothing of rows, or nobody says where images are served, or
    somebody does where there are none."""
    if modality not in OBJECTS:
        raise ValueError(f"the rows are {modality}, at which nobody can look")
    if modality == "image" and images is None:
        raise ValueError(
            "the rows are images, which a tool shows by their address; say --images-root, the "
            "folder that is served, and perhaps --images-url"
        )
    if modality != "image" and images is not None:
        raise ValueError(f"the rows are {modality}, of which there are no images; leave them out")


def content(one: Suggestion, images: Images | None) -> dict[str, str]:
    """What there is to see of a row, by its modality; as `check_shown` made sure."""
    if images is not None and one.path is not None:
        return {"image": images.of(one.path)}
    return {"text": str(one.text)}


def task(one: Suggestion, images: Images | None, blind: bool) -> Json:
    """A task; the guess is its prediction.

    blind: leave the guess of an audit row out, which would pull its answer towards the model's.
    """
    seen = content(one, images)
    predictions: list[Json] = []
    if not (blind and one.kind == AUDIT):
        (modality,) = seen
        choice = {"from_name": LABEL, "to_name": modality, "type": "choices"}
        result = [choice | {"value": {"choices": [one.guess]}}]
        score = round(one.confidence, 6)
        version = f"batch {one.batch}"
        predictions = [{"model_version": version, "score": score, "result": result}]
    meta = {"why": one.why, "batch": one.batch}
    return {"data": {ROW: one.id} | seen, "meta": meta, "predictions": predictions}


def tasks(suggestions: Sequence[Suggestion], images: Images | None, blind: bool) -> list[Json]:
    """A task a row, though it may be suggested to several people."""
    return [task(one, images, blind) for one in once(suggestions)]


def once(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """The first suggestion of each row, in their order."""
    rows: dict[str, Suggestion] = {}
    for one in suggestions:
        rows.setdefault(one.id, one)
    return list(rows.values())


def label_config(classes: Sequence[str], modality: str) -> str:
    """The labelling interface: what there is to see, and one choice of the classes; ValueError
    where people would not see a class by its name."""
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


def annotated(where: str, tasks: Any) -> tuple[list[Imported], int]:
    """The answers of an export, a list of tasks with annotations, and how many hold none.

    Who skipped a task is not sure; an annotation without a choice has no answer. Annotators are
    called by their number in Label Studio. ValueError, in one sentence, where it is no such list.
    """
    if not isinstance(tasks, list):
        raise ValueError(f"{where} is no list of tasks; wanted Label Studio's export as JSON")
    places = [f"{where}: task {number}" for number in range(1, len(tasks) + 1)]
    found = [
        imported(place, task, annotation)
        for place, task in zip(places, tasks, strict=True)
        for annotation in part(place, task, "annotations", list)
    ]
    answers = [one for one in found if one is not None]
    return answers, len(found) - len(answers)


def imported(place: str, task: Mapping[str, Any], annotation: Any) -> Imported | None:
    """An annotation of a task; None where it has no answer."""
    if not isinstance(annotation, dict):
        raise ValueError(f"{place} has an annotation that is no object")
    skipped = bool(annotation.get("was_cancelled"))
    chosen = [] if skipped else choices_of(place, annotation)
    if not skipped and not chosen:
        return None
    if len(chosen) > 1:
        raise ValueError(f"{place} is annotated with {len(chosen)} classes; wanted one")
    row = part(place, task, "data", dict).get(ROW)
    if not isinstance(row, str | int):
        raise ValueError(f"{place} has no {ROW!r} in its data, so it was not made by a session")
    who = annotation.get("completed_by")
    who = who.get("id") if isinstance(who, dict) else who
    if not isinstance(who, int):
        raise ValueError(f"{place} has an annotation of nobody: completed_by is {who!r}")
    spent = annotation.get("lead_time")
    if not isinstance(spent, int | float | None):
        raise ValueError(f"{place} has the lead_time {spent!r}; wanted seconds")
    seconds = None if spent is None else float(spent)
    answer = Answer(str(row), chosen[0] if chosen else None, f"studio user {who}", seconds)
    project = annotation.get("project", task.get("project"))
    # numbers begin anew on another server
    number, created = part(place, annotation, "id", int), time_of(place, annotation, "created_at")
    key = f"Label Studio {project}/{number}/{created:.6f}"
    return Imported(key, answer, time_of(place, annotation, "updated_at"))


def choices_of(place: str, annotation: Mapping[str, Any]) -> list[str]:
    """The classes that an annotation chose."""
    chosen: list[Any] = []
    for region in part(place, annotation, "result", list):
        if isinstance(region, dict) and region.get("from_name") == LABEL:
            chosen += part(place, part(place, region, "value", dict), "choices", list)
    if not all(isinstance(name, str) for name in chosen):
        raise ValueError(f"{place} is annotated with {chosen!r}; wanted the name of a class")
    return chosen


def time_of(place: str, annotation: Mapping[str, Any], name: str) -> float:
    """A time in seconds since 1970."""
    found = part(place, annotation, name, str)
    try:
        return datetime.fromisoformat(found).timestamp()
    except ValueError as error:
        raise ValueError(f"{place} has the {name} {found!r}; wanted a time") from error


def part(place: str, thing: Any, name: str, kind: type) -> Any:
    """A part of an object, which must be there and of a kind."""
    if not isinstance(thing, dict):
        raise ValueError(f"{place} is no object, but {str(thing)[:40]!r}")
    if not isinstance(thing.get(name), kind):
        wanted = {list: "a list", dict: "an object", int: "a number", str: "a text"}[kind]
        raise ValueError(f"{place} has no {name!r} that is {wanted}")
    return thing[name]
