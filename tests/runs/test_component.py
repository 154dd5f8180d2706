"""A run is named by what it is: public names, versions, parameters, content and outside code."""

import importlib
import sys
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType

import numpy as np
import pytest

from al_bench.core.hashing import fingerprint
from al_bench.learners import LinearHead
from al_bench.priors import SentenceEncoder
from al_bench.runs import component, declarations
from al_bench.runs.component import identified, node_of, public_name, run_id
from al_bench.runs.config import config_folders
from al_bench.runs.declarations import MISSING, public
from al_bench.runs.display import parameters
from al_bench.runs.options import option_of, options
from al_bench.runs.plan import plan
from al_bench.strategies import Badge, Subsample

ROOMS = ("data", "crowd", "belief", "priors", "supervision", "strategies", "learners")
OURS = "class Mine:\n    def select(self, state, budget, rng):\n        return {}\n"


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody's own modules, forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def fresh(name: str) -> ModuleType:
    """A module as a new process would read it."""
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    sys.modules.pop("helper_of_mine", None)
    component.source.cache_clear()
    return importlib.import_module(name)


def test_equal_settings_have_one_name_whatever_their_order_and_the_spelling_of_numbers() -> None:
    one = run_id({"seed": 1, "noise": {"rate": 1.0, "name": "x"}})
    assert one == run_id({"noise": {"name": "x", "rate": 1}, "seed": 1})
    assert one != run_id({"seed": 1, "noise": {"rate": 0.9, "name": "x"}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_id({"seed": 1, "noise": {"rate": float("nan")}})


def test_moving_a_components_file_inside_the_package_changes_no_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = run_id(plan(["strategy=badge"])[0].science)
    moved = tmp_path / "moved.py"
    moved.write_text(Path(sys.modules[Badge.__module__].__file__ or "").read_text())
    real = declarations.find_spec

    def elsewhere(module: str) -> object:
        spec = real(module)
        if module == Badge.__module__:
            spec.origin = str(moved)
        return spec

    monkeypatch.setattr(declarations, "find_spec", elsewhere)
    assert run_id(plan(["strategy=badge"])[0].science) == name


def test_a_raised_version_is_another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    science = plan(["strategy=badge"])[0].science
    name = run_id(science)
    monkeypatch.setattr(component, "constants", lambda target: {"version": 2})
    assert run_id(science) != name


def test_a_version_of_several_annotators_renames_their_runs_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = {"belief": {"_target_": "al_bench.belief.AveragedBelief"}}
    several = one | {"annotators": {"_target_": "al_bench.data.Alike"}}
    before = run_id(one), run_id(several)
    known = declarations.constants("al_bench.belief.AveragedBelief")
    raised = known | {"several": known["several"] + 1}
    monkeypatch.setattr(component, "constants", lambda _: raised)
    assert run_id(one) == before[0]
    assert run_id(several) != before[1]


def test_an_edited_outside_strategy_is_another_run_and_so_is_an_edited_helper(
    outside: Path,
) -> None:
    node = {"_target_": "mine_of_mine.Mine"}
    (outside / "helper_of_mine.py").write_text("def first(rows): return rows\n")
    text = "from helper_of_mine import first\n" + OURS
    (outside / "mine_of_mine.py").write_text(text.format("first(state.unlabelled)"))
    fresh("mine_of_mine")
    name = run_id({"strategy": node})
    fresh("mine_of_mine")
    assert run_id({"strategy": node}) == name
    (outside / "helper_of_mine.py").write_text("def first(rows): return rows[::-1]\n")
    fresh("mine_of_mine")
    edited = run_id({"strategy": node})
    (outside / "mine_of_mine.py").write_text(text.format("first(state.unlabelled)[:1]"))
    fresh("mine_of_mine")
    assert len({name, edited, run_id({"strategy": node})}) == 3


def test_a_users_file_counts_by_what_is_in_it_never_by_where_it_lies(tmp_path: Path) -> None:
    def science(path: Path) -> str:
        given = ["dataset=features", "dataset.name=mine", f"dataset.path={path}"]
        return run_id(plan(given)[0].science)

    one, other = tmp_path / "one.npz", tmp_path / "deep" / "other.npz"
    other.parent.mkdir()
    np.savez(one, numbers=np.arange(3))
    other.write_bytes(one.read_bytes())
    name = science(one)
    assert science(other) == name
    np.savez(one, numbers=np.arange(4))
    assert science(one) != name
    assert science(other) == name


def test_a_users_folder_counts_by_names_and_bytes_of_its_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.csv").write_text("text,label\nx,y\n")
    one, other = (fingerprint(tmp_path / folder) for folder in ("a", "b"))
    assert one == other
    (tmp_path / "b" / "train.csv").write_text("text,label\nx,z\n")
    assert fingerprint(tmp_path / "b") != one


def test_what_a_config_leaves_out_counts_as_the_default_of_its_class() -> None:
    whole = node_of(LinearHead())
    short = {name: value for name, value in whole.items() if name != "tolerance"}
    assert run_id({"learner": short}) == run_id({"learner": whole})
    assert run_id({"learner": short | {"tolerance": 1}}) != run_id({"learner": whole})


def test_a_parameter_that_came_later_names_no_run_at_the_value_that_was_before() -> None:
    earlier = {n: v for n, v in node_of(SentenceEncoder()).items() if n != "pooling"}
    for target in ("SentenceEncoder", "CompiledSentenceEncoder"):
        node = earlier | {"_target_": f"al_bench.priors.{target}"}
        assert "pooling" not in identified(node)
        assert run_id({"prior": node}) == run_id({"prior": node | {"pooling": "mean"}})
        assert run_id({"prior": node}) != run_id({"prior": node | {"pooling": "cls"}})


def test_defaults_are_read_from_the_source_as_python_has_them() -> None:
    names = [f"al_bench.{room}.{n}" for room in ROOMS for n in public(f"al_bench.{room}")]
    assert names
    for target in names:
        kind, found = resolve_name(target), declarations.signature(target)
        known = signature(kind).parameters
        assert [*found] == [*known], target
        given = [name for name, one in known.items() if one.default is one.empty]
        assert given == [name for name, value in found.items() if value == MISSING], target
        if not given:
            assert identified(node_of(kind())) == identified({"_target_": target}), target


def test_what_cannot_be_imported_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"_target_: nowhere\.Thing cannot be imported"):
        run_id({"strategy": {"_target_": "nowhere.Thing"}})


def test_an_object_is_the_call_that_makes_it_and_has_the_name_of_its_option() -> None:
    (job,) = plan(["strategy=subsample", "strategy@strategy.inner=badge"])
    assert node_of(Subsample(Badge(), 10000)) == job.science["strategy"]
    head = LinearHead(l2=1.0, balance="weights", tolerance=1e-5, iterations=200)
    assert option_of("learner", node_of(head), config_folders(None)) == "linear"
    assert public_name(Badge) == "al_bench.strategies.Badge"


def test_an_object_that_does_not_keep_what_it_was_given_is_refused() -> None:
    class Forgetful:
        def __init__(self, size: int) -> None:
            self.half = size // 2

    with pytest.raises(ValueError, match="Forgetful keeps no 'size', which its constructor takes"):
        node_of(Forgetful(4))


def test_one_system_has_one_name_however_it_was_asked_for() -> None:
    folders = config_folders(None)

    def named(group: str, *overrides: str) -> str:
        return option_of(group, plan(list(overrides))[0].science[group], folders)

    assert named("prior", "prior=degraded", "prior.fraction=1.0") == "shuffled"
    assert named("strategy", "strategy=tail_first", "strategy.belief=product") in (
        "tail_first_product"
    )
    assert named("learner", "learner.l2=7") == "linear"
    assert named("dataset", "dataset=hub", "dataset.name=mine", "dataset.path=a/b") == "mine"


@pytest.mark.parametrize(
    ("group", "typed", "set_besides", "recorded"),
    [
        ("prior", "degraded", ["prior.fraction=1.0"], "degraded"),  # the values of shuffled
        ("strategy", "badge", [], "badge"),
        ("dataset", "hub", ["dataset.name=mine", "dataset.path=a/b"], "mine"),
        ("strategy", "gone", [], "margin"),  # not there, or of another class: by its values
        ("strategy", "random", [], "margin"),
    ],
)
def test_what_was_typed_is_recorded_but_for_a_name_of_ones_own(
    group: str, typed: str, set_besides: list[str], recorded: str
) -> None:
    line = ["strategy=margin"] if recorded == "margin" else [f"{group}={typed}"]
    node = plan([*line, *set_besides])[0].science[group]
    assert option_of(group, node, config_folders(None), typed) == recorded


@pytest.mark.parametrize("group", ["strategy", "prior", "supervision", "learner", "dataset"])
def test_every_option_is_read_as_hydra_composes_it(group: str) -> None:
    for option, node in options(group, tuple(config_folders(None))).items():
        if "???" in map(str, parameters(node).values()):
            continue
        composed = plan([f"{group}={option}"])[0].science[group]
        assert parameters(composed) == parameters(node), option
