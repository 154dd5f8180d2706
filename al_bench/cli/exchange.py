"""``albench session tasks``, ``studio`` and ``backend``: for tools that annotators know."""

from __future__ import annotations

import argparse
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from al_bench.cli.label import brought_by_extra, check_port, say
from al_bench.cli.session_rows import opened
from al_bench.cli.written import written

if TYPE_CHECKING:
    from al_bench.session.exchange.tasks import Images

TOKEN, BACKEND_TOKEN = "LABEL_STUDIO_API_KEY", "AL_BENCH_BACKEND_TOKEN"


def tasks(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Choose the rows to label next, as tasks of Label Studio or records of Argilla."""
    from al_bench.session.exchange import argilla
    from al_bench.session.exchange import tasks as studio

    option = parser.add_argument
    option("--out", type=Path, required=True, help="a .json file to import there")
    option("--tool", choices=["labelstudio", "argilla"], default="labelstudio")
    option("--interface", type=Path, help="an .xml file: Label Studio's labelling interface")
    option("--budget", type=int, default=50, help="how many rows (50)")
    option("--annotator", help="whom they are for; left out: anybody")
    option("--waiting", action="store_true", help="those that still wait, no new ones")
    image_options(parser)
    given = parser.parse_args(arguments)
    if given.interface is not None and given.tool != "labelstudio":
        parser.error("--interface is of Label Studio alone")
    images = images_of(parser, given)
    with opened(given) as session, ExitStack() as files:
        settings = session.settings
        studio.check_shown(settings.modality, images)
        out = files.enter_context(written(given.out))
        if given.interface is not None:
            interface = files.enter_context(written(given.interface))
            interface.write(studio.label_config(settings.classes, settings.modality))
        if given.waiting:
            batch = session.waiting(given.annotator)
        else:
            batch = session.suggest(given.budget, given.annotator)
        form = studio.tasks if given.tool == "labelstudio" else argilla.records
        found = form(batch, images, settings.blind)
        json.dump(found, out, ensure_ascii=False, indent=1)
    print(f"{len(found)} tasks in {given.out}: when they are annotated, export them as JSON, then "
          f"albench session tell {given.folder} <export>.json")  # fmt: skip
    return 0


def studio(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Fetch answers from a Label Studio server, and send it the rows to label next."""
    from al_bench.session.exchange.connector import connect_backend, connected, exchange

    parser.epilog = (
        f"The token is read from the environment variable {TOKEN} and written nowhere; that of a "
        f"backend, where it has one, from {BACKEND_TOKEN}."
    )
    option = parser.add_argument
    option("--url", required=True, help="of the server: http://127.0.0.1:8080")
    option("--project", help="its name, of 3 characters or more; left out: the folder's")
    option("--budget", type=int, default=50, help="how many rows are to wait for an answer: new "
           "ones are chosen until they are as many; 0: none (50)")  # fmt: skip
    option("--backend", help="where albench session backend listens, to be asked for predictions")
    image_options(parser)
    given = parser.parse_args(arguments)
    if given.budget < 0:
        parser.error(f"--budget is {given.budget}; wanted 0 or more")
    images = images_of(parser, given)
    client = connected(given.url, os.environ.get(TOKEN))
    title = given.project or given.folder.resolve().name
    with opened(given) as session:
        done = exchange(session, client, given.url, title, given.budget, images)
    if given.backend is not None:
        connect_backend(client, given.url, done.project, given.backend, backend_token())
    empty = f", {done.empty} annotations have no answer" if done.empty else ""
    print(f"{done.told} new answers told{empty}; {done.sent} tasks sent to "
          f"{given.url.rstrip('/')}/projects/{done.project}")  # fmt: skip
    return 0


def backend(parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    """Serve predictions to Label Studio as it asks for them, and hear of annotations."""
    parser.epilog = (
        f"The password is that of the environment variable {BACKEND_TOKEN}; without it there is "
        "none on this machine, and beyond it one that is printed."
    )
    option = parser.add_argument
    option("--port", type=int, default=9090, help="0: any that is free (9090)")
    option("--host", default="127.0.0.1", help="where to listen; beyond this machine only with a "
           "password (127.0.0.1)")  # fmt: skip
    given = parser.parse_args(arguments)
    check_port(parser, given.port)
    with brought_by_extra("a backend"):
        from al_bench.session.exchange.serving import serve
    folder, token = given.folder.expanduser(), backend_token()
    serve(folder, given.host, given.port, token, given.config_dir, say)
    return 0


def backend_token() -> str | None:
    """The password of a backend, None where none is set; ValueError where clients would send it in
    different ways."""
    token = os.environ.get(BACKEND_TOKEN) or None
    if token is not None and not (token.isascii() and token.isprintable()):
        raise ValueError(f"{BACKEND_TOKEN} holds other signs than printable ASCII; wanted those")
    return token


def image_options(parser: argparse.ArgumentParser) -> None:
    """Where a tool finds images."""
    from al_bench.session.exchange.tasks import LOCAL_FILES

    option = parser.add_argument
    option("--images-root", type=Path, help="of images: the folder that is served")
    option("--images-url", help=f"where it is served; left out: by Label Studio ({LOCAL_FILES})")


def images_of(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Images | None:
    from al_bench.session.exchange.tasks import LOCAL_FILES, Images

    if given.images_root is None:
        if given.images_url is not None:
            parser.error("--images-url wants --images-root too, the folder that is served there")
        return None
    return Images(given.images_root, given.images_url or LOCAL_FILES)
