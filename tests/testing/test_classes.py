"""What every component class says of itself: the defaults of its config, and an example."""

import doctest
from importlib import import_module

import numpy as np
import pytest

from al_bench.core.state import TrainingSet
from al_bench.runs.component import identified, node_of, targets
from al_bench.runs.config import config_folders, instantiate
from al_bench.runs.options import options
from al_bench.testing.situations import make_asked, make_state

ROOMS = ("strategies", "supervision", "belief", "crowd", "learners")
GROUPS = (
    "strategy",
    "supervision",
    "label_model",
    "annotator_selection",
    "learner",
    "belief",
    "trainer",
)
NODES = {
    (group, option): node
    for group in GROUPS
    for option, node in options(group, tuple(config_folders(None))).items()
    if all(target.startswith("al_bench.") for target in targets(node))
}


@pytest.mark.parametrize(("group", "option"), NODES, ids="-".join)
def test_an_object_of_an_option_has_the_identity_of_its_config(group: str, option: str) -> None:
    node = NODES[group, option]
    assert identified(node_of(instantiate(node))) == identified(node)


@pytest.mark.parametrize("room", ROOMS)
def test_the_example_of_every_class_runs(room: str) -> None:
    package = import_module(f"al_bench.{room}")
    public = {name: getattr(package, name) for name in package.__all__}
    state, truth = make_state()
    asked = make_asked("several annotators").state
    targets = np.eye(4)[truth[state.labelled]]
    known = {
        **public,
        "state": state,
        "truth": truth,
        "taught": TrainingSet(state.labelled, targets, np.ones(len(targets))),
        "asked": asked,
        "rows": asked.queryable[:5],
        "accuracies": np.linspace(0.3, 0.9, 5),
    }
    for name, part in public.items():
        rng = np.random.default_rng(0)
        (test,) = doctest.DocTestFinder(recurse=False).find(part, name, globs={**known, "rng": rng})
        assert test.examples, name
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, name
