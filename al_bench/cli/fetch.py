"""``albench fetch``: results kept outside the repository, and the folder that they come from."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from al_bench import __version__
from al_bench.analysis.artifacts import fetch, pack, read_list
from al_bench.cli.parsers import with_examples

ABOUT = "Bring results that lie in a release beside the repository, each with its checksum."
MORE = """
  albench fetch                                 # all that results/artifacts.json lists
  albench fetch savings --from ~/Downloads      # one file, from a folder
  albench fetch savings --from https://example.org/al_bench/v{version}
  albench fetch --pack build/artifacts --source URL results/savings.parquet  # the maker's side

What is there with the right checksum is skipped, a cut download goes on, and nothing takes a
file's place before its checksum is right. Copy the artifacts.json that --pack writes to results/.
"""


def main(arguments: Sequence[str]) -> int:
    """Fetch or pack some files, and say of each what was done."""
    options = parser().parse_intermixed_args(arguments)
    if options.pack:
        listed = pack([Path(name) for name in options.names], options.results, options.pack,
                      options.source)  # fmt: skip
        total = sum(one.bytes for one in listed.files)
        print(f"{options.pack}: {len(listed.files)} files of {total} bytes, and their list")
        return 0
    listed = read_list(options.results)
    wanted = listed.named(options.names)
    source = (options.origin or listed.source).replace("{version}", __version__)
    if wanted and not source:
        raise ValueError(f"the list in {options.results} names no source; wanted --from a URL or a "
                         "folder")  # fmt: skip
    for artifact in wanted:
        print(fetch(artifact, source, options.results, options.replace), flush=True)
    if not wanted:
        print(f"nothing lies outside {options.results}: all results are in it")
    return 0


def parser() -> argparse.ArgumentParser:
    made = with_examples("fetch", ABOUT, MORE)
    made.add_argument("names", nargs="*", metavar="NAME",
                      help="files of the list (default: all); with --pack, paths")  # fmt: skip
    made.add_argument("--from", dest="origin", metavar="URL_OR_FOLDER",
                      help="where they are (default: the release that the list names)")  # fmt: skip
    made.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER",
                      help="the folder they belong in (default: results)")  # fmt: skip
    made.add_argument("--replace", action="store_true", help="lose files that are not the listed")
    made.add_argument("--pack", type=Path, metavar="FOLDER", help="write a source, not results")
    made.add_argument("--source", default="", metavar="URL",
                      help="with --pack, the source that the list names")  # fmt: skip
    return made
