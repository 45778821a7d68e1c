"""The header of one DICOM file, read quickly: what `SliceHeader` holds, and nothing else."""

from __future__ import annotations

import math
from typing import TypeAlias

from liverview.core.study import StudyFacts
from liverview.files.dicom.headers.element_scanner import (
    SOP_CLASS_OF_META,
    SOP_INSTANCE_OF_META,
    ScannedElements,
    scan_elements,
)
from liverview.files.dicom.headers.header_layout import LayoutCache
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.headers.text_values import (
    binary_number_of,
    number_of,
    numbers_of,
    person_name,
    text_of,
    texts_of,
    whole_number_of,
)
from liverview.files.dicom.places.sources import DicomSource
from liverview.files.opening import ImageFileError

_CHARACTER_SET = 0x00080005
_PATIENT_NAME, _BURNED_IN, _KERNEL = 0x00100010, 0x00280301, 0x00181210
_STUDY_TEXTS = {
    "patient_id": 0x00100020,
    "birth_date": 0x00100030,
    "sex": 0x00100040,
    "accession_number": 0x00080050,
    "study_date": 0x00080020,
    "study_time": 0x00080030,
    "study_description": 0x00081030,
    "study_uid": 0x0020000D,
    "series_description": 0x0008103E,
    "series_number": 0x00200011,
    "series_uid": 0x0020000E,
    "modality": 0x00080060,
    "contrast": 0x00180010,
    "body_part": 0x00180015,
    "protocol": 0x00181030,
}
_OF_STUDY = (_CHARACTER_SET, _PATIENT_NAME, _BURNED_IN, _KERNEL, *_STUDY_TEXTS.values())
_IMAGE_TYPE, _SOP_CLASS, _SOP_INSTANCE = 0x00080008, 0x00080016, 0x00080018
_ACQUISITION_TIME, _CONTENT_TIME = 0x00080032, 0x00080033
_THICKNESS, _SPACING_BETWEEN, _TILT = 0x00180050, 0x00180088, 0x00181120
_KILOVOLTS = 0x00180060
_ACQUISITION, _INSTANCE, _TEMPORAL = 0x00200012, 0x00200013, 0x00200100
_POSITION, _ORIENTATION, _FRAME_OF_REFERENCE = 0x00200032, 0x00200037, 0x00200052
_SAMPLES, _PHOTOMETRIC, _FRAMES = 0x00280002, 0x00280004, 0x00280008
_ROWS, _COLUMNS, _PIXEL_SPACING = 0x00280010, 0x00280011, 0x00280030
_ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_PADDING, _PADDING_LIMIT = 0x00280120, 0x00280121
_CENTER, _WIDTH, _INTERCEPT, _SLOPE = 0x00281050, 0x00281051, 0x00281052, 0x00281053
# fmt: off
_WANTED = frozenset((
    *_OF_STUDY, _IMAGE_TYPE, _SOP_CLASS, _SOP_INSTANCE, _ACQUISITION_TIME, _CONTENT_TIME,
    _THICKNESS, _SPACING_BETWEEN, _TILT, _ACQUISITION, _INSTANCE, _TEMPORAL, _POSITION,
    _ORIENTATION, _FRAME_OF_REFERENCE, _SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS,
    _PIXEL_SPACING, _ALLOCATED, _STORED, _HIGH_BIT, _REPRESENTATION, _PADDING, _PADDING_LIMIT,
    _CENTER, _WIDTH, _INTERCEPT, _SLOPE, _KILOVOLTS,
))
# fmt: on
StudyCache: TypeAlias = dict[tuple[bytes | None, ...], StudyFacts]
_MOST_STUDIES = 10_000


def make_layouts() -> LayoutCache:
    """A cache for `header_of`."""
    return LayoutCache(_WANTED)


def header_of(
    source: DicomSource, studies: StudyCache | None = None, layouts: LayoutCache | None = None
) -> SliceHeader:
    """The header of a file; what is missing in it, or wrong, is missing in the header.

    Parameters
    ----------
    studies : facts of the files before, by what they were read from; images of one series share
        theirs, and quickly.
    layouts : of the headers of the files before, `make_layouts`; files laid out as they are read
        more quickly.

    Raises
    ------
    NotDicomError : where the file is none.
    ImageFileError : where it is damaged within the header, or cannot be read.
    """
    try:
        found = layouts.scan(source) if layouts else scan_elements(source, _WANTED)
    except OSError as error:
        raise ImageFileError(
            f"{source.name} cannot be read: {error.strerror or error}; copy it again, or leave it "
            "out."
        ) from error
    studies = {} if studies is None else studies
    key = tuple(map(found.values.get, _OF_STUDY))
    study = studies.get(key)
    if study is None:
        if len(studies) >= _MOST_STUDIES:
            studies.clear()
        study = studies[key] = _study_of(found.values)
    return _header(source, found, study)


def _study_of(values: dict[int, bytes]) -> StudyFacts:
    characters = values.get(_CHARACTER_SET, b"").strip(b"\0 ")
    texts = {name: text_of(values.get(tag, b""), characters) for name, tag in _STUDY_TEXTS.items()}
    return StudyFacts(
        patient_name=person_name(values.get(_PATIENT_NAME, b""), characters),
        kernel=" ".join(texts_of(values.get(_KERNEL, b""))),
        burned_in=text_of(values.get(_BURNED_IN, b"")).upper() == "YES",
        **texts,
    )


def _header(source: DicomSource, found: ScannedElements, study: StudyFacts) -> SliceHeader:
    get, little = found.values.get, found.little
    signed = binary_number_of(get(_REPRESENTATION), little) == 1
    stored = binary_number_of(get(_STORED), little) or 0
    return SliceHeader(
        source=source,
        transfer_syntax=found.transfer_syntax,
        sop_class=text_of(get(_SOP_CLASS) or get(SOP_CLASS_OF_META) or b""),
        sop_instance=text_of(get(_SOP_INSTANCE) or get(SOP_INSTANCE_OF_META) or b""),
        frame_of_reference=text_of(get(_FRAME_OF_REFERENCE, b"")),
        study=study,
        instance_number=whole_number_of(get(_INSTANCE)),
        acquisition_number=whole_number_of(get(_ACQUISITION)),
        temporal_position=whole_number_of(get(_TEMPORAL)),
        acquisition_time=text_of(get(_ACQUISITION_TIME, b"")),
        content_time=text_of(get(_CONTENT_TIME, b"")),
        image_type=texts_of(get(_IMAGE_TYPE, b"")),
        rows=binary_number_of(get(_ROWS), little) or 0,
        columns=binary_number_of(get(_COLUMNS), little) or 0,
        frames=max(whole_number_of(get(_FRAMES)) or 1, 1),
        samples=binary_number_of(get(_SAMPLES), little) or 1,
        bits_allocated=binary_number_of(get(_ALLOCATED), little) or 0,
        bits_stored=stored,
        signed=signed,
        photometric=text_of(get(_PHOTOMETRIC, b"")),
        position=numbers_of(get(_POSITION), 3),  # type: ignore[arg-type]
        orientation=numbers_of(get(_ORIENTATION), 6),  # type: ignore[arg-type]
        pixel_spacing=numbers_of(get(_PIXEL_SPACING), 2),  # type: ignore[arg-type]
        thickness=number_of(get(_THICKNESS)),
        spacing_between=number_of(get(_SPACING_BETWEEN)),
        gantry_tilt=number_of(get(_TILT)),
        slope=_scale_of(get(_SLOPE), 1.0),
        intercept=_scale_of(get(_INTERCEPT), 0.0),
        padding=_padding(found, signed),
        window=_window(found),
        pixel_start=found.pixel_start,
        pixel_bytes=found.pixel_bytes,
        shift=_shift(found, stored),
        kilovolts=number_of(get(_KILOVOLTS)),
    )


def _scale_of(value: bytes | None, default: float) -> float:
    """A slope or an intercept; no number where something else stands there."""
    if value is None or not value.strip(b" \0"):
        return default
    number = number_of(value)
    return math.nan if number is None else number


def _shift(found: ScannedElements, stored: int) -> int:
    """Bits below the lowest one that is stored, by the highest one."""
    high = binary_number_of(found.values.get(_HIGH_BIT), found.little)
    allocated = binary_number_of(found.values.get(_ALLOCATED), found.little) or 0
    shift = 0 if high is None else high + 1 - stored
    return shift if 0 < shift <= allocated - stored else 0


def _padding(found: ScannedElements, signed: bool) -> tuple[int, int] | None:
    """Of the type of the pixels, whichever of the two VRs (US, SS) was written."""
    value = binary_number_of(found.values.get(_PADDING), found.little, signed)
    if value is None:
        return None
    limit = binary_number_of(found.values.get(_PADDING_LIMIT), found.little, signed)
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def _window(found: ScannedElements) -> tuple[float, float] | None:
    center, width = number_of(found.values.get(_CENTER)), number_of(found.values.get(_WIDTH))
    return None if center is None or width is None or width <= 0 else (center, width)
