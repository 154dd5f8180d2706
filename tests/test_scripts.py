"""The scripts beside the package, as far as no other test uses them."""

import ast
import importlib
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from math import inf
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

SCRIPTS = Path(__file__).parents[1] / "scripts"
BENCHMARKS = SCRIPTS.parent / "benchmarks"


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_names_only_what_the_package_has(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("al_bench"):
            module = importlib.import_module(str(node.module))
            assert [one.name for one in node.names if not hasattr(module, one.name)] == []


def runs(
    dataset: str,
    rate: float,
    strategy: str,
    end: float,
    product: float,
    rho: float = 0.0,
    l2: float = 1.0,
    seeds: tuple[int, ...] = (100, 101),
) -> pd.DataFrame:
    """Some seeds of one arm, whose curves are straight lines to these ends."""
    parts = []
    for seed in seeds:
        labels = np.array([0, 10, 20, 40])
        parts.append(
            pd.DataFrame(
                {
                    "id": f"{dataset} {rate} {strategy} {rho} {l2} {seed}",
                    "seed": seed,
                    "dataset": dataset,
                    "noise_config": json.dumps({"rate": rate}),
                    "strategy": strategy,
                    "strategy_config": json.dumps({"rho": rho} if rho else {}),
                    "init": "random",
                    "supervision": "labels",
                    "learner": "linear",
                    "learner_config": json.dumps({"balance": "weights", "l2": l2}),
                    "round": np.arange(4),
                    "n_labels": labels,
                    "balanced_accuracy": end * labels / 40,
                    "product_balanced_accuracy": product * labels / 40,
                }
            )
        )
    return pd.concat(parts)


def kept(
    frames: list[pd.DataFrame],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, dict[str, str]]:
    """The sweeps of the opponents that the script keeps of these runs."""
    screen, found = str(tmp_path / "screen.parquet"), str(tmp_path / "areas.parquet")
    pd.concat(frames).to_parquet(screen)
    for arguments in (["areas", screen, "--out", found], ["kept", found]):
        monkeypatch.setattr(sys, "argv", ["opponents.py", *arguments])
        runpy.run_path(str(SCRIPTS / "opponents.py"), run_name="__main__")
    return yaml.safe_load(capsys.readouterr().out)["sweeps"]


Keep = Callable[[list[pd.DataFrame]], dict[str, dict[str, str]]]


@pytest.fixture
def keep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Keep:
    return lambda frames: kept(frames, tmp_path, capsys, monkeypatch)


def test_the_opponents_kept_are_those_that_come_closest_anywhere_by_either_metric(
    keep: Keep,
) -> None:
    arms = {  # ends clean and under noise, of the model alone and times the prior
        "best_clean": (0.9, 0.1, 0.1, 0.1),
        "best_noisy": (0.1, 0.1, 0.8, 0.1),
        "times_prior": (0.1, 0.88, 0.1, 0.1),
        "good": (0.7, 0.1, 0.7, 0.1),
        "fair": (0.6, 0.1, 0.6, 0.1),
        "poor": (0.5, 0.1, 0.5, 0.1),
    }
    frames = []
    for strategy, (clean, product, noisy, other) in arms.items():
        frames.append(runs("trec", 0.0, strategy, clean, product))
        frames.append(runs("trec", 0.4, strategy, noisy, other))
    sweeps = keep(frames)
    names = [sweep["strategy"] for sweep in sweeps.values()]
    assert sorted(names[:2]) == ["best_clean", "best_noisy"]
    assert names[2:] == ["times_prior", "good", "fair"]
    assert sweeps["opponent 1 on trec"]["learner.balance"] == "weights"
    assert "strategy.rho" not in sweeps["opponent 1 on trec"]


def test_the_best_with_a_rho_is_kept_however_weak(keep: Keep) -> None:
    frames = [runs("trec", 0.0, f"rule{i}", 0.9, 0.1) for i in range(6)]
    frames += [runs("trec", 0.0, "prioral", rho, 0.1, rho) for rho in (0.1, 0.25)]
    *strong, last = keep(frames).values()
    assert len(strong) == 5
    assert all("strategy.rho" not in sweep for sweep in strong)
    assert last["strategy"] == "prioral"
    assert last["strategy.rho"] == last["supervision.rho"] == "0.25"


def test_a_ridge_is_an_arm_and_is_compared_on_its_own_seeds(keep: Keep) -> None:
    """The one seed of the ridge is an easy one: all arms are better there."""
    easy = [runs("trec", 0.0, f"rule{i}", 0.9 - i / 100, 0.1, seeds=(100,)) for i in range(8)]
    hard = [runs("trec", 0.0, f"rule{i}", 0.5 - i / 100, 0.1, seeds=(101,)) for i in range(8)]
    ridge = [runs("trec", 0.0, "rule0", 0.885, 0.1, l2=0.1, seeds=(100,))]
    sweeps = list(keep([*easy, *hard, *ridge]).values())
    assert [sweep["strategy"] for sweep in sweeps] == ["rule0", "rule1", "rule0", "rule2", "rule3"]
    assert [sweep.get("learner.l2") for sweep in sweeps] == [None, None, "0.1", None, None]


def test_the_two_best_on_human_labels_alone_are_kept_however_weak(keep: Keep) -> None:
    frames = [
        runs("trec", 0.0, f"rule{i}", 0.9, 0.1).assign(supervision="distill") for i in range(6)
    ]
    frames += [runs("trec", 0.0, f"plain{i}", 0.3 + i / 10, 0.1) for i in range(3)]
    sweeps = list(keep(frames).values())
    assert [sweep["supervision"] for sweep in sweeps[:5]] == ["distill"] * 5
    assert [sweep["strategy"] for sweep in sweeps[5:]] == ["plain2", "plain1"]


def test_the_committed_opponents_are_those_of_the_committed_areas(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    areas = SCRIPTS.parent / "results" / "benchmarks" / "screening.parquet"

    def printed(step: str) -> str:
        monkeypatch.setattr(sys, "argv", ["opponents.py", step, str(areas)])
        runpy.run_path(str(SCRIPTS / "opponents.py"), run_name="__main__")
        return capsys.readouterr().out

    suites = SCRIPTS.parent / "configs" / "experiment"
    assert printed("kept") == (suites / "common" / "opponents.yaml").read_text()
    arm = yaml.safe_load((suites / "savings.yaml").read_text())["sweeps"]["best single alternative"]
    chosen = {"learner": "linear"} | {key: str(value) for key, value in arm.items()}
    assert yaml.safe_load(printed("single")) == chosen


def large_pools(cells: Path, *options: str) -> str:
    """What benchmarks/scale.py prints of tiny pools."""
    command = [sys.executable, str(BENCHMARKS / "scale.py"), "--cells", str(cells)]
    command += ["--rows", "300", "--dim", "16", "--labelled", "60"]
    command += ["--budgets", "5", "55", "--classes", "4", "--repeat", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_measured_of_large_pools_is_not_measured_again(tmp_path: Path) -> None:
    cells = tmp_path / "cells.jsonl"
    large_pools(cells, "--strategies", "margin", "coreset")
    first = cells.read_text()
    assert len(first.splitlines()) == 2 * 2  # at two budgets
    page = large_pools(cells, "--strategies", "margin", "coreset", "badge")
    assert cells.read_text().startswith(first)
    assert len(cells.read_text().splitlines()) == 3 * 2
    assert "| badge |" in page


def test_what_takes_too_long_in_a_large_pool_is_given_up_and_said(tmp_path: Path) -> None:
    cells = tmp_path / "cells.jsonl"
    page = large_pools(cells, "--strategies", "typiclust", "--limit", "0.001")
    assert "| typiclust | over 0 | over 0 |" in page
    large_pools(cells, "--strategies", "typiclust", "--limit", "60")
    last = json.loads(cells.read_text().splitlines()[-1])
    assert last["seconds"] > 0


def test_what_is_measured_on_two_threads_has_a_table_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    scale = importlib.import_module("scale")
    size, cells = scale.Size(300, 16, 60, 5, 4), scale.Cells(tmp_path / "cells.jsonl")
    for name, threads in (("margin", 1), ("badge", 1), ("badge", 2)):
        what = scale.what(name, size._replace(threads=threads))
        cells.add({"what": what, "seconds": float(threads), "gibibytes": 0.1})
    args = SimpleNamespace(strategies=["margin", "badge"], repeat=1)
    one, two = "\n".join(scale.page(cells, [size], args)).split("## On 2 threads")
    assert "| margin | 1.00 |" in one
    assert "| badge | 1.00 |" in one
    assert "| badge | 2.00 |" in two
    assert "margin" not in two


@pytest.mark.parametrize(("seconds", "shown"), [(50.0, "25"), (1.0, "0.5"), (inf, "over 450")])
def test_peers_are_measured_in_multiples_of_our_seconds(
    seconds: float, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    peers = importlib.import_module("peers")
    costs = iter([2.0, seconds])
    monkeypatch.setattr(peers, "measure", lambda *_: SimpleNamespace(processor=next(costs)))
    pool = peers.on_sphere(peers.Size(400, 8, 60, 100, 3))
    args = SimpleNamespace(repeat=1, limit=900)
    assert peers.cells("margin", ["scikit-activeml"], pool, args) == ["margin", shown]


def test_a_peer_that_chooses_other_rows_is_shown_with_how_many_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    peers = importlib.import_module("peers")
    monkeypatch.setattr(peers, "measure", lambda *_: SimpleNamespace(processor=1.0))
    chosen = iter([np.arange(100), np.arange(25, 125)])
    monkeypatch.setattr(peers, "chosen", lambda *_: next(chosen))
    args = SimpleNamespace(repeat=1, limit=900)
    assert peers.cells("margin", ["small-text"], None, args) == ["margin", "1 (75%)"]


def test_labelbench_reads_predictions_features_and_the_truth_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    peers = importlib.import_module("peers")
    state, truth = peers.make_pool(peers.Size(50, 4, 10, 5, 3))
    names = ("TRAIN_PRED", "TRAIN_EMBEDDING", "TRAIN_LABEL")
    given = peers.Given(state, truth)
    probs, features, labels = given.retrieve_inputs([SimpleNamespace(name=name) for name in names])
    probs[:] = 0  # as BADGE there writes into them
    assert state.probs.max() > 0
    assert np.array_equal(features, state.rows.features)
    assert np.array_equal(labels.argmax(axis=1), truth)
    assert len(given) == 50


def test_the_least_reading_is_that_of_a_search_through_all_cases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight papers are found among 20; a ninth and a tenth would make that less than 85 %."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    least_read = importlib.import_module("reviews").least_read
    hidden = [set(pair) for pair in combinations(range(12), 2)]

    def missed(read: int) -> float:
        return sum(pair.isdisjoint(range(read)) for pair in hidden) / len(hidden)

    least = min(read for read in range(13) if missed(read) <= 0.2)
    assert least_read(20, 8, 0.85, 0.2) == pytest.approx((least + 0.85 * 8) / 20)
    assert least_read(2019, 101, 0.95) == pytest.approx(0.42, abs=0.005)
    assert least_read(1704, 45, 0.95) == pytest.approx(0.64, abs=0.005)
