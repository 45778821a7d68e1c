"""Scans and label maps from and to SimpleITK's images, in memory.

SimpleITK's world is LPS, liverview's RAS: x and y change their signs.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.errors import LiverviewError
from liverview.core.grid import Affine, affine_spacing
from liverview.core.orientation import stored_affine, turn_from_ras
from liverview.core.volume import LabelMap, Volume
from liverview.files.values import check_plausibility

if TYPE_CHECKING:
    import SimpleITK

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def volume_from_sitk(image: SimpleITK.Image, name: str = "image") -> Volume:
    """The CT volume of a SimpleITK image, turned to RAS+. Its voxels are copied.

    Raises
    ------
    LiverviewError : where SimpleITK is not installed, or the image has not three axes, one value
        per voxel, or has values that are no finite numbers.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> import liverview as lv
    >>> lv.volume_from_sitk(sitk.ReadImage("ct.nii.gz"), name="ct")
    Volume 96x84x40, 4.00x4.00x5.00 mm, RAS+, int16, HU, "ct"
    """
    volume = Volume.from_array(*_array_and_affine(image), name=name)
    remarks, in_hu = check_plausibility(volume.voxels, 0)
    return replace(volume, warnings=tuple(remarks), in_hu=in_hu)


def labels_from_sitk(image: SimpleITK.Image, name: str = "labels") -> LabelMap:
    """The label map of a SimpleITK image, turned to RAS+, its values as they are; a copy.

    Raises
    ------
    LiverviewError : where SimpleITK is not installed, or the image has not three axes, or values
        that are no whole numbers from 0 to 255.

    Examples
    --------
    >>> import SimpleITK as sitk
    >>> import liverview as lv
    >>> lv.labels_from_sitk(sitk.ReadImage("labels.nii.gz")).shape
    (96, 84, 40)
    """
    return LabelMap.from_array(*_array_and_affine(image), name=name)


def to_sitk(array: Volume | LabelMap) -> SimpleITK.Image:
    """A SimpleITK image of a volume in HU, or of labels, on the grid that its source stored.

    The voxels, int16, float32 or uint8, are copied.

    Raises
    ------
    LiverviewError : where SimpleITK is not installed.

    Examples
    --------
    >>> import liverview as lv
    >>> image = lv.to_sitk(lv.read("ct.nii.gz"))
    >>> image.GetSize(), image.GetPixelIDTypeAsString()
    ((96, 84, 40), '16-bit signed integer')
    """
    sitk = _import_sitk()
    stored, affine = array.to_numpy(), array.affine
    if array.source is not None:
        stored = turn_from_ras(stored, array.source.orientation)
        affine = stored_affine(affine, array.source.orientation, stored.shape)
    image = sitk.GetImageFromArray(np.ascontiguousarray(stored.transpose(2, 1, 0)))
    spacing = affine_spacing(affine)
    direction = _LPS_TO_RAS @ affine[:3, :3] / spacing
    image.SetSpacing(spacing)
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin((_LPS_TO_RAS @ affine[:3, 3]).tolist())
    return image


def _array_and_affine(image: Any) -> tuple[NDArray[Any], Affine]:
    """A copy of the voxels, (i, j, k), and their affine to world mm, RAS+."""
    sitk = _import_sitk()
    if not isinstance(image, sitk.Image):
        raise LiverviewError(
            f"a SimpleITK image is needed, not {type(image).__name__}: liverview.read reads files."
        )
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise LiverviewError(
            f"the image has {image.GetDimension()} axes and "
            f"{image.GetNumberOfComponentsPerPixel()} value(s) per voxel: three and one are needed."
        )
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (3, 3))
    affine[:3, :3] = _LPS_TO_RAS @ direction * image.GetSpacing()
    affine[:3, 3] = _LPS_TO_RAS @ np.array(image.GetOrigin())
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine


def _import_sitk() -> ModuleType:
    try:
        import SimpleITK
    except ImportError as error:
        raise LiverviewError("SimpleITK is not installed: pip install SimpleITK.") from error
    return SimpleITK
