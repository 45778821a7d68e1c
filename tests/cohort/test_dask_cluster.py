"""Cohorts on Dask: the same bytes, workers that are lost, limits, clusters that are wrong."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from liverview.cli import main
from liverview.cohort import dask_worker
from liverview.cohort.cluster_choice import ClusterError, parse_cluster
from liverview.cohort.dask_cluster import Limits, iter_run_on_dask
from liverview.cohort.dask_worker import WorkerRun, check_worker, do_item
from liverview.cohort.ledger import Ledger
from liverview.cohort.scan_steps import SegmentOptions
from liverview.cohort.segmenting import SegmentWork
from liverview.cohort.work import Attempt
from liverview.core.about import __version__
from liverview.files.sidefiles.weights import weights_sha256

from support import clusters, tiny_networks
from support.cohort_works import DigestWork

MARK = "run-0"

# Dask's own: sockets of workers that were killed, and loops of its threads.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(sys.platform == "win32", reason="kills by signals"),
]


@pytest.fixture(autouse=True)
def _fast_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    for name, value in clusters.FAST_START.items():
        monkeypatch.setenv(name, value)
    dask.config.refresh()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_what_misbehaves_takes_nothing_along(tmp_path: Path, out: Path) -> None:
    """Killed once, killed always, hanging, endless, damaged: the others are done once each."""
    names = ["a", "bad", "kill", "killonce", "b", "hang", "slow", "c"]
    work = DigestWork(out)
    attempts, messages = clusters.run_on(
        "local:2", clusters.files(tmp_path / "in", names), work, out, Limits(seconds=1)
    )
    ends = {name: (one.outcome, one.error_kind) for name, one in attempts.items()}
    assert ends == {
        **dict.fromkeys("abc", ("done", "")),
        "killonce": ("done", ""),
        "bad": ("failed", "ValueError"),
        "kill": ("failed", "lost"),
        "hang": ("failed", "time limit"),
        "slow": ("failed", "time limit"),
    }
    assert "dashboard: http" in messages[0]
    assert messages[-1] == "2 workers with 2 threads."
    ledger = Ledger(out)
    assert {name: ledger.attempts_at(name)[-1] for name in names} == attempts
    assert [a.outcome for a in ledger.attempts_at("killonce")] == ["begun", "done"]
    assert [a.outcome for a in ledger.attempts_at("kill")] == ["begun", "failed"]
    assert not list(out.glob("ledger/run-*"))


def test_the_command_gives_the_bytes_of_one_process(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tiny_networks.save_weights(tmp_path / "weights")
    clusters.write_scans(tmp_path / "in", 6)
    alone = tmp_path / "alone"
    command = ["segment", str(tmp_path / "in"), "--weights", str(weights), "--format", ".nii", "-o"]
    assert main([*command, str(alone), "--processes", "1"]) == 0
    assert main([*command, str(out), "--on", "local:2"]) == 0
    assert "2 workers with 2 threads." in capsys.readouterr().err
    written = {path.name: path.read_bytes() for path in alone.glob("*.nii")}
    assert len(set(written.values())) == 6
    assert {path.name: path.read_bytes() for path in out.glob("*.nii")} == written
    done = Ledger(out).read().attempts
    assert {name: [one.outcome for one in tries] for name, tries in done.items()} == {
        f"scan_{number:03d}_seg": ["done"] for number in range(6)
    }
    figures = {name: tries[0].figures for name, tries in Ledger(alone).read().attempts.items()}
    for name, tries in done.items():
        there = dict(tries[0].figures)
        assert there.pop("seconds") > 0
        assert there == {k: v for k, v in figures[name].items() if k != "seconds"}


def test_a_stop_ends_what_is_under_way_and_begins_nothing(tmp_path: Path, out: Path) -> None:
    items = clusters.files(tmp_path / "in", [f"i{number}" for number in range(12)])
    ended: list[Attempt] = []
    for item in iter_run_on_dask(
        items, DigestWork(out), Ledger(out), parse_cluster("local:1"), stopping=lambda: bool(ended)
    ):
        if isinstance(item, Attempt):
            ended.append(item)
    begun = {name for name in (one.name for one in items) if Ledger(out).tries(name)}
    assert {one.outcome for one in ended} == {"done"}
    assert {one.item for one in ended} == begun
    assert 1 <= len(begun) < 12


def test_a_scheduler_that_dies_is_said_and_the_rest_is_done_later(
    tmp_path: Path, out: Path
) -> None:
    items = clusters.files(tmp_path / "in", ["a", "b", "c", "d"])
    work, ledger = DigestWork(out), Ledger(out)
    with clusters.scheduler(tmp_path) as (address, process), clusters.worker(address):
        stream = iter_run_on_dask(items, work, ledger, parse_cluster(address))
        assert any(isinstance(item, Attempt) for item in stream)
        process.kill()
        process.wait()
        with pytest.raises(ClusterError, match="The Dask scheduler is gone"):
            list(stream)
    done = {name for name, tries in ledger.read().attempts.items() if tries[-1].outcome == "done"}
    rest = [one for one in items if one.name not in done]
    attempts, _ = clusters.run_on("local:1", rest, work, out)
    assert {one.outcome for one in attempts.values()} <= {"done"}
    assert sorted(path.stem for path in out.glob("*.sha256")) == ["a", "b", "c", "d"]


def test_no_scheduler_there_is_said() -> None:
    from liverview.cohort.dask_starting import connected

    choice = parse_cluster("tcp://127.0.0.1:9")
    with (
        pytest.raises(ClusterError, match=r"tcp://127.0.0.1:9 cannot be used"),
        connected(choice, timeout=1),
    ):
        pass


def test_no_batch_system_there_is_said(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ClusterError, match="needs sbatch, which is not on this machine"):
        clusters.run_on("slurm:jobs=2", [], DigestWork(out), out)


SBATCH = """#!/bin/sh
bash "$1" >"$1.log" 2>&1 &
echo "Submitted batch job $!"
"""


@pytest.mark.slow  # has been seen to wait for ever on a busy machine
def test_jobs_of_a_batch_system_do_the_work(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for SLURM that runs each job at once, and ends it by its process."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", '#!/bin/sh\nkill "$1"\n')):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", clusters.with_tests()["PYTHONPATH"])
    items = clusters.files(tmp_path / "in", ["a", "b", "kill"])
    on = "slurm:jobs=1,cores=2,memory=2GB,interface=lo,job_script_prologue=export SAID=1"
    attempts, messages = clusters.run_on(on, items, DigestWork(out), out)
    assert {name: one.outcome for name, one in attempts.items()} == {
        "a": "done",
        "b": "done",
        "kill": "failed",
    }
    assert any(text.startswith("2 workers with 2") or "1 worker" in text for text in messages)


def _packed(work: object, results: Path) -> bytes:
    return WorkerRun(work, Path.cwd(), results, MARK).packed()  # type: ignore[arg-type]


def test_a_worker_that_does_not_see_the_results_says_so(out: Path) -> None:
    with pytest.raises(ClusterError, match=r"does not see .*out: results have to be in a folder"):
        check_worker(__version__, _packed(DigestWork(out), out))


def test_a_worker_of_another_version_says_so(out: Path) -> None:
    (out / "ledger" / MARK).mkdir(parents=True)
    packed = _packed(DigestWork(out), out)
    assert check_worker(__version__, packed) == __version__
    with pytest.raises(ClusterError, match=f"has liverview {__version__}, not 9.9"):
        check_worker("9.9", packed)


def test_a_worker_that_sees_other_weights_says_so(tmp_path: Path, out: Path) -> None:
    (out / "ledger" / MARK).mkdir(parents=True)
    weights = tiny_networks.save_weights(tmp_path / "weights")
    work = SegmentWork("cpu", weights, SegmentOptions(hashes=weights_sha256(weights)))
    packed = _packed(work, out)
    check_worker(__version__, packed)
    dask_worker._run_of.cache_clear()
    (weights / "fine.safetensors").unlink()
    with pytest.raises(ClusterError, match="weights: these are not the networks"):
        check_worker(__version__, packed)


def test_what_another_worker_has_done_in_this_run_is_not_done_again(
    tmp_path: Path, out: Path
) -> None:
    """As where a worker is lost between its work and the answer."""
    (out / "ledger" / MARK).mkdir(parents=True)
    item = clusters.files(tmp_path / "in", ["a"])[0]
    packed = _packed(DigestWork(out), out)
    first = do_item(__version__, packed, item, 0)
    assert do_item(__version__, packed, item, 0) == first
    again = do_item(__version__, packed, item, 1)
    assert again is not None
    assert again.number == 2
    assert len((out / "a.times").read_text().splitlines()) == 2


def test_work_ends_where_the_command_is_gone(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_worker, "_CHECKED_EVERY", -1.0)
    (out / "ledger" / MARK).mkdir(parents=True)
    packed = _packed(DigestWork(out), out)
    check_worker(__version__, packed)
    (out / "ledger" / MARK).rmdir()
    assert do_item(__version__, packed, clusters.files(tmp_path / "in", ["slow"])[0], 0) is None
    assert Ledger(out).tries("slow") == 0
