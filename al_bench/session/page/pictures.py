"""Images of rows as a browser may be given them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from al_bench.datasets.images import decode

LARGEST = 256 * 2**20  # bytes of a file that is read
SIDE = 1600  # pixels of the longer side; more are not seen on a page


def shown(path: Path) -> bytes:
    """An image file as JPEG of at most SIDE pixels a side.

    It is decoded and written anew, so that nothing but pixels gets to the browser, whatever the
    file says it is. ValueError, without the folder's name, where it is no image that can be read.
    """
    from PIL import ImageOps

    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.name} is larger than {LARGEST:,} bytes, too large to be shown")
        encoded = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from error
    image = ImageOps.exif_transpose(decode(encoded, path.name))
    image.thumbnail((SIDE, SIDE))
    written = BytesIO()
    image.save(written, "JPEG", quality=90)
    return written.getvalue()
