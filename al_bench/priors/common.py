"""What priors share: the kind of data they read, being around another prior, and class names that
are put into prompt templates."""

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
    """Raise ValueError where the data are not of the kind that a prior reads."""
    if modality != reads:
        raise ValueError(f"{type(prior).__name__} reads {reads}s; the data are of kind {modality}")


class Reading:
    """A prior of one kind of data, whose encoder is the field of that name."""

    reads: ClassVar[str]

    def encoder(self, modality: str) -> Encoder:
        check_kind(self, self.reads, modality)  # type: ignore[arg-type]
        encoder: Encoder = getattr(self, self.reads)
        return encoder


class Around:
    """A prior that leaves the features of another one as they are, and its probabilities too where
    it says nothing else of them."""

    inner: Prior

    def encoder(self, modality: str) -> Encoder:
        return self.inner.encoder(modality)

    def probabilities(self, features: Floats, inputs: Sequence[Any], task: Task) -> Floats:
        return self.inner.probabilities(features, inputs, task)


@dataclass(frozen=True)
class Question:
    """What a language model is asked about each text: what stands before and after it, and the
    prompts and class names that follow."""

    before: str
    after: str
    prompts: tuple[str, ...]
    names: tuple[str, ...]

    def text(self, text: str) -> str:
        """The template with a text in it."""
        return self.before + text + self.after

    def context(self, text: str, prompt: str) -> str:
        """What a class name comes next to: the template with a text, and a prompt's beginning."""
        return self.text(text) + prompt.split("{}")[0]


class Prompted(Around):
    """A prior of texts around another one, by a language model that reads a template.

    template: of the prompt, with one ``{text}`` and perhaps ``{classes}``; content_free: texts that
    say nothing, whose mean prediction is divided out (Zhao et al., 2021).
    """

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
        """ValueError for names and prompts that cannot be used."""
        filled_templates(task.class_names, task.prompts)
        names = tuple(name.strip() for name in task.class_names)
        before, after = self.template.replace("{classes}", ", ".join(names)).split("{text}")
        return Question(before, after, tuple(task.prompts), names)


def calibrated(scores: Floats, content_free: Floats) -> Floats:
    """(n, k) probabilities by log scores; the mean prediction of (m, k) scores of texts without
    content is divided out, where there are any."""
    if len(content_free):
        said = softmax(content_free).mean(axis=0)
        scores = scores - np.log(np.maximum(said, np.float32(1e-12)))
    return softmax(scores)


def filled_templates(class_names: Sequence[str], prompts: Sequence[str]) -> list[list[str]]:
    """For each class its name in every template; ValueError for names or templates that cannot be
    told apart or filled."""
    if not prompts:
        raise ValueError("there is no prompt template; wanted at least one, such as '{}'")
    for prompt in prompts:
        if prompt.count("{}") != 1:
            raise ValueError(f"prompt template {prompt!r} needs exactly one {{}} for a class name")
    names = [name.strip() for name in class_names]
    if not all(names):
        raise ValueError(f"class {names.index('')} has an empty name")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{names.count(twice)} classes are named {twice!r}; names must differ")
    return [[prompt.replace("{}", name) for prompt in prompts] for name in names]


def cut(text: Any, row: int, characters: int) -> str:
    """The first characters of a text; ValueError for what is no text."""
    if not isinstance(text, str):
        raise ValueError(f"a text encoder reads texts; input {row} is a {type(text).__name__}")
    # half a surrogate pair is a character to Python but to no tokenizer
    return text[:characters].encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=8)
def class_vectors(read: Callable[[Sequence[str]], Floats], task: Task) -> Floats:
    """(k, d) unit vectors: what a text encoder makes of each class's filled prompts, averaged."""
    groups = filled_templates(task.class_names, task.prompts)
    vectors = read([prompt for group in groups for prompt in group])
    return unit(vectors.reshape(len(groups), len(task.prompts), -1).mean(axis=1))
