"""Workers that die, hang, grow or are stopped: the others go on, and so does the next run."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liverview.cohort.ledger import Ledger
from liverview.cohort.processes import Workers, iter_run_in_processes
from liverview.cohort.states import item_states
from liverview.cohort.stopping import RunStoppedError
from liverview.cohort.work import Attempt
from liverview.core.stream import Message

from support.worker_works import DigestWork, TextItem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")


class Cohort:
    """Text files, and the folder for their results."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.scans, self.out, self.marks = (folder / name for name in ("scans", "out", "marks"))
        for one in (self.scans, self.out, self.marks):
            one.mkdir(exist_ok=True)
        self.items = [TextItem(self.scans / f"{name}.txt") for name in names]
        for item in self.items:
            item.path.write_text(item.name)
        self.ledger = Ledger(self.out)

    def work(self, *waits: str) -> DigestWork:
        return DigestWork(self.out, self.marks, waits)

    def iter_run(self, workers: Workers, *waits: str, **options: object) -> Iterator[object]:
        work = self.work(*waits)
        states = item_states(self.items, self.ledger.read(), work)
        items = [item for item in self.items if states[item.name].is_to_do(retry_failed=True)]
        return iter_run_in_processes(items, work, self.ledger, workers, **options)  # type: ignore[arg-type]

    def attempts(self, workers: Workers) -> dict[str, Attempt]:
        return {a.item: a for a in self.iter_run(workers) if isinstance(a, Attempt)}

    def check(self, *names: str) -> None:
        """These are done, as text says; nothing else is there, and no process at work."""
        found = {path.name for path in self.out.iterdir()}
        assert found == {"ledger", *(f"{name}.txt" for name in names)}
        for name in names:
            text = (self.out / f"{name}.txt").read_text()
            assert text == hashlib.sha256(name.encode()).hexdigest()
        for path in self.marks.glob("*.began"):
            for process in path.read_text().split():
                assert not Path(f"/proc/{process}/exe").exists()

    def tries(self, name: str) -> int:
        path = self.marks / f"{name}.began"
        return len(path.read_text().splitlines()) if path.exists() else 0


def test_what_dies_once_is_done_and_what_dies_twice_has_failed(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path, "a", "dies", "damaged", "b", "diesonce", "c")
    found = cohort.attempts(Workers(2, 1))
    outcomes = {name: attempt.outcome for name, attempt in found.items()}
    failed = {"dies", "damaged"}
    assert outcomes == {i.name: "failed" if i.name in failed else "done" for i in cohort.items}
    assert found["dies"].error_kind == "lost"
    assert "SIGKILL" in found["dies"].error
    assert found["damaged"].error == "damaged is damaged."
    assert (cohort.tries("dies"), cohort.tries("diesonce"), cohort.tries("a")) == (2, 2, 1)
    cohort.check("a", "b", "c", "diesonce")
    states = item_states(cohort.items, cohort.ledger.read(), cohort.work())
    assert {name: s.state for name, s in states.items()} == outcomes


def test_what_takes_too_long_or_too_much_has_failed(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path, "hangs", "a", "grows", "b")
    found = cohort.attempts(Workers(2, 1, seconds=20, memory_mb=350))
    assert {name: a.error_kind for name, a in found.items() if a.error_kind} == {
        "hangs": "time limit",
        "grows": "memory limit",
    }
    assert "20 s of --time-limit" in found["hangs"].error
    assert "350 MB of --memory-limit" in found["grows"].error
    cohort.check("a", "b")
    kept = {name: attempts[-1] for name, attempts in cohort.ledger.read().attempts.items()}
    assert {name: a.outcome for name, a in kept.items()} == {
        name: a.outcome for name, a in found.items()
    }


def test_killed_at_any_moment_all_is_done_once(tmp_path: Path) -> None:
    """After every report one worker is killed: each item is lost once at most."""
    names = [f"n{number}" for number in range(8)]
    cohort = Cohort(tmp_path, *names)
    killed: set[int] = set()
    ended: list[str] = []
    for report in cohort.iter_run(Workers(2, 1)):
        if isinstance(report, Attempt):
            ended.append(report.item)
            assert report.outcome == "done"
        if isinstance(report, Message) and len(killed) < 3:
            name = report.text.split()[0]
            process = int((cohort.marks / f"{name}.began").read_text().split()[-1])
            if cohort.tries(name) == 1 and process not in killed:
                killed.add(process)
                os.kill(process, signal.SIGKILL)
    assert len(killed) == 3
    assert sorted(ended) == names
    cohort.check(*names)
    assert not list(cohort.iter_run(Workers(2, 1)))


def test_a_folder_that_vanishes_stops_the_run_and_is_no_scans_fault(tmp_path: Path) -> None:
    """It is gone once the item is begun; the worker sees it when it writes."""
    cohort = Cohort(tmp_path, "waits", "z")
    steps = cohort.iter_run(Workers(1, 1), "waits")
    assert next(m.text for m in steps if isinstance(m, Message)) == "waits is begun."  # type: ignore[union-attr]
    _wait_for(cohort.marks / "waits.go")  # by then its file is begun as well
    cohort.out.rename(tmp_path / "away")
    _let_go(cohort.marks / "waits.go")
    with pytest.raises(RunStoppedError, match="the same command goes on"):
        list(steps)
    (tmp_path / "away").rename(cohort.out)
    assert {a.outcome for s in cohort.ledger.read().attempts.values() for a in s} <= {"begun"}
    (cohort.marks / "waits.go").unlink()
    found = cohort.attempts(Workers(1, 1))
    assert {a.outcome for a in found.values()} == {"done"}
    cohort.check("waits", "z")


@pytest.mark.parametrize("stop", ["gently", "at once"])
def test_a_run_that_is_stopped_goes_on(tmp_path: Path, stop: str) -> None:
    cohort = Cohort(tmp_path, "a", "b", "c")
    asked: list[str] = []
    steps = cohort.iter_run(Workers(1, 1), "a", stopping=lambda: bool(asked))
    for report in steps:
        if isinstance(report, Message):
            break
    if stop == "gently":
        asked.append(stop)
        _let_go(cohort.marks / "a.go")
        assert [r.item for r in steps if isinstance(r, Attempt)] == ["a"]
        cohort.check("a")
    else:
        steps.close()  # type: ignore[attr-defined]
        cohort.check()
        assert cohort.ledger.read().attempts == {}
    (cohort.marks / "a.go").unlink(missing_ok=True)
    assert {a.outcome for a in cohort.attempts(Workers(1, 1)).values()} == {"done"}
    cohort.check("a", "b", "c")
    assert cohort.tries("a") == (1 if stop == "gently" else 2)


PARENT = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from liverview.cohort.processes import Workers
from test_killed_workers import Cohort
list(Cohort(Path({folder!r}), *"abc").iter_run(Workers(2, 1), "a", "b"))
"""


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path, "a", "b", "c")
    here = Path(__file__).parent
    program = PARENT.format(paths=[str(here), str(here.parent)], folder=str(tmp_path))
    parent = subprocess.Popen([sys.executable, "-c", program])
    for name in "ab":  # opens once the worker waits there
        go = cohort.marks / f"{name}.go"
        while not go.exists():
            assert parent.poll() is None
            select.select([], [], [], 0.05)
    workers = [int((cohort.marks / f"{name}.began").read_text()) for name in "ab"]
    handles = [os.pidfd_open(process) for process in workers]
    parent.kill()
    parent.wait()
    for handle in handles:
        assert select.select([handle], [], [], 60)[0]
        os.close(handle)
    for name in "ab":
        (cohort.marks / f"{name}.go").unlink()
    cohort.check()
    assert {a.outcome for a in cohort.attempts(Workers(2, 1)).values()} == {"done"}
    cohort.check("a", "b", "c")


def _wait_for(pipe: Path) -> None:
    while not pipe.exists():
        select.select([], [], [], 0.05)


def _let_go(pipe: Path) -> None:
    _wait_for(pipe)
    pipe.write_text("")


def test_a_folder_that_is_replaced_stops_the_run(tmp_path: Path) -> None:
    cohort = Cohort(tmp_path, "a", "b")
    steps = cohort.iter_run(Workers(1, 1))
    for report in steps:
        if isinstance(report, Attempt):
            cohort.out.rename(tmp_path / "away")
            cohort.out.mkdir()
            break
    with pytest.raises(RunStoppedError, match="not the folder any more"):
        list(steps)
    assert list(cohort.out.iterdir()) == []
    shutil.rmtree(cohort.out)
    (tmp_path / "away").rename(cohort.out)
    assert list(cohort.attempts(Workers(1, 1))) == ["b"]
    cohort.check("a", "b")
