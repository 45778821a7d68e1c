"""A small label map drawn by hand, on a grid that is stored from left to right."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

from liverview.core.labels import Label

SHAPE = (20, 24, 12)
AFFINE = np.array([[-1.5, 0, 0, 10], [0, 2.0, 0, -5], [0, 0, 3.0, 7], [0, 0, 0, 1]])


def drawn() -> np.ndarray:
    """Liver, tumor and vessel, each a block, in stored axes."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:18, 4:20, 2:10] = Label.LIVER
    labels[5:8, 6:9, 3:6] = Label.TUMOR
    labels[10, 5:15, 5] = Label.VESSEL
    return labels


def write_scan(path: Path) -> Path:
    """Write a scan on the same grid."""
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.int16), AFFINE), path)
    return path
