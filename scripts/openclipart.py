"""Make openclipart.npz: clip art of 46 classes, 64 x 64 pixels on white.

    apt-get download openclipart-png=1:0.18+dfsg-19
    python scripts/openclipart.py openclipart-png_1%3a0.18+dfsg-19_all.deb

A class is one or more folders of the collection. Drawings are cropped to their content, padded to
a square and scaled down. Left out: files of more than 40 megapixels (several are decompression
bombs), empty ones, and near-duplicates, of which the first is kept (by class, then by name).
The bytes depend on the WebP encoder; the shipped file was made with Pillow 13.0.
"""

import io

import numpy as np
from PIL import Image, ImageChops
from shipped import deb_files, source, split, write

from al_bench.data.datasets.images import decode

DEB = "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02"
ROOT = "usr/fraction/openclipart/png/"
CLASSES = {  # class: folders; a folder includes those below it that no other class names
    "star": ["shapes/stars"],
    "flag": ["signs_and_symbols/flags"],
    "playing card": ["recreation/games/cards"],
    "map symbol": ["signs_and_symbols/map_symbols"],
    "mammal": ["animals/mammals"],
    "arrow": ["shapes/arrows"],
    "tool": ["tools"],
    "fruit": ["food/fruit"],
    "musical instrument or note": ["recreation/music"],
    "road sign": ["transportation/roadsigns"],
    "sport": ["recreation/sports"],
    "dessert": ["food/desserts"],
    "clothing": ["people/clothing"],
    "vehicle": ["transportation/vehicles"],
    "stick figure": ["people/stickmen"],
    "computer hardware": ["computer/hardware"],
    "beverage": ["food/beverages"],
    "insect or bug": ["animals/bugs"],
    "jigsaw piece": ["shapes/jigsaw"],
    "bird": ["animals/birds"],
    "smiley face": ["people/smilies"],
    "holiday": ["recreation/holiday"],
    "house": ["buildings/homes"],
    "boat": ["transportation/boating"],
    "flower": ["plants/flowers"],
    "weather symbol": ["signs_and_symbols/weather"],
    "weapon": ["tools/weapons"],
    "party": ["recreation/party"],
    "meat or eggs": ["food/meats_and_eggs"],
    "flowchart shape": ["shapes/flowchart"],
    "bread or pasta": ["food/breads_and_carbs"],
    "body part": ["people/bodypart"],
    "toy": ["recreation/toys", "tools/toys"],
    "clock": ["signs_and_symbols/clocks"],
    "speech bubble": ["shapes/callouts"],
    "book": ["education/books"],
    "religious symbol": ["recreation/religion"],
    "tree": ["plants/trees"],
    "astronomy": ["geography/astronomy", "science/astronomy"],
    "fish": ["animals/fish"],
    "telephone": ["office/telephone"],
    "dinosaur": ["animals/dinosaurs"],
    "chess piece": ["recreation/games/chess"],
    "vegetable": ["food/vegetables"],
    "furniture": ["buildings/furniture"],
    "button": ["computer/buttons", "buttons"],
}
SIDE = 64
ALIKE = 2.0  # mean squared difference of two 16 x 16 thumbnails, levels of 0..255 squared


def class_of(name: str) -> int | None:
    """The class of the deepest folder that holds the file."""
    folders = {folder: label for label, group in enumerate(CLASSES.values()) for folder in group}
    inside = [folder for folder in folders if name.startswith(f"{ROOT}{folder}/")]
    return folders[max(inside, key=len)] if inside else None


def drawing(png: bytes, name: str) -> Image.Image | None:
    """The content on a white square of 64 pixels a side, or None where it is of no use."""
    try:
        image = decode(png, name)
    except ValueError as error:
        print(f"left out: {error}")
        return None
    box = ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox()
    if box is None:
        print(f"left out: {name} is empty")
        return None
    image = image.crop(box)
    square = Image.new("RGB", (max(image.size),) * 2, "white")
    square.paste(image, tuple((max(image.size) - length) // 2 for length in image.size))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def distinct(images: list[Image.Image]) -> list[int]:
    """Rows that are not near-duplicates of an earlier kept one. O(n^2) in 768 numbers a row."""
    thumbnails = [np.asarray(image.resize((16, 16), Image.Resampling.BOX)) for image in images]
    points = np.stack(thumbnails).reshape(len(images), -1).astype(np.float64)
    lengths = (points**2).mean(axis=1)
    kept: list[int] = []
    for row, point in enumerate(points):
        apart = lengths[kept] + lengths[row] - 2 * points[kept] @ point / len(point)
        if not np.any(apart < ALIKE):
            kept.append(row)
    return kept


def webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80, method=6)
    return file.getvalue()


def main() -> None:
    Image.MAX_IMAGE_PIXELS = None  # decode has its own, lower limit
    found = []
    for name, png in deb_files(source(DEB, "apt-get download openclipart-png")):
        label = class_of(name) if name.endswith(".png") else None
        image = drawing(png, name) if label is not None else None
        if image is not None:
            found.append((label, name, image))
    found.sort(key=lambda row: row[:2])
    kept = [found[row] for row in distinct([image for _, _, image in found])]
    print(f"{len(found)} drawings, {len(kept)} of them distinct")
    contents = [webp(image) for _, _, image in kept]
    labels = [label for label, _, _ in kept]
    train, test = split(labels, contents)
    splits = {"train": train, "test": test}
    write("openclipart", "image", list(CLASSES), splits, contents, labels)


if __name__ == "__main__":
    main()
