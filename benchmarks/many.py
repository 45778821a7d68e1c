"""Twenty scans by one command, against computing alone and against twenty commands."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Row

from liverview.cohort.local import Failed, Segmented, iter_segment_cohort
from liverview.cohort.tasks import find_scan_tasks
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
    done = list(iter_segment_cohort(find_scan_tasks([scans], folder / "out"), models, "cpu"))
    together = time.perf_counter() - started
    assert not any(isinstance(item, Failed) for item in done)
    assert sum(isinstance(item, Segmented) for item in done) == SCANS
    alone = before + computing()  # half before and half after: the machine is not always as fast
    started = time.perf_counter()
    for number in range(SINGLE):
        command = ["segment", str(scan), "-o", str(folder / f"{number}.nii.gz")]
        subprocess.run(
            [sys.executable, "-m", "liverview", *command], check=True, capture_output=True
        )
    single = (time.perf_counter() - started) / SINGLE * SCANS
    shutil.rmtree(folder)
    size = "x".join(str(n) for n in volume.shape)
    return [
        Row(
            f"{SCANS} scans of {size}, read, segmented, saved, measured",
            {
                "liverview segment, all at once": [together],
                "computing alone": [alone],
                f"one command each ({SINGLE} measured)": [single],
            },
            "within 1.1x of computing alone",
            together <= 1.1 * alone,
            notes=[f"{together / alone:.2f}x computing alone"],
        )
    ]
