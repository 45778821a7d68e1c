"""Compressed pixels of DICOM: one decoder for each transfer syntax, and sentences where it fails.

pydicom is imported when the first compressed image is read.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.pixels.codestreams import check_jpeg, check_jpeg_2000
from liverview.files.dicom.quiet import quiet_pydicom
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
"""pydicom's decoders by transfer syntax, the quickest of each; JPEG proper is decoded by GDCM."""

_DAMAGE = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, OSError, struct.error)


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
    decode = _decode_by_pydicom if syntax in _PLUGINS else _decode_by_gdcm
    try:
        with quiet_pydicom():
            return decode(header, _frame_of(header, data, frame))
    # What decoders raise has no common base: it is all a damaged image.
    except _DAMAGE as error:
        raise ImageFileError(
            f"{header.source.name} has pixels of {_NAMES[syntax]} that cannot be decoded: copy or "
            "export it again."
        ) from error


def _frame_of(header: SliceHeader, data: bytes, frame: int) -> bytes:
    """The codestream of a frame, checked."""
    from pydicom.encaps import get_frame

    found = get_frame(data, frame, number_of_frames=header.frames)
    syntax = header.transfer_syntax
    if "JPEG 2000" in _NAMES[syntax] or "HTJ2K" in _NAMES[syntax]:
        check_jpeg_2000(found, header)
    elif "JPEG" in _NAMES[syntax]:
        check_jpeg(found, header)
    return found


def _decode_by_pydicom(header: SliceHeader, frame: bytes) -> NDArray[Any]:
    from pydicom.encaps import encapsulate
    from pydicom.pixels import get_decoder

    syntax = header.transfer_syntax
    values, _ = get_decoder(syntax).as_array(
        encapsulate([frame]),
        index=0,
        raw=True,
        decoding_plugin=_PLUGINS[syntax],
        rows=header.rows,
        columns=header.columns,
        samples_per_pixel=1,
        number_of_frames=1,
        bits_allocated=header.bits_allocated,
        bits_stored=header.bits_stored,
        pixel_representation=int(header.signed),
        photometric_interpretation=header.photometric,
        pixel_keyword="PixelData",
    )
    return values


def _decode_by_gdcm(header: SliceHeader, frame: bytes) -> NDArray[Any]:
    """JPEG by GDCM; through pydicom it would refuse 12 bits with loss, which it decodes right."""
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((header.columns, header.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(header.photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    syntax = gdcm.TransferSyntax.GetTSType(header.transfer_syntax)
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    stored = header.bits_stored
    image.SetPixelFormat(
        gdcm.PixelFormat(1, header.bits_allocated, stored, stored - 1, int(header.signed))
    )
    # GDCM hands bytes over as text.
    values = image.GetBuffer().encode("utf-8", "surrogateescape")
    kind_of_number = f"{'i' if header.signed else 'u'}{header.bits_allocated // 8}"
    return np.frombuffer(values, kind_of_number).reshape(header.rows, header.columns)
