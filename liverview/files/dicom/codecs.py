"""Compressed pixels of DICOM: one decoder for each transfer syntax, and sentences where it fails.

pydicom is imported when the first compressed image is read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.files.dicom.slice_header import SliceHeader
from liverview.files.opening import ImageFileError

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_JPEG = "1.2.840.10008.1.2.4."
_NAMES = {
    _JPEG + "50": "JPEG baseline",
    _JPEG + "51": "JPEG extended",
    _JPEG + "57": "JPEG lossless",
    _JPEG + "70": "JPEG lossless",
    _JPEG + "80": "JPEG-LS",
    _JPEG + "81": "JPEG-LS near-lossless",
    _JPEG + "90": "JPEG 2000",
    _JPEG + "91": "JPEG 2000",
    _JPEG + "201": "HTJ2K",
    _JPEG + "202": "HTJ2K",
    _JPEG + "203": "HTJ2K",
    "1.2.840.10008.1.2.5": "RLE",
}
_PLUGINS = {
    _JPEG + "80": "pyjpegls",
    _JPEG + "81": "pyjpegls",
    _JPEG + "90": "pylibjpeg",
    _JPEG + "91": "pylibjpeg",
    _JPEG + "201": "pylibjpeg",
    _JPEG + "202": "pylibjpeg",
    _JPEG + "203": "pylibjpeg",
    "1.2.840.10008.1.2.5": "pydicom",
}
"""Decoders by transfer syntax; of all others it is GDCM."""


def is_native(transfer_syntax: str) -> bool:
    """True where pixels are stored one after the other, not compressed."""
    return transfer_syntax in (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)


def decode_frame(header: SliceHeader, frame: int = 0) -> NDArray[Any]:
    """The stored values of a compressed image, (rows, columns), or with samples last.

    Raises
    ------
    ImageFileError : where there is no decoder, or it fails.
    OSError : where the file cannot be read.
    """
    syntax = header.transfer_syntax
    if syntax not in _NAMES:
        raise ImageFileError(
            f"{header.source.name} has the transfer syntax {syntax}, which liverview cannot "
            "decode: have it sent uncompressed."
        )
    data = header.source.read(header.pixel_start)
    try:
        return _decode(header, data, frame)
    # What decoders raise has no common base: it is all a damaged image.
    except (RuntimeError, ValueError, TypeError, AttributeError, LookupError, OSError) as error:
        raise ImageFileError(
            f"{header.source.name} has pixels of {_NAMES[syntax]} that cannot be decoded: copy or "
            "export it again."
        ) from error


def _decode(header: SliceHeader, data: bytes, frame: int) -> NDArray[Any]:
    from pydicom.pixels import get_decoder

    syntax = header.transfer_syntax
    values, _ = get_decoder(syntax).as_array(
        data,
        index=frame,
        raw=True,
        decoding_plugin=_PLUGINS.get(syntax, "gdcm"),
        rows=header.rows,
        columns=header.columns,
        samples_per_pixel=header.samples,
        number_of_frames=max(header.frames, 1),
        bits_allocated=header.bits_allocated,
        bits_stored=header.bits_stored,
        pixel_representation=int(header.signed),
        photometric_interpretation=header.photometric,
        pixel_keyword="PixelData",
    )
    return values
