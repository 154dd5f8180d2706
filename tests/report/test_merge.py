"""Results of many machines become one table, or it is said in one sentence why they cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from al_bench.report.merge import MEASURED, merged_tables, runs_of, science_of
from al_bench.report.results import Results, read_parquet, read_runs, write_parquet
from al_bench.runs.component import name_of
from tests.fakes import fake_run, fake_runs


def made(
    folder: Path, *strategies: str, seeds: int = 2, digest: str = "d1", n_test: int = 300
) -> Results:
    """Made-up runs under the ids that real ones would have."""
    for strategy in strategies:
        for seed in range(seeds):
            fake_run(folder, strategy, seed=seed, digest=f"{digest}{seed}", n_test=n_test)
    return by_content(read_runs(folder))


def by_content(results: Results) -> Results:
    names = {row["id"]: name_of(science_of(row)) for row in runs_of(results.frame)}
    return replace(results, frame=results.frame.assign(id=results.frame["id"].map(names)))


def edited(results: Results, column: str, value: object, place: int = 3) -> Results:
    frame = results.frame.copy()
    frame[column] = [value if i == place else v for i, v in enumerate(frame[column])]
    return replace(results, frame=frame)


def test_tables_of_two_machines_are_the_table_of_one(tmp_path: Path) -> None:
    every = made(tmp_path / "all", "badge", "margin", "random")
    parts = [every.frame["strategy"] == "margin", every.frame["seed"] == 1]
    parts.append(~parts[0] & ~parts[1])
    several = {
        f"machine {i}": replace(every, frame=every.frame[part].reset_index(drop=True))
        for i, part in enumerate(parts)
    }
    one = write_parquet(every, tmp_path / "one.parquet").read_bytes()
    assert write_parquet(merged_tables(several), tmp_path / "two.parquet").read_bytes() == one
    backwards = dict(reversed(several.items()))
    assert write_parquet(merged_tables(backwards), tmp_path / "three.parquet").read_bytes() == one


def test_a_run_that_several_have_is_taken_once_whatever_its_seconds_and_last_decimal(
    tmp_path: Path,
) -> None:
    """Older versions rounded some halves down; a file may be merged into itself."""
    runs = made(tmp_path / "a", "margin")
    other = replace(runs, frame=runs.frame.assign(**dict.fromkeys(MEASURED, 9.0)))
    other = edited(other, "nll", runs.frame["nll"][3] + 0.0001)
    assert merged_tables({"a": runs, "b": other}).frame.equals(runs.frame)
    path = write_parquet(runs, tmp_path / "x.parquet")
    before = path.read_bytes()
    write_parquet(merged_tables({"x": read_parquet(path)}), path)
    assert path.read_bytes() == before
    assert merged_tables({"runs": runs, "x": read_parquet(path)}).frame.equals(runs.frame)


def test_provenance_is_that_of_all_and_what_is_missing_is_what_nobody_has(tmp_path: Path) -> None:
    fake_runs(tmp_path / "a", ("margin",), seeds=2)
    failed = fake_run(tmp_path / "a", "badge", error="ValueError: no centre")
    one = read_runs(tmp_path / "a", [*(p.name for p in (tmp_path / "a").iterdir()), "never"])
    names = {row["id"]: name_of(science_of(row)) for row in runs_of(one.frame)}
    assert failed.name not in names
    other = replace(one, provenance={"commit": ["other"], "device": ["arm"]}, failed=())
    whole = merged_tables({"a": by_content(one), "b": by_content(other)})
    assert whole.provenance["commit"] == ["abc1234", "other"]
    assert whole.provenance["device"] == ["arm", "cpu"]
    assert [run.id for run in whole.failed] == [failed.name]
    assert [run.id for run in whole.unfinished] == ["never"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("balanced_accuracy", 0.123), ("n_labels", 7), ("recall", [0.5] * 6), ("digest", "d9")],
)
def test_one_id_with_different_rows_is_refused(tmp_path: Path, column: str, value: object) -> None:
    one = made(tmp_path / "a", "margin")
    by = " by up to 0.[0-9]{4}" if column == "balanced_accuracy" else ""
    said = rf"1 of the 2 runs that a and b both have differ{by}, run .* in {column} of round 3"
    with pytest.raises(ValueError, match=said):
        merged_tables({"a": one, "b": edited(one, column, value)})


def test_a_run_with_a_round_more_and_a_problem_with_two_digests_are_refused(
    tmp_path: Path,
) -> None:
    one = made(tmp_path / "a", "margin")
    shorter = replace(one, frame=one.frame.iloc[:-1])
    with pytest.raises(ValueError, match=r"1 of the 2 runs .* differ, run .* in their rounds"):
        merged_tables({"a": one, "b": shorter})
    other = made(tmp_path / "b", "badge", digest="d2", n_test=299)
    said = r"of flowers, natural skew, no label noise, seed 0, but not on .*\(d\d0, d\d0\)"
    with pytest.raises(ValueError, match=said):
        merged_tables({"a": one, "b": other})


def test_a_column_that_was_edited_or_is_missing_is_seen_and_nothing_is_no_table(
    tmp_path: Path,
) -> None:
    one = made(tmp_path / "a", "margin")
    frame = one.frame.assign(strategy_config='{"_target_":"al_bench.strategies.Better"}')
    with pytest.raises(ValueError, match="is not what its columns say, whose id is"):
        merged_tables({"a": replace(one, frame=frame)})
    with pytest.raises(ValueError, match="a has no column 'noise_config'; wanted one of"):
        merged_tables({"a": replace(one, frame=one.frame.drop(columns="noise_config"))})
    fake_run(tmp_path / "b", error="ValueError: no centre")
    with pytest.raises(ValueError, match="b have no finished run; there is nothing to merge"):
        merged_tables({"b": read_runs(tmp_path / "b")})
