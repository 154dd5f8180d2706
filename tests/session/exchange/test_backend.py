"""The backend as Label Studio's server meets it."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from al_bench.session import Answer, Session
from al_bench.session.exchange.backend import application
from tests.session.exchange.test_brought import annotation
from tests.session.exchange.texts import session_of, truth
from tests.tiny_models import bert  # noqa: F401

HOST = "http://127.0.0.1"


@pytest.fixture
def session(tmp_path: Path, bert: Path) -> Iterator[Session]:  # noqa: F811
    with session_of(tmp_path, bert) as found:
        yield found


@pytest.fixture
def server(session: Session) -> TestClient:
    return TestClient(application(session, None), base_url=HOST)


def asked(server: TestClient, names: list[str]) -> list[Any]:
    """What the backend predicts of some rows: classes, or nothing."""
    tasks = [{"id": n, "data": {"row": name, "text": "x"}} for n, name in enumerate(names)]
    reply = server.post("/predict", json={"tasks": tasks, "project": "1.2", "params": {}})
    assert reply.status_code == 200
    results: list[Any] = reply.json()["results"]
    return results


def guesses(results: list[Any]) -> list[str | None]:
    return [one["result"][0]["value"]["choices"][0] if one else None for one in results]


def test_it_says_that_it_is_there(server: TestClient) -> None:
    for place in ("/", "/health"):
        assert server.get(place).json() == {"status": "UP", "model_class": "al_bench"}
    setup = {"project": "1.2", "schema": "<View/>", "hostname": "x", "access_token": "secret"}
    version = server.post("/setup", json=setup).json()["model_version"]
    assert version.startswith("0 answers (")
    assert server.get("/versions").json() == {"versions": [version]}


def test_predictions_are_the_sessions_and_follow_its_answers(
    session: Session, server: TestClient
) -> None:
    batch = session.suggest(20)
    names = [f"row {number}" for number in range(60)]
    before = asked(server, names)
    session.tell([Answer(one.id, truth(one.id)) for one in batch])
    version = server.post("/setup", json={}).json()["model_version"]
    after = asked(server, names)
    assert {one["model_version"] for one in after if one} == {version}
    assert version not in {one["model_version"] for one in before if one}
    table = session.predict().set_index("id")
    for name, one, guess in zip(names, after, guesses(after), strict=True):
        if one:
            assert guess == table["label"][name]
            assert one["score"] == table["confidence"][name]
            assert one["result"][0]["to_name"] == "text"


def test_rows_that_may_measure_have_no_prediction_unless_it_is_wanted(
    session: Session, server: TestClient, tmp_path: Path, bert: Path  # noqa: F811
) -> None:  # fmt: skip
    names = [f"row {number}" for number in range(60)]
    reserved = {session.bench.moment().pool.known[r].name
                for r in session.bench.moment().pool.reserved}  # fmt: skip
    said = dict(zip(names, guesses(asked(server, names)), strict=True))
    assert {name for name, guess in said.items() if guess is None} == reserved
    assert len(reserved) >= 6
    (tmp_path / "shown").mkdir()
    with session_of(tmp_path / "shown", bert, blind=False) as shown:
        open_to_all = TestClient(application(shown, None), base_url=HOST)
        assert None not in guesses(asked(open_to_all, names))


def test_a_task_of_another_origin_has_no_prediction(server: TestClient) -> None:
    assert asked(server, ["nothing of ours"]) == [[]]
    tasks = [{"id": 1, "data": {"text": "x"}}]
    assert server.post("/predict", json={"tasks": tasks}).json()["results"] == [[]]
    assert server.post("/predict", json={"tasks": []}).json()["results"] == []


def event(action: str, name: str, **changes: Any) -> dict[str, Any]:
    made = annotation(5, truth(name), who=3, task=9) | changes
    task = {"id": 9, "data": {"row": name, "text": "x"}}
    return {"action": action, "task": task, "annotation": made, "project": {"id": 7}}


def test_annotations_are_told_as_they_are_made_and_changed(
    session: Session, server: TestClient
) -> None:
    name = session.suggest(1)[0].id
    made = event("ANNOTATION_CREATED", name)
    assert server.post("/webhook", json=made).json() == {"told": 1}
    assert server.post("/webhook", json=made).json() == {"told": 0}
    changed = event("ANNOTATION_UPDATED", name, result=[], was_cancelled=True,
                    updated_at="2026-02-02T00:00:00Z")  # fmt: skip
    assert server.post("/webhook", json=changed).json() == {"told": 1}
    answers = session.bench.store.answers()
    assert [(a.annotator, a.answer) for a in answers] == [
        ("studio user 3", truth(name)),
        ("studio user 3", None),
    ]


def test_several_annotations_come_in_one_event(session: Session, server: TestClient) -> None:
    names = [one.id for one in session.suggest(2)]
    both = [event("ANNOTATIONS_CREATED", name) for name in names]
    for number, one in enumerate(both):
        one["task"]["id"] = one["annotation"]["task"] = one["annotation"]["id"] = number
    whole = {"action": "ANNOTATIONS_CREATED"}
    whole |= {part: [one[part] for one in both] for part in ("task", "annotation")}
    assert server.post("/webhook", json=whole).json() == {"told": 2}


@pytest.mark.parametrize(
    "given",
    [
        {"action": "START_TRAINING", "project": {"id": 1}},
        {"action": "PROJECT_UPDATED", "project": {"id": 1}},
        {"action": "TASKS_CREATED", "tasks": [{"id": 1}]},
        {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 1}]},
        {"action": "ANNOTATIONS_DELETED", "annotation": [{"id": 1}]},
    ],
)
def test_other_events_tell_nothing(server: TestClient, given: Any) -> None:
    assert server.post("/webhook", json=given).json() == {"told": 0}


@pytest.mark.parametrize(
    ("place", "given", "sentence"),
    [
        ("/predict", {}, "the request has no 'tasks' that is a list"),
        ("/predict", {"tasks": ["x"]}, "task 1 is no object, but 'x'"),
        ("/predict", {"tasks": [{"id": 1}]}, "task 1 has no 'data' that is an object"),
        ("/predict", [], "a request is no object"),
        ("/webhook", {}, "the event has no 'action' that is a text"),
        ("/webhook", event("ANNOTATION_CREATED", "row 0", task=8), "of task 8 without that task"),
        ("/webhook", event("ANNOTATION_CREATED", "row 99"), "'row 99', which is no row"),
        ("/webhook", event("ANNOTATION_CREATED", "row 0"), "'row 0' was never suggested"),
        ("/webhook", event("ANNOTATION_CREATED", "row 0") | {"task": "x"}, "the event is no obj"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_in_a_sentence(
    session: Session, server: TestClient, place: str, given: Any, sentence: str
) -> None:
    reply = server.post(place, json=given)
    assert reply.status_code == 400
    assert sentence in reply.json()["error"]
    assert session.bench.store.answers() == []


def test_no_page_of_another_site_can_write(server: TestClient, session: Session) -> None:
    made = event("ANNOTATION_CREATED", session.suggest(1)[0].id)
    plain = server.post("/webhook", json=made, headers={"content-type": "text/plain"})
    assert plain.status_code == 415
    assert server.post("/webhook", content=iter([b"{}"]),
                       headers={"content-type": "application/json"}).status_code == 411  # fmt: skip
    long = {"content-type": "application/json", "content-length": str(10**9)}
    assert server.post("/webhook", content=b"{}", headers=long).status_code == 413
    broken = server.post("/webhook", content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400
    other = TestClient(application(session, None), base_url="http://evil.example")
    assert other.get("/health").status_code == 400


def test_who_does_not_know_the_token_is_let_in_nowhere(session: Session) -> None:
    server = TestClient(application(session, "secret: 1"), base_url="http://anywhere.example")

    def basic(text: str) -> str:
        return "Basic " + b64encode(text.encode()).decode()

    right = basic("albench:secret: 1"), "Bearer secret: 1"
    wrong = "", basic("albench:no"), basic("albench"), "Basic %", "Bearer no", "secret: 1"
    for given in right:
        assert server.get("/health", headers={"authorization": given}).status_code == 200
    for other in wrong:
        assert server.get("/health", headers={"authorization": other}).status_code == 401
        reply = server.post("/predict", json={"tasks": []}, headers={"authorization": other})
        assert reply.json() == {"error": "the token is missing or wrong"}
