"""Sweeps on a Ray cluster of two nodes, one of which may die (make test-ray)."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from al_bench.cli.main import main
from tests.runs.test_failures import SLOW, rounds_of
from tests.runs.test_run import COMMAND, TINY, here, manifest, runs, started  # noqa: F401

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra 'ray' of al-bench"),
    pytest.mark.xdist_group("ray"),
]
SWEEP = [*TINY, *SLOW, "strategy=margin,badge,random", "seed=range(8)", "runs_per_job=2"]
PATIENCE = 240.0  # seconds for nodes to come and for runs to be made


@dataclass(frozen=True)
class Cluster:
    """Two node processes of one core each on loopback: the head, and one that may be killed."""

    address: str
    nodes: list[subprocess.Popen[bytes]]

    def working(self, node: int) -> bool:
        """Whether a worker of this node is at a task: it is named after it, an idle one IDLE."""
        return any(
            name.startswith(b"ray::") and b"IDLE" not in name
            for name in names(self.nodes[node].pid)
        )

    def kill(self, node: int) -> None:
        """The node, its raylet and its workers, as when a machine loses power."""
        os.killpg(self.nodes[node].pid, signal.SIGKILL)
        self.nodes[node].wait()


def names(group: int) -> Iterator[bytes]:
    """What the processes of a group are called."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(path.name)) == group:
                yield (path / "cmdline").read_bytes()
        except OSError:  # it ended just now
            continue


def eventually(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    settings = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    settings |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "300"}
    settings |= {"RAY_worker_niceness": "0"}  # 15 otherwise, which starves beside other work
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    ray = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1"]
    ray += ["--node-ip-address=127.0.0.1", "--object-store-memory=100000000"]
    folder = f"/tmp/ray{os.getpid()}"  # its sockets allow no long path
    head = ["--head", f"--port={address.split(':')[1]}", f"--temp-dir={folder}"]
    made = Cluster(address, [])
    try:
        for options in ([*head, "--include-dashboard=false"], [f"--address={address}"]):
            with (tmp_path / f"node{len(made.nodes)}.log").open("w") as log:
                made.nodes.append(
                    subprocess.Popen(
                        [*ray, *options], stdout=log, stderr=log, start_new_session=True
                    )
                )
            eventually(lambda: alive(address) == len(made.nodes), "a node joins")
        yield made
    finally:
        for number, node in enumerate(made.nodes):
            if node.returncode is None:
                made.kill(number)
        shutil.rmtree(folder, ignore_errors=True)


def alive(address: str) -> int:
    """How many nodes of a cluster live; 0 where none can be asked."""
    code = (
        f"import ray; ray.init({address!r}, logging_level='error')\n"
        "print(sum(node['Alive'] for node in ray.nodes()))"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return int(asked.stdout) if asked.returncode == 0 else 0


def finished(folder: Path) -> dict[str, tuple[int, str]]:
    """When each finished run's manifest and what it says, by the run's name."""
    found = {}
    for path in (folder / "results" / "runs").glob("*/manifest.json"):
        if json.loads(path.read_text()).get("finished"):
            found[path.parent.name] = (path.stat().st_mtime_ns, path.read_text())
    return found


@pytest.mark.parametrize("retries", [3, 0])
def test_a_sweep_of_two_nodes_loses_and_doubles_nothing_when_one_is_killed(
    retries: int,
    here: Path,  # noqa: F811
    cluster: Cluster,
) -> None:
    on_ray = ["hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster.address}"]
    on_ray += [f"hydra.launcher.ray.remote.max_retries={retries}"]
    with started("run", "-m", *SWEEP, *on_ray, cwd=here) as sweep:
        eventually(
            lambda: len(finished(here)) >= 4 and cluster.working(1) and cluster.working(0),
            "both nodes work",
        )
        cluster.kill(1)
        _, said = sweep.communicate()
    kept = finished(here)
    if sweep.returncode == 0:  # Ray itself started again what the node was making, if anything
        assert len(kept) == 24
    else:
        assert retries == 0, said
        assert "the same command goes on from here" in said
        assert 4 <= len(kept) < 24
    again = subprocess.run(
        [*COMMAND, "run", "-m", *SWEEP, *on_ray], cwd=here, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    now = finished(here)
    assert kept.items() <= now.items()  # not made twice: the same files as before
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "results=beside"]
    assert main(["run", "-m", *SWEEP, *joblib]) == 0
    assert rounds_of(here / "results") == rounds_of(here / "beside")
    assert main(["merge", "results/runs", "beside/runs", "--out", "all.parquet"]) == 0
    assert len(now) == 24
