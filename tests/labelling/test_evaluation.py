"""What a session says of its model by its audit: estimates, looks, and what an export makes of
them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from al_bench.labelling import Answer, Session, Suggestion
from tests.labelling.data import CLASSES, blobs, knows, new


def audits(batch: Sequence[Suggestion]) -> list[Suggestion]:
    return [one for one in batch if one.kind == "audit"]


def unsure(session: Session) -> None:
    batch = session.suggest(30)
    session.tell(knows([one for one in batch if one.kind == "query"]))
    session.tell([Answer(one.id, None, "ann") for one in audits(batch)])


def quarrel(session: Session) -> None:
    """Two people who never agree about a row of the audit."""
    batch = session.suggest(60)
    session.tell(knows(batch))
    said = {one.id: CLASSES.index(str(one.answer)) for one in knows(audits(batch))}
    session.tell([Answer(row, CLASSES[c - 1], "bob") for row, c in said.items()])


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (lambda session: session.tell(knows(session.suggest(1))), "no row drawn at random has an"),
        (unsure, 'of all 12 rows drawn at random with an answer people were "not sure"'),
        (quarrel, "agree in 0% of cases, no more than by chance, so nothing is known of the model"),
    ],
)
def test_an_export_has_labels_and_a_model_also_where_there_is_no_estimate(
    tmp_path: Path, answered: object, why: str
) -> None:
    assert callable(answered)
    with new(tmp_path, audit=0.4, reserve=0.4) as session:
        answered(session)
        with pytest.raises(ValueError, match=why):
            session.estimate()
        files = session.export(tmp_path / "final")
    assert {"labels.csv", "predictions.csv"} <= set(files)
    page = (tmp_path / "final" / "report.html").read_text()
    assert "There is no estimate: " in page
    assert why.split('"')[0] in page


def test_withdrawn_rows_of_the_audit_come_again_before_fresh_ones(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with new(tmp_path / "a", reserve=0.4) as plain, new(tmp_path / "b", reserve=0.4) as session:
        wanted = {one.id for _ in range(3) for one in audits(plain.suggest(20))}
        first = session.suggest(20)
        answered = audits(first)[:1]
        session.tell(knows(answered))
        assert session.withdraw() == 19
        again = session.suggest(20)
        assert {one.id for one in audits(first)} - {answered[0].id} <= {
            one.id for one in audits(again)
        }
        rest = audits(session.suggest(20)) + audits(session.suggest(19))
        assert {one.id for one in [*answered, *audits(again), *rest]} == wanted


def test_what_people_withdraw_does_not_move_the_estimate(tmp_path: Path) -> None:
    """Whoever takes back all rows of one class until they come again audits the same rows."""
    rows = []
    for name, picky in (("a", False), ("b", True)):
        (tmp_path / name).mkdir()
        with new(tmp_path / name, audit=0.9, reserve=0.3) as session:
            for _ in range(4):
                batch = session.suggest(10)
                truth = {one.id: str(one.answer) for one in knows(batch)}
                session.tell(knows([o for o in batch if not picky or truth[o.id] != CLASSES[1]]))
                session.withdraw()
            while batch := audits(session.suggest(10)):
                session.tell(knows(batch))
                session.withdraw()
            rows.append({a.row for a in session.service.snapshot().ledger.audit_answers})
            assert session.estimate().audited == len(rows[-1])
    assert rows[0] == rows[1]


def look_of(session: Session, target: float) -> int:
    """The number of the last look at the audit, after one more estimate."""
    session.estimate(target)
    return int(session.store.decided("look")[-1]["look"]["number"])


def test_looks_are_counted_while_only_rows_of_the_audit_are_answered(tmp_path: Path) -> None:
    looks = []
    with new(tmp_path, audit=0.9, reserve=0.6) as session:
        session.tell(knows(session.suggest(20)))
        session.tell(knows(audits(session.suggest(4))))
        for _ in range(8):
            looks.append(look_of(session, 0.9))
            assert look_of(session, 0.5) == looks[-1]  # costs nothing
            session.tell(knows(audits(session.suggest(10))))
    assert looks[0] == 1
    assert looks[-1] == 3
    with Session.open(tmp_path / "session") as session:
        assert look_of(session, 0.9) == 3


def test_an_estimate_without_a_target_is_a_look_as_well(tmp_path: Path) -> None:
    with new(tmp_path, audit=0.9, reserve=0.6) as session:
        session.tell(knows(session.suggest(30)))
        session.estimate()
        session.tell(knows(session.suggest(5)))
        session.export(tmp_path / "final")
        session.tell(knows(session.suggest(20)))
        assert look_of(session, 0.9) == 2
        assert [look["look"]["number"] for look in session.store.decided("look")] == [1, 2]


def test_an_estimate_says_what_to_know_of_it(tmp_path: Path) -> None:
    truth = np.array(CLASSES)[blobs()["truth"]]
    with new(tmp_path, audit=0.5, reserve=0.4) as session:
        batch = session.suggest(60)
        rows = [one for one in audits(batch) if truth[int(one.id)] != "question"]
        session.tell(knows([one for one in batch if one.kind == "query"]))
        session.tell([Answer(rows[0].id, None, "ann"), *knows(rows[1:])])
        session.tell(knows(rows[1:4], "bob"))
        assert session.estimate().notes == (
            '1 of the rows drawn for the audit were answered "not sure" and are left out',
            "no audited row is of class question, so nothing is known of its recall",
            "answers are taken for the truth: 3 audited rows have two people's answers, and 10 "
            "tell how often they err",
        )
        session.tell(knows(rows[1:], "bob"))
        assert session.estimate().notes[-1] == "corrected for people, who err in 0% of answers"
