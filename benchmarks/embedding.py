"""What embedding costs beside a bare loop over the library, and what a cached prior costs.

    python benchmarks/embedding.py                  # throughput, image files, second use, memory
    python benchmarks/embedding.py --files          # image files alone
    python benchmarks/embedding.py --write          # and into results/benchmarks/embedding.md
    python benchmarks/embedding.py --rows 2048 --repeat 5     # longer, on a GPU for instance

Throughput: this package's encoder and a bare transformers or timm loop read the same rows of a
shipped data set in the same batches on the same device and threads, in turns, so that a busy
machine slows both; first as libraries are, then with `configuration.memory.keep`, as on the command
line. Seconds are the processor's (of the clock on a GPU). Image files: photographs of the size of
ImageNet's, made up, read from a folder with every core, decoded by one thread or by as many; by the
clock. Second use: opening the
stored embeddings of 50,000 rows and reading all of them, in a fresh process. Memory: the most a
process holds beyond its imports while it embeds a small and a large set of rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from pages import row

from al_bench.configuration.config import build
from al_bench.configuration.memory import keep
from al_bench.configuration.plan import plan
from al_bench.priors import images
from al_bench.priors.device import THREADS
from al_bench.problem.cache import embeddings as cache
from al_bench.state import Floats

OUTPUT = Path(__file__).parents[1] / "results" / "benchmarks" / "embedding.md"
BATCH = 64  # the encoders' own
SETS = {"text": ("wordnet_nouns25", "minilm"), "image": ("openclipart", "efficientnet_lite2")}
CACHED = 50_000
SMALL, LARGE = 4_000, 32_000  # rows of the memory table
WIDE = 1_280  # numbers of a row there


def bare_text(encoder: Any, texts: Sequence[str], ordered: bool) -> Floats:
    """A transformers loop as anybody writes it: tokenise, forward, masked mean, unit length."""
    import torch

    from al_bench.priors.sentence import loaded

    tokenizer, model = loaded(encoder)
    if ordered:  # which saves padding, and is what the encoder does
        texts = sorted(texts, key=len)
    parts = []
    for start in range(0, len(texts), BATCH):
        tokens = tokenizer(
            list(texts[start : start + BATCH]),
            padding=True,
            truncation=True,
            max_length=encoder.max_length,
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            states = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1)
            mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
            parts.append(torch.nn.functional.normalize(mean, dim=1).cpu().numpy())
    return np.concatenate(parts)


def bare_images(encoder: Any, images: Sequence[Any]) -> Floats:
    """A timm loop as anybody writes it: transform, forward, pooled features."""
    import torch

    from al_bench.priors.images import loaded

    model, transform = loaded(encoder)
    where = next(model.parameters()).device
    parts = []
    for start in range(0, len(images), BATCH):
        rows = range(start, min(start + BATCH, len(images)))
        batch = torch.stack([transform(images[row].convert("RGB")) for row in rows]).to(where)
        with torch.inference_mode():
            states = model.forward_head(model.forward_features(batch), pre_logits=True)
            parts.append(states.cpu().numpy())
    return np.concatenate(parts)


def throughput(rows: int, repeat: int) -> list[str]:
    """One line a loop: rows per second of the encoder and of the bare loop."""
    out = [row("data", "rows", "al_bench", "bare loop", "al_bench / bare"), row(*["---"] * 5)]
    for modality, (dataset, prior) in SETS.items():
        config = plan([f"dataset={dataset}", f"prior={prior}"])[0].config
        inputs = build(config.dataset).load().train.inputs
        count = rows if modality == "text" else rows // 8
        some = [inputs[i] for i in range(min(count, len(inputs)))]
        encoder = build(config.prior).encoder(modality)
        encoder.embed(some[:BATCH])  # weights, libraries
        for name, loop in LOOPS[modality].items():
            ours, theirs = in_turns(
                partial(encoder.embed, some), partial(loop, encoder, some), repeat
            )
            mine, bare = len(some) / ours, len(some) / theirs
            cells = (str(len(some)), f"{mine:.1f} /s", f"{bare:.1f} /s", f"{mine / bare:.2f}")
            out.append(row(f"{dataset}, {name}", *cells))
            print(out[-1], flush=True)
    return out


LOOPS: dict[str, dict[str, Callable[[Any, Sequence[Any]], Floats]]] = {
    "text": {
        "transformers": partial(bare_text, ordered=False),
        "transformers, texts sorted by length": partial(bare_text, ordered=True),
    },
    "image": {"timm": bare_images},
}


def image_files(folder: Path, count: int, repeat: int) -> list[str]:
    """One line a format: files a second, decoded by one thread and by as many as there are cores,
    which the forward passes have in both."""
    cores = str(os.cpu_count())
    encoder = build(plan(["prior=efficientnet_lite2"])[0].config.prior).encoder("image")
    out = [row("format", "files", "MB", "one thread", f"{cores} threads", "times as fast")]
    out.append(row(*["---"] * 6))
    for kind in ("jpeg", "png"):
        files = photographs(folder, kind, count)

        def read(threads: int, files: Sequence[Path] = files) -> Floats:
            with patch.object(images, "threads", lambda: threads):
                found: Floats = encoder.embed(files)
            return found

        with patch.dict(os.environ, {THREADS: cores}):
            read(1)  # weights, libraries
            many, one = in_turns(partial(read, int(cores)), partial(read, 1), repeat, perf_counter)
        size = sum(path.stat().st_size for path in files) / 1e6
        cells = (f"{count / one:.1f} /s", f"{count / many:.1f} /s", f"{one / many:.2f}")
        out.append(row(kind, f"{count}", f"{size:.0f}", *cells))
        print(out[-1], flush=True)
    return out


def photographs(folder: Path, kind: str, count: int) -> list[Path]:
    """Files of 500 x 375 pixels: smooth colours and a little noise, as cameras make it."""
    from PIL import Image

    rng, files = np.random.default_rng(0), []
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((500, 375))).astype(np.int16)
        pixels = np.clip(smooth + rng.integers(-3, 4, smooth.shape), 0, 255).astype(np.uint8)
        files.append(folder / f"{number}.{kind}")
        Image.fromarray(pixels).save(files[-1])
    return files


def in_turns(
    ours: Callable[[], Floats],
    theirs: Callable[[], Floats],
    repeat: int,
    clock: Callable[[], float] | None = None,
) -> tuple[float, float]:
    """Median seconds of each, the processor's or on a GPU the clock's, where no clock is given;
    both take the first turn."""
    from al_bench.priors.device import device

    if clock is None:
        clock = perf_counter if device().type == "cuda" else process_time
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * repeat):
        mine = turn % 4 in (0, 3)
        start = clock()
        (ours if mine else theirs)()
        seconds[mine].append(clock() - start)
    return median(seconds[True]), median(seconds[False])


class Drawn:
    """An encoder that computes nothing worth measuring, for what the cache itself costs."""

    key, dim = "drawn", WIDE

    def embed(self, inputs: Sequence[Any]) -> Floats:
        return np.random.default_rng(len(inputs)).standard_normal((len(inputs), WIDE), np.float32)


def second_use(folder: Path) -> list[str]:
    """One line: seconds to open (checksum included) and to read embeddings of 50,000 rows."""

    def use() -> tuple[float, float]:
        start = perf_counter()
        stored = cache.embeddings(folder, "b", "train", Drawn(), range(CACHED), progress=False)
        opened = perf_counter() - start
        float(stored.sum(dtype=np.float32))
        return opened, perf_counter() - start

    in_a_process(use)  # the first use computes and stores; this process must not know them
    opened, read = in_a_process(use)
    out = [row("rows", "shape", "opened, checksum included", "and read"), row(*["---"] * 4)]
    out.append(row(f"{CACHED:,}", f"x {WIDE} float16", f"{opened:.2f} s", f"{read:.2f} s"))
    print(out[-1], flush=True)
    return out


def memory(folder: Path) -> list[str]:
    """One line a size: mebibytes beyond the imports while rows are embedded and stored."""
    out = [row("rows", "features", "most memory"), row(*["---"] * 3)]
    for n in (SMALL, LARGE):

        def fill(n: int = n) -> float:
            before = resident()
            cache.embeddings(folder, f"m{n}", "train", Drawn(), range(n), progress=False)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before

        size = n * WIDE * 2 / 2**20
        out.append(row(f"{n:,}", f"{size:.0f} MiB on disk", f"{in_a_process(fill):.0f} MiB"))
        print(out[-1], flush=True)
    return out


def in_a_process(work: Callable[[], Any]) -> Any:
    """What `work` returns in a fork of this process, whose memory is its own."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=lambda: theirs.send(work()))
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    return found


def resident() -> float:
    """Mebibytes of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=1024, help="texts; an eighth as many images")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--files", action="store_true", help="read image files, nothing else")
    parser.add_argument("--write", action="store_true", help=f"also write {OUTPUT.name}")
    args = parser.parse_args()
    if args.files:
        keep()
        with tempfile.TemporaryDirectory() as folder:
            image_files(Path(folder), args.rows // 4, args.repeat)
        return
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    with tempfile.TemporaryDirectory() as folder:  # before torch is loaded: forks stay small
        kept, used = memory(Path(folder)), second_use(Path(folder))
    import torch

    from al_bench.priors.device import device

    where = torch.cuda.get_device_name() if device().type == "cuda" else "CPU"
    torch.set_num_threads(1)
    rates = throughput(args.rows, args.repeat)
    keep()
    more = throughput(args.rows, args.repeat)
    with tempfile.TemporaryDirectory() as folder:
        files = image_files(Path(folder), args.rows // 4, args.repeat)
    about = f"Made by `python benchmarks/embedding.py`; load average {load}; batches of {BATCH}."
    lines = ["# Embedding", "", about, "", f"## Throughput ({where}, one CPU thread)", "", *rates]
    lines += ["", "## Throughput where memory is kept, as commands do", "", *more]
    lines += [
        "",
        "## Image files of 500 x 375 pixels (every core, by the clock)",
        "",
        *files,
    ]
    lines += ["", "## Second use", "", *used, "", "## Memory", "", *kept]
    if args.write:
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
