"""Results kept outside the repository come from a server or a folder, whole or not at all."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from al_bench import __version__
from al_bench.analysis.artifacts import read_list
from al_bench.cli.main import main

CONTENT = {"savings.parquet": b"s" * 3_000_000, "details/savings.parquet": b"details"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose results were packed, listed and taken out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name, content in CONTENT.items():
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    names = [f"results/{name}" for name in CONTENT]
    assert main(["fetch", "--pack", "release", "--source", "release", *names]) == 0
    (tmp_path / "results" / "artifacts.json").write_bytes(
        Path("release/artifacts.json").read_bytes()
    )
    for name in CONTENT:
        (tmp_path / "results" / name).unlink()
    return tmp_path


class Handler(BaseHTTPRequestHandler):
    """Gives the packed files; `cut` bytes at most, from the byte asked for unless `deaf`."""

    folder, cut, deaf = Path(), 10**9, False
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        begin = self.headers["Range"]
        self.asked.append((self.path, begin))
        path = self.folder / self.path.rpartition("/")[2]
        if not path.is_file():
            self.send_error(404)
            return
        start = int(begin[6:-1]) if begin and not self.deaf else 0
        rest = path.read_bytes()[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.cut])

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(here: Path) -> Iterator[tuple[str, type[Handler]]]:
    handler = type("Own", (Handler,), {"folder": here / "release", "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}", handler
        served.shutdown()


def there(here: Path) -> dict[str, bytes]:
    """What lies in the results besides the list."""
    found = {p.relative_to(here / "results").as_posix(): p for p in here.glob("results/**/*")}
    return {n: p.read_bytes() for n, p in found.items() if p.is_file() and n != "artifacts.json"}


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence that a command which fails ends in."""
    capsys.readouterr()
    assert main(["fetch", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_the_list_has_size_and_checksum_of_each_file(here: Path) -> None:
    said = json.loads((here / "results" / "artifacts.json").read_text())
    assert {one["name"]: one["bytes"] for one in said["files"]} == {
        name: len(content) for name, content in CONTENT.items()
    }
    assert sorted(path.name for path in (here / "release").iterdir()) == [
        "artifacts.json", "details__savings.parquet", "savings.parquet",
    ]  # fmt: skip


def test_all_files_come_from_the_source_of_the_list_and_are_then_skipped(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch"]) == 0
    assert there(here) == CONTENT
    capsys.readouterr()
    assert main(["fetch", "--from", "nowhere"]) == 0
    assert capsys.readouterr().out.count(" is there\n") == 2


@pytest.mark.parametrize("name", ["savings", "savings.parquet", "details/savings"])
def test_one_file_is_named_with_or_without_its_suffix(here: Path, name: str) -> None:
    assert main(["fetch", name]) == 0
    assert list(there(here)) == [f"{name.removesuffix('.parquet')}.parquet"]


def test_a_server_is_asked_for_the_installed_version(
    here: Path, server: tuple[str, type[Handler]]
) -> None:
    url, handler = server
    assert main(["fetch", "--from", f"{url}/v{{version}}"]) == 0
    assert there(here) == CONTENT
    assert [path for path, _ in handler.asked] == [
        f"/v{__version__}/details__savings.parquet", f"/v{__version__}/savings.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize("deaf", [False, True], ids=["goes on", "starts again"])
def test_a_cut_download_goes_on_or_starts_again(
    here: Path,
    server: tuple[str, type[Handler]],
    capsys: pytest.CaptureFixture[str],
    deaf: bool,
) -> None:
    url, handler = server
    handler.cut, handler.deaf = 1_000_000, deaf
    said = refused(["savings", "--from", url], capsys)
    assert "savings.parquet was cut off after 1000000 of 3000000 bytes; the same command" in said
    assert not (here / "results" / "savings.parquet").exists()
    handler.cut = 10**9
    assert main(["fetch", "savings", "--from", url]) == 0
    assert there(here) == {"savings.parquet": CONTENT["savings.parquet"]}
    assert handler.asked[-1][1] == "bytes=1000000-"


def test_what_is_left_of_too_long_a_download_is_not_gone_on_from(
    here: Path, server: tuple[str, type[Handler]]
) -> None:
    (sha256,) = (one.sha256 for one in read_list(here / "results").named(["savings"]))
    (here / "results" / f"savings.parquet.{sha256[:12]}.part").write_bytes(b"x" * 3_000_001)
    assert main(["fetch", "savings", "--from", server[0]]) == 0
    assert there(here) == {"savings.parquet": CONTENT["savings.parquet"]}


@pytest.mark.parametrize("more", [b"", b"and more"], ids=["other bytes", "too many bytes"])
def test_another_checksum_is_refused_and_nothing_is_left(
    here: Path, server: tuple[str, type[Handler]], capsys: pytest.CaptureFixture[str], more: bytes
) -> None:
    content = CONTENT["savings.parquet"] + more if more else b"x" * 3_000_000
    (here / "release" / "savings.parquet").write_bytes(content)
    for source in (server[0], "release"):
        said = refused(["savings", "--from", source], capsys)
        assert f"what {source} has as savings.parquet is not savings.parquet of the list" in said
        assert there(here) == {}


def test_what_is_not_there_is_said(
    here: Path, server: tuple[str, type[Handler]], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "release" / "savings.parquet").unlink()
    assert "savings.parquet: 404 Not Found; wanted" in refused(["--from", server[0]], capsys)
    assert "no savings.parquet in the folder release" in refused(["savings"], capsys)
    assert "demo is not among the files kept outside: details/savings.parquet" in refused(
        ["demo"], capsys
    )
    assert "no elsewhere/artifacts.json; wanted" in refused(["--results", "elsewhere"], capsys)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/savings.parquet cannot be reached"),
        ("ftp://127.0.0.1", "ftp://127.0.0.1 is neither a folder nor a URL of http or https"),
    ],
)
def test_a_source_that_cannot_be_reached_is_said(
    here: Path, capsys: pytest.CaptureFixture[str], source: str, message: str
) -> None:
    assert message in refused(["savings", "--from", source], capsys)


def test_no_network_is_used_where_none_is_allowed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "allows no network" in refused(["savings", "--from", "https://x.invalid"], capsys)


def test_a_file_of_ones_own_is_kept_unless_told(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = here / "results" / "savings.parquet"
    own.write_bytes(b"mine")
    assert "is there and is not the listed file" in refused(["savings"], capsys)
    assert own.read_bytes() == b"mine"
    assert main(["fetch", "savings", "--replace"]) == 0
    assert own.read_bytes() == CONTENT["savings.parquet"]


def test_a_full_disk_is_said_and_nothing_is_left(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def seek(self, place: int) -> int:
            return int(self.file.seek(place))

        def write(self, block: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    whole = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda p, mode="r", **o: Full(whole(p, mode)) if "w" in mode else whole(p, mode, **o),
    )
    assert "no room for the 3000000 bytes of savings.parquet in results" in refused(
        ["savings"], capsys
    )
    assert there(here) == {}


@pytest.mark.parametrize("name", ["../x", "/etc/x", "", "a\\b"])
def test_a_list_that_leads_out_of_the_results_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    files = [{"name": name, "bytes": 1, "sha256": "0"}]
    (here / "results" / "artifacts.json").write_text(json.dumps({"source": "x", "files": files}))
    assert "is no path below the results" in refused([], capsys)


def test_only_results_are_packed_and_under_names_of_their_own(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "other").write_bytes(b"")
    assert "other is not below results" in refused(["--pack", "out", "other"], capsys)
    for name in ("a/b", "a__b"):
        (here / "results" / name).parent.mkdir(exist_ok=True)
        (here / "results" / name).write_bytes(b"")
    assert "would have one name" in refused(
        ["--pack", "out", "results/a/b", "results/a__b"], capsys
    )
    assert not (here / "out").exists()


def test_a_list_of_nothing_has_nothing_to_fetch(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "results" / "artifacts.json").write_text('{"source": "", "files": []}')
    assert main(["fetch"]) == 0
    assert "nothing lies outside results" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["report --parquet", "claim"])
def test_a_command_that_lacks_listed_results_says_how_to_get_them(
    here: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([*command.split(), "experiment=savings"]) == 1
    assert "`albench fetch savings` brings them" in capsys.readouterr().err
    assert main([*command.split(), "experiment=demo"]) == 1
    assert "fetch" not in capsys.readouterr().err
