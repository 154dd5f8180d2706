"""Results that lie outside the repository: a list with their checksums, packed and fetched.

The list, ``artifacts.json`` in the folder of results, has the name, size and sha256 of each file
and a source: a URL, with ``{version}`` where the version of the package belongs, or a folder. Only
the list is trusted: what a source gives is taken where it has the checksum, and nowhere else.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from al_bench.content import digest, replaced

LIST = "artifacts.json"
BLOCK = 2**20  # bytes at a time
PATIENCE = 60  # seconds without a byte


@dataclass(frozen=True)
class Artifact:
    """A file of the list: its path below the results, its size and its checksum."""

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.name).parts
        if not parts or parts[0] == "/" or ".." in parts or "\\" in self.name:
            raise ValueError(f"{self.name!r} is no path below the results")

    @property
    def flat(self) -> str:
        """Its name in a source, which has no folders."""
        return self.name.replace("/", "__")


@dataclass(frozen=True)
class Listed:
    """What lies outside, and where."""

    source: str
    files: tuple[Artifact, ...]

    def named(self, names: Sequence[str]) -> list[Artifact]:
        """The files of these names, with or without their suffix; all without names.

        ValueError, with those that there are, for a name that is not listed.
        """
        known = {key: one for one in self.files for key in (one.name.rpartition(".")[0], one.name)}
        unknown = [name for name in names if name not in known]
        if unknown:
            there = ", ".join(one.name for one in self.files) or "nothing"
            raise ValueError(f"{unknown[0]} is not among the files kept outside: {there}")
        return [known[name] for name in names] if names else list(self.files)


def read_list(results: Path) -> Listed:
    """The list in a folder of results; FileNotFoundError or ValueError where there is none."""
    path = results / LIST
    try:
        said = json.loads(path.read_text("utf-8"))
        return Listed(str(said["source"]), tuple(Artifact(**one) for one in said["files"]))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"no {path}; wanted the folder results of a checkout, which lists what lies outside it"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no list of artifacts ({error})") from None


def hint(path: Path) -> str:
    """How to get results that are not there, if the list beside them has them; else nothing."""
    try:
        known = path.name in {one.name for one in read_list(path.parent).files}
    except (OSError, ValueError):
        return ""
    where = "" if path.parent.name == "results" else f" --results {path.parent}"
    return f"; `albench fetch {path.stem}{where}` brings them" if known else ""


def pack(paths: Sequence[Path], results: Path, out: Path, source: str) -> Listed:
    """Copy files below the results into a folder, flat, with the list of them.

    ValueError for a file outside of the results or two that would have one name.
    """
    below = results.resolve()
    homes = {}
    for path in paths:
        if not path.resolve().is_relative_to(below):
            raise ValueError(f"{path} is not below {results}; wanted results of this folder")
        name = path.resolve().relative_to(below).as_posix()
        homes[name] = Artifact(name, path.stat().st_size, digest(path))
    listed = Listed(source, tuple(homes[name] for name in sorted(homes)))
    if len({one.flat for one in listed.files}) < len(listed.files):
        raise ValueError("two of these files would have one name in a folder without folders")
    out.mkdir(parents=True, exist_ok=True)
    for one in listed.files:
        with replaced(out / one.flat) as temporary:
            shutil.copyfile(results / one.name, temporary)
    (out / LIST).write_text(json.dumps(asdict(listed), indent=1) + "\n", "utf-8")
    return listed


def fetch(artifact: Artifact, source: str, results: Path, replace: bool = False) -> str:
    """Bring one file of the list, and say what was done.

    It takes its place once its checksum is right. What came of a cut download is gone on from, if
    the source can. ValueError where another file is in its place, unless that may be replaced,
    where the checksum is wrong or the download cut; OSError where source or disk fail.
    """
    path = results / artifact.name
    if path.is_file():
        if digest(path) == artifact.sha256:
            return f"{path} is there"
        if not replace:
            raise ValueError(f"{path} is there and is not the listed file; move it away, or give "
                             "--replace to lose it")  # fmt: skip
    part = path.with_name(f"{path.name}.{artifact.sha256[:12]}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    if part.is_file() and part.stat().st_size > artifact.bytes:
        part.unlink()
    if not part.is_file() or part.stat().st_size < artifact.bytes:
        download(artifact, source, part)
    if part.stat().st_size < artifact.bytes:
        raise ValueError(f"{artifact.name} was cut off after {part.stat().st_size} of "
                         f"{artifact.bytes} bytes; the same command goes on")  # fmt: skip
    if digest(part) != artifact.sha256:
        part.unlink()
        raise ValueError(f"what {source} has as {artifact.flat} is not {artifact.name} of the list "
                         "(its sha256 differs); nothing was written")  # fmt: skip
    os.replace(part, path)
    return f"{path}: {artifact.bytes} bytes"


def download(artifact: Artifact, source: str, part: Path) -> None:
    """Add to the part what is missing of it, or write it anew; at most a byte too many."""
    there = part.stat().st_size if part.is_file() else 0
    with opened(source, artifact.flat, there) as (stream, begin):
        try:
            with part.open("r+b" if begin else "wb") as file:
                size = file.seek(begin)
                while size <= artifact.bytes and (block := stream.read(BLOCK)):
                    file.write(block[: artifact.bytes + 1 - size])
                    size += len(block)
        except HTTPException:
            return  # cut off
        except OSError as error:
            if error.errno == errno.ENOSPC:
                part.unlink(missing_ok=True)
                raise OSError(f"no room for the {artifact.bytes} bytes of {artifact.name} in "
                              f"{part.parent}") from None  # fmt: skip
            if error.filename is not None:  # the file's; what is left is the connection's
                raise


@contextmanager
def opened(source: str, name: str, begin: int) -> Iterator[tuple[IO[bytes], int]]:
    """A file of a source as a stream, and the byte it starts at: the one asked for, or 0."""
    if "://" not in source:
        try:
            with (Path(source).expanduser() / name).open("rb") as file:
                file.seek(begin)
                yield file, begin
        except FileNotFoundError as error:
            if error.filename is None or Path(error.filename).name != name:
                raise
            raise FileNotFoundError(f"no {name} in the folder {source}; wanted one that "
                                    "`albench fetch --pack` filled") from None  # fmt: skip
        return
    if not source.startswith(("https://", "http://")):
        raise ValueError(f"{source} is neither a folder nor a URL of http or https")
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise OSError(f"HF_HUB_OFFLINE=1 allows no network, and {source} needs it; "
                      "wanted --from FOLDER")  # fmt: skip
    url = f"{source.rstrip('/')}/{quote(name)}"
    request = Request(url, headers={"Range": f"bytes={begin}-"} if begin else {})
    try:
        answer = urlopen(request, timeout=PATIENCE)
    except HTTPError as error:
        raise OSError(f"{url}: {error.code} {error.reason}; wanted --from a release or a folder "
                      f"that has it") from None  # fmt: skip
    except (OSError, HTTPException) as error:
        why = getattr(error, "reason", error)
        raise OSError(
            f"{url} cannot be reached ({why}); `--from FOLDER` needs no network"
        ) from None
    with answer:
        yield answer, begin if answer.status == 206 else 0
