"""NIfTI in and out: canonical RAS+ on reading, the source grid on writing, verified.

The only module that knows nibabel. Voxels are read by hand, because nibabel has no way to
keep stored integers, report progress, stop in the middle, or name what is wrong.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from nibabel import orientations
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from liverview.gzipped import GzipError, Reader, open_writer
from liverview.labels import SHOWN, Label
from liverview.stream import Progress
from liverview.volume import Affine, LabelMap, SourceGrid, Volume, is_usable

_AIR_HU = -1024
_PIECE = 8 << 20
_LABEL_INTENT = 1002
_KNOWN_KINDS = "iuf"


class NiftiError(ValueError):
    """A file that cannot be used; the message names it, the value and the way out."""


@dataclass(frozen=True)
class Summary:
    """What the header says, before any voxel is read.

    Attributes
    ----------
    shape : voxels along the three stored axes.
    volumes : how many volumes the file holds; more than one for 4D.
    """

    shape: tuple[int, int, int]
    volumes: int


# ---- reading -----------------------------------------------------------------------------


def inspect(path: Path) -> Summary:
    """Read the header only.

    Raises
    ------
    NiftiError : as `load` does for whatever the header shows.
    """
    with _opened(path) as file:
        header = _read_header(path, Reader(file))
    return Summary(header.shape, header.volumes)


def load(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    """Read one volume; yields progress, then the volume as the last value.

    ``index`` picks one of the volumes of a 4D file.

    Raises
    ------
    NiftiError : one sentence, for anything that is not a usable CT volume.
    """
    with _opened(path) as file:
        reader = Reader(file)
        try:
            header = _read_header(path, reader)
            if not 0 <= index < header.volumes:
                raise NiftiError(
                    f"{path} holds {header.volumes} volume(s), there is no number {index}: "
                    f"choose 0 to {header.volumes - 1}."
                )
            voxels = yield from _read_voxels(path, reader, header, index)
        except GzipError as error:
            raise NiftiError(
                f"{path} is incomplete or damaged: {error}; copy or export it again."
            ) from error
        except OSError as error:
            raise NiftiError(f"{path} cannot be read: {error.strerror or error}.") from error
    yield _canonical(path, header, voxels, reader)


def read(path: Path, index: int = 0) -> Volume:
    """`load` for callers that do not want progress."""
    *_, volume = load(path, index)
    assert isinstance(volume, Volume)
    return volume


def read_labels(path: Path) -> LabelMap:
    """Read a label map; any numeric type, as long as it holds whole numbers 0..255.

    Raises
    ------
    NiftiError : where the file cannot be read or holds other values.
    """
    volume = read(path)
    hu = volume.voxels
    labels = (hu + volume.intercept).astype(np.uint8)
    if not np.array_equal(labels, hu.astype(np.float64) + volume.intercept):
        raise NiftiError(
            f"{path} is not a label map: it holds values that are no whole numbers from 0 to "
            f"255 ({float(hu.min()):g} to {float(hu.max()):g}); is it the scan itself?"
        )
    return LabelMap(labels, volume.affine, volume.name)


@dataclass(frozen=True, eq=False)
class _Header:
    nifti: Any  # nibabel's Nifti1Header or Nifti2Header
    shape: tuple[int, int, int]
    volumes: int
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    notes: tuple[str, ...]
    consumed: int


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, with every way it can fail to open put into a sentence."""
    if path.is_dir():
        raise NiftiError(
            f"{path} is a folder: choose a NIfTI file (.nii or .nii.gz); DICOM folders have to "
            "be converted first, for example with dcm2niix."
        )
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise NiftiError(f"{path} does not exist: check the name.") from error
    except PermissionError as error:
        raise NiftiError(f"{path} may not be read: ask for read permission.") from error
    except OSError as error:
        raise NiftiError(f"{path} cannot be opened: {error.strerror or error}.") from error
    with file:
        if os.fstat(file.fileno()).st_size == 0:
            raise NiftiError(f"{path} is empty (0 bytes): copy or export it again.")
        yield file


def _read_header(path: Path, reader: Reader) -> _Header:
    try:
        head = reader.read(4)
        kind, order = _kind(head)
        if kind is None:
            raise NiftiError(
                f"{path} is not a NIfTI file: it starts with {head!r}, not with a header size "
                "of 348 or 540; choose a .nii or .nii.gz file."
            )
        size = kind.sizeof_hdr
        block = head + reader.read(size - 4)
    except GzipError as error:
        raise NiftiError(f"{path} is incomplete or damaged: {error}; copy it again.") from error
    if len(block) < size:
        raise NiftiError(
            f"{path} is incomplete: {len(block)} bytes, a header alone has {size}; copy it again."
        )
    nifti = kind(block, endianness=order, check=False)
    return _check_header(path, nifti, size)


def _kind(head: bytes) -> tuple[Any, str]:
    for kind in (nib.Nifti1Header, nib.Nifti2Header):
        for order, name in (("<", "little"), (">", "big")):
            if int.from_bytes(head, name) == kind.sizeof_hdr:  # type: ignore[arg-type]
                return kind, order
    return None, "<"


def _check_header(path: Path, nifti: Any, size: int) -> _Header:
    magic = bytes(nifti["magic"])
    if magic[:3] == b"ni1" or magic[:3] == b"ni2":
        raise NiftiError(
            f"{path} is the header of an .hdr/.img pair: convert the pair to one .nii file."
        )
    if magic[:3] not in (b"n+1", b"n+2"):
        raise NiftiError(f"{path} is not a NIfTI file: its magic is {magic!r}, not b'n+1\\x00'.")
    shape, volumes = _dimensions(path, nifti)
    dtype = _voxel_type(path, nifti)
    slope, intercept, notes = _scaling(path, nifti)
    offset = float(nifti["vox_offset"])
    if not np.isfinite(offset) or offset < 0:
        raise NiftiError(f"{path}: the voxels start at byte {offset:g}, which cannot be.")
    return _Header(
        nifti, shape, volumes, dtype, max(int(offset), size), slope, intercept, notes, size
    )


def _dimensions(path: Path, nifti: Any) -> tuple[tuple[int, int, int], int]:
    dim = [int(n) for n in nifti["dim"]]
    count = dim[0]
    if not 1 <= count <= 7:
        raise NiftiError(f"{path}: the header gives {count} dimensions, possible are 1 to 7.")
    sizes = dim[1 : count + 1] + [1] * (7 - count)
    if count < 2 or any(n < 1 for n in sizes):
        raise NiftiError(
            f"{path} has the dimensions {dim[1 : count + 1]}: each must be at least 1, and a "
            "scan needs three."
        )
    if any(n > 1 for n in sizes[4:]):
        raise NiftiError(
            f"{path} has {count} dimensions {dim[1 : count + 1]}: only 3D and 4D files can be "
            "shown; split it first."
        )
    return (sizes[0], sizes[1], sizes[2]), sizes[3]


def _voxel_type(path: Path, nifti: Any) -> np.dtype[Any]:
    code = int(nifti["datatype"])
    try:
        dtype = nifti.get_data_dtype()
    except (HeaderDataError, KeyError) as error:
        raise NiftiError(f"{path}: voxel type {code} is not known to NIfTI.") from error
    if dtype.fields is not None or dtype.kind == "c":
        what = "complex numbers" if dtype.kind == "c" else "colors (RGB)"
        raise NiftiError(f"{path} holds {what}, not CT values: export the scan as one gray value.")
    if dtype.kind not in _KNOWN_KINDS or dtype.itemsize > 8:
        raise NiftiError(f"{path}: voxels of type {dtype} cannot be shown; store int16 instead.")
    return dtype


def _scaling(path: Path, nifti: Any) -> tuple[float, float, tuple[str, ...]]:
    """Slope and intercept as the standard reads them: slope 0 or NaN is "not scaled"."""
    slope, intercept = float(nifti["scl_slope"]), float(nifti["scl_inter"])
    if np.isinf(slope) or np.isinf(intercept):
        raise NiftiError(
            f"{path}: scl_slope {slope:g} and scl_inter {intercept:g} must be finite; "
            "export it again."
        )
    if slope == 0 or np.isnan(slope):
        return 1.0, 0.0, ()
    if np.isnan(intercept):
        return slope, 0.0, ("The header's intercept is not a number; 0 was used.",)
    return slope, intercept, ()


def _read_voxels(
    path: Path, reader: Reader, header: _Header, index: int
) -> Generator[Progress, None, NDArray[Any]]:
    """Yields progress; returns the stored voxels of one volume, stored axes, native bytes."""
    count = int(np.prod(header.shape, dtype=object))
    size = count * header.dtype.itemsize
    total = path.stat().st_size
    _refuse_impossible(path, header, size * header.volumes, total, reader.compressed)
    try:
        buffer = np.empty(count, header.dtype)
    except (MemoryError, ValueError) as error:
        raise NiftiError(
            f"{path} needs {size / 2**30:.1f} GiB of memory for {header.shape} voxels, more "
            "than there is; crop it or store it as int16."
        ) from error
    skipped = _skip(reader, header.offset - header.consumed + index * size)
    target = memoryview(buffer.view(np.uint8))  # type: ignore[arg-type]
    filled = 0
    while filled < size and skipped:
        got = reader.read_into(target[filled : min(size, filled + _PIECE)])
        if got == 0:
            break
        filled += got
        yield Progress("Reading", min(1.0, reader.position() / max(total, 1)))
    if filled < size:
        raise NiftiError(
            f"{path} is incomplete: the header promises {count} voxels "
            f"({size} bytes), the file holds {filled} bytes of them; copy or export it again."
        )
    reader.finish()
    if not header.dtype.isnative:
        buffer = buffer.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return buffer.reshape(header.shape, order="F")


def _refuse_impossible(
    path: Path, header: _Header, size: int, stored: int, compressed: bool
) -> None:
    """Sizes that the file cannot hold, before memory is asked for."""
    # Deflate cannot shrink data more than about 1,032 times.
    most = stored * 1040 if compressed else stored
    if size > most:
        raise NiftiError(
            f"{path} is incomplete: the header promises {header.shape} voxels in "
            f"{header.volumes} volume(s), {size} bytes, but the file has {stored} bytes; "
            "copy or export it again."
        )


def _skip(reader: Reader, count: int) -> bool:
    while count > 0:
        got = len(reader.read(min(count, _PIECE)))
        if got == 0:
            return False
        count -= got
    return True


def _canonical(path: Path, header: _Header, stored: NDArray[Any], reader: Reader) -> Volume:
    """Scale, find the affine, turn to RAS+ (a view, nothing is copied), check the values."""
    affine, repaired, notes = _affine(path, header)
    voxels, intercept = _scale(stored, header.slope, header.intercept)
    voxels, bad = _finite(voxels)
    ornt = orientations.io_orientation(affine)
    canonical = affine @ orientations.inv_ornt_aff(ornt, header.shape)
    notes = [*header.notes, *notes]
    if reader.trailing:
        notes.append("There are extra bytes after the end of the compressed data; they were left.")
    if bad:
        notes.append(f"{bad} voxels are not finite numbers; they are shown as air.")
    volume = Volume(
        voxels=orientations.apply_orientation(voxels, ornt),
        affine=canonical,
        intercept=intercept,
        name=_stem(path),
        source=SourceGrid(header.shape, ornt, bytes(header.nifti.binaryblock), repaired),
    )
    return replace(volume, notes=(*notes, *_plausibility(volume)))


def _stem(path: Path) -> str:
    name = path.name
    for ending in (".nii.gz", ".nii", ".gz"):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _scale(stored: NDArray[Any], slope: float, intercept: float) -> tuple[NDArray[Any], int]:
    """Voxels and the integer to add for HU; the stored type stays where that is exact."""
    if slope == 1 and float(intercept).is_integer() and stored.dtype.kind in "iu":
        return stored, int(intercept)
    if slope == 1 and intercept == 0 and stored.dtype == np.float32:
        return stored, 0
    scaled = stored.astype(np.float32)
    scaled *= np.float32(slope)
    scaled += np.float32(intercept)
    return scaled, 0


def _finite(voxels: NDArray[Any]) -> tuple[NDArray[Any], int]:
    if voxels.dtype.kind != "f":
        return voxels, 0
    bad = ~np.isfinite(voxels)
    count = int(bad.sum())
    if count:
        voxels[bad] = _AIR_HU
    return voxels, count


def _affine(path: Path, header: _Header) -> tuple[Affine, bool, list[str]]:
    """The voxel-to-world matrix: sform, else qform, else spacing alone; and what to say."""
    nifti = header.nifti
    notes: list[str] = []
    sform = _usable(lambda: nifti.get_sform(coded=True))
    qform = _usable(lambda: nifti.get_qform(coded=True))
    coded = int(nifti["sform_code"]) > 0, int(nifti["qform_code"]) > 0
    repaired = (coded[0] and sform is None) or (coded[1] and qform is None)
    if sform is not None and qform is not None and not _agree(sform, qform, header.shape):
        notes.append("Its two orientations (sform and qform) disagree; the sform is used.")
    if sform is not None or qform is not None:
        affine = sform if sform is not None else qform
        if repaired:
            other = "sform" if sform is None else "qform"
            used = "qform" if sform is None else "sform"
            notes.append(f"Its {other} cannot be used; the {used} is, and will be saved as both.")
    elif any(coded):
        which = nifti.get_sform() if coded[0] else nifti["pixdim"][:4]
        raise NiftiError(
            f"{path}: the orientation in the header is singular or not a number "
            f"({np.asarray(which).round(3).tolist()}); export it again."
        )
    else:
        affine = _from_spacing(path, header)
        notes.append("It stores no orientation: left and right cannot be assured.")
    assert affine is not None
    notes.extend(_shape_notes(affine))
    return affine, repaired, notes


def _usable(get: Callable[[], Any]) -> Affine | None:
    """A coded affine that is finite and not singular, else None."""
    try:
        affine, code = get()
    except (HeaderDataError, ValueError, np.linalg.LinAlgError):
        return None
    if affine is None or not code:
        return None
    affine = np.asarray(affine, np.float64)
    return affine if is_usable(affine) else None


def _agree(sform: Affine, qform: Affine, shape: tuple[int, int, int]) -> bool:
    """Whether both place every corner within a tenth of a voxel or 0.05 mm."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], [1])).reshape(4, -1)
    spacing = np.linalg.norm(sform[:3, :3], axis=0)
    return bool(np.abs((sform - qform) @ corners).max() <= max(0.05, 0.1 * spacing.min()))


def _from_spacing(path: Path, header: _Header) -> Affine:
    spacing = np.asarray(header.nifti["pixdim"][1:4], np.float64)
    if not np.all(np.isfinite(spacing)) or np.any(spacing <= 0):
        raise NiftiError(
            f"{path}: the voxel spacing {spacing.tolist()} must be above 0 mm; export it again."
        )
    affine: Affine = np.asarray(header.nifti.get_base_affine(), np.float64)
    return affine


def _shape_notes(affine: Affine) -> list[str]:
    direction = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(direction.T @ direction - np.eye(3)).max() > 1e-3:
        return ["Its axes are not at right angles; it is shown along its voxels."]
    angle = np.degrees(np.arccos(np.clip(np.abs(direction).max(axis=0), 0, 1)).max())
    return [f"It is oblique by {angle:.0f}°; it is shown along its voxels."] if angle > 1 else []


def _plausibility(volume: Volume) -> list[str]:
    """What looks wrong about the values, from a sample of them."""
    step = tuple(slice(None, None, max(1, n // 64)) for n in volume.shape)
    sample = volume.voxels[step].astype(np.float32) + volume.intercept
    low, high = float(sample.min()), float(sample.max())
    notes = []
    if low == high:
        notes.append(f"All voxels seem to have the value {low:g}.")
    elif low >= 0 and high <= 1:
        notes.append("The values lie in 0..1: normalized data, not HU; labels will be wrong.")
    elif low >= 0 and high <= 255:
        notes.append("The values lie in 0..255: gray values, not HU; labels will be wrong.")
    elif low >= 0 and high > 1000:
        notes.append("No value is below 0: probably HU + 1024, labels will be wrong.")
    if min(volume.shape) == 1:
        notes.append("It is a single slice; a volume is needed for good labels.")
    return notes


# ---- writing -----------------------------------------------------------------------------


def save_labels(
    path: Path, labels: LabelMap, volume: Volume, *, overwrite: bool = False
) -> Iterator[Progress]:
    """Write a label map on the grid of the volume's file, verified; yields progress.

    The file is written beside the target, read back and compared voxel by voxel, and only
    then renamed: what is there under the name is always complete.

    Raises
    ------
    NiftiError : where the target exists and may not be replaced, or cannot be written.
    """
    yield from _save(path, _source_order(labels.voxels, volume), _label_header(volume), overwrite)


def save_masks(
    folder: Path, labels: LabelMap, volume: Volume, *, overwrite: bool = False
) -> Iterator[Progress]:
    """Write one 0/1 file per label, NAME_liver.nii.gz and so on, as `save_labels` does.

    The liver is the whole organ, with its vessels and tumors.
    """
    paths = mask_paths(folder, volume)
    existing = [path for path in paths.values() if path.exists()]
    if existing and not overwrite:
        raise _exists(existing[0])
    for label, path in paths.items():
        organ = labels.voxels >= Label.LIVER if label is Label.LIVER else labels.voxels == label
        mask = _source_order(organ.astype(np.uint8), volume)
        yield from _save(path, mask, _label_header(volume), overwrite)


def mask_paths(folder: Path, volume: Volume) -> dict[Label, Path]:
    """Where `save_masks` writes."""
    return {label: folder / f"{volume.name}_{label.name.lower()}.nii.gz" for label in SHOWN}


def save_volume(path: Path, volume: Volume, *, overwrite: bool = False) -> Iterator[Progress]:
    """Write a CT volume on its source grid, stored type kept; yields progress."""
    header = _label_header(volume)
    header.set_data_dtype(volume.voxels.dtype)
    header["intent_code"] = 0
    header["scl_inter"] = volume.intercept
    header["cal_min"] = header["cal_max"] = 0
    yield from _save(path, _source_order(volume.voxels, volume), header, overwrite)


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Raise `NiftiError` now if `save_labels` could not write there, before long work."""
    if not path.name.lower().endswith((".nii", ".nii.gz")):
        raise NiftiError(f"{path} must end in .nii or .nii.gz.")
    if path.exists() and not overwrite:
        raise _exists(path)
    if not path.parent.is_dir():
        raise NiftiError(f"{path} could not be saved: its folder is not there; choose another one.")


def _exists(path: Path) -> NiftiError:
    return NiftiError(f"{path} exists already: choose another name, or allow it to be replaced.")


def _source_order(array: NDArray[Any], volume: Volume) -> NDArray[Any]:
    """From RAS+ to the stored axes, a view."""
    if volume.source is None:
        return array
    back = orientations.ornt_transform(
        np.array([[0, 1], [1, 1], [2, 1]]), volume.source.orientation
    )
    turned: NDArray[Any] = orientations.apply_orientation(array, back)
    return turned


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
        kind, order = _kind(block[:4])
        header = kind(block, endianness=order, check=False)
        header.set_data_shape(volume.source.shape)
        if volume.source.repaired:
            stored = volume.affine @ np.linalg.inv(
                orientations.inv_ornt_aff(volume.source.orientation, volume.source.shape)
            )
            header.set_sform(stored, code=1)
            header.set_qform(stored, code=1, strip_shears=True)
    header.set_data_dtype(np.uint8)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["intent_code"] = _LABEL_INTENT
    header["cal_min"], header["cal_max"] = 0, max(SHOWN)
    header["descrip"] = b"liverview"
    header["vox_offset"] = header.single_vox_offset
    header["magic"] = header.single_magic
    return header


def _save(path: Path, stored: NDArray[Any], header: Any, overwrite: bool) -> Iterator[Progress]:
    check_target(path, overwrite=overwrite)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix=f"-{path.name}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield from _write(temporary, stored, header)
        yield from _verify(path, temporary, stored, header)
        _share_mode(temporary)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise NiftiError(f"{path} could not be saved: {_reason(error)}.") from error
    except GzipError as error:
        raise NiftiError(f"{path} was not saved: it came back damaged ({error}).") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
    yield Progress("Saved", 1.0)


def _write(path: Path, stored: NDArray[Any], header: Any) -> Iterator[Progress]:
    opener = open_writer if path.name.lower().endswith(".gz") else _open_plain
    with opener(path) as file:
        file.write(bytes(header.binaryblock))
        file.write(b"\0" * (header.single_vox_offset - header.sizeof_hdr))
        slices = stored.shape[2]
        step = max(1, slices // 16)
        order = header.endianness
        for k in range(0, slices, step):
            part = stored[:, :, k : k + step]
            file.write(part.astype(part.dtype.newbyteorder(order), copy=False).tobytes(order="F"))
            yield Progress("Writing", 0.6 * min(k + step, slices) / slices)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _open_plain(path: Path) -> io.BufferedWriter:
    return path.open("wb")


def _verify(path: Path, written: Path, stored: NDArray[Any], header: Any) -> Iterator[Progress]:
    """Read the file back: the header to the byte, the voxels one by one."""
    with written.open("rb") as file:
        reader = Reader(file)
        block = reader.read(header.sizeof_hdr)
        reader.read(header.single_vox_offset - header.sizeof_hdr)
        same = block == bytes(header.binaryblock)
        dtype = stored.dtype.newbyteorder(header.endianness)
        for k in range(stored.shape[2]):
            part = reader.read(stored[:, :, k].size * dtype.itemsize)
            same = same and part == stored[:, :, k].astype(dtype, copy=False).tobytes(order="F")
            yield Progress("Verifying", 0.6 + 0.4 * k / stored.shape[2])
        reader.finish()
    if not same:
        raise NiftiError(
            f"{path} was not saved: what came back from the disk differs from what was written."
        )


def _share_mode(path: Path) -> None:
    """Temporary files are private; give the result the rights any new file gets."""
    mask = os.umask(0)
    os.umask(mask)
    with contextlib.suppress(OSError):
        path.chmod(0o666 & ~mask)


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space or choose another folder"
    if error.errno == errno.ENOENT:
        return "its folder is not there; choose another one"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "its folder may not be written to; choose another one"
    return error.strerror or str(error)
