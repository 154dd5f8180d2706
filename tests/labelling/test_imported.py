"""Answers from other tools: told once, however often they come."""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from al_bench.labelling import Session
from al_bench.labelling.annotation_tools import annotated, exported
from al_bench.labelling.annotations import Imported
from al_bench.labelling.annotations import import_answers as append_news
from tests.labelling.data import NAMES as CLASSES
from tests.labelling.data import choice
from tests.labelling.page.pages import made

ANN, BOB = "studio user 1", "studio user 2"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return made(tmp_path / "s", classes=tuple(CLASSES))


def annotation(number: int, answer: str | None, who: int = 1, **changes: Any) -> dict[str, Any]:
    """An annotation as Label Studio exports it; None: skipped."""
    return {
        "id": number,
        "completed_by": who,
        "result": [] if answer is None else choice(answer),
        "was_cancelled": answer is None,
        "created_at": "2026-01-02T03:04:05.000678Z",
        "updated_at": "2026-01-02T03:04:05.100678Z",
        "lead_time": 2.5,
        "project": 7,
        "task": 1,
    } | changes


def task(row: Any, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": {"row": row, "text": "x"}, "annotations": list(annotations)}


def stored(session: Session) -> list[tuple[str, str, str | None, float | None]]:
    names = session.store.names()
    return [(names[a.row], a.annotator, a.answer, a.seconds) for a in session.store.answers()]


def bring(session: Session, found: Sequence[Imported], unasked: bool = False) -> int:
    return append_news(session.store, found, session.classes, unasked)


def tell(session: Session, tasks: Any) -> int:
    return bring(session, annotated("export", tasks)[0], unasked=True)


def test_annotations_of_two_people_are_answers_and_a_skip_is_not_sure(session: Session) -> None:
    first = annotation(1, CLASSES[0]), annotation(2, CLASSES[1], who=2, lead_time=None)
    skipped = annotation(3, None, completed_by={"id": 2, "email": "bob@example.com"})
    empty = annotation(4, CLASSES[0], result=[])
    export = [task("r0", *first), task("r1", skipped), task("r2", empty)]
    assert annotated("export", export)[1] == 1
    assert tell(session, export) == 3
    assert stored(session) == [
        ("r0", ANN, CLASSES[0], 2.5),
        ("r0", BOB, CLASSES[1], None),
        ("r1", BOB, None, 2.5),
    ]


def test_an_export_told_again_changes_nothing_even_where_an_answer_was_undone(
    session: Session,
) -> None:
    export = [task("r0", annotation(1, CLASSES[0])), task("r1", annotation(2, CLASSES[1]))]
    assert tell(session, export) == 2
    session.undo(ANN)
    assert [tell(session, export) for _ in range(2)] == [0, 0]
    assert len(session.store.answers()) == 2
    assert session.status().annotators == {ANN: 1}


def test_an_annotation_that_was_changed_is_told_and_an_older_export_is_not(
    session: Session,
) -> None:
    old = [task("r0", annotation(1, CLASSES[0]))]
    new = [task("r0", annotation(1, CLASSES[1], updated_at="2026-01-02T03:04:06Z"))]
    assert [tell(session, export) for export in (old, new, old, new)] == [1, 1, 0, 0]
    assert [answer for _, _, answer, _ in stored(session)] == [CLASSES[0], CLASSES[1]]


def test_of_two_annotations_of_one_person_the_later_one_counts(session: Session) -> None:
    later = annotation(1, CLASSES[0], updated_at="2026-01-03T00:00:00+00:00")
    assert tell(session, [task("r0", later, annotation(2, CLASSES[1]))]) == 2
    assert session.status().counts[CLASSES[0]] == 1


def test_the_same_numbers_on_another_server_are_other_annotations(session: Session) -> None:
    assert tell(session, [task("r0", annotation(1, CLASSES[0]))]) == 1
    other = annotation(1, CLASSES[0], created_at="2025-12-02T03:04:05Z")
    assert tell(session, [task("r1", other)]) == 1


def test_one_wrong_answer_and_none_is_told(session: Session) -> None:
    good = annotation(1, CLASSES[0])
    for bad, sentence in [
        (task("r1", annotation(2, "nonsense")), "is 'nonsense'; wanted one of"),
        (task("r9", annotation(2, CLASSES[0])), "'r9', which is no row"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            tell(session, [task("r0", good), bad])
    assert stored(session) == []
    with pytest.raises(ValueError, match="was never suggested"):
        bring(session, annotated("export", [task("r0", good)])[0])
    assert tell(session, [task("r0", good)]) == 1  # nothing was taken for told


def test_argilla_does_not_say_when_so_its_answers_count_when_they_differ(
    session: Session, tmp_path: Path
) -> None:
    record = {"id": "r0", "_server_id": "u", "status": "completed", "responses": {}}
    told = []
    for value in (CLASSES[0], CLASSES[0], CLASSES[1], CLASSES[0], None):
        record["responses"] = {"label": [{"value": value, "user_id": "w"}]}
        (tmp_path / "export.json").write_text(json.dumps([record]))
        told.append(bring(session, exported(tmp_path / "export.json")[0], unasked=True))
    assert told == [1, 0, 1, 1, 1]
    assert stored(session)[-1] == ("r0", "argilla user w", None, None)


WHOLE = [task("r0", annotation(1, CLASSES[0]))]
HOSTILE: dict[str, tuple[list[Any], Any, str]] = {
    "no row": ([0, "data"], {"text": "x"}, "has no 'row' in its data"),
    "no data": ([0, "data"], None, "has no 'data' that is an object"),
    "a row of another kind": ([0, "data", "row"], ["r0"], "has no 'row' in its data"),
    "a task that is a text": ([0], "task", "holds neither tasks with annotations"),
    "annotations that are none": ([0, "annotations"], {}, "no 'annotations' that is a list"),
    "an annotation that is a text": ([0, "annotations", 0], "a", "an annotation that is no object"),
    "a result that is none": ([0, "annotations", 0, "result"], "x", "no 'result' that is a list"),
    "no choices": ([0, "annotations", 0, "result", 0, "value"], {}, "no 'choices' that is a list"),
    "two choices": (
        [0, "annotations", 0, "result", 0, "value", "choices"], CLASSES[:2],
        "annotated with 2 classes; wanted one",
    ),
    "a choice that is a number": (
        [0, "annotations", 0, "result", 0, "value", "choices"], [1], "wanted the name of a class"
    ),
    "nobody": ([0, "annotations", 0, "completed_by"], None, "an annotation of nobody"),
    "no id": ([0, "annotations", 0, "id"], "1", "no 'id' that is a number"),
    "a time that is none": ([0, "annotations", 0, "updated_at"], "soon", "wanted a time"),
    "no time": ([0, "annotations", 0, "created_at"], None, "no 'created_at' that is a text"),
    "seconds that are none": ([0, "annotations", 0, "lead_time"], "long", "wanted seconds"),
    "seconds below 0": ([0, "annotations", 0, "lead_time"], -1, "took -1.0 seconds"),
}  # fmt: skip


@pytest.mark.parametrize(("place", "value", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_an_export_that_is_not_as_it_must_be_is_refused_in_a_sentence(
    session: Session, tmp_path: Path, place: list[Any], value: Any, sentence: str
) -> None:
    export: Any = deepcopy(WHOLE)
    inner = export
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    (tmp_path / "export.json").write_text(json.dumps(export))
    with pytest.raises(ValueError, match=sentence) as error:
        bring(session, exported(tmp_path / "export.json")[0], unasked=True)
    assert "\n" not in str(error.value)
    assert stored(session) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ("[{}]".encode("utf-16"), "no JSON"),
        (b"[]", "holds neither"),
        (b'{"annotations": []}', "holds neither"),
        (b'[{"text": "JSON-MIN", "label": "x"}]', "holds neither"),
        (b'[{"responses": []}]', "record 1 has no 'responses' that is an object"),
        (b'[{"responses": {"label": 1}}]', "record 1 has no 'label' that is a list"),
        (b'[{"responses": {"label": [1]}, "status": "completed", "id": "r0"}]', "is no object"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "export.json").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        exported(tmp_path / "export.json")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        exported(tmp_path / "nothing.json")
