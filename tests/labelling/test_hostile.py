"""Options that nobody would type on purpose, and sessions and models of somebody else: one
sentence, and no code is run."""

import json
from pathlib import Path

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.labelling import Session
from tests.labelling.data import CLASSES, npz
from tests.labelling.hostile import (
    refused,
)

OPTIONS: dict[str, tuple[list[str], str]] = {
    "one class": (["--classes", "a"], "has 1 class; wanted at least 2"),
    "an empty class": (["--classes", "a,,b"], "class 1 has no name"),
    "a class twice": (["--classes", "a,A"], "are both called"),
    "a class of control": (["--classes", "a,b\x1b[2J"], "without control characters"),
    "no classes and no labels": ([], "no classes are given"),
    "all is audit": (["--audit", "1"], "audit is 1.0; wanted a fraction"),
    "audit of no number": (["--audit", "some"], "Invalid value for '--audit'"),
    "audit nan": (["--audit", "nan"], "audit is nan; wanted a fraction"),
    "all is reserve": (["--reserve", "2"], "reserve is 2.0; wanted a fraction"),
    "seed below 0": (["--seed", "-1"], "seed is -1; wanted a whole number"),
    "a prompt without a place": (["--prompt", "hello"], "does not hold exactly one {}"),
    "no option": (["strategy=nothing"], "nothing"),
    "no value": (["strategy.nothing=3"], "nothing"),
    "a path for an option": (["strategy=../../etc"], "names no option; wanted one word"),
    "code": (["strategy._target_=os.system"], "names code"),
    "code inside": (["+strategy.x={_target_:os.system}"], "names code"),
    "a path inside": (
        ["strategy=subsample", "strategy@strategy.inner=../../etc"],
        "wanted one word",
    ),
    "another group": (["dataset=vader"], "is of no part of a session"),
    "a sweep": (["learner.l2=1,2"], "stands for several values; wanted one"),
    "two strategies": (["strategy=badge,margin"], "names no option; wanted one word"),
    "a word": (["badge"], "'badge' is no option; wanted group=option"),
    "no number": (["learner.l2=many"], "LinearHead: "),
    "a number below 0": (["learner.l2=-1"], "wanted l2 and tolerance above 0"),
    "the truth": (["strategy=truth_balanced"], "reads the truth"),
    "texts for embeddings": (["prior=minilm"], "the data are of kind features"),
    "a flag": (["--clases", "a,b"], "No such option"),
    "a folder of options": (["--config-dir", "nowhere"], "nowhere is not a folder"),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_are_none_are_refused_and_no_session_is_made(
    case: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, sentence = OPTIONS[case]
    classes = [] if "class" in case else ["--classes", ",".join(CLASSES)]
    data = ["session", "new", "mine", "--data", str(npz(here))]
    assert sentence in refused([*data, *classes, *options], capsys)
    assert not (here / "mine").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("options", {"strategy": "../../evil"}),
        ("options", {"evil": "badge"}),
        ("overrides", ["strategy._target_=os.system"]),
        ("overrides", ["+strategy.x=${oc.decode:x}"]),
        ("overrides", ["prior@prior.inner=../../evil"]),
        ("overrides", ["~strategy"]),
    ],
)
def test_a_session_of_somebody_else_runs_no_code_of_his(
    mine: Path, capsys: pytest.CaptureFixture[str], name: str, value: object
) -> None:
    with Session.open(mine) as session:
        now = session.settings.options
        session.store.set({name: now | value if isinstance(value, dict) else value})
    said = refused(["session", "suggest", "mine"], capsys)
    assert any(words in said for words in ("names code", "names no option", "of no part"))


def test_an_exported_model_of_somebody_else_runs_no_code_of_his(
    mine: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["session", "export", "mine", "--out", "final"]) == 0
    card = json.loads((here / "final" / "model.json").read_text())
    for changes in (
        {"prior": "../../evil"},
        {"overrides": ["prior._target_=os.system"]},
        {"form": 9},
        {"classes": ["a"]},
        {"columns": {"what": 1}},
        {"encoder": "another"},
    ):
        (here / "final" / "model.json").write_text(json.dumps(card | changes))
        line = ["session", "predict", "final", "--data", str(npz(here))]
        said = refused(line, capsys)
        assert any(
            words in said for words in ("names", "is no card of an exported model", "reads rows by")
        )
    (here / "final" / "model.json").write_text(json.dumps(card))
    arrays = dict(np.load(here / "final" / "model.npz"))
    for name, value in {
        "weight": np.zeros(3),
        "regressions": np.zeros((1, 2, 3)),
        "regression": arrays["regression"] + 99,
        "shift": np.zeros(0),
        "trust": np.array(["much"]),
    }.items():
        np.savez(here / "final" / "model.npz", **arrays | {name: value})
        said = refused(line, capsys)
        assert "is no card of an exported model" in said
