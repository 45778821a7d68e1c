"""Killed in the middle of strokes: what was done a second before is there, and can be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from liverview.files.journal.reading import Restored, find_left, read_journal
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS
from support.journals import answer, journals, labels_of, offer
from support.strokes import SHAPE, STROKE, WRITTEN, Log, labels_after, scan_voxels

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked there")
TESTS = Path(__file__).parents[2]
_LAST_S = 1.0  # may be lost


def environment(home: Path) -> dict[str, str]:
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, "HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}


def strokes_in(log: Path) -> int:
    return sum(kind == STROKE for kind, _, _ in Log.read(log))


class Killed:
    """A process that was killed: when, and what it had done until then."""

    def __init__(self, seed: int, log: Path, at: float) -> None:
        lines = Log.read(log)
        self.seed, self.at = seed, at
        self.strokes = [when for kind, _, when in lines if kind == STROKE]
        self.written = max((count for kind, count, _ in lines if kind == WRITTEN), default=0)

    def check(self, found: Restored | None, count: int) -> float:
        """The labels are those after ``count`` strokes; returns the seconds that were lost."""
        assert count >= self.written  # what was said to be safe is there
        if found is not None:
            np.testing.assert_array_equal(found.voxels, labels_after(self.seed, count))
        lost = self.strokes[count:]
        return self.at - lost[0] if lost else 0.0


class Nursery:
    """Processes that edit without a window, and are killed."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self._qtbot, self._folder = qtbot, folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.strokes", "nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(folder),
        )

    def kill_one(self, seed: int, after: int) -> tuple[Killed, Path]:
        """Kill one after some strokes; returns also its folder of journals."""
        home = self._folder / str(seed)
        home.mkdir()
        log = home / "log"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{home}\t{log}\t{seed}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self._qtbot.waitUntil(lambda: strokes_in(log) > after, timeout=TIMEOUT_MS)
        os.kill(pid, signal.SIGKILL)
        at = time.monotonic()
        self._qtbot.waitUntil(lambda: _has_ended(pid), timeout=TIMEOUT_MS)
        return Killed(seed, log, at), home / "journals"

    def close(self) -> None:
        self._process.communicate()


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def nursery(qtbot: QtBot, tmp_path: Path) -> Iterator[Nursery]:
    made = Nursery(qtbot, tmp_path)
    yield made
    made.close()


def kill_and_read(nursery: Nursery, seed: int, after: int) -> float:
    """Kill one and read its journal; returns the seconds that were lost."""
    killed, folder = nursery.kill_one(seed, after)
    left = find_left(folder)
    if not left:  # before the first entry
        assert journals(folder) == []
        return killed.check(None, 0)
    (journal,) = left
    assert journal.summary is not None, journal.problem
    found = journal.read()
    assert found.summary.unsaved
    lost = killed.check(found, found.sections["case"]["strokes"])
    journal.remove()
    assert journals(folder) == []
    return lost


def test_a_kill_in_the_middle_of_strokes_leaves_labels_that_there_were(nursery: Nursery) -> None:
    for seed, after in enumerate([0, 60, 150, 300]):
        kill_and_read(nursery, seed, after)


@pytest.fixture
def start_window(tmp_path: Path) -> Iterator[Callable[[int], tuple[subprocess.Popen, Path, Path]]]:
    """A function that starts a window in which strokes are made; with its log and its home."""
    scan = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(scan_voxels(), np.diag([1.0, 1.0, 2.0, 1.0])), scan)
    started = []

    def start(seed: int) -> tuple[subprocess.Popen, Path, Path]:
        home = tmp_path / f"home-{seed}"
        home.mkdir()
        log = home / "log"
        arguments = [sys.executable, "-m", "support.strokes", "window", scan, log, str(seed)]
        variables = environment(home)
        variables.pop("XDG_STATE_HOME", None)
        variables.pop("XDG_CONFIG_HOME", None)
        process = subprocess.Popen(list(map(str, arguments)), env=variables)
        started.append(process)
        return process, log, home / ".local/state/liverview/liverview/journals"

    yield start
    for process in started:
        process.kill()
        process.wait()


def kill_window(
    qtbot: QtBot, process: subprocess.Popen, log: Path, seed: int, after: int
) -> Killed:
    qtbot.waitUntil(lambda: strokes_in(log) > after, timeout=TIMEOUT_MS)
    process.kill()
    at = time.monotonic()
    process.wait()
    return Killed(seed, log, at)


def count_of(found: Restored) -> int:
    """The number of strokes, as the crosshair has it."""
    return int(np.ravel_multi_index(found.sections["case"]["view"]["crosshair"], SHAPE))


def test_a_window_that_is_killed_is_restored_by_the_next_one(
    qtbot: QtBot,
    start_window: Callable[[int], tuple[subprocess.Popen, Path, Path]],
    make_window: Callable[[], MainWindow],
) -> None:
    process, log, folder = start_window(1)
    qtbot.waitUntil(lambda: len(journals(folder)) == 1, timeout=TIMEOUT_MS)
    killed = kill_window(qtbot, process, log, 1, 30)
    (path,) = journals(folder)
    found = read_journal(path)
    killed.check(found, count_of(found))
    window = make_window()
    offer(qtbot, window, folder)
    assert "liverview ended unexpectedly while you edited scan.nii.gz (" in (
        window.messages.text.text()
    )
    answer(window, "Restore")
    said = "scan.nii.gz is as it was"
    qtbot.waitUntil(lambda: said in window.messages.text.text(), timeout=TIMEOUT_MS)
    np.testing.assert_array_equal(labels_of(window), labels_after(1, count_of(found)))
    assert window.session.crosshair == np.unravel_index(count_of(found), SHAPE)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_of_50_kills_none_costs_more_than_the_last_second(nursery: Nursery, part: int) -> None:
    rng, seeds = np.random.default_rng(part), range(50 * part, 50 * part + 50)
    lost = [kill_and_read(nursery, seed, int(rng.integers(500))) for seed in seeds]
    print(f"lost: median {np.median(lost):.2f} s, most {max(lost):.2f} s of {len(lost)} kills")
    assert max(lost) <= _LAST_S


@pytest.mark.slow
def test_of_20_kills_of_the_window_none_costs_more_than_the_last_second(
    qtbot: QtBot,
    start_window: Callable[[int], tuple[subprocess.Popen, Path, Path]],
) -> None:
    rng, lost = np.random.default_rng(8), []
    for seed in range(20):
        process, log, folder = start_window(seed)
        killed = kill_window(qtbot, process, log, seed, int(rng.integers(200)))
        left = find_left(folder)
        found = left[0].read() if left else None
        lost.append(killed.check(found, 0 if found is None else count_of(found)))
    print(f"lost: median {np.median(lost):.2f} s, most {max(lost):.2f} s of {len(lost)} kills")
    assert max(lost) <= _LAST_S
