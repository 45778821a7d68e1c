"""Scans and label maps from and to nibabel's images, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from liverview.core.errors import LiverviewError
from liverview.core.orientation import stored_affine, turn_from_ras
from liverview.core.rounding import round_to_whole
from liverview.core.volume import LabelMap, Volume
from liverview.files.values import check_plausibility


def volume_from_nibabel(image: nib.spatialimages.SpatialImage, name: str = "image") -> Volume:
    """The CT volume of a nibabel image, turned to RAS+; its affine is taken to be in mm.

    An array in memory of up to 16 bits or float32 that is not scaled is shared with the image;
    what is on disk is read, and other types are copied to float32.

    Raises
    ------
    LiverviewError : where the image has not three axes, or values that are no finite numbers.

    Examples
    --------
    >>> import nibabel as nib
    >>> import liverview as lv
    >>> lv.volume_from_nibabel(nib.load("ct.nii.gz"), name="ct")
    Volume 96x84x40, 4.00x4.00x5.00 mm, RAS+, int16, HU, "ct"
    """
    _check_image(image)
    volume = Volume.from_array(_voxels(image), image.affine, name=name)
    remarks, in_hu = check_plausibility(volume.voxels, 0)
    return replace(volume, warnings=tuple(remarks), in_hu=in_hu)


def labels_from_nibabel(image: nib.spatialimages.SpatialImage, name: str = "labels") -> LabelMap:
    """The label map of a nibabel image, turned to RAS+, its values as they are.

    A uint8 array in memory is shared with the image; other types are copied. What the image's
    scaling has moved a little is rounded.

    Raises
    ------
    LiverviewError : where the image has not three axes, or values that are no whole numbers from
        0 to 255.

    Examples
    --------
    >>> import nibabel as nib
    >>> import liverview as lv
    >>> lv.labels_from_nibabel(nib.load("labels.nii.gz")).shape
    (96, 84, 40)
    """
    _check_image(image)
    voxels, step = _voxels(image), _stored_step(image)
    if step:
        whole, odd = round_to_whole(voxels, step)
        voxels = voxels if odd is not None else whole
    return LabelMap.from_array(voxels, image.affine, name=name)


def to_nibabel(array: Volume | LabelMap) -> nib.Nifti1Image:
    """A NIfTI-1 image of a volume in HU, or of labels, on the grid that its source stored.

    Its array, int16, float32 or uint8, is shared with ``array`` where that is stored so.

    Examples
    --------
    >>> import liverview as lv
    >>> image = lv.to_nibabel(lv.read("ct.nii.gz"))
    >>> image.shape, str(image.get_data_dtype())
    ((96, 84, 40), 'int16')
    """
    stored, affine = array.to_numpy(), array.affine
    if array.source is not None:
        stored = turn_from_ras(stored, array.source.orientation)
        affine = stored_affine(affine, array.source.orientation, stored.shape)
    image = nib.Nifti1Image(stored, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    return image


def _check_image(image: object) -> None:
    if not isinstance(image, nib.spatialimages.SpatialImage):
        raise LiverviewError(
            f"a nibabel image is needed, not {type(image).__name__}: liverview.read reads files."
        )


def _voxels(image: nib.spatialimages.SpatialImage) -> NDArray[Any]:
    """The values, without axes of one voxel behind the third."""
    values = np.asanyarray(image.dataobj)
    alone = values.ndim > 3 and values.size == np.prod(values.shape[:3], dtype=int)
    return values.reshape(values.shape[:3]) if alone else values


def _stored_step(image: nib.spatialimages.SpatialImage) -> float:
    """The distance of neighboring values that the image's file can store; 0 where it is 1."""
    proxy = image.dataobj
    slope = abs(float(getattr(proxy, "slope", 1))) if nib.is_proxy(proxy) else 1.0
    return slope if slope != 1 and proxy.dtype.kind in "iu" else 0.0
