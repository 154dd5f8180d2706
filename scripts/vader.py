"""Make vader.npz: short texts of four sources, each rated by 15 or more people.

    pip download --no-deps --no-binary :all: vaderSentiment==2.5
    python scripts/vader.py vaderSentiment-2.5.tar.gz

A rating below, at or above zero is a vote for negative, neutral or positive; the class is the
plurality. Texts without one winner, and repetitions of a text, are left out.
"""

import ast
import html
import io
import tarfile

import numpy as np
from shipped import source, split, write

SDIST = "b960c954831f5ca58afee61780cc04ed48e551b91e783bfcbfb2c18bb8081a84"
INNER = "vaderSentiment-2.5/additional_resources/hutto_ICWSM_2014.tar.gz"
SOURCES = ("tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets")
FEWEST_RATINGS = 15


def table(tar: tarfile.TarFile, name: str) -> list[list[str]]:
    file = tar.extractfile(f"hutto_ICWSM_2014/{name}.txt")
    assert file is not None
    return [line.split("\t", 2) for line in file.read().decode("utf-8-sig").splitlines() if line]


def main() -> None:
    with tarfile.open(source(SDIST, "pip download vaderSentiment==2.5")) as outer:
        file = outer.extractfile(INNER)
        assert file is not None
        packed = io.BytesIO(file.read())
    votes: dict[str, np.ndarray] = {}
    for name in SOURCES:
        with tarfile.open(fileobj=packed) as inner:
            texts = {row[0]: row[2] for row in table(inner, f"{name}_GroundTruth")}
            rated = table(inner, f"{name}_anonDataRatings")
        packed.seek(0)
        for key, _, rest in rated:
            ratings = rest.split("\t", 1)[1]
            signs = np.sign(ast.literal_eval(ratings)).astype(int)
            text = " ".join(html.unescape(texts[key]).split())
            if text and len(signs) >= FEWEST_RATINGS:
                votes.setdefault(text, np.bincount(signs + 1, minlength=3))
    won = {text: count for text, count in votes.items() if (count == count.max()).sum() == 1}
    contents = [text.encode() for text in won]
    counts = np.array(list(won.values()))
    labels = counts.argmax(axis=1).tolist()
    train, test = split(labels, contents)
    splits = {"train": train, "test": test}
    write("vader", "text", ["negative", "neutral", "positive"], splits, contents, labels, counts)


if __name__ == "__main__":
    main()
