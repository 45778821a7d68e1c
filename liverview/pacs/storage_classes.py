"""Kinds of images and how they may be compressed, as an association has to name them."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom.presentation import PresentationContext, build_context

_IMAGES = "1.2.840.10008.5.1.4.1.1."
_CT = ("2", "2.1", "2.2")  # CT, enhanced CT, legacy converted enhanced CT
_MR = ("4", "4.1", "4.4")
_PET = ("128", "130", "128.1")
_SECONDARY = ("7", "7.2", "7.3")
_LABELS = ("66.4", "66.7", "481.3")  # SEG, its label maps, which pydicom has no name for, RTSTRUCT
_REPORTS = ("88.11", "88.22", "88.33", "88.34")
_BY_MODALITY = {
    "CT": _CT + _SECONDARY,
    "MR": _MR + _SECONDARY,
    "PT": _PET + _SECONDARY,
    "SEG": _LABELS,
    "RTSTRUCT": _LABELS,
    "SR": _REPORTS,
}
_ALL = _CT + _MR + _PET + _SECONDARY + _LABELS + _REPORTS
_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# HTJ2K: lossless, lossless for streaming, lossy.
_HTJ2K = tuple(UID(f"1.2.840.10008.1.2.4.{number}") for number in (201, 202, 203))
_COMPRESSED = (
    JPEGLosslessSV1, JPEGLossless, JPEGLSLossless, JPEG2000Lossless, RLELossless, *_HTJ2K,
    DeflatedExplicitVRLittleEndian, JPEGLSNearLossless, JPEG2000, JPEGBaseline8Bit,
    JPEGExtended12Bit, ExplicitVRBigEndian,
)  # fmt: skip
_MOST_CONTEXTS = 128  # of an association, less one for the command itself


def contexts_to_receive(modality: str) -> list[PresentationContext]:
    """What images of a modality may be: each way of compression is a context of its own.

    A node picks one transfer syntax per context; where the compressed ones stood with the plain
    ones, it would have to pack or unpack what it has otherwise.
    """
    classes = [f"{_IMAGES}{number}" for number in _BY_MODALITY.get(modality, _ALL)]
    contexts = [build_context(each, list(_PLAIN)) for each in classes]
    for syntax in _COMPRESSED:
        if len(contexts) + len(classes) < _MOST_CONTEXTS:
            contexts += [build_context(each, [syntax]) for each in classes]
    return contexts


def contexts_to_send(kinds: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    """Contexts of files by SOP class and transfer syntax; a plain one does for the other."""
    contexts = {}
    for sop_class, syntax in kinds:
        among = list(_PLAIN) if UID(syntax) in _PLAIN else [UID(syntax)]
        contexts[sop_class, tuple(among)] = build_context(sop_class, among)
    return list(contexts.values())[: _MOST_CONTEXTS - 1]
