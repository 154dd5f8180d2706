"""The last fit's predictions, kept beside the database: who only reads a session fits nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from al_bench.session.portable import Portable, arrays_of, model_of, portable
from al_bench.state import Floats, State
from al_bench.supervision.delivered import Delivered

FILE = "fit.npz"


@dataclass(frozen=True)
class Kept:
    """What a fit came to. key: of all that decided it; number: of the fit; probs: (n, k) of the
    pool, as a user gets them, and so is model: None where it has no arrays to be kept."""

    key: str
    number: int
    probs: Floats
    model: Portable | None


@dataclass(frozen=True)
class Fit:
    """A fit in memory: of all that decided it, its number, 0 before any answer, and the state with
    its model."""

    key: str
    number: int
    state: State

    @property
    def kept(self) -> Kept:
        """What is kept of it."""
        given = Delivered(self.state)
        return Kept(self.key, self.number, given.pool, portable(given))


def keep(folder: Path, fit: Kept) -> None:
    """Write a fit to a temporary name, then rename it: a reader sees the last whole one."""
    arrays = {"key": np.array(fit.key), "number": np.array(fit.number), "probs": fit.probs}
    if fit.model is not None:
        arrays |= arrays_of(fit.model)
    temporary = folder / f"{uuid4().hex}.tmp"
    try:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        temporary.replace(folder / FILE)
    except OSError as error:
        raise OSError(error.errno, f"{folder} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def kept(folder: Path, key: str) -> Kept | None:
    """The fit of this key; None where it was never made, is an older one, or is damaged."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            if str(file["key"]) != key:
                return None
            arrays = {name: file[name] for name in file.files}
            model = model_of(arrays) if "weight" in arrays else None
            return Kept(key, int(arrays["number"]), arrays["probs"], model)
    except Exception:  # whatever numpy makes of such a file, the fit is made anew
        return None
