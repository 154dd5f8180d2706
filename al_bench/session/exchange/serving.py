"""One process that serves a machine-learning backend until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_urlsafe

from al_bench.session.exchange.backend import application
from al_bench.session.exchange.tasks import check_seen
from al_bench.session.page.app import LOOPBACK
from al_bench.session.page.serve import address, listening, until_stopped
from al_bench.session.session import Session


def serve(
    folder: Path,
    host: str,
    port: int,
    token: str | None,
    config_dir: Path | None,
    say: Callable[[str], None],
) -> None:
    """Serve a session's predictions until Ctrl-C.

    host, port: where to listen (port 0: any that is free); token: what Label Studio must know, None
    for a random one where `host` can be reached from other machines; config_dir: a folder of the
    user's own options; say: is given lines for the terminal. OSError where the address is taken,
    ValueError where there is no session, or nothing to see of its rows.
    """
    with listening(host, port) as listener:
        if token is None and host not in LOOPBACK:
            token = token_urlsafe(24)
            say(f"the password of the user albench is {token}")
        session = Session.open(folder, config_dir)
        check_seen(session.settings.modality)
        session.bench.last(session.bench.moment())  # so that the first question is soon answered
        say(f"{folder.name}: {address(host, listener.getsockname()[1], None)} (Ctrl-C stops)")
        until_stopped(application(session, token), listener)
        say(f"stopped; every answer is in {folder}")
