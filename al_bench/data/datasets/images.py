"""Images stored encoded and decoded on reading, so that a large pool is never held as pixels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from al_bench.core.state import Ints

if TYPE_CHECKING:
    from PIL.Image import Image

PIXEL_LIMIT = 40_000_000  # a larger image is a decompression bomb or a mistake


def decode(encoded: bytes, where: str) -> Image:
    """The image as RGB, on white; its size is read first, so that no decompression bomb unpacks."""
    from PIL import Image

    try:
        with Image.open(BytesIO(encoded)) as image:
            width, height = image.size
            if width * height > PIXEL_LIMIT:
                raise ValueError(f"it has {width} x {height} pixels; the limit is {PIXEL_LIMIT:,}")
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                layered = image.convert("RGBA")
                white = Image.new("RGBA", layered.size, "white")
                return Image.alpha_composite(white, layered).convert("RGB")
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{where} is not an image that can be read: {error}") from error


class Decoded(Sequence[Any]):
    @abstractmethod
    def image(self, row: int) -> Image:
        """The image of a row."""

    def __getitem__(self, position: Any) -> Any:
        rows = range(len(self))[position]
        return [self.image(row) for row in rows] if isinstance(rows, range) else self.image(rows)


@dataclass(frozen=True)
class EncodedImages(Decoded):
    """Images in one byte buffer: image i is ``buffer[offsets[i]:offsets[i + 1]]``."""

    buffer: NDArray[np.uint8]
    offsets: Ints
    where: str

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def image(self, row: int) -> Image:
        encoded = self.buffer[self.offsets[row] : self.offsets[row + 1]].tobytes()
        return decode(encoded, f"{self.where}: row {row}")
