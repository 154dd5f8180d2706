"""What priors share: checks of the kind of data, wrappers, class names in prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from al_bench.core.arrays import softmax, unit
from al_bench.core.state import Floats
from al_bench.data.types import Encoder, Prior, Task


def check_kind(prior: Prior, reads: str, modality: str) -> None:
    if modality != reads:
        raise ValueError(f"{type(prior).__name__} reads {reads}s; the data are of kind {modality}")


class Reading:
    """A prior for one kind of data; the field of that name is its encoder."""

    reads: ClassVar[str]

    def encoder(self, modality: str) -> Encoder:
        check_kind(self, self.reads, modality)  # type: ignore[arg-type]
        encoder: Encoder = getattr(self, self.reads)
        return encoder


class Around:
    """A prior that wraps another one: equal to it but for what it overrides."""

    inner: Prior

    def encoder(self, modality: str) -> Encoder:
        return self.inner.encoder(modality)

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return self.inner.probabilities(features, inputs, task)


@dataclass(frozen=True)
class Question:
    """A question about each text: template before and after it, then prompts and class names."""

    before: str
    after: str
    prompts: tuple[str, ...]
    names: tuple[str, ...]

    def text(self, text: str) -> str:
        return self.before + text + self.after

    def context(self, text: str, prompt: str) -> str:
        """The context before a class name: the filled template, then a prompt up to its ``{}``."""
        return self.text(text) + prompt.split("{}")[0]


class Prompted(Around):
    """A prior for texts by a language model that reads a template, with another prior's features.
    template: of the prompt, with one ``{text}`` and optionally ``{classes}``; content_free: texts
    without content, whose mean prediction is divided out (Zhao et al., 2021)."""

    template: str
    content_free: Sequence[str]

    def __post_init__(self) -> None:
        if self.template.count("{text}") != 1:
            raise ValueError(f"template {self.template!r}; wanted one {{text}} in it")
        object.__setattr__(self, "content_free", tuple(self.content_free))

    def encoder(self, modality: str) -> Encoder:
        check_kind(self, "text", modality)  # type: ignore[arg-type]
        return super().encoder(modality)

    def question(self, task: Task) -> Question:
        listed = ", ".join(task.class_names)
        before, after = self.template.replace("{classes}", listed).split("{text}")
        return Question(before, after, task.prompts, task.class_names)


def calibrated(scores: Floats, content_free: Floats) -> Floats:
    """(n, k) probabilities from log scores, divided by the mean prediction of (m, k) content-free
    ones."""
    if len(content_free):
        mean = softmax(content_free).mean(axis=0)
        scores = scores - np.log(np.maximum(mean, np.float32(1e-12)))
    return softmax(scores)


def cut(text: Any, row: int, characters: int) -> str:
    """The first characters of a text; ValueError if it is no str."""
    if not isinstance(text, str):
        raise ValueError(f"a text encoder reads texts; input {row} is a {type(text).__name__}")
    # half a surrogate pair is a character to Python but to no tokenizer
    return text[:characters].encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=8)
def class_vectors(read: Callable[[Sequence[str]], Floats], task: Task) -> Floats:
    """(k, d) unit vectors: the mean embedding of each class's filled prompts."""
    names, prompts = task.class_names, task.prompts
    vectors = read([prompt.replace("{}", name) for name in names for prompt in prompts])
    return unit(vectors.reshape(len(names), len(prompts), -1).mean(axis=1))
