"""Opening a CT series until it is painted, against SimpleITK's series reader and its bytes."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from listing import ct_of_a_scanner
from measuring import Row, alternating, median

SLICES, SIDE, RUNS = 400, 512, 5


def series_rows() -> list[Row]:
    from waiting import Window

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_series(folder)
        window = Window(None)
        ways = {
            "liverview, until three slices are painted": lambda: window.open(folder),
            "SimpleITK, GDCM's file names and series reader": lambda: open_by_sitk(folder),
            "the bytes alone, into memory that was used before": lambda: read_bytes(folder),
            "the bytes alone, into new memory": lambda: read_into_new_memory(folder),
        }
        seconds = alternating(ways, RUNS)
        opened = window.session.volume
        assert opened is not None
        assert opened.shape == (SIDE, SIDE, SLICES)
        window.close()
        ours, theirs, alone, anew = (median(runs) for runs in seconds.values())
        return [
            Row(
                f"open a series of {SLICES} slices of {SIDE}x{SIDE}, uncompressed",
                seconds,
                "3x SimpleITK, within 1.8x of the bytes",
                theirs >= 3 * ours and ours <= 1.8 * alone,
                notes=[
                    f"SimpleITK is {theirs / ours:.1f} times as long; {ours / alone:.2f} times "
                    f"the bytes, {ours / anew:.2f} times where their memory is as new as a volume's"
                ],
            )
        ]


def open_by_sitk(folder: Path) -> None:
    import SimpleITK as sitk  # noqa: N813 - as its pages have it

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    assert reader.Execute().GetSize() == (SIDE, SIDE, SLICES)


def read_bytes(folder: Path) -> None:
    kept = [path.read_bytes() for path in folder.iterdir()]
    assert len(kept) == SLICES


def read_into_new_memory(folder: Path) -> None:
    """The system hands out pages that no one had before only as they are written to."""
    paths = list(folder.iterdir())
    memory = memoryview(mmap.mmap(-1, sum(path.stat().st_size for path in paths)))
    start = 0
    for path in paths:
        with path.open("rb", buffering=0) as file:
            start += file.readinto(memory[start:])


def write_series(folder: Path) -> None:
    """A series as a scanner writes it, in another order of names than of places."""
    random = np.random.default_rng(0)
    data = ct_of_a_scanner(0)
    data.Rows = data.Columns = SIDE
    values = random.integers(0, 2000, (SIDE, SIDE)).astype("<u2")
    for k in range(SLICES):
        place = f"{k * 0.75 - 300:.4f}"
        data.ImagePositionPatient = ["-180.5", "-180.5", place]
        data.SliceLocation, data.InstanceNumber = place, k + 1
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
        data.PixelData = np.roll(values, k, axis=0).tobytes()
        data.save_as(folder / f"IM{k * 7919 % SLICES:05d}", enforce_file_format=True)
