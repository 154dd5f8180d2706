"""What the parsers of commands with examples have in common."""

from __future__ import annotations

import argparse


def with_examples(name: str, about: str, examples: str) -> argparse.ArgumentParser:
    """A parser whose help ends in examples, as they are written."""
    return argparse.ArgumentParser(
        f"albench {name}",
        description=about,
        epilog=f"examples:{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
