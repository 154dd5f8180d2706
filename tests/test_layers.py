"""The shape of the code: layers point down, components are strangers, nothing is global."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import al_bench
from al_bench.configuration.config import config_dir
from al_bench.configuration.sources import behind

PACKAGE = Path(al_bench.__file__).parent
FOUNDATION = {"rng", "state", "sources", "protocol", "arithmetic"}
# what the modules of each family may import of al_bench, besides their own family
ALLOWED = {
    "data": FOUNDATION,
    "imbalance": FOUNDATION,
    "noise": FOUNDATION,
    "priors": FOUNDATION,
    "entry": FOUNDATION,
    "cache": FOUNDATION | {"entry"},
    "crossfit": FOUNDATION,
    "belief": FOUNDATION | {"crossfit"},
    "split": FOUNDATION,
    "strategies": FOUNDATION | {"belief", "split"},
    "supervision": FOUNDATION | {"belief", "crossfit", "split"},
    "learners": FOUNDATION | {"priors"},  # which weights there are, and where they compute
    "situations": FOUNDATION,
    "loop": FOUNDATION,
    "replay": FOUNDATION | {"loop"},
    "arithmetic": {"state"},
    "protocol": set(),
    "rng": set(),
    "state": set(),
    "sources": {"state"},
    "metrics": FOUNDATION,
    "records": set(),
    "store": {"loop", "records"},
    "report": FOUNDATION | {"records", "store"},
}


def family(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Families of al_bench that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("al_bench.")}
    return found


MODULES = sorted(p for p in PACKAGE.rglob("*.py") if family(p) in ALLOWED)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_import_only_what_lies_above_them(path: Path) -> None:
    own = family(path)
    assert imported(path) - {own} <= ALLOWED[own]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
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
    (found,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    inits = [n for n in found.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    if inits:
        arguments = inits[0].args
        every = [a.arg for a in (*arguments.args, *arguments.kwonlyargs)][1:]
        positional = [a.arg for a in arguments.args]
        defaults = positional[len(positional) - len(arguments.defaults) :]
        return set(every), set(defaults)
    fields = [n for n in found.body if isinstance(n, ast.AnnAssign)]
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
