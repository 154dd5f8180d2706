"""Suggestions as Label Studio and Argilla read them."""

from pathlib import Path
from typing import Any

import pytest

from al_bench.labelling import Suggestion
from al_bench.labelling.annotation_tools import (
    Images,
    check_shown,
    label_config,
    records,
    responded,
    tasks,
)
from al_bench.labelling.store import AUDIT, QUERY
from tests.labelling.data import NAMES as CLASSES


def suggestion(name: str, kind: str = QUERY, **changes: Any) -> Suggestion:
    given = {"text": f"text of {name}", "path": None, "guess": CLASSES[0]} | changes
    return Suggestion(1, 0, name, kind, confidence=0.75123449, why="torn", batch=3, **given)


def test_a_task_has_its_row_and_the_guess_as_a_prediction() -> None:
    (task,) = tasks([suggestion("a")], None, blind=True)
    assert task == {
        "data": {"row": "a", "text": "text of a"},
        "meta": {"why": "torn", "batch": 3},
        "predictions": [
            {
                "model_version": "batch 3",
                "score": 0.751234,
                "result": [
                    {
                        "from_name": "label",
                        "to_name": "text",
                        "type": "choices",
                        "value": {"choices": [CLASSES[0]]},
                    }
                ],
            }
        ],
    }


def test_rows_that_measure_show_no_guess_unless_it_is_wanted() -> None:
    audit = suggestion("a", AUDIT)
    assert tasks([audit], None, blind=True)[0]["predictions"] == []
    assert len(tasks([audit], None, blind=False)[0]["predictions"]) == 1
    assert records([audit], None, blind=True)[0]["suggestions"] == {}
    assert set(records([audit], None, blind=False)[0]["suggestions"]) == {"label"}


def test_a_row_that_is_suggested_to_several_people_is_one_task() -> None:
    several = [suggestion("b"), suggestion("a"), suggestion("b"), suggestion("c")]
    assert [t["data"]["row"] for t in tasks(several, None, True)] == ["b", "a", "c"]
    assert [one["id"] for one in records(several, None, True)] == ["b", "a", "c"]


def test_the_interface_asks_for_one_class_by_its_name() -> None:
    config = label_config(CLASSES, "text")
    assert '<Text name="text" value="$text" />' in config
    assert '<Choice value="even &amp; plain" />' in config
    assert '<Choice value="&quot;odd&quot;" />' in config
    assert '<Choice value="&lt;b&gt;" />' in config
    assert '<Image name="image" value="$image" />' in label_config(CLASSES, "image")


@pytest.mark.parametrize("name", ["$text", "from $5 on", "a${b}"])
def test_a_class_that_label_studio_would_show_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="behind \\$; wanted another name"):
        label_config([name], "text")
    assert 'value="100 $ or US$"' in label_config(["100 $ or US$"], "text")


def test_images_are_shown_by_their_address_below_the_folder_that_is_served(tmp_path: Path) -> None:
    picture = str(tmp_path / "deep" / "a b & ä.png")
    one = suggestion("a", text=None, path=picture)
    (task,) = tasks([one], Images(tmp_path), blind=True)
    local = "/data/local-files/?d=deep/a%20b%20%26%20%C3%A4.png"
    assert task["data"] == {"row": "a", "image": local}
    assert task["predictions"][0]["result"][0]["to_name"] == "image"
    elsewhere = Images(tmp_path / "deep", "https://host/pictures/")
    fields = records([one], elsewhere, blind=True)[0]["fields"]
    assert fields == {"image": "https://host/pictures/a%20b%20%26%20%C3%A4.png"}
    with pytest.raises(ValueError, match="does not lie below"):
        tasks([one], Images(tmp_path / "other"), blind=True)


def test_what_cannot_be_seen_is_no_task(tmp_path: Path) -> None:
    check_shown("text", None)
    check_shown("image", Images(tmp_path))
    with pytest.raises(ValueError, match="the rows are features, at which nobody can look"):
        check_shown("features", None)
    with pytest.raises(ValueError, match="the rows are text, of which there are no images"):
        check_shown("text", Images(tmp_path))
    with pytest.raises(ValueError, match="say --images-root"):
        check_shown("image", None)


def test_records_go_through_argillas_own_ones_unchanged() -> None:
    argilla = pytest.importorskip("argilla", exc_type=ImportError)
    several = records([suggestion("a"), suggestion("b", AUDIT)], None, blind=True)
    for one in several:
        theirs = argilla.Record.from_dict(one).to_dict()
        assert {name: theirs[name] for name in one} == one


def test_responses_of_argillas_own_records_are_answers() -> None:
    argilla = pytest.importorskip("argilla", exc_type=ImportError)
    people = ["5e9a4e6e-7c1c-4a4e-9a63-0d4f0bb2b0a1", "1c2a4e6e-7c1c-4a4e-9a63-0d4f0bb2b0a2"]
    (one,) = records([suggestion("a")], None, blind=True)
    one["responses"] = {"label": [{"value": CLASSES[1], "user_id": who} for who in people]}
    exported = argilla.Record.from_dict(one).to_dict()
    assert responded("x", [exported | {"status": "pending"}]) == ([], 2)
    found, empty = responded("x", [exported | {"status": "completed"}])
    assert [(f.answer.id, f.answer.answer, f.answer.annotator) for f in found] == [
        ("a", CLASSES[1], f"argilla user {who}") for who in people
    ]
    assert empty == 0
