"""What priors share: the kind of data they read, being around another prior, and class names that
are put into prompt templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from al_bench.core.arrays import unit
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
