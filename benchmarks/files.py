"""Opening a scan until it is painted, and saving a label map, against other readers and writers."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import nibabel as nib
import numpy as np
import SimpleITK
from isal import isal_zlib
from measuring import Row, alternating, in_child, median, peak_mb, resident_mb

from liverview.files import images

RUNS = 5


def get_fdata(path: Path) -> object:
    return nib.load(path).get_fdata()  # type: ignore[attr-defined]


def simple_itk(path: Path) -> object:
    return SimpleITK.GetArrayViewFromImage(SimpleITK.ReadImage(str(path)))


def inflate(path: Path) -> object:
    """The least there is to do: inflate into one buffer that is there, look at it once."""
    stream = isal_zlib.decompressobj(wbits=31)
    seen = 0
    with path.open("rb") as file:
        while data := stream.unconsumed_tail or file.read(1 << 20):
            piece = stream.decompress(data, max_length=1 << 20)
            seen = max(seen, int(np.frombuffer(piece, np.uint8).max(initial=0)))
    return seen


OTHERS: dict[str, Callable[[Path], object]] = {
    "nibabel get_fdata()": get_fdata,
    "SimpleITK": simple_itk,
    "bare inflate and one pass": inflate,
}


def open_rows(scans: list[Path]) -> list[Row]:
    from waiting import Window

    rows = []
    window = Window(None)
    for path in scans:
        ways: dict[str, Callable[[], object]] = {
            "liverview, until three slices are painted": lambda path=path: window.open(path)
        }
        for name, way in OTHERS.items():
            ways[name] = lambda path=path, way=way: way(path)
        seconds = alternating(ways, RUNS)
        volume = window.session.volume
        assert volume is not None
        voxels_mb = volume.voxels.nbytes / 2**20
        size = "x".join(str(n) for n in volume.shape)
        ours, fdata, itk, least = (median(runs) for runs in seconds.values())
        painted, copied, *others = in_child("files", "print_peaks", path)
        peaks = dict(zip(ways, [painted, *others], strict=True))
        share = painted / voxels_mb
        rows.append(
            Row(
                f"open {size} .nii.gz ({path.stat().st_size / 2**20:.0f} MB)",
                seconds,
                "4x nibabel, before SimpleITK, within 1.3x of the limit, 1.6x the voxels",
                fdata >= 4 * ours and ours < itk and ours <= 1.3 * least and share <= 1.6,
                peaks,
                [
                    f"voxels {voxels_mb:.0f} MB; until painted {share:.2f} times that, with the "
                    f"copy for the slowest plane {copied / voxels_mb:.2f} times"
                ],
            )
        )
    window.close()
    return rows


def print_peaks(path: str) -> None:
    """In a process of its own: MB beyond what was held before, for every way of `open_rows`."""
    from waiting import Window

    window = Window(None)
    gc.collect()
    idle = resident_mb()
    window.open(Path(path))
    print(window.painted_mb - idle)
    print(peak_mb() - idle)
    window.close()
    for name in OTHERS:
        print(in_child("files", "print_peak", path, name)[0])


def print_peak(path: str, name: str) -> None:
    idle = resident_mb()
    kept = OTHERS[name](Path(path))
    print(peak_mb() - idle)
    del kept


def save_rows(scan: Path, labels: Path) -> list[Row]:
    volume, found = images.read(scan), images.read_labels(labels)
    folder = Path(tempfile.mkdtemp())
    ours, theirs = folder / "ours.nii.gz", folder / "theirs.nii.gz"
    image = nib.Nifti1Image(np.asfortranarray(found.voxels), volume.affine)  # type: ignore[no-untyped-call]

    def save() -> None:
        for _ in images.iter_write_labels(ours, found, volume, overwrite=True):
            pass

    ways: dict[str, Callable[[], object]] = {
        "liverview, synced, read back, compared": save,
        "nibabel save, unverified": lambda: nib.save(image, theirs),  # type: ignore[attr-defined]
        "bare inflate of the file and one pass": lambda: inflate(ours),
    }
    seconds = alternating(ways, 2 * RUNS)
    mine, other, least = (median(runs) for runs in seconds.values())
    assert np.array_equal(nib.load(ours).dataobj, found.voxels)  # type: ignore[attr-defined]
    size = "x".join(str(n) for n in volume.shape)
    note = f"{other / mine:.1f}x nibabel; reading back alone takes {least / mine:.0%} of it"
    return [
        Row(f"save a label map of {size}", seconds, "4x nibabel", other >= 4 * mine, notes=[note])
    ]
