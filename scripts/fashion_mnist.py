"""Make fashion_mnist.npz: the first 500 training and 100 test images of each class.

    apt-get download dataset-fashion-mnist=0.0~git20200523.55506a9-1
    python scripts/fashion_mnist.py dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb

Images are stored as lossless WebP, so the pixels are the package's.
"""

import gzip
import io

import numpy as np
from PIL import Image
from shipped import deb_files, source, write

DEB = "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"
NAMES = [
    "t-shirt or top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
]
PER_CLASS = {"train": 500, "t10k": 100}


def idx(packed: bytes) -> np.ndarray:
    """An array in the IDX format: a magic number ending in the number of axes, sizes, bytes."""
    raw = gzip.decompress(packed)
    axes = raw[3]
    shape = np.frombuffer(raw, dtype=">i4", count=axes, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def webp(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(file, "WEBP", lossless=True, quality=100, method=6)
    return file.getvalue()


def main() -> None:
    package = deb_files(source(DEB, "apt-get download dataset-fashion-mnist"))
    arrays = {name.rsplit("/")[-1]: idx(file) for name, file in package if "-idx" in name}
    contents: list[bytes] = []
    labels: list[int] = []
    for part, count in PER_CLASS.items():
        classes = arrays[f"{part}-labels-idx1-ubyte.gz"]
        rows = np.sort(np.concatenate([np.flatnonzero(classes == c)[:count] for c in range(10)]))
        contents += [webp(image) for image in arrays[f"{part}-images-idx3-ubyte.gz"][rows]]
        labels += classes[rows].tolist()
    splits = {"train": range(5000), "test": range(5000, 6000)}
    write("fashion_mnist", "image", NAMES, splits, contents, labels)


if __name__ == "__main__":
    main()
