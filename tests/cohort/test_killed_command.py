"""The command, stopped and killed at moments drawn by chance, goes on to the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from liverview.cohort.ledger import Ledger

from support import tiny_networks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc"),
]
SCANS, ROUNDS, MOST_RUNS = 8, 3, 20
HOW = ("worker killed", "command killed", "asked once", "asked twice")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and scans, and the results of a run that nobody disturbed, in "whole"."""
    folder = tmp_path_factory.mktemp("cohort")
    tiny_networks.save_weights(folder / "weights")
    (folder / "scans").mkdir()
    rng = np.random.default_rng(1)
    for number in range(SCANS):
        voxels = rng.normal(60, 30, (40, 36, 12)).astype(np.int16)
        image = nib.Nifti1Image(voxels, np.diag([5, 5, 5, 1]))
        nib.save(image, folder / "scans" / f"{number}.nii.gz")
    whole = _start(folder, "whole")
    whole.communicate()
    assert whole.returncode == 0
    return folder


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_results_are_those_of_an_undisturbed_run(folder: Path, how: str, seed: int) -> None:
    chance = random.Random(f"{how} {seed}")
    out = f"{how} {seed}".replace(" ", "_")
    steps, workers = chance.randrange(1, 4 * SCANS), set[int]()
    command = _start(folder, out)
    assert command.stdout is not None
    for _ in range(steps):  # lines: one when it begins, four for each scan
        if not command.stdout.readline():
            break
        workers |= _workers(command.pid)
    if how == "worker killed" and workers:
        _kill(chance.choice(sorted(workers)), signal.SIGKILL)
    elif how == "command killed":
        command.kill()
    elif how.startswith("asked"):
        for _ in range(1 + how.endswith("twice")):
            _kill(command.pid, signal.SIGINT)
    command.stdout.read()
    command.wait()
    for _ in range(MOST_RUNS):
        again = _start(folder, out)
        assert again.stdout is not None
        again.stdout.read()
        if again.wait() == 0:
            break
    assert _contents(folder / out) == _contents(folder / "whole")
    assert not [path for path in (folder / out).rglob(".*") if path.is_file()]
    for attempts in Ledger(folder / out).read().attempts.values():
        assert [attempt.outcome for attempt in attempts].count("done") == 1
        assert {attempt.outcome for attempt in attempts} <= {"done", "begun"}
    assert not any(Path(f"/proc/{process}/exe").exists() for process in workers)


def _start(folder: Path, out: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "liverview", "segment", str(folder / "scans")]
    more = ["-o", str(folder / out), "--weights", str(folder / "weights"), "--device", "cpu"]
    return subprocess.Popen(
        [*command, *more, "--processes", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _workers(parent: int) -> set[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children")
    return {int(text) for text in found.read_text().split()} if found.exists() else set()


def _kill(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*_seg*")}
