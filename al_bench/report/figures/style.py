"""One look for all figures: a colour and a dash a method, files without dates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import IO, Any
from zlib import crc32

import numpy as np

from al_bench.analysis.keys import Method
from al_bench.analysis.names import plainest

# Okabe and Ito (2008) without yellow, then Tol's (2021) muted and bright hues for longer lists
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#882255", "#332288", "#999933", "#44AA99", "#AA4499", "#661100",
)  # fmt: skip
KNOWN = {
    "random": "#7F7F7F", "margin": "#0072B2", "entropy": "#56B4E9", "confidence": "#332288",
    "badge": "#E69F00", "coreset": "#44AA99", "galaxy": "#CC79A7", "direct": "#882255",
    "stratified": "#999933", "prioral": "#117733", "codecision": "#D55E00",
}  # fmt: skip
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (2.5, 1)))
DOTTED = {"color": "#222222", "linewidth": 1.0, "linestyle": (0, (1, 1.6)), "zorder": 2}
MARKERS = "osD^vPX*<>hp"
EXACT = 160  # of the colours of a stored PNG
RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 3.4,
    "figure.dpi": 160,  # laid out at the size it is saved in, so that no name is cut
    "savefig.dpi": 160,
    "pdf.fonttype": 3,  # type 42 names its fonts by a hash that differs between processes
    "axes.unicode_minus": True,
    "text.parse_math": False,  # names come from data
}


def plain(method: Method) -> str:
    """The option of the query rule alone: no parameters, training rule or start."""
    return method.choice("strategy").option


def colours(methods: Sequence[Method]) -> dict[Method, str]:
    """A colour by strategy name: the same in every figure, told apart as far as hues go."""
    strategies = sorted({plain(method) for method in methods})
    chosen = {name: KNOWN[name] for name in strategies if name in KNOWN}
    for name in strategies:
        if name not in chosen:
            first = crc32(name.encode()) % len(COLOURS)
            turned = COLOURS[first:] + COLOURS[:first]
            free = [colour for colour in turned if colour not in chosen.values()]
            chosen[name] = (free or turned)[0]
    return {method: chosen[plain(method)] for method in methods}


def dashes(methods: Sequence[Method], references: frozenset[Method]) -> dict[Method, Any]:
    """Variants of one strategy differ by dash; methods that read the truth are dashed finely."""
    chosen: dict[Method, Any] = {}
    for method in methods:
        same = [name for name in methods if plain(name) == plain(method)]
        number = plainest(same).index(method)
        chosen[method] = (0, (3, 2)) if method in references else DASHES[number % len(DASHES)]
    return chosen


def markers(methods: Sequence[Method]) -> dict[Method, str]:
    order = sorted(methods)
    return {method: MARKERS[order.index(method) % len(MARKERS)] for method in order}


@contextmanager
def styled() -> Iterator[None]:
    """The style, for the figures made inside; leaves matplotlib's settings as they were."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


def panels(count: int, width: float, height: float, columns: int) -> tuple[Any, list[Any]]:
    """A figure of small multiples and its axes; the figure knows no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = 2 if count == 4 else min(columns, count)
    down = math.ceil(count / across)
    figure = Figure(figsize=(width * across, height * down), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.set_visible(False)
    return figure, list(axes[:count])


def save(figure: Any, stem: Path) -> list[Path]:
    """Write <stem>.png and <stem>.pdf without dates or program names: same figure, same bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    png, pdf = (stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "pdf"))
    wrap_titles(figure)
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")  # laid out and measured once for both files
    box = figure.get_tightbbox().padded(0.06)
    save_png(figure, png, box)
    bare = {"CreationDate": None, "Producer": None, "Creator": None}
    figure.savefig(pdf, metadata=bare, bbox_inches=box)
    return [png, pdf]


def save_png(figure: Any, path: Path, box: Any = "tight") -> None:
    """Write a figure's pixels, without a program's name; box: the part of it, in inches."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None}, bbox_inches=box)
    store_png(drawn, path)


def store_png(drawn: IO[bytes] | Path, path: Path) -> None:
    """Write a PNG image in 256 colours, a third of the bytes: its most frequent hues as they are,
    all others as the nearest one that is kept."""
    from PIL import Image

    image = Image.open(drawn).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3).astype(np.int64)
    codes, place, count = np.unique(
        pixels @ [65536, 256, 1], return_inverse=True, return_counts=True
    )
    every = np.stack([codes // 65536, codes // 256 % 256, codes % 256], axis=1)
    hues = np.ptp(every, axis=1) > 0  # of greys, which are the edges of letters, a few will do
    exact = every[hues][np.argsort(-count[hues], kind="stable")[:EXACT]]
    others = image.quantize(256 - EXACT, dither=Image.Dither.NONE).getpalette() or []
    palette = np.concatenate([exact, np.reshape(others, (-1, 3))])
    parts = np.array_split(every, -(-len(every) // 1000))
    apart = [((part[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1) for part in parts]
    nearest = np.concatenate(apart).astype(np.uint8)[place]
    stored = Image.fromarray(nearest.reshape(image.height, image.width), mode="P")
    stored.putpalette(palette.astype(np.uint8).tobytes())
    stored.save(path, optimize=True)


def wrap_titles(figure: Any) -> None:
    """Break each panel's title into lines no wider than the panel, three at most."""
    figure.get_layout_engine().execute(figure)
    for axis in figure.axes:
        width = axis.get_window_extent().width / figure.dpi
        letters = max(int(width / 0.078), 12)
        axis.set_title(fill(axis.get_title("left"), letters, max_lines=3, placeholder=" ..."))
