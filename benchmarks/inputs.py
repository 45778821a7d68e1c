"""Inputs of the benchmarks: phantoms with a real scan's noise, made once in a folder."""

from __future__ import annotations

from pathlib import Path

from liverview.files import images
from liverview.phantoms.config import Phantom, PhantomConfig
from liverview.phantoms.generation import iter_generate

NOISE_HU = 12.0  # of a usual scan; without it, gzip has an easy time
FIELD_MM, LENGTH_MM = 384.0, 300.0


def phantom(folder: Path, plane: int, slices: int) -> tuple[Path, Path]:
    """A scan of ``plane`` x ``plane`` x ``slices`` voxels and its labels; always the same body."""
    scan = folder / f"{plane}x{plane}x{slices}.nii.gz"
    labels = folder / f"{plane}x{plane}x{slices}_labels.nii.gz"
    if not labels.exists():
        wide, thick = FIELD_MM / plane, LENGTH_MM / slices
        config = PhantomConfig(
            seed=1, shape=(plane, plane, slices), spacing=(wide, wide, thick), noise_hu=NOISE_HU
        )
        *_, case = iter_generate(config)
        assert isinstance(case, Phantom)
        for _ in images.iter_write_volume(scan, case.volume, overwrite=True):
            pass
        for _ in images.iter_write_labels(labels, case.labels, case.volume, overwrite=True):
            pass
    return scan, labels
