"""What people answered in Label Studio, as its JSON export and its webhooks have it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from al_bench.session.exchange.brought import Brought, Found
from al_bench.session.exchange.tasks import LABEL, ROW
from al_bench.session.values import Answer


def annotated(where: str, tasks: Any) -> Found:
    """The answers of an export, a list of tasks with annotations.

    Who skipped a task is not sure; an annotation without a choice has no answer. Annotators are
    called by their number in Label Studio. ValueError, in one sentence, where it is no such list.
    """
    if not isinstance(tasks, list):
        raise ValueError(f"{where} is no list of tasks; wanted Label Studio's export as JSON")
    found, empty = [], 0
    for number, task in enumerate(tasks, start=1):
        place = f"{where}: task {number}"
        for annotation in part(place, task, "annotations", list):
            if has_answer(place, annotation):
                found.append(brought(place, task, annotation))
            else:
                empty += 1
    return Found(found, empty)


def brought(place: str, task: Mapping[str, Any], annotation: Mapping[str, Any]) -> Brought:
    """An annotation of a task."""
    data = part(place, task, "data", dict)
    row = data.get(ROW)
    if not isinstance(row, str | int):
        raise ValueError(f"{place} has no {ROW!r} in its data, so it was not made by a session")
    number = part(place, annotation, "id", int)
    project = annotation.get("project", task.get("project"))
    created = seconds_since(place, annotation, "created_at")
    answer = Answer(
        str(row), answer_of(place, annotation), annotator_of(place, annotation),
        lead_time(place, annotation),
    )  # fmt: skip
    key = f"Label Studio {project}/{number}/{created:.6f}"  # numbers begin anew on another server
    return Brought(key, answer, seconds_since(place, annotation, "updated_at"))


def has_answer(place: str, annotation: Any) -> bool:
    if not isinstance(annotation, dict):
        raise ValueError(f"{place} has an annotation that is no object")
    return bool(annotation.get("was_cancelled")) or len(choices_of(place, annotation)) > 0


def answer_of(place: str, annotation: Mapping[str, Any]) -> str | None:
    """The class that was chosen, None where the task was skipped."""
    if annotation.get("was_cancelled"):
        return None
    chosen = choices_of(place, annotation)
    if len(chosen) != 1:
        raise ValueError(f"{place} is annotated with {len(chosen)} classes; wanted one")
    return chosen[0]


def choices_of(place: str, annotation: Mapping[str, Any]) -> list[str]:
    """The classes that an annotation chose."""
    chosen: list[Any] = []
    for region in part(place, annotation, "result", list):
        if isinstance(region, dict) and region.get("from_name") == LABEL:
            value = part(place, region, "value", dict)
            chosen += part(place, value, "choices", list)
    if not all(isinstance(name, str) for name in chosen):
        raise ValueError(f"{place} is annotated with {chosen!r}; wanted the name of a class")
    return chosen


def annotator_of(place: str, annotation: Mapping[str, Any]) -> str:
    """Who answered, by number: what an export, a webhook and the interface have in common."""
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        who = who.get("id")
    if not isinstance(who, int):
        raise ValueError(f"{place} has an annotation of nobody: completed_by is {who!r}")
    return f"studio user {who}"


def lead_time(place: str, annotation: Mapping[str, Any]) -> float | None:
    """Seconds that an annotation took, None where that is not known."""
    found = annotation.get("lead_time")
    if found is not None and not isinstance(found, int | float):
        raise ValueError(f"{place} has the lead_time {found!r}; wanted seconds")
    return None if found is None else float(found)


def seconds_since(place: str, annotation: Mapping[str, Any], name: str) -> float:
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
