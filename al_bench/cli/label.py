"""``albench session label``: the page on which people label."""

from __future__ import annotations

import argparse


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
    if not 0 <= given.port < 2**16:
        parser.error(f"--port is {given.port}; wanted 0 to {2**16 - 1}")
    try:
        from al_bench.session.page.serve import serve
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise RuntimeError(
            f"the labelling page needs {error.name}: pip install 'al-bench[page]'"
        ) from error

    def say(line: str) -> None:
        print(line, flush=True)

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
