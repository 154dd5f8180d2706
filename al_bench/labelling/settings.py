"""A session's settings: classes, data and options, and the components that these name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from warnings import warn

from omegaconf import DictConfig, OmegaConf

from al_bench.core.hashing import UNSEEN
from al_bench.core.problem import reads_truth
from al_bench.core.state import AnnotatorSelection, LabelModel, Learner, Strategy, Supervision
from al_bench.crowd import Majority
from al_bench.data.datasets.check import check_names, check_prompts, spaced
from al_bench.data.types import Prior, Task
from al_bench.runs.component import identified
from al_bench.runs.config import OPTIONAL, instantiate, is_sweep, key_of
from al_bench.runs.plan import plan

DEFAULTS: Mapping[str, str | None] = {
    "strategy": "codecision",
    "init": "fm_balanced",
    "supervision": "posterior_labels_pool",
    "learner": "linear_on_prior",
    "prior": "packaged",
    "label_model": "belief",
    "annotator_selection": None,
}
FITTING = ("supervision", "learner", "prior", "label_model")  # groups that decide a fit
RARE = {
    "strategy": "rare",
    "init": "rare",
    "supervision": "labels",
    "learner": "linear",
}
NEGATED = re.compile(r"(?i)(no|not|non|never|without)[\s_-]+\w")
OTHER = "other"  # what the foundation model reads in place of a negated name
WORD = re.compile(r"\w[\w-]*")  # an option's name
# groups by their names on the command line
KEYS = {"strategy@init": "init"} | {group: group for group in DEFAULTS if group != "init"}


@dataclass(frozen=True)
class Columns:
    """The columns of a table, and the split of a data set.

    text, image: what is labelled, texts or image files; label: existing labels; id: row names.
    None: there is no such column; without text and image, text is "text". show: columns to show
    beside a row; encoding: of a csv or lines of JSON, None for UTF-8."""

    text: str | None = None
    image: str | None = None
    label: str | None = None
    id: str | None = None
    split: str = "train"
    show: tuple[str, ...] = ()
    encoding: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "show", tuple(self.show))  # a list, as it is stored
        if self.text is not None and self.image is not None:
            raise ValueError(
                f"both text={self.text!r} and image={self.image!r} are given; wanted one of them"
            )

    def or_else(self, other: Columns) -> Columns:
        """These columns, or else the other ones; without labels and columns to show."""
        columns = self if self.named else other
        return replace(columns, label=None, show=(), split=self.split, encoding=self.encoding)

    @property
    def named(self) -> tuple[str, ...]:
        names = (self.text, self.image, self.label, self.id)
        return tuple(name for name in names if name is not None)


@dataclass(frozen=True)
class Settings:
    """A session's settings.

    options: the chosen option by group, None for an optional group that is left out; overrides:
    values inside options, as on the command line; audit: fraction of a batch that measures the
    model; reserve: fraction of the rows kept for the audit; blind: whether the guess of audit rows
    is hidden; overlap: fraction of an annotator's batch that another annotator has answered, to
    measure people's errors; columns: of the first data, used for later rows too; rare: of two
    classes the one that is searched for, or None; words: of each class, which the foundation model
    reads in place of its name, or ()."""

    modality: str
    classes: tuple[str, ...]
    prompts: tuple[str, ...]
    options: Mapping[str, str | None]
    overrides: tuple[str, ...] = ()
    seed: int = 0
    audit: float = 0.2
    reserve: float = 0.1
    blind: bool = True
    overlap: float = 0.05
    columns: Columns = field(default_factory=Columns)
    rare: str | None = None
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rare is not None and (self.rare not in self.classes or len(self.classes) != 2):
            raise ValueError(
                f"the rare class is {self.rare!r} and the classes are {', '.join(self.classes)}; "
                "wanted one of two classes"
            )
        for name in (*self.classes, *self.words):
            if not isinstance(name, str) or name != name.strip() or UNSEEN.search(name):
                raise ValueError(
                    f"a class is called {name!r}; wanted a text without control characters and "
                    "spaces around it"
                )
        check_names("the session", [spaced(name) for name in self.classes])
        check_prompts("session", self.prompts)
        for name in ("audit", "reserve", "overlap"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} is {value}; wanted a fraction from 0 up to, not with, 1")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; wanted a whole number from 0 on")

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Settings:
        """Settings as they are stored; ValueError where one is missing."""
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in table.items() if name in known}
        missing = known - set(values)
        if missing:
            raise ValueError(f"the session has no setting {sorted(missing)[0]!r}; make it anew")
        for name in ("classes", "prompts", "overrides", "words"):
            values[name] = tuple(values[name])
        return cls(**values | {"columns": Columns(**values["columns"])})

    def stored(self) -> dict[str, Any]:
        return {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(self).items()}

    @property
    def fit_settings(self) -> dict[str, Any]:
        """The settings that decide a fit, as plain values."""
        names = ["modality", "classes", "prompts", "options", "overrides", "seed"]
        names += ["words"] if self.words else []
        return {name: value for name, value in self.stored().items() if name in names}

    @property
    def task(self) -> Task:
        return task_of(self.words or self.classes, self.prompts, self.modality)

    @property
    def target(self) -> int | None:
        """The number of the rare class."""
        return None if self.rare is None else self.classes.index(self.rare)


def default_prior(modality: str) -> str:
    """The packaged prior by the fastest engine that is here; a warning where that is torch on a
    processor."""
    from al_bench.priors.weights import device

    if modality == "features" or device().type != "cpu":
        return "packaged"
    if find_spec("openvino") is not None:
        return "packaged_openvino"
    warn("rows are embedded by torch; pip install 'al-bench[openvino]' before a session is made "
         "is two to four times as fast", stacklevel=3)  # fmt: skip
    return "packaged"


def rare_defaults(chosen: Mapping[str, Any], target: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """Options and overrides to search for class `target`, apart from groups that were `chosen`."""
    options = {group: option for group, option in RARE.items() if group not in chosen}
    return options, tuple(f"{g}.target={target}" for g in ("strategy", "init") if g in options)


def rare_words(classes: Sequence[str], rare: str, description: str | None) -> tuple[str, ...]:
    """What the foundation model reads of the two classes; () for their names."""
    other = next(name for name in classes if name != rare)
    if description is None and not NEGATED.match(other):
        return ()
    return tuple(one if one == rare else description or OTHER for one in classes)


def negation(name: str) -> str:
    return (f"encoders hardly read the negation in {name!r}: write what these rows are instead, "
            f"such as {OTHER!r}")  # fmt: skip


def task_of(classes: tuple[str, ...], prompts: tuple[str, ...], modality: str) -> Task:
    return Task(tuple(map(spaced, classes)), prompts, modality)


@dataclass(frozen=True)
class Components:
    """The components of a session. identity: of those that decide a fit, by group; cache: folder of
    the foundation models' outputs."""

    strategy: Strategy
    init: Strategy
    supervision: Supervision
    learner: Learner
    prior: Prior
    label_model: LabelModel
    annotator_selection: AnnotatorSelection | None
    identity: Mapping[str, Any]
    cache: Path


def components(settings: Settings, extra: Path | None = None) -> Components:
    """The components of settings and the user's folder `extra`; ValueError or Hydra's errors where
    an option does not exist, reads the truth, or is invalid."""
    return _components(tuple(settings.options.items()), settings.overrides, extra)


@lru_cache(maxsize=8)  # composing takes a good part of a second, and components keep no state
def _components(
    options: tuple[tuple[str, str | None], ...], overrides: tuple[str, ...], extra: Path | None
) -> Components:
    config = config_of(dict(options), overrides, extra)
    found: dict[str, Any] = {}
    for group, option in {group: dict(options)[group] for group in DEFAULTS}.items():
        found[group] = None if config[group] is None else instantiate(config[group])
        if reads_truth(found[group]):
            raise ValueError(f"{group}={option} reads the truth, which nobody has; wanted a method")
    found["label_model"] = found["label_model"] or Majority()
    nodes = {group: config[group] for group in FITTING}
    plain = {g: n and OmegaConf.to_container(n, resolve=True) for g, n in nodes.items()}
    identity = {group: identified(node) for group, node in plain.items()}
    return Components(**found, identity=identity, cache=Path(config.cache).expanduser())


def config_of(
    options: Mapping[str, str | None], overrides: Sequence[str], extra: Path | None
) -> DictConfig:
    """The config of options by name and values inside them, as they are stored. A session or an
    exported model may come from a stranger: ValueError where a name leads out of the config
    folders, or a value could name code."""
    for group, option in options.items():
        check_group(group, f"{group}={option}")
        if (option is not None or group not in OPTIONAL) and not WORD.fullmatch(str(option)):
            raise ValueError(f"{group}={option} names no option; wanted one word behind {group}=")
    for override in overrides:
        check_override(override)
    lines = [f"{group}={option}" for group, option in options.items() if option is not None]
    return plan(["logger=none", *lines, *overrides, "seed=0"], extra)[0].config


def parse_overrides(arguments: Sequence[str]) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Options by group and overrides of their values, from arguments as of `albench run`."""
    options: dict[str, str | None] = {}
    overrides = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise ValueError(f"{argument!r} is no option; wanted group=option or group.key=value")
        if key not in KEYS:
            overrides.append(argument)
        else:
            none = value in ("null", "none", "None") and KEYS[key] in OPTIONAL
            options[KEYS[key]] = None if none else value
    return options, tuple(overrides)


def check_group(group: str, what: str) -> None:
    if group not in DEFAULTS:
        groups = ", ".join(DEFAULTS)
        raise ValueError(f"{what!r} is of no part of a session; wanted one of {groups}")


def check_override(override: str) -> None:
    """ValueError where an override is of no component, of several values, or could name code."""
    key, _, value = override.partition("=")
    check_group(re.split(r"[./]", key_of(key).split("@")[-1])[0], override)
    if "_target_" in override or "${" in override:
        raise ValueError(
            f"{override!r} names code, and a session holds names of options alone; put it into a "
            "yaml of your own and give its --config-dir"
        )
    if ("@" in key or "/" in key or "." not in key) and not WORD.fullmatch(value):
        raise ValueError(f"{override!r} names no option; wanted one word behind {key}=")
    if is_sweep(override):
        raise ValueError(f"{override!r} stands for several values; wanted one")
