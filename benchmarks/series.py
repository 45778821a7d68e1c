"""Opening a DICOM series until it is painted, against another reader and the bytes alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import SimpleITK
from measuring import Row, alternating, median

from liverview.core.stream import drain
from liverview.files import images
from liverview.files.dicom.series_writing import iter_write_series

RUNS = 5


def series_rows(scan: Path) -> list[Row]:
    """``scan`` : a phantom, which is written as a series first."""
    from waiting import Window

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "series"
        volume = images.read(scan)
        drain(iter_write_series(folder, volume, overwrite=False, phantom=True))
        window = Window(None)
        seconds = alternating(
            {
                "liverview, until three slices are painted": lambda: window.open(folder),
                "SimpleITK's series reader": lambda: by_simpleitk(folder),
                "reading the bytes alone": lambda: read_bytes(folder),
            },
            RUNS,
        )
        opened = window.session.volume
        assert opened is not None
        assert (opened.to_numpy() == volume.to_numpy()).all()
        size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        ours, itk, least = (median(runs) for runs in seconds.values())
        window.close()
    shape = "x".join(str(n) for n in volume.shape)
    return [
        Row(
            f"open a DICOM series of {shape}, uncompressed ({size:.0f} MB)",
            seconds,
            "3x SimpleITK, within 1.8x of the bytes",
            itk >= 3 * ours and ours <= 1.8 * least,
        )
    ]


def by_simpleitk(folder: Path) -> None:
    """Files in the order of their places, as it finds it, and all of their pixels."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.Execute()


def read_bytes(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        path.read_bytes()
