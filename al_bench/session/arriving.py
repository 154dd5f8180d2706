"""Rows that come into a session together, whatever they were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from al_bench.state import Floats


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what, and which split of a data set is read.

    text, image: what is to be labelled, texts or image files; label: labels that are there already;
    id: the rows' own names. None: there is no such column; neither text nor image: "text".
    """

    text: str | None = None
    image: str | None = None
    label: str | None = None
    id: str | None = None
    split: str = "train"

    def __post_init__(self) -> None:
        if self.text is not None and self.image is not None:
            raise ValueError(
                f"both text={self.text!r} and image={self.image!r} are given; wanted one of them"
            )

    def or_else(self, other: Columns) -> Columns:
        """These, or the others' where none of these is named; without labels."""
        return replace(self if self.named else other, label=None, split=self.split)

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that are said to be there."""
        names = (self.text, self.image, self.label, self.id)
        return tuple(name for name in names if name is not None)


@dataclass(frozen=True)
class Arriving:
    """Rows that come together.

    where: for errors; names: (n,) their own, or None; given: (n,) labels by class name that are
    there already, None where a row has none; by modality: texts (n,); of images paths, or encoded
    images that have no file yet, with digests of their content; features (n, d) and, if they bring
    one, the prior (n, k).
    """

    where: str
    modality: str
    names: Sequence[str] | None = None
    given: Sequence[str | None] | None = None
    texts: Sequence[str] | None = None
    paths: Sequence[str] | None = None
    digests: Sequence[str] | None = None
    encoded: Sequence[bytes] | None = None
    features: Floats | None = None
    prior: Floats | None = None

    def __len__(self) -> int:
        for rows in (self.texts, self.digests, self.features):
            if rows is not None:
                return len(rows)
        return 0

    def ids(self, start: int) -> list[str]:
        """(n,) the rows' own names, or their numbers from `start` on."""
        return list(self.names or map(str, range(start, start + len(self))))

    @property
    def key(self) -> str:
        """sha256 of the content of the rows, in their order."""
        whole = sha256(self.modality.encode())
        if self.features is not None:
            whole.update(repr(self.features.shape).encode())
            whole.update(self.features.tobytes())
        for part in self.texts or self.digests or ():
            content = part.encode("utf-8", "surrogatepass")
            whole.update(b"%d\n" % len(content) + content)
        return whole.hexdigest()
