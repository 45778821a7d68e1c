"""Analyze 7.5, a header (.hdr) and its voxels (.img): read only.

Its header does not say left from right. As nibabel takes it, the first axis runs to the
patient's left, and it is said that nothing assures that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from liverview.core.grid import Affine
from liverview.core.labels import LabelStyle
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import TargetError
from liverview.files.format import StoredVolume, Summary, TableOrder
from liverview.files.gzipped import GzipError, GzipReader
from liverview.files.opening import ImageFileError, open_file
from liverview.files.pairs import file_of_pair, refuse_voxels_of_pair
from liverview.files.review_record import Review
from liverview.files.voxel_data import GZIP, RAW, VoxelData
from liverview.files.voxel_header import (
    VoxelHeader,
    check_affine,
    check_shape,
    iter_read_header,
    iter_read_header_stored,
)

FORMAT = "Analyze"
_WANTED = "the header of an Analyze pair (.hdr)"
_SIZE = 348
_HEADER, _VOXELS = (".hdr", ".hdr.gz"), (".img", ".img.gz")
_NOTE = (
    "An Analyze header does not say left from right: it is taken as nibabel does, and nothing "
    "assures the sides."
)
_OTHER_SLICES = {1: "coronal", 2: "sagittal", 3: "flipped", 4: "coronal", 5: "sagittal"}


def read_summary(path: Path) -> Summary:
    """Read the header only.

    Raises
    ------
    ImageFileError : as `iter_read` does for whatever the header shows.
    """
    return read_header(path).summary


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume as the last value.

    Raises
    ------
    ImageFileError : one sentence, for anything that is not a usable volume.
    """
    yield from iter_read_header(read_header(path), index)


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    """Read a label map; yields progress, and every volume as it is stored.

    Raises
    ------
    ImageFileError : one sentence, for anything that cannot be read.
    """
    yield from iter_read_header_stored(read_header(path))


def label_names(source: SourceGrid) -> tuple[dict[int, str], str]:
    """None: the format has no place for them."""
    return {}, "its header"


def volume_names(source: SourceGrid) -> dict[int, str]:
    """None: the format has no place for them."""
    return {}


def label_review(volume: StoredVolume) -> Review | None:
    """None: the format has no place for it."""
    return None


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder,
) -> Iterator[Progress]:
    """Refuse: what has no left and right is not written."""
    yield from _iter_refuse(path)


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    """Refuse: what has no left and right is not written."""
    yield from _iter_refuse(path)


def _iter_refuse(path: Path) -> Iterator[Progress]:
    yield Progress("Writing", 0.0)
    raise TargetError(
        f"{path}: Analyze is read, not written, since it does not say left from right; choose "
        "another suffix, such as .nii.gz."
    )


def read_header(path: Path) -> VoxelHeader:
    """Read and check a header; ``path`` is that of the header or of its voxels.

    Raises
    ------
    ImageFileError : where it is none, its voxels are not there, or it asks for what cannot be.
    """
    header_path = file_of_pair(path, _VOXELS, _HEADER)
    if header_path is None:
        refuse_voxels_of_pair(path)
    header_path = header_path or path
    fields, text = _read_fields(header_path)
    shape, volumes = _shape(header_path, fields)
    dtype = _voxel_type(header_path, fields)
    slope = _slope(header_path, fields)
    affine, notes = _geometry(header_path, fields, shape)
    voxels = file_of_pair(header_path, _HEADER, _VOXELS)
    if voxels is None:
        raise ImageFileError(
            f"{header_path} is the header of an Analyze pair, and its voxels, "
            f"{header_path.name.removesuffix('.gz').removesuffix('.hdr')}.img, are not beside it: "
            "fetch them, too."
        )
    offset = float(fields["vox_offset"])
    if not 0 <= abs(offset) <= 1 << 40:
        raise ImageFileError(
            f"{header_path}: the voxels start at byte {offset:g}, which cannot be; export it again."
        )
    count = int(np.prod([*shape, volumes], dtype=object))
    packed = voxels.name.lower().endswith(".gz")
    data = VoxelData(
        header_path,
        (voxels,),
        GZIP if packed else RAW,
        dtype,
        count,
        skip=int(abs(offset)),
    )
    return VoxelHeader(
        FORMAT, data, shape, volumes, affine, text, stored=volumes, slope=slope, notes=notes
    )


def _read_fields(path: Path) -> tuple[Any, bytes]:
    from nibabel.spm99analyze import Spm99AnalyzeHeader

    with open_file(path, _WANTED) as file:
        try:
            block = GzipReader(file).read(_SIZE)
        except GzipError as error:
            raise ImageFileError(f"{path} is damaged: {error}; copy it again.") from error
    orders = {_SIZE.to_bytes(4, "little"): "<", _SIZE.to_bytes(4, "big"): ">"}
    order = orders.get(block[:4])
    if len(block) < _SIZE or order is None:
        raise ImageFileError(
            f"{path} is no Analyze header, which has {_SIZE} bytes and says so at its beginning; "
            "choose the .hdr file of the pair."
        )
    return Spm99AnalyzeHeader(block, endianness=order, check=False), block


def _shape(path: Path, fields: Any) -> tuple[tuple[int, int, int], int]:
    dim = [int(n) for n in fields["dim"]]
    used = dim[1 : dim[0] + 1] if 2 <= dim[0] <= 7 else []
    sizes = [*used, 1, 1, 1][: max(3, len(used))]
    if not used or any(n > 1 for n in sizes[4:]):
        raise ImageFileError(
            f"{path} has the dimensions {dim}: a scan needs three, or four with several volumes; "
            "export it again."
        )
    check_shape(path, sizes[:3])
    volumes = max([*sizes[3:4], 1])
    return (sizes[0], sizes[1], sizes[2]), volumes


def _voxel_type(path: Path, fields: Any) -> np.dtype[Any]:
    from nibabel.spatialimages import HeaderDataError

    try:
        dtype = np.dtype(fields.get_data_dtype())
    except (HeaderDataError, KeyError) as error:
        raise ImageFileError(
            f"{path}: voxel type {int(fields['datatype'])} is not known to Analyze; export it "
            "again."
        ) from error
    if dtype.kind not in "iuf":
        raise ImageFileError(
            f"{path} holds colors or complex numbers, not CT values: export the scan as one gray "
            "value."
        )
    return dtype


def _slope(path: Path, fields: Any) -> float:
    """SPM's scale factor; what is 0 or no number is none."""
    slope = float(fields["scl_slope"])
    if slope == 0 or not np.isfinite(slope):
        return 1.0
    if not 1e-6 <= abs(slope) <= 1e6:
        raise ImageFileError(f"{path}: its scale {slope:g} leads far from any HU; export it again.")
    return slope


def _geometry(
    path: Path, fields: Any, shape: tuple[int, int, int]
) -> tuple[Affine, tuple[str, ...]]:
    """As nibabel places it: x to the left; about SPM's origin, else about the middle."""
    sizes = np.abs(np.asarray(fields["pixdim"][1:4], np.float64))
    sizes[(sizes == 0) & (np.array(shape) == 1)] = 1
    if not np.isfinite(sizes).all() or not (sizes > 0).all():
        raise ImageFileError(
            f"{path}: the voxel spacing {sizes.tolist()} must be above 0 mm; export it again."
        )
    origin = np.asarray(fields["origin"][:3], np.float64)
    middle = (np.array(shape) - 1) / 2
    inside = origin.any() and bool((np.abs(origin - 1 - middle) <= np.array(shape)).all())
    affine = np.diag([-sizes[0], sizes[1], sizes[2], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (origin - 1 if inside else middle)
    notes = [_NOTE]
    # Bytes that SPM takes for its origin begin in the one that says how slices lie.
    told = 0 if inside else int(np.frombuffer(bytes(fields.binaryblock)[252:253], np.uint8)[0])
    if told in _OTHER_SLICES:
        notes.append(
            f"Its header says that its slices are {_OTHER_SLICES[told]} ones (orient {told}), "
            "which nibabel passes over, and so does liverview: check that it is upright."
        )
    return affine, (*notes, *check_affine(path, affine))
