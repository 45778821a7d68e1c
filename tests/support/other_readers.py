"""DICOM series as SimpleITK and dcm2niix read them, for comparison: voxels and affines in RAS+."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from nibabel.funcs import as_closest_canonical


class OtherVolume(NamedTuple):
    """A volume of another program.

    Attributes
    ----------
    values : (I, J, K), RAS+.
    affine : (4, 4), RAS+.
    """

    values: np.ndarray
    affine: np.ndarray


def canonical(values: np.ndarray, affine: np.ndarray) -> OtherVolume:
    """Along RAS+ axes, by nibabel."""
    turned = as_closest_canonical(nib.Nifti1Image(values.astype(np.float64), affine))
    return OtherVolume(np.asarray(turned.dataobj), turned.affine)


def read_by_sitk(folder: Path) -> list[OtherVolume]:
    """Each series in a folder, by GDCM's order of files."""
    import SimpleITK as sitk  # noqa: N813 - as its pages have it

    found = []
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))
        image = reader.Execute()
        if image.GetDimension() == 4:  # of one multi-frame file
            image = image[:, :, :, 0]
        affine = np.eye(4)
        direction = np.array(image.GetDirection()).reshape(3, 3)
        affine[:3, :3] = direction * np.array(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
        values = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
        found.append(canonical(values, np.diag([-1, -1, 1, 1]) @ affine))
    return found


def read_by_dcm2niix(folder: Path) -> dict[str, OtherVolume]:
    """Every file that it writes, by the end of its name that it adds: "", "_Eq_1", "_Tilt_1"."""
    target = folder.with_name(f"{folder.name}_dcm2niix")
    target.mkdir()
    program = Path(sys.executable).with_name("dcm2niix")
    subprocess.run(
        [program, "-z", "n", "-b", "n", "-f", "volume", "-o", target, folder], capture_output=True
    )
    found = {}
    for path in sorted(target.glob("*.nii")):
        image = nib.load(path)
        values = np.asarray(image.dataobj)
        found[path.stem.removeprefix("volume")] = canonical(values, image.affine)
    return found
