"""The server: where it listens, what it says, and how it ends."""

import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from al_bench.cli.main import main
from al_bench.labelling import Session
from al_bench.labelling.page.serve import address, listening, open_view
from al_bench.labelling.store import AUDIT, Note
from tests.labelling.data import new
from tests.labelling.page.pages import made

CODE = "import sys; from al_bench.cli.main import main; sys.exit(main())"


def test_an_address_that_others_can_reach_holds_the_token() -> None:
    assert address("127.0.0.1", 8765, None) == "http://127.0.0.1:8765/"
    assert address("::1", 8765, None) == "http://[::1]:8765/"
    assert address("lab.example", 80, "secret") == "http://lab.example:80/?token=secret"
    for host in ("0.0.0.0", "::"):  # all interfaces: this machine's name
        assert re.fullmatch(r"http://[\w.-]+:80/\?token=secret", address(host, 80, "secret"))


def test_a_port_that_is_taken_and_a_host_of_others_are_said() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"port {port} cannot be listened on .*in use"):
            listening("127.0.0.1", port)
    with pytest.raises(OSError, match=r"192\.0\.2\.1 port 0 cannot be listened on"):
        listening("192.0.2.1", 0)
    with pytest.raises(OSError, match=r"no-host\.invalid is no address to listen on"):
        listening("no-host.invalid", 0)


def test_the_command_says_in_a_sentence_where_there_is_no_session(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["session", "label", str(tmp_path), "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert said == f"albench: {tmp_path} is no session: it has no file session.sqlite\n"


def test_numbers_that_make_no_sense_are_bad_usage(tmp_path: Path) -> None:
    for option, value in (("batch", "0"), ("batch", "many"), ("port", "70000"), ("port", "-1")):
        assert main(["session", "label", str(tmp_path), f"--{option}={value}"]) == 2


def test_the_command_says_which_package_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "al_bench.labelling.page.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["session", "label", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said == "albench: the labelling page needs uvicorn: pip install 'al-bench[labelling]'\n"


def test_who_comes_second_is_shown_some_rows_of_the_first_without_the_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new(tmp_path, overlap=0.2).close()
    labelling = open_view(tmp_path / "session", 20, True, None, None, None)
    monkeypatch.setattr(labelling.background, "want_rows", lambda annotator: None)  # one batch each
    for annotator in ("ann", "bob"):
        labelling.background.choose(annotator)
        while (shown := labelling.work(annotator))["ask"] is not None:
            one = shown["ask"]
            labelling.answer(annotator, one.number, "praise", 1.0, Note())
            said = labelling.work(annotator)["last"]
            assert ("the model guessed" in said) == (one.kind != AUDIT)
    labelling.close()
    with Session.open(tmp_path / "session") as session:
        who = Counter(one.row for one in session.store.answers())
        assert Counter(who.values()) == {1: 32, 2: 4}


def test_beyond_this_machine_the_token_is_needed_and_an_interrupt_ends_it(tmp_path: Path) -> None:
    made(tmp_path / "reviews").close()
    arguments = ["session", "label", str(tmp_path / "reviews"), "--host", "0.0.0.0", "--port", "0"]
    server = subprocess.Popen(
        [sys.executable, "-c", CODE, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        found = re.search(r"http://[^/]*:(\d+)/\?token=(\S+)", server.stdout.readline())
        assert found is not None
        here = f"http://127.0.0.1:{found[1]}/name"
        with pytest.raises(HTTPError, match="403"):
            urlopen(here)
        assert urlopen(f"{here}?token={found[2]}").status == 200
    finally:
        server.send_signal(signal.SIGINT)
        last = server.communicate(timeout=60)[0]
    assert "every answer is in" in last
    assert server.returncode == 0
