"""Rows that come into a session together, whatever they were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from al_bench.state import Floats


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
