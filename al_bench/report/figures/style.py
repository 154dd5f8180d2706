"""The style of all figures: a colour and a dash per method, legends, files without dates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from textwrap import fill, wrap
from typing import Any, TypeAlias, TypeVar
from zlib import crc32

import numpy as np

from al_bench.report.analysis import Analysis
from al_bench.report.keys import Method
from al_bench.report.names import plainest
from al_bench.report.tables.render import DAGGER

T = TypeVar("T")
Looks: TypeAlias = Mapping[Method, Mapping[str, Any]]  # line style of each method
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
LINES, GREY = 7, "#D0D0D0"  # most lines in colour, and the colour of all others
STYLE = Path(__file__).with_name("figures.mplstyle")
EXACT = 160  # colours of a stored PNG that are kept exactly


def looks(analysis: Analysis) -> Looks:
    """The line style and legend name of each method: ours on top, of many the first in colour."""
    methods, readers, ours = analysis.methods, analysis.oracles, analysis.roles.ours
    named = {*methods[:LINES]}
    if len(methods) > LINES:
        random = plainest(m for m in methods if strategy_of(m) == "random")[:1]
        named = {*methods[: LINES - len(random)], *random}
    hues, order = colours(methods), sorted(methods)
    found = {}
    for method in methods:
        variants = plainest(m for m in methods if strategy_of(m) == strategy_of(method))
        style = {
            "color": hues[method],
            "marker": MARKERS[order.index(method) % len(MARKERS)],
            "linewidth": 1.3,
            "zorder": 3,
            "linestyle": DASHES[variants.index(method) % len(DASHES)],
            "markeredgewidth": 0,
            "label": legend_name(analysis, method),
        }
        if method in readers:
            style |= {"color": "#222222", "marker": "", "linewidth": 1.0, "linestyle": (0, (3, 2))}
        if method in ours:
            style |= {"linewidth": 2.2, "zorder": 5}
        if method not in named:
            style |= {"color": GREY, "marker": "", "linewidth": 0.8, "zorder": 1, "label": "others"}
        found[method] = style
    return found


def legend_name(analysis: Analysis, method: Method) -> str:
    name = analysis.names.method(method)
    return f"{name} {DAGGER} reads the truth" if method in analysis.oracles else name


def strategy_of(method: Method) -> str:
    """The option of the strategy only, without parameters, supervision or start."""
    return method.choice("strategy").option


def colours(methods: Sequence[Method]) -> dict[Method, str]:
    """A colour by strategy name, the same in every figure; distinct while there are enough hues."""
    strategies = sorted(set(map(strategy_of, methods)))
    chosen = {name: KNOWN[name] for name in strategies if name in KNOWN}
    for name in strategies:
        if name not in chosen:
            first = crc32(name.encode()) % len(COLOURS)
            turned = COLOURS[first:] + COLOURS[:first]
            free = [colour for colour in turned if colour not in chosen.values()]
            chosen[name] = (free or turned)[0]
    return {method: chosen[strategy_of(method)] for method in methods}


@contextmanager
def styled() -> Iterator[None]:
    """Use the style for figures made inside; matplotlib's settings are restored."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(mpl.rc_params_from_file(STYLE, use_default_template=False))
        yield


def panels(count: int, width: float, height: float, columns: int) -> tuple[Any, list[Any]]:
    """A figure of small multiples and its axes; it needs no display."""
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


def small_multiples(
    analysis: Analysis, parts: Sequence[T], draw: Callable[[Any, T, Looks], None], columns: int = 3
) -> Any:
    """A figure with one panel per part, drawn with the looks of the methods, and one legend."""
    many = len(parts) > 2 * columns
    size = (4.4, 3.2) if len(parts) == 1 else (2.1, 1.75) if many else (3.4, 2.75)
    figure, axes = panels(len(parts), *size, 4 if many else columns)
    styles = looks(analysis)
    for axis, part in zip(axes, parts, strict=True):
        draw(axis, part, styles)
    once(axes)
    legend(figure, axes, analysis)
    return figure


def legend(figure: Any, axes: Sequence[Any], analysis: Analysis) -> None:
    """One legend in the order of mean ranks: next to a single panel, else below all panels."""
    handles: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    names = [legend_name(analysis, method) for method in analysis.methods]
    order = [name for name in dict.fromkeys([*names, *handles]) if name in handles]
    shown = [handles[label] for label in order]
    if len(axes) > 1:
        legend_below(figure, shown, order, handlelength=2.6)
        return
    wide, high = figure.get_size_inches()
    figure.set_size_inches(wide + 0.065 * max(map(len, order)) + 0.6, high)
    figure.legend(shown, order, loc="outside right upper", handlelength=2.6)


def legend_below(figure: Any, handles: list[Any], labels: list[str], handlelength: float) -> None:
    wide, high = figure.get_size_inches()
    columns = max(min(int(wide / (0.065 * max(map(len, labels)) + 0.6)), len(labels)), 1)
    figure.set_size_inches(wide, high + 0.17 * -(-len(labels) // columns))
    place = {"loc": "outside lower center", "ncols": columns}
    figure.legend(handles, labels, handlelength=handlelength, **place)


def once(axes: Sequence[Any]) -> None:
    """Keep axis labels only on the left and bottom panels."""
    columns = axes[0].get_gridspec().ncols
    for number, axis in enumerate(axes):
        if number % columns:
            axis.set_ylabel("")
        if number + columns < len(axes):
            axis.set_xlabel("")


def save(figure: Any, stem: Path) -> list[Path]:
    """Write <stem>.png and <stem>.pdf without dates or program names: same figure, same bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    png, pdf = (stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "pdf"))
    wrap_titles(figure)
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")  # the layout is computed once for both files
    box = figure.get_tightbbox().padded(0.06)
    save_png(figure, png, box)
    bare = {"CreationDate": None, "Producer": None, "Creator": None}
    figure.savefig(pdf, metadata=bare, bbox_inches=box)
    return [png, pdf]


def save_png(figure: Any, path: Path, box: Any = "tight") -> None:
    """Write a figure as PNG in 256 colours, frequent hues exactly; box: the part, in inches."""
    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None}, bbox_inches=box)
    image = Image.open(drawn).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3).astype(np.int64)
    codes, place, count = np.unique(
        pixels @ [65536, 256, 1], return_inverse=True, return_counts=True
    )
    every = np.stack([codes // 65536, codes // 256 % 256, codes % 256], axis=1)
    hues = np.ptp(every, axis=1) > 0  # greys are the edges of letters and need few colours,
    hues |= (every == int(KNOWN["random"][1:3], 16)).all(axis=1)  # except the line of random
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
    """Break each panel's title into at most two lines no wider than the panel, all in small letters
    where one needs to be."""
    figure.get_layout_engine().execute(figure)
    wide = [axis.get_window_extent().width / figure.dpi for axis in figure.axes]
    titles = [axis.get_title("left") for axis in figure.axes]
    letters = [max(int(width / 0.078), 12) for width in wide]
    look = {}
    if any(len(wrap(*pair)) > 2 for pair in zip(titles, letters, strict=True)):
        letters = [max(int(width / 0.055), 12) for width in wide]
        look = {"fontsize": 6.2, "fontweight": "normal"}
    for axis, title, most in zip(figure.axes, titles, letters, strict=True):
        axis.set_title(fill(title, most, max_lines=2, placeholder=" ..."), **look)
