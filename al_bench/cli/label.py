"""``albench session label``: the page on which people label."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager


def label(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Serve a page on which people label, by keyboard, texts and images."""
    option = parser.add_argument
    option("--port", type=int, default=8765, help="0: any that is free (8765)")
    option("--host", default="127.0.0.1", help="where to listen; beyond this machine the address "
           "holds a token without which nobody comes in (127.0.0.1)")  # fmt: skip
    option("--batch", type=int, default=20, help="rows chosen at a time for each annotator (20)")
    option("--guess", action=argparse.BooleanOptionalAction, default=True,
           help="show the model's guess, though never of rows that measure the model")  # fmt: skip
    given = parser.parse_args(arguments)
    if given.batch < 1:
        parser.error(f"--batch is {given.batch}; wanted at least 1")
    check_port(parser, given.port)
    with brought_by_extra("the labelling page"):
        from al_bench.session.page.serve import serve
    serve(
        given.folder.expanduser(),
        given.host,
        given.port,
        given.batch,
        given.guess,
        given.config_dir,
        say,
    )
    return 0


def check_port(parser: argparse.ArgumentParser, port: int) -> None:
    if not 0 <= port < 2**16:
        parser.error(f"--port is {port}; wanted 0 to {2**16 - 1}")


@contextmanager
def brought_by_extra(who: str) -> Iterator[None]:
    """RuntimeError that says how to get the server imported inside, where it is not there."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise RuntimeError(f"{who} needs {error.name}: pip install 'al-bench[page]'") from error


def say(line: str) -> None:
    print(line, flush=True)
