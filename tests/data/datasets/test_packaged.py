"""The files that ship with the package, and images as they are read."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from al_bench.data.datasets import packaged
from al_bench.data.datasets.images import EncodedImages, decode
from al_bench.data.datasets.packaged import Packaged
from tests.data.datasets.conftest import CONFIGS, options

SHIPPED = {  # rows, rows, classes, largest and smallest training class
    "openclipart": (2928, 736, 46, 790, 7),
    "fashion_mnist": (5000, 1000, 10, 500, 500),
    "wordnet_nouns25": (14941, 3735, 25, 2036, 34),
    "vader": (18627, 4656, 3, 8256, 2909),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_set_has_the_rows_its_card_says(name: str) -> None:
    data = Packaged(**options(name)).load()
    counts = np.bincount(data.train.labels)
    found = (len(data.train), len(data.test), len(data.class_names), counts.max(), counts.min())
    assert found == SHIPPED[name]
    assert (Path(packaged.__file__).parent / "files" / f"{name}.LICENSE").is_file()


def test_the_demo_says_how_imbalanced_its_data_are() -> None:
    _, _, _, largest, smallest = SHIPPED["wordnet_nouns25"]
    demo = (CONFIGS.parent / "experiment" / "demo.yaml").read_text()
    assert f"the largest {largest / smallest:.0f} times the smallest" in demo


def test_shipped_images_are_decoded_one_at_a_time_when_read() -> None:
    data = Packaged("openclipart").load()
    assert isinstance(data.train.inputs, EncodedImages)
    image = data.train.inputs[5]
    assert (image.size, image.mode) == ((64, 64), "RGB")
    assert [i.tobytes() for i in data.train.inputs[4:6]][1] == image.tobytes()
    assert data.train.inputs[-1].size == (64, 64)
    with pytest.raises(IndexError):
        data.train.inputs[len(data.train)]


def test_class_names_go_with_their_class_numbers() -> None:
    data = Packaged("wordnet_nouns25").load()
    rows = list(zip(data.train.inputs, data.train.labels, strict=True))
    for clue, category in (("shrub", "plant"), ("cocktail", "food"), ("dog", "animal")):
        hits = [c for text, c in rows if clue in text]
        assert data.class_names[np.bincount(hits).argmax()] == category


def test_fashion_trousers_are_taller_and_sandals_darker_than_pullovers() -> None:
    data = Packaged("fashion_mnist").load()
    pixels = np.stack([np.asarray(data.test.inputs[i])[..., 0] for i in range(1000)]) / 255
    name = list(data.class_names).index
    mean = np.stack([pixels[data.test.labels == c].mean(axis=0) for c in range(10)])
    widths = (mean > 0.2).sum(axis=2).mean(axis=1)
    assert widths[name("trouser")] < widths[name("pullover")]
    assert mean[name("sandal")].mean() < mean[name("pullover")].mean()


def test_vader_votes_are_fifteen_or_more_and_their_plurality_is_the_label() -> None:
    data = Packaged("vader").load()
    votes = data.train.columns["votes"]
    assert votes.shape == (len(data.train), 3)
    assert votes.sum(axis=1).min() >= 15
    np.testing.assert_array_equal(votes.argmax(axis=1), data.train.labels)
    wrong = 1 - (votes / votes.sum(axis=1, keepdims=True))[np.arange(len(votes)), data.train.labels]
    assert wrong.mean() == pytest.approx(0.159, abs=0.01)


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_test_row_is_a_training_row(name: str) -> None:
    data = Packaged(**options(name)).load()
    plain = {"text": repr, "image": lambda image: np.asarray(image).tobytes()}[data.modality]
    train, test = ({plain(row) for row in split.inputs[:]} for split in (data.train, data.test))
    assert not train & test


def test_a_changed_or_unknown_shipped_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packaged.SHA256, "vader", "0" * 64)
    with pytest.raises(ValueError, match=r"vader.npz has sha256 .* wanted 000000"):
        Packaged("vader").load()
    with pytest.raises(ValueError, match="openclipart, fashion_mnist"):
        Packaged("clipart")


# images


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def test_a_corrupt_image_is_named_by_its_row() -> None:
    good = encoded(Image.new("RGB", (4, 4), "red"))
    parts = [good, good[:40], b"no image"]
    images = EncodedImages(
        np.frombuffer(b"".join(parts), dtype=np.uint8),
        np.cumsum([0, *map(len, parts)]),
        "mine train",
    )
    assert images[0].getpixel((0, 0)) == (255, 0, 0)
    for row in (1, 2):
        with pytest.raises(ValueError, match=f"mine train: row {row} is not an image"):
            images[row]


def test_a_decompression_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = encoded(Image.new("1", (20_000, 4_000)))
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match=r"row 3 .* 20000 x 4000 pixels; the limit is 40,000,000"):
        decode(bomb, "row 3")


def test_transparent_parts_are_white() -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    found = decode(encoded(image), "row 0")
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (10, 20, 30)]
