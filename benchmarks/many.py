"""Twenty scans by one command, against computing alone and against twenty commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Row

from liverview.cohort.local import iter_run_here
from liverview.cohort.segmenting import SegmentWork
from liverview.cohort.tasks import find_scan_tasks
from liverview.cohort.work import Attempt
from liverview.files import images
from liverview.inference.segmentation import collect_labels, iter_segment, load_models

SCANS = 20
SINGLE = 3


def many_rows(scan: Path) -> list[Row]:
    folder = Path(tempfile.mkdtemp())
    scans = folder / "scans"
    scans.mkdir()
    (folder / "out").mkdir()
    for number in range(SCANS):
        shutil.copy(scan, scans / f"{number:02d}.nii.gz")
    models = load_models()
    volume = images.read(scan)
    collect_labels(iter_segment(volume, models, "cpu"), volume.shape)

    def computing() -> float:
        started = time.perf_counter()
        for _ in range(SCANS // 2):
            collect_labels(iter_segment(volume, models, "cpu"), volume.shape)
        return time.perf_counter() - started

    before = computing()
    started = time.perf_counter()
    tasks = find_scan_tasks([scans], folder / "out")
    done = [item for item in iter_run_here(tasks, SegmentWork(), None) if isinstance(item, Attempt)]
    together = time.perf_counter() - started
    assert [item.outcome for item in done] == ["done"] * SCANS
    alone = before + computing()  # half before and half after: the machine is not always as fast
    started = time.perf_counter()
    for number in range(SINGLE):
        command = ["segment", str(scan), "-o", str(folder / f"{number}.nii.gz")]
        subprocess.run(
            [sys.executable, "-m", "liverview", *command], check=True, capture_output=True
        )
    single = (time.perf_counter() - started) / SINGLE * SCANS
    started = time.perf_counter()
    command = ["segment", str(scans), "-o", str(folder / "command"), "--device", "cpu"]
    subprocess.run([sys.executable, "-m", "liverview", *command], check=True, capture_output=True)
    chosen = time.perf_counter() - started
    shutil.rmtree(folder)
    size = "x".join(str(n) for n in volume.shape)
    return [
        Row(
            f"{SCANS} scans of {size}, read, segmented, saved, measured",
            {
                "one process, all at once": [together],
                "computing alone": [alone],
                "liverview segment, processes as it chooses": [chosen],
                f"one command each ({SINGLE} measured)": [single],
            },
            "within 1.1x of computing alone",
            together <= 1.1 * alone,
            notes=[
                f"{together / alone:.2f}x computing alone",
                f"{3600 * SCANS / chosen:,.0f} scans an hour by the command",
            ],
        )
    ]
