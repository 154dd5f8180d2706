"""Texts: zero-shot by a model behind an HTTP endpoint, as most large models are offered."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import at_least, one_of, require
from al_bench.core.state import Floats
from al_bench.data.types import Prior, Task
from al_bench.priors.common import Prompted, calibrated, cut
from al_bench.priors.endpoint_client import ADDRESS, Client, EndpointError, Limits
from al_bench.priors.endpoint_forms import Decision, Form, Letters, Names, Opinion, Samples
from al_bench.priors.sentence import ClassNamePrototypes

FEW = 5  # up to this many texts may all lack an answer by chance
PROTOCOLS = ("chat", "completions", "systemone")


@dataclass(frozen=True)
class Endpoint(Prompted):
    """Zero-shot by any OpenAI-compatible server, or by a decision model's ``/v1/systemone``.

    With log-probabilities: a completions server gives the likelihood of each class name after the
    text, as in `LabelLikelihood` (it must echo prompts, as vLLM does); a chat server only those of
    an answer's first token, so classes become options A, B, C, ... (Hendrycks et al., 2021). With
    samples: each answer votes for the class that it names exactly. A decision model returns
    probabilities. Answers are cached below ``AL_BENCH_CACHE`` by request.

        >>> prior = Endpoint("qwen3:4b", url="http://127.0.0.1:11434/v1", answer="samples")

    Parameters
    ----------
    model : the server's name of the model
    inner : a prior whose encoder makes the features
    url : of the server, without ``/chat/completions``; by default where vLLM and llama.cpp listen,
        Ollama at http://127.0.0.1:11434/v1
    protocol : "chat", "completions" or "systemone"
    answer : "logprobs" or "samples"; not used by a decision model
    samples, temperature, max_tokens : of sampled answers: number, temperature and length
    smoothing : pseudo-votes added to each class of sampled answers, 0 or more
    template : of the question, with one ``{text}``; the data set's prompt follows
    content_free : texts without content, whose mean prediction is divided out (none: no
        calibration)
    max_characters : number of characters of a text that are sent
    extra : further fields of each request, such as ``{reasoning_effort: low}``; null removes one
    key_variable : the environment variable that holds the key, ``..._API_KEY``; the key is sent
        only to the host in ``..._BASE_URL``, by default OpenAI's for OpenAI's key
    limits : on requests, time and money

    References
    ----------
    Hendrycks et al. (2021), Measuring massive multitask language understanding. Wang et al. (2023),
    Self-consistency improves chain of thought reasoning in language models.
    """

    operational: ClassVar = ("key_variable", "limits")
    whole: ClassVar = True  # see al_bench.data.cache

    model: str
    inner: Prior = field(default_factory=ClassNamePrototypes)
    url: str = "http://127.0.0.1:8000/v1"
    protocol: str = "chat"
    answer: str = "logprobs"
    samples: int = 5
    temperature: float = 1.0
    max_tokens: int = 32
    smoothing: float = 0.1
    template: str = "Text: {text}\n"
    content_free: Sequence[str] = ()
    max_characters: int = 20_000
    extra: Mapping[str, Any] = field(default_factory=dict)
    key_variable: str = "OPENAI_API_KEY"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self, PROTOCOLS, protocol=self.protocol)
        one_of(self, ("logprobs", "samples"), answer=self.answer)
        at_least(self, 1, samples=self.samples, max_tokens=self.max_tokens)
        at_least(self, 0, temperature=self.temperature, smoothing=self.smoothing)
        alike = self.temperature == 0 and self.samples > 1 and self.answer == "samples"
        require(not alike, self, "1, as all are alike at temperature=0", samples=self.samples)
        key = self.key_variable
        require(key.endswith("_API_KEY"), self, "the name of a ..._API_KEY", key_variable=key)
        if not ADDRESS.fullmatch(self.url):  # not shown, since it may hold a password
            raise ValueError("Endpoint got a url of another form; wanted http(s)://host:port/path, "
                             "without a name, a password or a query in it")  # fmt: skip

    @property
    def key(self) -> str:
        sampled = (f", {self.samples} at {self.temperature} of {self.max_tokens} tokens, "
                   f"smoothing={self.smoothing}") if self.answer == "samples" else ""  # fmt: skip
        return (
            f"endpoint({self.url}, {self.model}, {self.protocol}, {self.answer}{sampled}, "
            f"{self.template!r}, content_free={list(self.content_free)}, "
            f"characters={self.max_characters}, {dict(self.extra)})"
        )

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        """(n, k); see `Limits` for the cost. If the endpoint fails, the answers so far are kept."""
        form, empty = self.form(task), len(self.content_free)
        texts = [cut(text, row, self.max_characters) for row, text in enumerate(inputs)]
        asked = [list(map(self.full, form.bodies(text))) for text in (*self.content_free, *texts)]
        place = f"{self.url.rstrip('/')}/{form.path}"
        client = Client(place, self.model, self.key_variable, self.limits, form.wanted, form.read)
        answers = iter(client.ask(list(chain.from_iterable(asked))))
        given = [list(islice(answers, len(bodies))) for bodies in asked]
        opinions = [(None, []) if None in own else form.opinion(own) for own in given]
        self.tell([said for _, none in opinions for said in none], opinions[empty:],
                  sum(None in own for own in given))  # fmt: skip
        k = len(task.class_names)
        found = [np.full(k, np.nan) if scores is None else scores for scores, _ in opinions]
        scores = np.array(found).reshape(-1, k)
        free = scores[:empty]
        probs = calibrated(scores[empty:], free[~np.isnan(free).any(axis=1)])
        return np.where(np.isnan(probs), 1 / k, probs).astype(np.float32)

    def form(self, task: Task) -> Form:
        question, chat = self.question(task), self.protocol == "chat"
        if self.protocol == "systemone":
            return Decision(question)
        if self.answer == "logprobs":
            return Letters(question) if chat else Names(question)
        path, how = Letters.path if chat else Names.path, (self.temperature, self.max_tokens)
        return Samples(question, path, self.samples, *how, self.smoothing)

    def full(self, body: Mapping[str, Any]) -> dict[str, Any]:
        whole = {"model": self.model, **body, **self.extra}
        return {name: value for name, value in whole.items() if value is not None}

    def tell(self, none: Sequence[str], opinions: Sequence[Opinion], refused: int) -> None:
        """Print how many texts have no answer; EndpointError if none has a valid one."""
        empty = sum(scores is None for scores, _ in opinions)
        wrong = f"{len(none):,} answers are no class, the first {none[0]!r}; " if none else ""
        kept = f"{refused:,} texts are refused, and not sent again; " if refused else ""
        text = f"{self.model}: {wrong}{kept}{empty:,} of {len(opinions):,} texts have no other"
        if empty == len(opinions) > FEW:
            raise EndpointError(f"{text}; wanted classes: see prior.template, max_tokens and extra")
        if none or refused:
            print(f"{text} answer and are uniform", file=sys.stderr)
