"""Files as people have them: of spreadsheets, with gaps, wrong quotes and changed ids."""

import re
from pathlib import Path

import pandas as pd
import pytest

from al_bench.labelling import Session
from al_bench.labelling.annotations import Spellings
from al_bench.labelling.rows import read_rows
from al_bench.labelling.settings import Columns
from al_bench.labelling.store import Store
from al_bench.labelling.tables import file_table
from tests.labelling.data import new, npz, session_of
from tests.labelling.page.pages import made
from tests.tiny_models import bert  # noqa: F401


def table(folder: Path, content: str | bytes, encoding: str | None = None) -> dict[str, list[str]]:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {name: list(cells) for name, cells in file_table(path, encoding).columns.items()}


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_the_delimiter_is_found_by_the_header(tmp_path: Path, delimiter: str) -> None:
    texts = ["a, b; c", "d | e", 'say "x"', "two\nlines", "f\tg"]
    frame = pd.DataFrame({"text": texts, "id": list("12345")})
    content = frame.to_csv(sep=delimiter, index=False)
    assert table(tmp_path, content) == {"text": texts, "id": list("12345")}


def test_cells_are_kept_and_what_is_missing_at_the_end_of_a_line_is_empty(tmp_path: Path) -> None:
    content = "\ufefftext; id ;n\r\nNA;007\r\n\r\n x ;1e5;;;\r\n"
    assert table(tmp_path, content) == {"text": ["NA", " x "], "id": ["007", "1e5"], "n": ["", ""]}


def test_a_named_encoding_is_read_and_another_one_is_said(tmp_path: Path) -> None:
    content = "text\nplain\ncafé – “so”\n"
    for encoding in ("cp1252", "utf-16", "utf-8"):
        read = table(tmp_path, content.encode(encoding), encoding)
        assert read == {"text": ["plain", "café – “so”"]}
    with pytest.raises(ValueError, match=r"byte 0xe9 in line 3; .* --encoding cp1252"):
        table(tmp_path, content.encode("cp1252"))
    with pytest.raises(ValueError, match="no encoding is called 'klingon'"):
        table(tmp_path, content, "klingon")


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ('text,n\na,1\n"b,2\nc,3\n', ["line 3 opens a quote"]),
        ('text,n\n"a,1\nb,2\n"c",3\nd,4\n', ["line 2 opens a quote"]),  # a later quote closes it
        ('text,n\n"so "x" it",1\nb,2,3\n', ["line 2 opens a quote", "line 3 has 3 cells"]),
        ("text,n\n" + "a,b,c\n" * 30, ["line 2 has", "line 11 has", "and 20 more"]),
    ],
)
def test_all_lines_that_are_wrong_are_said_at_once(
    tmp_path: Path, content: str, wrong: list[str]
) -> None:
    with pytest.raises(ValueError, match="is no table") as caught:
        table(tmp_path, content)
    assert all(words in str(caught.value) for words in wrong)


def test_rows_without_a_text_are_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text;y;who\none;a;A\n;b;B\n"two\nlines";;C\n  ;a;\nend;b;\n')
    columns = Columns(label="y", show=("who",))
    with pytest.warns(UserWarning, match=r"2 rows have nothing in column 'text' .*line 3; line 6"):
        rows = read_rows(tmp_path / "a.csv", columns)
    assert rows.texts == ["one", "two\nlines", "end"]
    assert rows.ids() == ["0", "2", "4"]  # as rows of the file are counted
    assert rows.labels == ["a", None, "b"]
    assert rows.beside == {"who": ["A", "C", None]}


def test_every_text_that_is_none_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"row 0 holds 1.5; wanted a text; row 2 holds \['a'\]"):
        read_rows(pd.DataFrame({"text": [1.5, "a", ["a"]]}), Columns())


SPELLINGS = {
    "7": "007", " r1 ": "r1", "12.0": "12", "1.23457E+19": "12345678901234567890",
    "98765432109876500": "98765432109876543", "8": None, "r2": None, "5": None, "1.2E+30": None,
}  # fmt: skip


@pytest.mark.parametrize(("given", "name"), SPELLINGS.items())
def test_an_id_that_a_spreadsheet_changed_is_recognised_where_it_can_be_one_row(
    tmp_path: Path, given: str, name: str | None
) -> None:
    names = ["007", "r1", "12", "12345678901234567890", "98765432109876543", "05", "005"]
    store = Store.create(tmp_path)
    store.make()
    for each in names:
        store.append("rows", name=each, arrival=1)
    assert Spellings(store).find(given) == name
    store.close()


def told(session: Session, lines: str, folder: Path) -> int:
    path = folder / "answers.csv"
    path.write_text(lines)
    from al_bench.labelling.annotations import read_answers

    return session.tell(read_answers(path, "ann", session.classes), unasked=True)


def test_answers_are_trimmed_and_found_whatever_their_case(tmp_path: Path) -> None:
    session = made(tmp_path / "s")
    assert told(session, "id;answer\nr0; PRAISE\nr1;Question \nr2;\nr3;?\n", tmp_path) == 3
    found = {answer.id: answer.answer for answer in session.store.answers()}
    assert found == {"r0": "praise", "r1": "question", "r3": None}


def test_all_mistakes_of_a_file_are_said_at_once_and_nothing_is_told(tmp_path: Path) -> None:
    session = made(tmp_path / "s")
    lines = ["id,answer,annotator,seconds", "r0,praise,,", "r0,complaint,ann,", "r0,question,bob,",
             "r1,prais,,", "r9,praise,,", "r2,praise,,soon", "r0,praise,ann,"]  # fmt: skip
    with pytest.raises(ValueError, match=r"answers\.csv") as caught:
        told(session, "\n".join(lines), tmp_path)
    said = str(caught.value)
    assert "line 3: ann answers 'r0' with 'complaint', in line 2 with 'praise'" in said
    for place, words in (("5", "is 'prais'; wanted one of"), ("6", "of id 'r9', which is no row"),
                         ("7", "took 'soon' seconds")):  # fmt: skip
        assert re.search(f"line {place}[: ].*{words}", said)
    assert "line 4" not in said  # another person may be of another mind
    assert "line 8" not in said  # the same once more
    assert not session.store.answers()


def test_ids_that_were_changed_are_said(tmp_path: Path) -> None:
    session = made(tmp_path / "s", texts=())
    for name in ("001", "002"):
        session.store.append("rows", name=name, arrival=1)
    with pytest.warns(UserWarning, match="2 ids were changed.*'001' came as '1'"):
        assert told(session, "id,answer\n1,praise\n2,praise\n", tmp_path) == 2
    assert [answer.id for answer in session.store.answers()] == ["001", "002"]


def test_a_second_session_of_the_same_rows_embeds_nothing(
    tmp_path: Path,
    bert: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from al_bench.data.cache import CacheEntry

    filled: list[str] = []
    fill = CacheEntry.fill

    def noted(entry: CacheEntry, *more: object) -> object:
        filled.append(entry.title)
        return fill(entry, *more)  # type: ignore[arg-type]

    monkeypatch.setenv("AL_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(CacheEntry, "fill", noted)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        session_of(tmp_path / name, bert).close()
    assert len(filled) == 2  # embeddings and class probabilities, once each


def test_new_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al_bench.labelling.model_service import ModelService

    pool = ModelService.pool

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ModelService, "pool", interrupted)
    with pytest.raises(KeyboardInterrupt):
        new(tmp_path)
    monkeypatch.setattr(ModelService, "pool", pool)
    with pytest.raises(ValueError, match="is a session already"):
        new(tmp_path, data=npz(tmp_path, seed=1, name="others.npz"))
    with pytest.raises(ValueError, match="is a session already"):
        new(tmp_path, seed=1)
    with new(tmp_path) as session:
        assert session.store.count("rows") == len(session.suggest(10)) + 140
    with pytest.raises(ValueError, match="is a session already"):
        new(tmp_path)
