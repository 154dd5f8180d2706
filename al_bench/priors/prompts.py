"""Class names put into prompt templates, and texts cut to what is read of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from al_bench.arithmetic import unit
from al_bench.problem.types import Task
from al_bench.state import Floats


def filled(class_names: Sequence[str], prompts: Sequence[str]) -> list[list[str]]:
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
    groups = filled(task.class_names, task.prompts)
    vectors = read([prompt for group in groups for prompt in group])
    return unit(vectors.reshape(len(groups), len(task.prompts), -1).mean(axis=1))
