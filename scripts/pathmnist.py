"""Make a pathmnist folder for AL_BENCH_DATA from medmnist's file (28 x 28 pixels).

    python scripts/pathmnist.py pathmnist.npz FOLDER    (writes FOLDER/pathmnist/*.parquet)

The npz comes from https://medmnist.com (or ``pip install medmnist`` and its download). The
validation split is left out.
"""

import io
import sys
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

NAMES = [
    "adipose tissue",
    "background",
    "debris",
    "lymphocytes",
    "mucus",
    "smooth muscle",
    "normal colon mucosa",
    "cancer-associated stroma",
    "colorectal adenocarcinoma epithelium",
]


def png(pixels: np.ndarray) -> dict[str, object]:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} pathmnist.npz FOLDER")
    folder = Path(sys.argv[2]) / "pathmnist"
    folder.mkdir(parents=True, exist_ok=True)
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=NAMES))
    with np.load(sys.argv[1], allow_pickle=False) as arrays:
        for split in ("train", "test"):
            images = [png(pixels) for pixels in arrays[f"{split}_images"]]
            columns = {"image": images, "label": arrays[f"{split}_labels"].ravel()}
            table = datasets.Dataset.from_dict(columns, features=features)
            table.to_parquet(folder / f"{split}.parquet")


if __name__ == "__main__":
    main()
