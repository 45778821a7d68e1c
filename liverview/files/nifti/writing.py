"""Writing NIfTI on the source's grid: beside the target, read back, compared, renamed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import nibabel as nib
import numpy as np
from nibabel import orientations
from numpy.typing import NDArray

from liverview.core.labels import FOREGROUND, Label, LabelStyle, default_styles, label_mask
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic
from liverview.files.gzipped import GzipError, GzipReader, open_writer
from liverview.files.nifti.extensions import Extensions, extension_block, with_label_table
from liverview.files.nifti.header import NiftiError, header_kind

Order: TypeAlias = Literal["<", ">"]  # of bytes
Styles: TypeAlias = Mapping[Label, LabelStyle]
_LABEL_INTENT = 1002
_STEP = 16  # slices between two yields


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    volume: Volume,
    *,
    styles: Styles | None = None,
    overwrite: bool = False,
) -> Iterator[Progress]:
    """Write a label map on the grid of the volume's file, verified; yields progress.

    The file is written beside the target, read back and compared voxel by voxel, and only
    then renamed: what is there under the name is always complete. Names and colors, by default
    those of `default_styles`, are in a header extension; the source's extensions are kept.

    Raises
    ------
    TargetError : where the target exists and may not be replaced, or cannot be written.
    NiftiError : where what was written does not come back.
    """
    table = {int(label): style for label, style in (styles or default_styles()).items()}
    named = with_label_table(_extensions(volume), table)
    stored = _source_order(labels.voxels, volume)
    yield from _iter_write_verified(path, stored, _label_header(volume), named, overwrite)


def iter_write_masks(
    folder: Path,
    name: str,
    labels: LabelMap,
    volume: Volume,
    *,
    styles: Styles | None = None,
    overwrite: bool = False,
) -> Iterator[Progress]:
    """Write one 0/1 file per label, NAME_liver.nii.gz and so on, as `iter_write_labels` does.

    The liver is the whole organ, with its vessels and tumors; values that no label has are in
    no file.
    """
    paths = mask_paths(folder, name)
    for path in paths.values():
        check_target(path, overwrite=overwrite)
    for label, path in paths.items():
        mask = _source_order(label_mask(labels.voxels, label).astype(np.uint8), volume)
        named = with_label_table(_extensions(volume), {1: (styles or default_styles())[label]})
        yield from _iter_write_verified(path, mask, _label_header(volume), named, overwrite)


def mask_paths(folder: Path, name: str) -> dict[Label, Path]:
    """Where `iter_write_masks` writes."""
    return {label: folder / f"{name}_{label.name.lower()}.nii.gz" for label in FOREGROUND}


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool = False) -> Iterator[Progress]:
    """Write a CT volume on its source grid, stored type kept; yields progress."""
    header = _label_header(volume)
    header.set_data_dtype(volume.voxels.dtype)
    header["intent_code"] = 0
    header["scl_inter"] = volume.intercept
    header["cal_min"] = header["cal_max"] = 0
    stored = _source_order(volume.voxels, volume)
    yield from _iter_write_verified(path, stored, header, _extensions(volume), overwrite)


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Raise `TargetError` now if `iter_write_labels` could not write there, before long work."""
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise atomic.TargetError(f"{path} must end in .nii or .nii.gz.")
    atomic.check_target(path, overwrite=overwrite)


def _source_order(array: NDArray[Any], volume: Volume) -> NDArray[Any]:
    """From RAS+ to the stored axes, a view."""
    if volume.source is None:
        return array
    back = orientations.ornt_transform(
        np.array([[0, 1], [1, 1], [2, 1]]), volume.source.orientation
    )
    turned: NDArray[Any] = orientations.apply_orientation(array, back)
    return turned


def _extensions(volume: Volume) -> Extensions:
    return volume.source.extensions if volume.source else ()


def _label_header(volume: Volume) -> Any:
    """The source's header, geometry untouched, made one of a label map."""
    if volume.source is None:
        header = nib.Nifti1Header()
        header.set_data_shape(volume.shape)
        header.set_sform(volume.affine, code=1)
        header.set_qform(volume.affine, code=1)
        header.set_xyzt_units("mm", "sec")
    else:
        block = volume.source.header
        kind, order = header_kind(block[:4])
        header = kind(block, endianness=order, check=False)
        flat, sizes = int(header["dim"][0]) == 2, header["pixdim"].copy()
        header.set_data_shape(volume.source.shape[:2] if flat else volume.source.shape)
        header["pixdim"] = sizes  # which a new shape has changed
        if volume.source.repaired:
            stored = volume.affine @ np.linalg.inv(
                orientations.inv_ornt_aff(volume.source.orientation, volume.source.shape)
            )
            stored[:3] /= volume.source.unit_mm
            header.set_sform(stored, code=1)
            header.set_qform(stored, code=1, strip_shears=True)
    header.set_data_dtype(np.uint8)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["intent_code"] = _LABEL_INTENT
    header["intent_name"] = b""
    for number in (1, 2, 3):
        header[f"intent_p{number}"] = 0
    header["cal_min"], header["cal_max"] = 0, max(FOREGROUND)
    header["descrip"] = b"liverview"
    header["magic"] = header.single_magic
    return header


def _iter_write_verified(
    path: Path, stored: NDArray[Any], header: Any, extensions: Extensions, overwrite: bool
) -> Iterator[Progress]:
    check_target(path, overwrite=overwrite)
    between = extension_block(extensions, header.endianness)
    header["vox_offset"] = header.sizeof_hdr + len(between)
    head = bytes(header.binaryblock) + between
    try:
        with atomic.atomic_write(path) as temporary:
            yield from _iter_write(temporary, stored, head, header.endianness)
            yield from _iter_verify(path, temporary, stored, head, header.endianness)
    except GzipError as error:
        raise NiftiError(f"{path} was not saved: it came back damaged ({error}).") from error
    yield Progress("Saved", 1.0)


def _iter_write(path: Path, stored: NDArray[Any], head: bytes, order: Order) -> Iterator[Progress]:
    opener = open_writer if path.name.lower().endswith(".gz") else _open_plain
    with opener(path) as file:
        file.write(head)
        slices = stored.shape[2]
        for k, piece in enumerate(_iter_slice_bytes(stored, order)):
            file.write(piece.data)
            if k % _STEP == 0:
                yield Progress("Writing", 0.6 * k / slices)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _iter_slice_bytes(stored: NDArray[Any], order: Order) -> Iterator[NDArray[np.uint8]]:
    """The bytes of every slice as the file has them; copied only where they lie otherwise."""
    dtype = stored.dtype.newbyteorder(order)
    for k in range(stored.shape[2]):
        yield np.ascontiguousarray(stored[:, :, k].T, dtype).reshape(-1).view(np.uint8)


def _open_plain(path: Path) -> io.BufferedWriter:
    return path.open("wb")


def _iter_verify(
    path: Path, written: Path, stored: NDArray[Any], head: bytes, order: Order
) -> Iterator[Progress]:
    """Read the file back: the header and its extensions to the byte, the voxels one by one."""
    with written.open("rb") as file:
        reader = GzipReader(file)
        same = reader.read(len(head)) == head
        for k, piece in enumerate(_iter_slice_bytes(stored, order)):
            same = same and reader.matches(piece)
            if k % _STEP == 0:
                yield Progress("Verifying", 0.6 + 0.4 * k / stored.shape[2])
        for _ in reader.finish():
            pass
    if not same:
        raise NiftiError(
            f"{path} was not saved: what came back from the disk differs from what was written."
        )
