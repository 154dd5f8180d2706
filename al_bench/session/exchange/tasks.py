"""Suggestions as tasks of Label Studio, and the labelling interface that shows them.

The form is that of Label Studio's JSON import: https://labelstud.io/guide/tasks.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree

from al_bench.session.values import AUDIT, Suggestion

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


def check_seen(modality: str) -> None:
    """ValueError where there is nothing to see of rows."""
    if modality not in OBJECTS:
        raise ValueError(f"the rows are {modality}, at which nobody can look")


def check_shown(modality: str, images: Images | None) -> None:
    """ValueError where a tool can show nothing of rows, or nobody says where images are served, or
    somebody does where there are none."""
    check_seen(modality)
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
    predictions = []
    if not (blind and one.kind == AUDIT):
        (modality,) = seen
        version = f"batch {one.batch}"
        predictions = [prediction(one.guess, one.confidence, version, modality)]
    meta = {"why": one.why, "batch": one.batch}
    return {"data": {ROW: one.id} | seen, "meta": meta, "predictions": predictions}


def tasks(
    suggestions: Sequence[Suggestion], images: Images | None, blind: bool, there: Sequence[str] = ()
) -> list[Json]:
    """A task a row, though it may be suggested to several people; there: ids of rows that have one
    already."""
    known = set(there)
    return [task(one, images, blind) for one in once(suggestions) if one.id not in known]


def once(suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """The first suggestion of each row, in their order."""
    rows: dict[str, Suggestion] = {}
    for one in suggestions:
        rows.setdefault(one.id, one)
    return list(rows.values())


def prediction(guess: str, confidence: float, version: str, modality: str) -> Json:
    """A class with its probability, as Label Studio shows it before anybody answers."""
    choice = {"from_name": LABEL, "to_name": modality, "type": "choices"}
    result = [choice | {"value": {"choices": [guess]}}]
    return {"model_version": version, "score": round(confidence, 6), "result": result}


def label_config(classes: Sequence[str], modality: str) -> str:
    """The labelling interface: what there is to see, and one choice of the classes."""
    view = ElementTree.Element("View")
    shown = {"name": modality, "value": f"${modality}"}
    ElementTree.SubElement(view, OBJECTS[modality], shown)
    asked = {"name": LABEL, "toName": modality, "choice": "single", "required": "true"}
    add(ElementTree.SubElement(view, "Choices", asked), classes)
    return written(view)


def with_classes(config: str, classes: Sequence[str]) -> str:
    """A labelling interface with those classes added that it lacks; as it was where it has all.

    ValueError where it does not ask for a label as `label_config` does.
    """
    try:
        view = ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise ValueError(f"a labelling interface is no XML: {error}") from error
    choices = view.find(f".//Choices[@name='{LABEL}']")
    if choices is None:
        raise ValueError(f"a labelling interface has no Choices with the name {LABEL!r}")
    there = {choice.get("value") for choice in choices.iter("Choice")}
    missing = [name for name in classes if name not in there]
    if not missing:
        return config
    add(choices, missing)
    return written(view)


def add(choices: ElementTree.Element, classes: Sequence[str]) -> None:
    """Add choices; ValueError where people would not see a class by its name."""
    for name in classes:
        if VARIABLE.search(name):
            raise ValueError(
                f"a class is called {name!r}, and Label Studio shows a part of a task's data in "
                "place of a word behind $; wanted another name"
            )
        ElementTree.SubElement(choices, "Choice", {"value": name})


def written(view: ElementTree.Element) -> str:
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"
