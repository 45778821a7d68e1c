"""Two hundred scans on two workers, with workers and the whole command killed on the way."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from liverview.cohort.ledger import Ledger

from support import clusters, tiny_networks

SCANS, KILLS = 200, 12
COMMAND = """
import multiprocessing.forkserver
import sys
from liverview.cli import main
multiprocessing.set_forkserver_preload(["distributed", "nibabel", "scipy.ndimage", "torch"])
multiprocessing.forkserver.ensure_running()
sys.exit(main(sys.argv[1:]))
"""
"""The command; a worker that takes the place of another one starts with what takes long loaded."""
CONTENTS = 10  # one run that nobody disturbs says what becomes of each


def _write_scans(folder: Path) -> None:
    clusters.write_scans(folder, CONTENTS)
    for number in range(CONTENTS, SCANS):
        shutil.copy(
            folder / f"scan_{number % CONTENTS:03d}.nii.gz", folder / f"scan_{number:03d}.nii.gz"
        )


def _results(folder: Path) -> list[bytes]:
    """The bytes of all results, in the order of their scans."""
    return [path.read_bytes() for path in sorted(folder.glob("*.nii"))]


def _iter_ended(command: list[str], out: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the command; yields its process at every scan that it says is written."""
    environment = os.environ | clusters.FAST_START
    process = subprocess.Popen(
        [*command, str(out)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    for line in process.stdout:
        if " written, segmented in " in line:
            yield process
    process.wait()


def _workers_at_work(out: Path) -> list[int]:
    """The processes that have begun a scan and not ended it, by the ledger."""
    newest = [attempts[-1] for attempts in Ledger(out).read().attempts.values()]
    return [attempt.process for attempt in newest if attempt.outcome == "begun"]


def _kill_one(at_work: list[int], chosen: random.Random) -> list[int]:
    """Kill one of some processes; none where it has ended by itself meanwhile."""
    if not at_work:
        return []
    victim = chosen.choice(at_work)
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return []
    return [victim]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills by signals")
def test_all_are_done_once_whatever_is_killed(tmp_path: Path) -> None:
    weights = tiny_networks.save_weights(tmp_path / "weights")
    _write_scans(tmp_path / "in")
    plain, out = tmp_path / "plain", tmp_path / "out"
    segment = ["segment", "--weights", str(weights), "--format", ".nii"]
    first = sorted(map(str, (tmp_path / "in").iterdir()))[:CONTENTS]
    alone = [sys.executable, "-m", "liverview", *segment, *first, "-o", str(plain)]
    subprocess.run([*alone, "--processes", "1"], check=True)
    undisturbed = _results(plain)
    assert len(set(undisturbed)) == CONTENTS

    chosen = random.Random(0)
    moments = sorted(chosen.sample(range(2, SCANS // 2), KILLS // 2))
    killed: list[int] = []
    command = [sys.executable, "-c", COMMAND, *segment, str(tmp_path / "in")]
    command += ["--on", "local:2", "-o"]
    for number, process in enumerate(_iter_ended(command, out)):
        if number in moments:
            killed += _kill_one(_workers_at_work(out), chosen)
        if number == SCANS // 2:
            process.kill()
    begun = Ledger(out).read().attempts
    under_way = {name for name, tries in begun.items() if tries[-1].outcome == "begun"}
    done = {name for name, tries in begun.items() if tries[-1].outcome == "done"}
    assert len(under_way) <= 2
    assert len(done) < SCANS

    moments = sorted(chosen.sample(range(2, SCANS // 2 - 10), KILLS // 2))
    for number, _ in enumerate(_iter_ended(command, out)):
        if number in moments:
            killed += _kill_one(_workers_at_work(out), chosen)
    second = Ledger(out).read().attempts
    failed = {name for name, tries in second.items() if tries[-1].outcome == "failed"}
    # Only what was killed twice: that is not tried a third time unasked.
    assert {second[name][-1].error_kind for name in failed} <= {"lost"}
    assert 2 * len(failed) <= len(killed) + len(under_way)
    for _ in _iter_ended([*command[:-1], "--retry", "failed", "-o"], out):
        pass
    final = Ledger(out).read().attempts
    assert len(killed) >= KILLS // 2
    assert {tries[-1].outcome for tries in final.values()} == {"done"}
    assert len(final) == SCANS
    # Done once each: what was lost was under way, and nothing done before the kill was begun again.
    assert {sum(one.outcome == "done" for one in tries) for tries in final.values()} == {1}
    assert all(len(final[name]) == len(begun[name]) for name in done)
    lost = sum(one.outcome == "begun" for tries in final.values() for one in tries)
    assert lost <= len(killed) + len(under_way)
    assert _results(out) == undisturbed * (SCANS // CONTENTS)
    print(f"{SCANS} scans, {len(killed)} workers and 1 command killed, {lost} attempts lost")
