"""Files that a command writes for people to work on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def written(path: Path | None) -> Iterator[TextIO]:
    """A file to write, which was not there before; what is printed where there is no path.

    A batch that was filled in is never written over: its answers may not be told yet.
    """
    if path is None:
        yield sys.stdout
        return
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise ValueError(
            f"{path} is there already, perhaps with answers in it; name another file"
        ) from None
    try:
        with file:
            yield file
    except BaseException:
        path.unlink()
        raise
