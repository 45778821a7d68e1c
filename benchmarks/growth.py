"""Growth of time and memory with the number of slices and with their size."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from inputs import phantom
from measuring import in_child, peak_mb, resident_mb

from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.inference.segmentation import collect_labels, iter_segment, load_models

SLICES = (60, 120, 240, 480)
PLANES = (192, 256, 384, 512)
BEST_OF = 3


def grow(folder: Path) -> list[dict[str, Any]]:
    """One entry per size: seconds to read, segment and save, MB of memory beyond the volumes."""
    entries = []
    for plane, slices in sorted({(512, n) for n in SLICES} | {(n, 120) for n in PLANES}):
        scan, labels = phantom(folder, plane, slices)
        read, found, saved, beyond, held = in_child("growth", "print_costs", scan, labels)
        entries.append(
            {
                "plane": plane,
                "slices": slices,
                "read_s": read,
                "segment_s": found,
                "save_s": saved,
                "memory_beyond_volume_and_labels_mb": beyond,
                "volume_and_labels_mb": held,
            }
        )
    return entries


def print_costs(scan: str, labels: str) -> None:
    """In a process of its own, so that memory is this scan's."""
    warm = images.read(Path(labels))
    models = load_models()
    collect_labels(iter_segment(warm, models, "cpu"), warm.shape)  # what the libraries keep once
    del warm
    read = min(_seconds(lambda: images.read(Path(scan))) for _ in range(BEST_OF))
    volume = images.read(Path(scan))
    voxels = collect_labels(iter(()), volume.shape)
    voxels[...] = 0  # touched: it is part of what is held anyway
    before = resident_mb()
    started = time.perf_counter()
    for item in iter_segment(volume, models, "cpu"):
        if hasattr(item, "labels"):
            voxels[:, :, item.start : item.stop] = item.labels
    found = time.perf_counter() - started
    beyond = max(0.0, peak_mb() - before)
    target = Path(scan).with_name("grown.nii.gz")
    map_ = LabelMap(voxels, volume.affine)

    def save() -> None:
        for _ in images.iter_write_labels(target, map_, volume, overwrite=True):
            pass

    saved = min(_seconds(save) for _ in range(BEST_OF))
    held = (volume.voxels.nbytes + voxels.nbytes) / 2**20
    print(read, found, saved, beyond, held)


def _seconds(action: Any) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def lines(entries: list[dict[str, Any]]) -> list[str]:
    head = f"{'size':>14}{'read s':>9}{'segment s':>11}{'save s':>9}{'volume, labels MB':>19}"
    text = [head + f"{'beyond MB':>11}"]
    for e in entries:
        size = f"{e['plane']}x{e['plane']}x{e['slices']}"
        text.append(
            f"{size:>14}{e['read_s']:9.2f}{e['segment_s']:11.2f}{e['save_s']:9.3f}"
            f"{e['volume_and_labels_mb']:19.0f}{e['memory_beyond_volume_and_labels_mb']:11.0f}"
        )
    return text
