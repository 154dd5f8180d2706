"""The shape of the code: rooms whose imports point down, faces that keep their word, yamls that say
what their class does not."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import al_bench
from al_bench.runs.component import identified
from al_bench.runs.config import config_dir
from al_bench.runs.declarations import MISSING, class_options, signature

PACKAGE = Path(al_bench.__file__).parent
# Each room (a folder, or what of it others may import by itself) and what it may import besides;
# a room imports only what stands above it here.
ROOMS = {
    "core": "",
    "data/types": "core",
    "data/cache": "core data/types",
    "data": "core data/types data/cache",
    "crowd": "core",  # several annotators
    "belief": "core crowd",
    "priors": "core data/types",
    # priors for the encoders to fine-tune, and for where they compute
    "learners": "core priors",
    "supervision": "core crowd belief",
    "strategies": "core crowd belief",
    "runs": "core data data/types crowd",
    "testing": "core data data/types crowd runs",
    "report": "core runs testing",
    "labelling/audit": "core",  # pure statistics
    "labelling/forecast": "core labelling/audit",
}
ROOMS["labelling"] = " ".join(room for room in ROOMS if room != "report")
ROOMS["api"] = " ".join(room for room in ROOMS if not room.startswith("labelling"))
ROOMS["__init__"] = "api labelling core runs"
ROOMS["cli"] = " ".join(ROOMS)

FILES = sorted(path for path in PACKAGE.rglob("*.py*") if path.suffix in (".py", ".pyi"))
STUBS = [path for path in FILES if path.suffix == ".pyi"]


def module_of(path: Path) -> str:
    """The dotted name of a file; a package's stub is a part of the package."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    )


MODULES = {module_of(path): [p for p in FILES if module_of(p) == module_of(path)] for path in FILES}


def room_of(module: str) -> str:
    """The narrowest room that a module is in."""
    place = module.replace(".", "/").partition("/")[2] or "__init__"
    found = [room for room in ROOMS if f"{place}/".startswith(f"{room}/")]
    assert found, f"{module} is in no room of this test"
    return max(found, key=len)


def imports(module: str) -> set[str]:
    """Modules of al_bench that a module imports, anywhere in it; a package also by its stub."""
    found = set()
    for path in MODULES[module]:
        package = module if path.stem == "__init__" else module.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = (f"{package}." if node.level else "") + (node.module or "")
                names = {f"{base}.{alias.name}" for alias in node.names}
                found |= {name if name in MODULES else base for name in names}
    return found & set(MODULES) - {module}


@pytest.mark.parametrize("module", MODULES)
def test_modules_import_only_what_their_room_may(module: str) -> None:
    own = room_of(module)
    allowed = {own, *ROOMS.get(own, "").split()}
    assert {room_of(other) for other in imports(module)} <= allowed


def test_rooms_stand_below_what_they_import_and_no_module_is_in_a_circle() -> None:
    order = list(ROOMS)
    for room, others in ROOMS.items():
        assert all(order.index(other) < order.index(room) for other in others.split())
    TopologicalSorter({module: imports(module) for module in MODULES}).prepare()


def test_the_drawing_stays_small_enough_to_keep_in_mind() -> None:
    boxes: dict[str, set[str]] = {}  # what each folder imports
    for module in MODULES:
        own, *_ = room_of(module).split("/")
        others = {room_of(other).split("/")[0] for other in imports(module)}
        boxes[own] = boxes.get(own, set()) | others - {own}
    order = TopologicalSorter(boxes)
    order.prepare()
    levels = 0
    while order.is_active():
        order.done(*order.get_ready())
        levels += 1
    assert len(boxes) <= 15
    assert levels <= 9
    assert sum(map(len, boxes.values())) <= 50


def test_the_root_holds_the_public_face_alone() -> None:
    assert sorted(path.name for path in PACKAGE.glob("*.py")) == ["__init__.py", "api.py"]


@pytest.mark.parametrize("stub", STUBS, ids=module_of)
def test_every_public_name_is_there(stub: Path) -> None:
    package = import_module(module_of(stub))
    assert all(getattr(package, name) is not None for name in public(stub))


def public(stub: Path) -> list[str]:
    """The names that a package's stub makes public."""
    nodes = [node for node in ast.parse(stub.read_text()).body if isinstance(node, ast.ImportFrom)]
    return [alias.asname or alias.name for node in nodes for alias in node.names]


def test_configs_name_what_is_public() -> None:
    known = {f"{module_of(stub)}.{name}" for stub in STUBS for name in public(stub)}
    texts = [path.read_text() for path in config_dir().rglob("*.yaml")]
    named = {name for text in texts for name in re.findall(r"_target_: (al_bench[\w.]*)", text)}
    assert named
    assert named <= known


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_loads_pickles_or_remote_code(path: Path) -> None:
    text = path.read_text()
    assert "import pickle" not in text
    assert "allow_pickle=True" not in text
    assert "trust_remote_code=True" not in text
    assert "weights_only=False" not in text


CONFIGS = sorted(p for p in config_dir().rglob("*.yaml") if "_target_: al_bench" in p.read_text())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: str(p.relative_to(config_dir())))
def test_a_yaml_holds_only_what_differs_from_the_constructor(path: Path) -> None:
    node = yaml.safe_load(path.read_text())
    if "_target_" not in node:  # loggers hold a list of calls
        return
    group, option, target = path.parent.name, path.stem, node.pop("_target_")
    known = signature(target)
    given = {key: value for key, value in node.items() if key != "defaults"}
    assert given.keys() <= known.keys()
    if group == "trainer":  # its yaml is the page to read on every key
        return
    for key, value in given.items():
        assert identified(value) != identified(known[key]) or known[key] == MISSING, key
    class_alone = not node and class_options(group).get(option) == target
    assert not class_alone, "the class is this option without a file"


def test_importing_the_package_seeds_nothing_and_loads_nothing_heavy() -> None:
    code = (
        "import random, sys, numpy as np\n"
        "a = (random.getstate(), np.random.get_state()[1].tolist())\n"
        "import al_bench, al_bench.cli, al_bench.core.loop, al_bench.strategies.uncertainty\n"
        "assert a == (random.getstate(), np.random.get_state()[1].tolist())\n"
        "print({'torch', 'sklearn', 'pandas', 'hydra', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
