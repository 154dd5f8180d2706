"""Models behind HTTP endpoints: what is asked, what replies come to, and what happens where a
server fails, is slow, dear, or somebody else's."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.core.arrays import softmax
from al_bench.core.state import Floats
from al_bench.data.types import Task
from al_bench.priors import endpoint_client
from al_bench.priors.endpoint import Endpoint
from al_bench.priors.endpoint_client import EndpointError, Limits
from al_bench.priors.endpoint_forms import class_of
from al_bench.runs.component import identified, node_of
from al_bench.runs.config import instantiate
from al_bench.runs.plan import plan
from tests.priors.endpoints import Body, Reply, asked, content, letters, serving

TASK = Task(("sports", "business", "world politics"), ("This is about {}.",), "text")
TEXTS = [f"text number {number}" for number in range(12)]
LIMITS = Limits(timeout=5.0, retries=3)
SECRET = "sk-very-secret-4711"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of a test are its own, no key of the machine is used, and waits are short."""
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(endpoint_client, "FIRST", 0.01)


def ask(prior: Endpoint, texts: list[str] = TEXTS, task: Task = TASK) -> Floats:
    return prior.probabilities(np.zeros(0), texts, task)


def first(number: int, body: Body) -> Reply:
    """The first class, surely."""
    return letters({"A": -0.01, "B": -5.0, "C": -6.0})


def faulty(*replies: Reply) -> Callable[[int, Body], Reply]:
    """These replies first, then good ones."""
    return lambda number, body: replies[number] if number < len(replies) else first(number, body)


def test_letters_of_options_have_the_probabilities_of_the_first_token() -> None:
    logs = {" B": -0.7, "A": -1.5, "b": -3.0, "B": -2.5, "BC": -3.0, "Sure": -3.5}
    with serving(lambda number, body: letters(logs)) as server:
        (found,) = ask(Endpoint("m", url=server.url, limits=LIMITS), ["a {text}"])
    scores = np.array([-1.5, np.logaddexp(-0.7, -2.5), -3.5])  # C: at most what the last token has
    np.testing.assert_allclose(found, softmax(scores), rtol=1e-5)
    ((path, headers, body),) = server.seen
    assert path == "/v1/chat/completions"
    assert "authorization" not in headers
    assert (body["model"], body["top_logprobs"], body["max_tokens"]) == ("m", 20, 1)
    assert asked(body) == (
        'Text: a {text}\nComplete: "This is about ___."\nA. sports\nB. business\n'
        "C. world politics\nAnswer with the letter alone."
    )


def test_a_letter_that_is_not_among_few_tokens_has_at_most_what_they_leave() -> None:
    with serving(lambda number, body: letters({"A": np.log(0.9)})) as server:
        (found,) = ask(Endpoint("m", url=server.url, limits=LIMITS), ["x"])
    np.testing.assert_allclose(found, np.array([0.9, 0.1, 0.1]) / 1.1, rtol=1e-4)


def likelihood(text: str) -> list[float | None]:
    """Log-probabilities of a text's characters, as a toy model has them."""
    return [None, *(-0.1 - (ord(a) * 7 + ord(b)) % 13 / 5 for a, b in itertools.pairwise(text))]


def test_completions_have_the_likelihood_of_class_names_after_the_text() -> None:
    def echo(number: int, body: Body) -> Reply:
        assert body["echo"]
        new = [[-9.0], []][number % 2]  # a new token, or none where the text is over
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": len(new)}
        logs = {"token_logprobs": likelihood(body["prompt"]) + new}
        return Reply({"choices": [{"logprobs": logs}], "usage": usage})

    task = replace(TASK, prompts=("This is about {}.", "Topic: {}"))
    with serving(echo) as server:
        prior = Endpoint("m", url=server.url, protocol="completions", limits=LIMITS)
        found = ask(prior, TEXTS[:3], task)
        even = ask(replace(prior, content_free=["", "N/A"]), ["N/A"], task)
    for row, text in enumerate(TEXTS[:3]):
        scores = np.zeros(3)
        for c, name in enumerate(task.class_names):
            for lead in ("This is about ", "Topic: "):
                before = f"Text: {text}\n{lead}"
                own = likelihood(before + name)[len(before) :]  # of the name alone
                scores[c] += sum(log for log in own if log is not None) / 2
        np.testing.assert_allclose(found[row], softmax(scores), rtol=1e-4)
    assert abs(even - 1 / 3).max() < abs(found - 1 / 3).max()  # what says nothing is divided out


def test_samples_vote_for_the_classes_they_name_and_others_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = {"one": ["Sports", "sports.", "business", " World politics\n"], "two": ["sport"] * 4}

    def answer(number: int, body: Body) -> Reply:
        return content(said[asked(body)[6:9]][body["seed"]])

    with serving(answer) as server:
        prior = Endpoint("m", url=server.url, answer="samples", samples=4, limits=LIMITS)
        found = ask(prior, ["one", "two"])
    np.testing.assert_allclose(found[0], np.array([2.1, 1.1, 1.1]) / 4.3, rtol=1e-5)
    np.testing.assert_allclose(found[1], 1 / 3)
    text = capsys.readouterr().err
    assert "4 answers are no class, the first 'sport'; 1 of 2 texts have no other" in text


CAFE = "café"


@pytest.mark.parametrize(
    ("answer", "names", "number"),
    [
        ('"Sports".\n', ["sports", "arts"], 0),
        ("**arts**", ["sports", "arts"], 1),
        ("I think it is sports", ["sports", "arts"], None),
        ("sport", ["sports", "arts"], None),
        ("sports arts", ["sports", "arts"], None),
        ("", ["sports", "arts"], None),
        ("US", ["us", "US"], 1),
        ("Us", ["us", "US"], None),  # both, but for case
        (unicodedata.normalize("NFD", CAFE), ["bar", CAFE], 1),
        ("體育", ["政治", "體育"], 1),
        ("体育", ["政治", "體育"], None),
        ("Straße", ["STRASSE", "weg"], 0),
    ],
)
def test_an_answer_is_the_class_that_it_names_and_never_a_guess(
    answer: str, names: list[str], number: int | None
) -> None:
    assert class_of(answer, names) == number


def test_unicode_goes_there_and_back() -> None:
    names = ("體育", "Ökonomie", "🐈‍⬛")
    with serving(lambda number, body: content(names[number])) as server:
        prior = Endpoint("m", url=server.url, answer="samples", samples=1,
                         limits=replace(LIMITS, concurrency=1))  # fmt: skip
        found = ask(prior, ["é", "half a pair \ud800", "\x00"], Task(names, ("关于{}",), "text"))
    assert found.argmax(axis=1).tolist() == [0, 1, 2]
    assert "體育, Ökonomie, 🐈‍⬛" in asked(server.seen[0][2])


def test_a_decision_model_has_probabilities() -> None:
    probs = {"world politics": 0.7, "sports": 0.2, "business": 0.1001}  # rounded, in any order
    said = {"answers": {"class": {"type": "choice", "probabilities": probs}}}
    with serving(lambda number, body: Reply(said)) as server:
        prior = Endpoint("m", url=server.url + "/", protocol="systemone", limits=LIMITS)
        np.testing.assert_allclose(ask(prior, ["x"]), [[0.2, 0.1, 0.7]], atol=1e-3)
    ((path, _, body),) = server.seen
    assert path == "/v1/systemone"
    assert body["state"] == "Text: x\n"
    question = body["questions"]["class"]
    assert (question["instructions"], list(question["criteria"])) == (
        "This is about ___.",
        list(TASK.class_names),
    )


def test_what_was_answered_is_not_asked_again() -> None:
    with serving(first) as server:
        prior = Endpoint("m", url=server.url, limits=LIMITS)
        found = ask(prior, [*TEXTS, *TEXTS])  # the same text twice is one request
        assert len(server.seen) == 12
        np.testing.assert_array_equal(ask(prior), found[:12])
        assert len(server.seen) == 12
        ask(replace(prior, key_variable="OTHER_API_KEY", limits=Limits(concurrency=1)))
        assert len(server.seen) == 12
        ask(replace(prior, model="other"), TEXTS[:1])
        ask(replace(prior, extra={"reasoning_effort": "low", "temperature": None}), TEXTS[:1])
        assert len(server.seen) == 14
        assert server.seen[-1][2]["reasoning_effort"] == "low"
        assert "temperature" not in server.seen[-1][2]


def test_a_cut_run_goes_on_where_it_was(tmp_path: Path) -> None:
    def five(number: int, body: Body) -> Reply:
        return first(number, body) if number < 5 else Reply({"error": "out"}, 404)

    prior = Endpoint("m", limits=replace(LIMITS, concurrency=1))
    with serving(five) as server:
        prior = replace(prior, url=server.url)
        with pytest.raises(
            EndpointError, match=r"404 .*\(out\); 5 of 12 answers are there and kept"
        ):
            ask(prior)
        (file,) = (tmp_path / "cache" / "answers").iterdir()
        file.write_bytes(file.read_bytes()[:-20])  # a kill cut the last line
        seen = len(server.seen)
        with pytest.raises(EndpointError, match="4 of 12 answers"):
            ask(prior)
        assert len(server.seen) == seen + 1
    port = int(server.url.split(":")[2].split("/")[0])
    assert len(file.read_text().splitlines()) == 5
    with serving(first, port) as again:
        assert len(ask(prior)) == 12
        assert len(again.seen) == 8


def test_no_more_requests_run_at_a_time_than_allowed() -> None:
    def slow(number: int, body: Body) -> Reply:
        return replace(first(number, body), after=0.05)

    with serving(slow) as server:
        ask(Endpoint("m", url=server.url, limits=replace(LIMITS, concurrency=3)))
    assert server.most == 3


@pytest.mark.parametrize(
    "trouble",
    [
        Reply({"error": {"message": "busy"}}, 429),
        Reply(b"<html>bad gateway</html>", 502),
        Reply(b'{"choices": [{"mess'),
        Reply(b"\xff\xfe\x00"),
        Reply(ConnectionResetError),
        Reply({}, after=9.0),
    ],
    ids=["429", "502", "half a JSON", "no text", "reset", "silence"],
)
def test_trouble_that_passes_loses_nothing(trouble: Reply) -> None:
    with serving(faulty(trouble, trouble)) as server:
        found = ask(Endpoint("m", url=server.url, limits=replace(LIMITS, timeout=0.3)))
    assert found.argmax(axis=1).tolist() == [0] * 12
    assert len(server.seen) == 14


@pytest.mark.parametrize("as_date", [False, True])
def test_a_server_that_asks_to_wait_is_waited_for_by_all(as_date: bool) -> None:
    then = datetime.now(UTC) + timedelta(seconds=2)
    said = format_datetime(then, usegmt=True) if as_date else "1"
    began = time.monotonic()
    with serving(faulty(Reply({}, 429, {"Retry-After": said}))) as server:
        ask(Endpoint("m", url=server.url, limits=replace(LIMITS, concurrency=1)))
    assert 0.5 < time.monotonic() - began < 4
    assert len(server.seen) == 13


LATER = {"Retry-After": "86400"}
WRONG = "answered in another form"


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        (Reply({"error": {"message": "quota"}}, 429), r"answered 429 .* \(quota\) \(2 tries\)"),
        (Reply({}, 429, LATER), r"429 Too Many Requests and asks to wait 86400 s"),
        (Reply({}, 500), r"answered 500 Internal Server Error \(2 tries\)"),
        (Reply({}, after=9.0), r"was silent for 0\.2 s \(2 tries\)"),
        (Reply(b'{"choi'), r"answered by half a JSON, or none \(2 tries\)"),
        (Reply({"error": "no \x1b[31mmodel\nm"}, 404), r"404 Not Found \(no \ufffd?.*model m\)"),
        (Reply({"error": {"message": "credit"}}), r"answered by an error \(credit\) \(2 tries\)"),
        (Reply([1, 2]), WRONG),
        (Reply({"choices": []}), WRONG),
        (Reply({"choices": [{"logprobs": None}]}), WRONG + r"; wanted .* or else answer=samples"),
        (letters({}), WRONG),
        (letters({"A": float("nan")}), WRONG),
        (letters({"A": "-1"}), WRONG),  # type: ignore[dict-item]
        (
            letters({"<think>": -0.1}),
            r"12 answers are no class, the first '<think>'; .* wanted classes",
        ),
        (Reply({}, 307, {"Location": "http://elsewhere/v1"}), r"redirects to http://elsewhere/v1"),
    ],
)
def test_trouble_that_stays_is_one_sentence(trouble: Reply, sentence: str) -> None:
    limits = Limits(timeout=0.2, retries=1, concurrency=4)
    with (
        serving(lambda number, body: trouble) as server,
        pytest.raises(EndpointError, match=sentence) as caught,
    ):
        ask(Endpoint("m", url=server.url, limits=limits))
    assert not any(character in str(caught.value) for character in "\n\x1b")
    assert len(server.seen) <= (12 if "<think>" in sentence else 8)


def test_nobody_at_the_address_is_said_at_once() -> None:
    with serving(first) as server:
        pass
    with pytest.raises(EndpointError, match=r"chat/completions cannot be reached \(.*\); 0 of 12"):
        ask(Endpoint("m", url=server.url))


def test_a_text_that_is_refused_where_others_are_answered_has_no_vote(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def filtered(number: int, body: Body) -> Reply:
        if "number 9" in asked(body):  # as other servers do
            return Reply({"choices": [{"finish_reason": "content_filter", "logprobs": None}]})
        bad = "number 7" in asked(body)
        return Reply({"error": {"message": "filter"}}, 400) if bad else first(number, body)

    limits = replace(LIMITS, concurrency=1)
    with serving(filtered) as server:
        found = ask(Endpoint("m", url=server.url, limits=limits))
        np.testing.assert_allclose(found[[7, 9]], 1 / 3)
        assert (found[:, 0] > 0.9).sum() == 10
        told = "m: 2 texts are refused, and not sent again; 2 of 12 texts have no other answer"
        assert told in capsys.readouterr().err
        np.testing.assert_array_equal(ask(Endpoint("m", url=server.url, limits=limits)), found)
        assert len(server.seen) == 12
        assert told in capsys.readouterr().err
        with pytest.raises(EndpointError, match=r"answered 400 Bad Request \(filter\)"):
            ask(Endpoint("other", url=server.url, limits=limits), ["number 7"])  # as all are


def test_it_stops_at_its_cost_and_goes_on_when_that_is_raised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits = Limits(concurrency=2, price_in=10_000.0, max_cost=4.0)
    with serving(first) as server:  # which bills 100 tokens, so 1 a request
        prior = Endpoint("m", url=server.url, limits=limits)
        with pytest.raises(
            EndpointError, match=r"has cost [23], .*max_cost=4; raise prior\.limits"
        ):
            ask(prior)
        assert 3 <= (seen := len(server.seen)) <= 4
        said = capsys.readouterr().err
        assert "m: 12 requests to" in said
        assert "of money) at most; until now 0 tokens" in said
        with pytest.raises(EndpointError, match="max_cost=4"):  # of all runs together
            ask(prior)
        assert len(server.seen) == seen
        assert len(ask(replace(prior, limits=replace(limits, max_cost=20.0)))) == 12
        assert len(server.seen) == 12
        assert "answers for" in capsys.readouterr().err


def test_the_key_goes_to_its_own_host_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    said = Reply({"error": {"message": f"wrong key {SECRET} for you"}}, 401)
    with serving(lambda number, body: said) as server, serving(first) as other:
        prior = Endpoint("m", url=server.url, limits=LIMITS)
        with pytest.raises(
            EndpointError,
            match=r"401 .* to no key: OPENAI_API_KEY is empty, or OPENAI_BASE_URL names another",
        ):
            ask(prior)
        assert all("authorization" not in headers for _, headers, _ in server.seen)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(EndpointError, match=r"401 .* to the key in OPENAI_API_KEY") as caught:
            ask(prior)
        assert server.seen[-1][1]["authorization"] == f"Bearer {SECRET}"
        said.status, said.headers = 404, {}
        with pytest.raises(EndpointError, match=r"wrong key \.\.\. for you") as shown:
            ask(prior)
        said.status, said.headers = 302, {"Location": f"{other.url}/chat/completions"}
        with pytest.raises(EndpointError, match="which is not followed"):
            ask(prior)
        assert other.seen == []
        monkeypatch.setenv("OPENAI_BASE_URL", other.url)
        ask(replace(prior, url=other.url))
        assert other.seen[-1][1]["authorization"] == f"Bearer {SECRET}"
    files = [path.read_text() for path in (tmp_path / "cache").rglob("*.jsonl")]
    shown_anywhere = [str(caught.value), str(shown.value), *capsys.readouterr(), *files]
    shown_anywhere += [repr(prior), prior.key, json.dumps(node_of(prior))]
    assert not any(SECRET in text for text in shown_anywhere)


@pytest.mark.parametrize("key", ["sk-\u00e9", "two\nlines"])
def test_a_key_that_is_none_is_refused_without_being_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(first) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(ValueError, match=r"OPENAI_API_KEY holds characters that no key has$"):
            ask(Endpoint("m", url=server.url))


def test_rows_leave_this_machine_only_for_a_host_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = "https://llm.invalid/v1"
    prior = Endpoint("m", url=away, key_variable="MISTRAL_API_KEY", limits=LIMITS)
    with pytest.raises(
        ValueError, match=r"only where .* export MISTRAL_BASE_URL=https://llm\.invalid$"
    ):
        ask(prior)
    monkeypatch.setenv("MISTRAL_BASE_URL", away)
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE is set, so nothing is sent to"):
        ask(prior)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with pytest.raises(EndpointError, match="cannot be reached"):
        ask(prior)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "ftp://here/v1"}, "a url of another form; wanted http"),
        ({"url": "https://me:pw@host/v1"}, "without a name, a password or a query in it"),
        ({"url": "https://host/v1?key=pw"}, "without a name, a password or a query in it"),
        ({"protocol": "grpc"}, "wanted one of chat, completions, systemone"),
        ({"answer": "guess"}, "wanted one of logprobs, samples"),
        (
            {"answer": "samples", "temperature": 0},
            "wanted 1, as all are alike at temperature=0",
        ),
        ({"template": "none"}, r"wanted one \{text\} in it"),
        ({"key_variable": "HOME"}, r"wanted the name of a \.\.\._API_KEY"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        Endpoint("m", **wrong)
    assert "pw" not in str(caught.value)


def test_limits_and_classes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="max_cost=1; wanted price_in and price_out with it"):
        Limits(max_cost=1)
    many = Task(tuple(f"class {c}" for c in range(27)), ("{}",), "text")
    with pytest.raises(ValueError, match="27 classes for 26 letters; wanted answer=samples"):
        ask(Endpoint("m"), TEXTS, many)
    with pytest.raises(ValueError, match="Endpoint reads texts; the data are of kind image"):
        Endpoint("m").encoder("image")


def test_a_run_is_named_by_what_is_asked_and_not_by_how_hard() -> None:
    (job,) = plan(["prior=endpoint", "prior.model=m"])
    made = instantiate(job.config.prior)
    assert identified(node_of(made)) == identified(node_of(Endpoint("m")))
    same = [{"limits": Limits(price_in=1, max_cost=9)}, {"key_variable": "OTHER_API_KEY"}]
    others = [{"model": "n"}, {"url": "http://127.0.0.1:1/v1"}, {"answer": "samples"},
              {"extra": {"top_p": 1}}, {"template": "{text}"}, {"content_free": [""]}]  # fmt: skip
    names = [json.dumps(identified(node_of(replace(made, **change))), sort_keys=True)
             for change in ({}, *same, *others)]  # fmt: skip
    assert len(set(names)) == 1 + len(others)
    assert len({replace(made, **change).key for change in ({}, *same, *others)}) == 1 + len(others)


def test_it_works_inside_a_notebook() -> None:
    async def cell() -> Floats:
        return ask(Endpoint("m", url=server.url, limits=LIMITS))

    with serving(first) as server:
        assert len(asyncio.run(cell())) == 12
