"""The shape of the code: rooms whose imports point down, faces that keep their word, yamls that are
calls."""

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
from al_bench.runs.component import behind
from al_bench.runs.config import config_dir

PACKAGE = Path(al_bench.__file__).parent
BASE = (
    "state",
    "rng",
    "arithmetic",
    "content",
    "threads",
    "progress",
)  # what everything may import
# Each room (a folder, or a module that others may import by itself) and what it may import besides;
# a room imports only what stands above it here.
ROOMS = {
    "truth": "",
    "supervision/delivered": "",
    "metrics": "truth supervision/delivered",
    "desk": "",
    "loop": "truth desk supervision/delivered",
    "problem/types": "",
    "problem/cache": "problem/types",
    "problem": "truth problem/types problem/cache",
    "learners/balance": "",
    "learners/logistic": "",
    "label_models": "learners/balance learners/logistic",
    "datasets": "problem/types",
    "priors": "problem/types",
    # priors for the encoders to fine-tune, and for where they compute
    "learners": "learners/balance learners/logistic priors",
    "supervision": "supervision/delivered label_models",
    "assignments": "",
    "strategies/common": "",
    "strategies": "strategies/common label_models",
    "runs": "truth loop metrics problem problem/types label_models assignments",
    "testing": "truth loop desk problem/types runs label_models",
    "analysis": "runs",
    "entries": "analysis runs",
    "report/tables": "analysis",
    "report/figures": "analysis report/tables",
    "report/explorer": "",
    "report": "analysis report/tables report/figures",
}
ROOMS["audit"] = ""
ROOMS["api"] = " ".join(ROOMS)
ROOMS["session"] = " ".join(ROOMS)
ROOMS["__init__"] = "api session loop truth runs"
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
    found = [room for room in (*BASE, *ROOMS) if f"{place}/".startswith(f"{room}/")]
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
    allowed = {own, *BASE, *ROOMS.get(own, "").split()}
    assert {room_of(other) for other in imports(module)} <= allowed


def test_rooms_stand_below_what_they_import_and_no_module_is_in_a_circle() -> None:
    order = list(ROOMS)
    for room, others in ROOMS.items():
        assert all(order.index(other) < order.index(room) for other in others.split())
    TopologicalSorter({module: imports(module) for module in MODULES}).prepare()


def test_the_root_is_small() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 12


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


def constructor_of(target: str) -> tuple[set[str], set[str]]:
    """(parameters, those with a default) of the class a dotted name means, read from source."""
    package, _, name = target.rpartition(".")
    module = package + behind(package, name)
    path = PACKAGE.parent / (module.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text())
    classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
    lineage = [classes[name]]  # a class of the same module may inherit its constructor, or fields
    while bases := [n.id for n in lineage[-1].bases if isinstance(n, ast.Name) and n.id in classes]:
        lineage.append(classes[bases[0]])
    inside = [n for found in lineage for n in found.body]
    for init in (n for n in inside if isinstance(n, ast.FunctionDef) and n.name == "__init__"):
        every = [a.arg for a in (*init.args.args, *init.args.kwonlyargs)][1:]
        positional = [a.arg for a in init.args.args]
        defaults = positional[len(positional) - len(init.args.defaults) :]
        return set(every), set(defaults)
    fields = [n for n in inside if isinstance(n, ast.AnnAssign)]
    fields = [n for n in fields if "ClassVar" not in ast.unparse(n.annotation)]
    names = {n.target.id for n in fields if isinstance(n.target, ast.Name)}
    given = {n.target.id for n in fields if isinstance(n.target, ast.Name) and n.value is not None}
    return names, given


CONFIGS = sorted(p for p in config_dir().rglob("*.yaml") if "_target_: al_bench" in p.read_text())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: str(p.relative_to(config_dir())))
def test_a_yaml_is_a_call_with_exactly_the_constructors_parameters(path: Path) -> None:
    node = yaml.safe_load(path.read_text())
    if "_target_" not in node:  # loggers hold a list of calls
        return
    names, defaults = constructor_of(node["_target_"])
    nested = {
        key.rsplit("@", 1)[1].split(".")[0]
        for entry in node.get("defaults", [])
        for key in (entry if isinstance(entry, dict) else [entry])
        if "@" in key
    }
    given = (set(node) | nested) - {"_target_", "defaults"}
    assert given == names
    assert not defaults, f"{node['_target_']} has a second default in Python for {defaults}"


def test_importing_the_package_seeds_nothing_and_loads_nothing_heavy() -> None:
    code = (
        "import random, sys, numpy as np\n"
        "a = (random.getstate(), np.random.get_state()[1].tolist())\n"
        "import al_bench, al_bench.cli, al_bench.loop, al_bench.strategies.uncertainty\n"
        "assert a == (random.getstate(), np.random.get_state()[1].tolist())\n"
        "print({'torch', 'sklearn', 'pandas', 'hydra', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
