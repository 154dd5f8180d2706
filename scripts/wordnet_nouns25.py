"""Make wordnet_nouns25.npz: the gloss of a noun, and which of 25 categories the noun is in.

    apt-get download wordnet-base=1:3.0-39
    python scripts/wordnet_nouns25.py wordnet-base_1%3a3.0-39_all.deb

A category keeps 22 % of its glosses, at least 250 where it has them: the natural long tail, at a
size that ships. Examples in the gloss are cut off; a gloss that more than one category has is left
out, one that occurs twice in a category is kept once.
"""

from shipped import deb_files, in_hash_order, source, split, write

DEB = "f4f96d4d5d19061916c66cbb889a0119e6a46f9655051f5fd42b7317e46ce4db"
LEXICOGRAPHER_FILES = {  # number in data.noun's second field; file 3 (unique beginners) is left out
    "artifact": 6,
    "person": 18,
    "plant": 20,
    "animal": 5,
    "act": 4,
    "communication": 10,
    "state": 26,
    "location": 15,
    "attribute": 7,
    "substance": 27,
    "cognition": 9,
    "group": 14,
    "food": 13,
    "body part": 8,
    "natural object": 17,
    "quantity": 23,
    "event": 11,
    "possession": 21,
    "time": 28,
    "process": 22,
    "natural phenomenon": 19,
    "relation": 24,
    "feeling": 12,
    "shape": 25,
    "motive": 16,
}
SHARE, AT_LEAST = 0.22, 250


def main() -> None:
    package = dict(deb_files(source(DEB, "apt-get download wordnet-base")))
    number = {file: label for label, file in enumerate(LEXICOGRAPHER_FILES.values())}
    categories: dict[str, set[int]] = {}
    for line in package["usr/fraction/wordnet/data.noun"].decode().splitlines():
        if line.startswith("  "):  # the licence, at the top of the file
            continue
        fields, gloss = line.split(" | ", 1)
        definition = gloss.split('; "')[0].strip()
        categories.setdefault(definition, set()).add(number.get(int(fields.split()[1]), -1))
    own = {text: min(labels) for text, labels in categories.items() if len(labels) == 1}
    texts = [text for text, label in own.items() if text and label >= 0]
    contents, labels = [text.encode() for text in texts], [own[text] for text in texts]

    kept: list[int] = []
    for label in range(len(LEXICOGRAPHER_FILES)):
        rows = in_hash_order([row for row, this in enumerate(labels) if this == label], contents)
        kept += rows[: max(round(SHARE * len(rows)), AT_LEAST)]
    contents, labels = [contents[row] for row in kept], [labels[row] for row in kept]
    train, test = split(labels, contents)
    splits = {"train": train, "test": test}
    write("wordnet_nouns25", "text", list(LEXICOGRAPHER_FILES), splits, contents, labels)


if __name__ == "__main__":
    main()
