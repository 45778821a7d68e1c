"""Pixels of DICOM images: stored values, and HU of them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.pixels.codecs import (
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    decode_frame,
    is_native,
)
from liverview.files.dicom.places.sources import DicomSource, FileSource, MemorySource
from liverview.files.opening import ImageFileError
from liverview.files.values import AIR_HU

_BITS = (8, 16, 32)
_MOST_PIXELS = 1 << 26  # of one image; CT has up to 2048 x 2048
_LARGEST_SCALE = 1e12  # of slope and intercept; PET has slopes of thousands
_AIR = -900  # HU; padding above could as well be tissue
_META = b"\2\0\0\0UL\4\0"  # the first element after the preamble, which says how long group 2 is


def problem_of(header: SliceHeader) -> str:
    """Why an image has no values to show, as "has no pixels"; empty where it has."""
    if not header.rows or not header.columns or header.pixel_start < 0:
        return "has no pixels"
    if header.rows * header.columns > _MOST_PIXELS:
        return f"has {header.columns:,} x {header.rows:,} pixels, more than an image can have here"
    if is_native(header.transfer_syntax) and header.pixel_bytes < 0:
        return "has compressed pixels, and says that they are not"
    if header.samples != 1 or not header.photometric.startswith("MONOCHROME"):
        return "is a color image"
    if header.bits_allocated not in _BITS or not 0 < header.bits_stored <= header.bits_allocated:
        return f"has pixels of {header.bits_stored} in {header.bits_allocated} bits"
    if not (0 < abs(header.slope) <= _LARGEST_SCALE and abs(header.intercept) <= _LARGEST_SCALE):
        return f"has a rescale slope of {header.slope:g} and intercept of {header.intercept:g}"
    return ""


def stored_type(header: SliceHeader) -> np.dtype[Any]:
    """The type of stored values."""
    return np.dtype(f"{'i' if header.signed else 'u'}{header.bits_allocated // 8}")


def read_slice_hu(header: SliceHeader, frame: int = 0) -> NDArray[np.float32]:
    """HU of one image, (rows, columns): rescaled, what is padding is air.

    Parameters
    ----------
    frame : of a multi-frame file, from 0.

    Raises
    ------
    ImageFileError : one sentence, where its pixels cannot be read.
    """
    stored = read_stored(header, frame)
    hu = (stored * np.float64(header.slope) + header.intercept).astype(np.float32)
    hu[find_padding(stored, header)] = AIR_HU
    return hu


def read_stored(header: SliceHeader, frame: int = 0) -> NDArray[Any]:
    """The stored values of one image, (rows, columns), as `read_stored_into` has them."""
    stored = np.empty((header.rows, header.columns), stored_type(header))
    read_stored_into(stored, header, frame)
    return stored


def read_stored_into(target: NDArray[Any], header: SliceHeader, frame: int = 0) -> None:
    """Read the stored values of one image into an array; what else their bits hold is left out.

    Parameters
    ----------
    target : (rows, columns), contiguous, of `stored_type`.
    frame : of a multi-frame file, from 0.

    Raises
    ------
    ImageFileError : one sentence, where they cannot be read.
    """
    problem = problem_of(header)
    if problem:
        raise ImageFileError(f"{header.source.name} {problem}: choose a CT image.")
    try:
        if is_native(header.transfer_syntax):
            _read_native(target, header, frame)
        else:
            target[...] = decode_frame(header, frame)
    except OSError as error:
        why = error.strerror or error
        raise ImageFileError(f"{header.source.name} cannot be read: {why}.") from error
    _clear_other_bits(target, header.bits_stored, header.shift)


def is_at_hand(header: SliceHeader) -> bool:
    """True where one frame is read without the others: it lies bare in a file of its own."""
    native = is_native(header.transfer_syntax) and header.transfer_syntax != DEFLATED
    return native and isinstance(header.source, FileSource)


def hold(header: SliceHeader, frames: int) -> SliceHeader:
    """The header of the same file in memory, its first frames inflated where it is deflated.

    Raises
    ------
    ImageFileError : where it cannot be read.
    """
    name, syntax = header.source.name, header.transfer_syntax
    try:
        if syntax == DEFLATED:
            size = frames * header.rows * header.columns * header.bits_allocated // 8
            data, syntax = inflate(header.source, header.pixel_start + size), EXPLICIT
        else:
            data = header.source.read()
    except OSError as error:
        raise ImageFileError(f"{name} cannot be read: {error.strerror or error}.") from error
    return replace(header, source=MemorySource(name, data), transfer_syntax=syntax)


def has_padding(header: SliceHeader) -> bool:
    """True where a header of CT names values of pixels that are outside of the scan."""
    return header.padding is not None and header.study.modality == "CT"


def find_padding(stored: NDArray[Any], header: SliceHeader) -> NDArray[np.bool_]:
    """Where pixels are padding, by value; (rows, columns).

    A value that tissue could have as well is padding where it touches the edge of the image.
    """
    if not has_padding(header):
        return np.zeros(stored.shape, np.bool_)
    assert header.padding is not None
    low, high = header.padding
    found = stored == low if low == high else (stored >= low) & (stored <= high)
    if high * header.slope + header.intercept <= _AIR or not found.any():
        return found
    from scipy import ndimage

    regions, _ = ndimage.label(found)
    edges = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.isin(regions, np.unique(edges[edges > 0]))


def _read_native(target: NDArray[Any], header: SliceHeader, frame: int) -> None:
    start, wanted = header.pixel_start + frame * target.nbytes, target.nbytes
    if 0 <= header.pixel_bytes < (frame + 1) * wanted:
        raise ImageFileError(
            f"{header.source.name} has {header.pixel_bytes:,} bytes of pixels where its header "
            f"promises {max(header.frames, 1) * wanted:,}; copy or export it again."
        )
    if header.transfer_syntax == DEFLATED:
        inflated = inflate(header.source, start + wanted)
        got = _copy_bytes(target, inflated[start : start + wanted])
    else:
        got = _read_into(target, header.source, start)
    if got < wanted:
        raise ImageFileError(
            f"{header.source.name} is cut off: it has {got:,} of the {wanted:,} bytes of its "
            "pixels; copy or export it again."
        )
    if header.transfer_syntax == BIG_ENDIAN:
        target.byteswap(inplace=True)


def _read_into(target: NDArray[Any], source: DicomSource, start: int) -> int:
    """Fill an array with the bytes of a file; returns how many there were."""
    if not isinstance(source, FileSource):
        return _copy_bytes(target, source.read(start, target.nbytes))
    filled, buffer = 0, memoryview(target).cast("B")  # type: ignore[arg-type]
    with source.path.open("rb", buffering=0) as file:
        file.seek(start)
        while filled < len(buffer):
            got = file.readinto(buffer[filled:])
            if not got:
                break
            filled += got
    return filled


def _copy_bytes(target: NDArray[Any], data: bytes) -> int:
    if len(data) == target.nbytes:
        target[...] = np.frombuffer(data, target.dtype).reshape(target.shape)
    return len(data)


def start_of_data(data: bytes) -> int:
    """Where the data set begins in a file: after the elements of group 2."""
    return 144 + int.from_bytes(data[140:144], "little") if data[132:140] == _META else 0


def inflate(source: DicomSource, size: int) -> bytes:
    """So many bytes of a deflated file, its data set as it was before.

    Raises
    ------
    ImageFileError : where it is damaged.
    """
    data = source.read()
    start = start_of_data(data)
    try:
        return data[:start] + zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:], size)
    except zlib.error as error:
        raise ImageFileError(
            f"{source.name} is damaged: its deflated data cannot be inflated; copy or export it "
            "again."
        ) from error


def _clear_other_bits(values: NDArray[Any], bits: int, shift: int) -> None:
    """Leave the stored bits alone, as a number of their sign; overlays may be in the others."""
    above = 8 * values.itemsize - bits
    if not shift and values.dtype.kind == "u":
        if above:
            np.bitwise_and(values, values.dtype.type((1 << bits) - 1), out=values)
    elif above or shift:
        np.left_shift(values, max(above - shift, 0), out=values)
        np.right_shift(values, above, out=values)
