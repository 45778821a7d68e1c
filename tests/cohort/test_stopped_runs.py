"""A run stops as a whole where nothing can be written, and where a person says so."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from liverview.cli.cohort_run import GentleStop, ProgressLine, iter_cohort
from liverview.cli.parser import command_parser
from liverview.cli.run_options import run_choice
from liverview.cohort import stopping
from liverview.cohort.ledger import Ledger
from liverview.cohort.local import iter_run_here
from liverview.cohort.stopping import RunStoppedError, reason_to_stop
from liverview.cohort.work import Attempt
from liverview.core.stream import Message
from liverview.files.atomic import TargetError, atomic_write

from support.worker_works import DigestWork, TextItem


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("out", "marks"):
        (tmp_path / name).mkdir()
    return tmp_path / "out", tmp_path / "marks"


def _items(folder: Path, *names: str) -> list[TextItem]:
    for name in names:
        (folder / f"{name}.txt").write_text(name)
    return [TextItem(folder / f"{name}.txt") for name in names]


def _full(handle: int, room: int) -> None:
    if room:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_stops_the_run_before_others_fail(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, marks = folders
    ledger = Ledger(out)
    items = _items(tmp_path, "a", "full", "b")
    work = DigestWork(out, marks)
    monkeypatch.setattr(stopping, "_take_room", _full)
    ended: list[str] = []
    with pytest.raises(RunStoppedError, match=r"the disk is full.*goes on from there"):
        ended.extend(r.item for r in iter_run_here(items, work, ledger) if isinstance(r, Attempt))
    assert list(ledger.read().attempts) == ["a"]  # nothing is said against the scan
    assert {path.name for path in out.iterdir()} == {"a.txt", "ledger"}
    monkeypatch.undo()  # there is room: only this scan does not fit
    found = {
        r.item: r.outcome for r in iter_run_here(items, work, ledger) if isinstance(r, Attempt)
    }
    assert found == {"a": "done", "full": "failed", "b": "done"}


def test_errors_of_scans_stop_nothing(tmp_path: Path) -> None:
    assert reason_to_stop(ValueError("damaged"), tmp_path) is None
    missing = OSError(errno.ENOENT, "No such file", "scan.nii.gz")
    assert reason_to_stop(missing, tmp_path) is None
    with pytest.raises(TargetError) as caught, atomic_write(tmp_path / "gone" / "a.txt"):
        pass
    assert reason_to_stop(caught.value, tmp_path) is None
    stop = reason_to_stop(caught.value, tmp_path / "gone")
    assert stop is not None
    assert "its folder is not there" in str(stop)
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_cannot_be_written_stops_the_run(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    out, marks = folders
    (out / "ledger").write_text("no folder")
    with pytest.raises(RunStoppedError, match="ledger"):
        list(iter_run_here(_items(tmp_path, "a"), DigestWork(out, marks), Ledger(out)))
    assert not list(marks.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_stops(number: signal.Signals) -> None:
    before = signal.default_int_handler
    at_first = signal.signal(number, before)  # what runs the tests may ignore it
    try:
        with GentleStop() as stop:
            assert not stop()
            os.kill(os.getpid(), number)
            assert stop()
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, at_first)


def _attempt(outcome: str) -> Attempt:
    return Attempt("a", "a.nii", "segment", 1, outcome, "2026-01-01T00:00:00+00:00")  # type: ignore[arg-type]


def test_progress_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 30.0, 70.0, 70.0, 71.0, 600.0, 600.0])
    line = ProgressLine(200, lambda: next(times))
    line.show()  # too early
    for outcome in (*["done"] * 37, "failed"):
        line.count(_attempt(outcome))
    line.show()
    line.show()  # too early again
    assert capsys.readouterr().err == "37 of 200 done, 1 failed, 1,954 scans an hour, 5 min left\n"
    line.show()
    assert "228 scans an hour, 43 min left" in capsys.readouterr().err


def test_a_run_that_was_asked_to_stop_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    stop = GentleStop()

    def reports() -> object:
        yield _attempt("done")
        stop.asked = True
        yield Message("a note")
        yield _attempt("done")

    with pytest.raises(KeyboardInterrupt):
        list(iter_cohort(reports(), 3, stop))  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert said.count("again stops at once") == 1
    assert "a note\n" in said


@pytest.mark.parametrize(
    ("given", "seconds", "memory_mb"),
    [(("90s", "800MB"), 90, 800), (("20m", "8GB"), 1200, 8192), (("1.5h", "1.5 gb"), 5400, 1536)],
)
def test_limits_as_people_write_them(
    given: tuple[str, str], seconds: float, memory_mb: float
) -> None:
    time, memory = given
    command = ["segment", "a.nii", "-o", "out", "--time-limit", time, "--memory-limit", memory]
    choice = run_choice(command_parser().parse_args(command))
    assert (choice.seconds, choice.memory_mb) == (seconds, memory_mb)
    assert choice.is_limited


@pytest.mark.parametrize(
    "given",
    [
        ("--time-limit", "soon"),
        ("--time-limit", "0"),
        ("--memory-limit", "8"),
        ("--processes", "0"),
    ],
)
def test_limits_that_are_none(given: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_parser().parse_args(["segment", "a.nii", "-o", "out", *given])
    assert given[0] in capsys.readouterr().err
