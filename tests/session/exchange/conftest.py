"""The server that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from tests.session.exchange.server import TOKEN, Server, server


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("studio")) as found:
        yield found


@pytest.fixture
def studio(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, whose token is where commands look for it."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    return running
