"""The forms in which an endpoint is asked for a class, and how its replies become class scores.

Each form has a `path` below the url, and `wanted`, what a reply must hold, in words. `bodies` gives
the requests about a text. `read` extracts an answer from a reply, as plain values; KeyError or the
like if the reply has another form. `opinion` turns the answers about a text into (k,) float64 log
scores (None if no answer names a class), and the answers that name none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, TypeAlias

import numpy as np

from al_bench.core.state import Floats
from al_bench.priors.common import Question

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TOP = 20  # number of tokens with log-probabilities; few servers give more
AROUND = " \t\r\n\"'`*.:()[]“”‘’"  # characters to strip from an answer
SMALL = 1e-6  # smallest probability
SHORT = 200  # characters of an answer that are kept
Opinion: TypeAlias = tuple[Floats | None, list[str]]


@dataclass(frozen=True)
class Letters:
    """A chat model's log-probabilities of the options' letters as the first token of its answer. A
    letter that is not among the returned tokens gets its largest possible probability: the smallest
    returned one, or the remaining mass if that is less."""

    path: ClassVar = "chat/completions"
    wanted: ClassVar = "choices[0].logprobs.content[0].top_logprobs, or else answer=samples"

    question: Question

    def bodies(self, text: str) -> list[dict[str, Any]]:
        names = self.question.names
        if len(names) > len(LETTERS):
            raise ValueError(f"there are {len(names)} classes for {len(LETTERS)} letters; wanted "
                             "answer=samples, or protocol=completions")  # fmt: skip
        listed = [f"{letter}. {name}" for letter, name in zip(LETTERS, names, strict=False)]
        asked = "\n".join([cloze(self.question, text), *listed, "Answer with the letter alone."])
        tokens = {"max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": TOP}
        return [message(asked) | tokens]

    def read(self, reply: Any) -> list[tuple[str, float]]:
        tokens = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        found = [(token["token"][:SHORT], number(token["logprob"])) for token in tokens]
        if not found:
            raise ValueError("no token")
        return sorted(found, key=lambda pair: -pair[1])

    def opinion(self, answers: Sequence[Any]) -> Opinion:
        scores = np.full(len(self.question.names), -np.inf)
        for token, log in answers[0]:
            said = token.strip(AROUND)
            place = LETTERS.find(said) if len(said) == 1 else -1  # "AB" is no option
            if 0 <= place < len(scores):
                scores[place] = np.logaddexp(scores[place], log)
        if not np.isfinite(scores).any():
            return None, [answers[0][0][0]]
        logs = [log for _, log in answers[0]]
        left = np.log(max(1 - np.exp(logs).sum(), SMALL))  # mass of all other tokens
        return np.maximum(scores, min(*logs, left)), []


@dataclass(frozen=True)
class Names:
    """The log-likelihood of each class name after the text, one request each (Brown et al., 2020).

    The server echoes the prompt with the log-probabilities of its tokens, as lm-evaluation-harness
    requests it (Gao et al., 2021). They are summed over the whole prompt: the part before the name
    is the same for all classes, so no token has to be split off."""

    path: ClassVar = "completions"
    wanted: ClassVar = (
        "choices[0].logprobs.token_logprobs of the echoed prompt, or else protocol=chat or "
        "answer=samples"
    )

    question: Question

    def bodies(self, text: str) -> list[dict[str, Any]]:
        contexts = [self.question.context(text, prompt) for prompt in self.question.prompts]
        tokens = {"max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}
        return [{"prompt": c + name} | tokens for c in contexts for name in self.question.names]

    def read(self, reply: Any) -> float:
        logs = reply["choices"][0]["logprobs"]["token_logprobs"]
        new = (reply.get("usage") or {}).get("completion_tokens", 1)  # tokens after the prompt
        if not 0 <= new < len(logs) - 1:
            raise ValueError("not echoed")
        return sum(map(number, logs[1 : len(logs) - new]))  # the first token has no context

    def opinion(self, answers: Sequence[Any]) -> Opinion:
        sums = np.array(answers, dtype=np.float64).reshape(-1, len(self.question.names))
        return np.asarray(sums.mean(axis=0)), []


@dataclass(frozen=True)
class Samples:
    """Votes of sampled answers; an answer that is no class name has no vote (Wang et al., 2023)."""

    wanted: ClassVar = "choices[0].message.content, or choices[0].text over completions"

    question: Question
    path: str
    count: int
    temperature: float
    max_tokens: int
    smoothing: float

    def bodies(self, text: str) -> list[dict[str, Any]]:
        options = f"Options: {', '.join(self.question.names)}"
        asked = f"{cloze(self.question, text)}\n{options}\nAnswer with one option, word for word."
        whole = {"prompt": f"{asked}\nAnswer:", "stop": ["\n"]}
        body = message(asked) if self.path == Letters.path else whole
        body |= {"max_tokens": self.max_tokens, "temperature": self.temperature}
        return [body | {"seed": seed} for seed in range(self.count)]

    def read(self, reply: Any) -> str:
        choice = reply["choices"][0]
        said = choice["message"]["content"] if self.path == Letters.path else choice["text"]
        return "" if said is None else said[:SHORT].strip()  # None: filtered, or empty

    def opinion(self, answers: Sequence[Any]) -> Opinion:
        votes, none = np.zeros(len(self.question.names)), []
        for answer in answers:
            if (c := class_of(answer, self.question.names)) is None:
                none.append(answer)
            else:
                votes[c] += 1
        with np.errstate(divide="ignore"):
            return np.log(votes + self.smoothing) if votes.any() else None, none


@dataclass(frozen=True)
class Decision:
    """A decision model's probabilities of a question's options."""

    path: ClassVar = "systemone"
    wanted: ClassVar = "answers.class.probabilities, one of each class"

    question: Question

    def bodies(self, text: str) -> list[dict[str, Any]]:
        options = dict.fromkeys(self.question.names, "")
        asked = {"type": "choice", "instructions": gap(self.question), "criteria": options}
        return [{"state": self.question.text(text), "questions": {"class": asked}}]

    def read(self, reply: Any) -> list[float]:
        found = reply["answers"]["class"]["probabilities"]
        probs = [number(found[name]) for name in self.question.names]
        if min(probs) < 0 or abs(sum(probs) - 1) > 0.02:  # servers round them
            raise ValueError("no probabilities")
        return probs

    def opinion(self, answers: Sequence[Any]) -> Opinion:
        return np.log(np.maximum(answers[0], SMALL)), []


Form: TypeAlias = Letters | Names | Samples | Decision


def gap(question: Question) -> str:
    """The first prompt, with a gap for the class name."""
    return question.prompts[0].replace("{}", "___")


def cloze(question: Question, text: str) -> str:
    return f'{question.text(text).rstrip()}\nComplete: "{gap(question)}"'


def message(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def class_of(answer: str, names: Sequence[str]) -> int | None:
    """The class that an answer names, apart from AROUND and, if unambiguous, case; or None."""
    for form in (str, str.casefold):
        named, *known = (form(plain(text)) for text in (answer, *names))
        if known.count(named) == 1:
            return known.index(named)
    return None


def plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip(AROUND)


def number(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
