"""One process that serves the page until it is stopped."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe

import uvicorn

from al_bench.labelling import Session
from al_bench.labelling.page.app import LOOPBACK, application
from al_bench.labelling.page.view import ESTIMATE, Background, View, stored_estimate

SWITCH = 0.0005  # seconds that a fit may delay a key press; Python's default is ten times that


def serve(
    folder: Path,
    host: str,
    port: int,
    batch: int,
    guess: bool,
    goal: int | None,
    target: float | None,
    config_dir: Path | None,
    say: Callable[[str], None],
) -> None:
    """Serve the labelling page of a session until Ctrl-C.

    host, port: where to listen (port 0: any that is free); batch: rows chosen at a time for each
    annotator; guess: whether the model's guess is shown after an answer; goal: wanted number of
    answered rows; target: wanted balanced accuracy; config_dir: a folder of the user's own options;
    say: prints a line. Where `host` can be reached from other machines, the address holds a random
    token that every visitor needs. OSError where the port is taken."""
    sys.setswitchinterval(SWITCH)
    with listening(host, port) as listener:
        number = listener.getsockname()[1]
        token = None if host in LOOPBACK else token_urlsafe(24)
        view = open_view(folder, batch, guess, goal, target, config_dir)
        say(f"{view.name}: {address(host, number, token)} (Ctrl-C stops; answers are kept)")
        config = uvicorn.Config(
            application(view, number, token),
            log_level="warning",
            access_log=False,  # it would hold the token
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        with suppress(KeyboardInterrupt):  # which uvicorn raises again when it has stopped
            uvicorn.Server(config).run(sockets=[listener])
        say(f"stopped; every answer is in {folder}")


def open_view(
    folder: Path,
    batch: int,
    guess: bool,
    goal: int | None,
    target: float | None,
    config_dir: Path | None,
) -> View:
    """A session and a thread with its own one that chooses rows and measures."""
    session, own = Session.open(folder, config_dir), Session.open(folder, config_dir)

    def choose(annotator: str) -> int:
        count = len(own.suggest(batch, annotator))
        spare_what_is_loaded()
        return count

    def measure() -> None:
        answers = len(own.ledger.answers)
        before = own.store.decided(ESTIMATE)
        if before and before[-1]["answers"] == answers:
            return
        own.store.decide(ESTIMATE, stored_estimate(own.estimate(target), answers))

    return View(session, batch, guess, Background(choose, measure, own.close), goal, target)


@cache
def spare_what_is_loaded() -> None:
    """Exempt loaded libraries from garbage collection, which would delay key presses."""
    gc.collect()
    gc.freeze()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; OSError in a sentence where it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(f"{host} is no address to listen on: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(
            f"{host} port {port} cannot be listened on ({error.strerror}); wanted another --host "
            "or --port, 0 for any that is free"
        ) from error
    return listener


def address(host: str, port: int, token: str | None) -> str:
    """The address to open; for all interfaces, with this machine's name."""
    anywhere = host not in LOOPBACK and is_unspecified(host)
    name = socket.gethostname() if anywhere else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def is_unspecified(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:  # a name
        return False
