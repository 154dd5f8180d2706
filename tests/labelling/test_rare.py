"""Sessions that search for a rare class."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_bench.cli.main import main
from al_bench.labelling import Answer, Session, Suggestion
from al_bench.labelling.diagnostics import calibration_of
from al_bench.labelling.evaluation import audit_of, chances_of, stands_for
from al_bench.labelling.settings import NEGATED, rare_words
from tests.labelling.data import new

ROWS, NAMES = 1500, ["odd", "plain"]


def needles() -> dict[str, Any]:
    """Embeddings of which one in fifty is near a point, and a prior that half knows which."""
    rng = np.random.default_rng(5)
    truth = (rng.random(ROWS) >= 0.02).astype(np.int64)
    features = rng.normal(size=(ROWS, 16)) + 2.0 * (truth == 0)[:, None] * np.eye(16)[0]
    odds = 2.0 * (truth == 0) + rng.normal(size=ROWS)
    prior = np.stack([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))], axis=1)
    return {"features": features.astype(np.float32), "prior": prior.astype(np.float32), "y": truth}


TRUTH = needles()["y"]


def wide(folder: Path) -> Path:
    """Embeddings without class probabilities."""
    np.savez(folder / "wide.npz", features=needles()["features"])
    return folder / "wide.npz"


def session(folder: Path, **changes: Any) -> Session:
    folder.mkdir(exist_ok=True)
    rows = needles()
    np.savez(folder / "rows.npz", features=rows["features"], prior=rows["prior"])
    return new(folder, **{"classes": NAMES, "data": folder / "rows.npz"} | changes)


def knows(batch: Iterable[Suggestion]) -> list[Answer]:
    return [Answer(one.id, NAMES[TRUTH[int(one.id)]]) for one in batch]


def labelled(made: Session, batches: int) -> int:
    """How many rows of the class are found among the rows that the strategy chose."""
    found = 0
    for _ in range(batches):
        batch = made.suggest(20)
        made.tell(knows(batch))
        found += sum(TRUTH[int(one.id)] == 0 for one in batch if one.kind == "query")
    return found


def test_a_session_for_a_rare_class_finds_more_of_it_and_says_how_much_is_left(
    tmp_path: Path,
) -> None:
    with session(tmp_path / "a", rare="odd") as made, session(tmp_path / "b") as usual:
        assert made.settings.options["strategy"] == "rare"
        assert labelled(made, 5) > labelled(usual, 5)
        found = made.estimate()
        assert found.rare is not None
        assert list(found.recalls) == NAMES
        assert found.recalls["odd"] == found.rare.recall
        total = np.count_nonzero(TRUTH == 0)
        have = sum(TRUTH[answer.row] == 0 for answer in made.ledger.answers)
        assert found.rare.unfound.low <= total - have <= found.rare.unfound.high
        assert made.export(tmp_path / "final")
        plain = usual.estimate()
        assert plain.rare is None
    with Session.open(tmp_path / "a" / "session") as again:
        assert again.estimate().rare == found.rare


def test_the_probabilities_of_the_audit_are_kept_and_only_rise(tmp_path: Path) -> None:
    with session(tmp_path, rare="odd") as made:
        before = chances_of(made.service.snapshot())
        assert not before.any()
        for _ in range(3):
            labelled(made, 1)
            now = made.service.snapshot()
            after = chances_of(now)
            assert (after >= before).all()
            audited = np.searchsorted(now.pool.reserved, sorted(now.ledger.audited))
            assert set(np.flatnonzero(after)) == set(audited)  # and nothing else is stored
            before = after
        assert after.max() > 2 * after[audited].min()


def test_the_shares_of_a_rare_audit_allow_for_how_it_was_drawn(tmp_path: Path) -> None:
    """Its rows are drawn by score, so that positives are many times what they are in the pool."""
    with session(tmp_path, rare="odd", audit=0.5, reserve=0.5) as made:
        labelled(made, 6)
        now = made.service.snapshot()
        audit = audit_of(now)
        each = stands_for(now, audit)
        assert each.sum() == pytest.approx(1)
        share = each[audit.answers == 0].sum()
        assert abs(share - 0.02) < 0.02 < np.mean(audit.answers == 0) - 0.02
        assert calibration_of(made.service, now).shares[0] < 0.06


def test_a_search_goes_on_while_much_may_be_unfound(tmp_path: Path) -> None:
    with session(tmp_path, rare="odd", audit=0.3) as made:
        labelled(made, 4)
        assert made.estimate().advice.startswith("go on: ")
        assert "of the rare class are found" in made.estimate().advice
        assert "not over the target of 99.0%" in made.estimate(0.99).advice
        with pytest.raises(ValueError, match="wanted one of two classes"):
            made.add_classes(["third"])


def test_a_rare_class_that_nobody_named_is_said(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.5) as made:
        labelled(made, 4)
        assert 'session made with --rare "odd" finds more of them' in " ".join(
            made.estimate().notes
        )


def test_a_rare_class_of_several_is_said_and_how_to_search_for_it(tmp_path: Path) -> None:
    names = ["usual", "odd", "common"]
    with session(tmp_path, audit=0.9, reserve=0.2, classes=names, data=wide(tmp_path)) as made:
        for count in (12, 40):
            batch = made.suggest(count)
            made.tell([Answer(one.id, names[int(one.id) % 2 * 2]) for one in batch])
            said = " ".join(made.estimate().notes)
            assert ('of two classes, odd and other, with --rare "odd"' in said) == (count == 40)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rare": "even"}, "the rare class is 'even' and the classes are odd, plain"),
        ({"rare_description": "usual"}, "a description of the other class is given and no rare"),
    ],
)
def test_a_wrong_rare_class_is_refused(tmp_path: Path, changes: dict[str, str], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        session(tmp_path, **changes)
    assert not (tmp_path / "session").exists()


def test_the_command_says_what_to_write_in_place_of_a_negated_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with session(tmp_path):
        pass
    made = ["new", str(tmp_path / "s"), "--data", str(tmp_path / "rows.npz")]
    assert main(["session", *made, "--classes", "odd,not odd", "--rare", "odd"]) == 0
    said = capsys.readouterr().out
    assert "encoders hardly read the negation in 'not odd': write what these rows are" in said
    assert "the foundation model reads odd against other" in said
    with Session.open(tmp_path / "s") as one:
        batch = one.suggest(60)
        one.tell([Answer(b.id, one.classes[TRUTH[int(b.id)]]) for b in batch])
    assert main(["session", "estimate", str(tmp_path / "s")]) == 0
    said = capsys.readouterr().out
    assert "average precision" in said
    assert "rows of the rare class have no answer" in said


def test_the_foundation_model_never_reads_a_negated_name() -> None:
    assert rare_words(["fear", "no fear"], "fear", None) == ("fear", "other")
    assert rare_words(["calm", "fear"], "fear", None) == ()
    assert rare_words(["calm", "fear"], "fear", "any other feeling") == (
        "any other feeling",
        "fear",
    )
    negated = [*("no fear", "not spam", "non-toxic", "Non relevant", "no_hate"), "without errors"]
    assert all(NEGATED.match(name) for name in negated)
    assert not any(
        NEGATED.match(name) for name in ("normal", "nothing", "nonsense", "north", "other")
    )
