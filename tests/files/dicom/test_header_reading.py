"""Headers as our own scanner reads them, beside what pydicom makes of the same files."""

from __future__ import annotations

import math
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from liverview.files.dicom.headers.element_scanner import NotDicomError
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.headers.slice_header import SliceHeader
from liverview.files.dicom.places.sources import FileSource, MemorySource
from liverview.files.opening import ImageFileError

from support.dicom_series import ct_slice, pattern

EXAMPLES = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data" / "test_files").rglob("*")
    if path.is_file()
    and "dicomdirtests" not in path.parts
    and path.read_bytes()[128:132] == b"DICM"
)
"""Files of other makers that pydicom is tested with: syntaxes, odd VRs, nested sequences."""
ODD = {"rtplan_truncated.dcm", "MR_truncated.dcm", "badVR.dcm"}
TEXTS = {
    "patient_id": "PatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
    "study_uid": "StudyInstanceUID",
    "series_description": "SeriesDescription",
    "series_uid": "SeriesInstanceUID",
    "accession_number": "AccessionNumber",
    "modality": "Modality",
    "contrast": "ContrastBolusAgent",
    "body_part": "BodyPartExamined",
    "protocol": "ProtocolName",
}


def full_slice(**elements: Any) -> Dataset:
    """A CT image with what scanners put around the elements that are read."""
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation, icon.PixelData = 7, 0, b"\1\2\3\4"
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "1", "99", "x"
    outer = Dataset()
    outer.PurposeOfReferenceCodeSequence = Sequence([inner, inner])
    outer.InstanceNumber = 77
    data = ct_slice(
        pattern(4, 6, 1)[0],
        (-10.25, 3.5, 1000.125),
        orientation=(0.99, 0.01, 0.0, 0.0, 0.98, 0.02),
        intercept=-1000.5,
        AcquisitionTime="101112.5",
        ContentTime="101113",
        ConvolutionKernel=["Br40f", "3"],
        ContrastBolusAgent="IV 120 mL",
        BodyPartExamined="ABDOMEN",
        ProtocolName="Leber 3-phasig",
        StudyDescription="CT Oberbauch",
        GantryDetectorTilt=-7.5,
        SpacingBetweenSlices=2,
        WindowCenter=[40, -600],
        WindowWidth=[400, 1500],
        PixelPaddingValue=63536,
        PixelPaddingRangeLimit=63537,
        TemporalPositionIdentifier=2,
        BurnedInAnnotation="YES",
        NumberOfFrames=1,
        IconImageSequence=Sequence([icon]),
        SourceImageSequence=Sequence([outer, outer]),
    )
    block = data.private_block(0x0029, "ACME CT", create=True)
    block.add_new(0x10, "OB", bytes(range(256)) * 90)
    block.add_new(0x11, "SQ", Sequence([inner]))
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return data


def stored(data: Dataset, syntax: str = ExplicitVRLittleEndian, **options: Any) -> bytes:
    """The file of a data set in a transfer syntax."""
    data.file_meta.TransferSyntaxUID = syntax
    file = BytesIO()
    if syntax == ExplicitVRBigEndian:
        data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()
    if syntax == JPEG2000Lossless:
        data.PixelData = encapsulate([b"\xff\x4f\xff\x51 no picture"])
        data["PixelData"].is_undefined_length = True
    data.save_as(file, enforce_file_format=options.pop("preamble", True), **options)
    return file.getvalue()


def read(data: bytes) -> SliceHeader:
    return header_of(MemorySource("IM1", data))


def numbers(data: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    value = data.get(keyword)
    found = [value] if isinstance(value, int | float) else list(value or [])
    return tuple(float(each) for each in found[:count]) if len(found) >= count else None


def check_like_pydicom(header: SliceHeader, file: Any, start: int | None = None) -> None:
    """Every field is what pydicom says; where pixels begin, the file itself shows."""
    data = pydicom.dcmread(file, force=True)
    for name, keyword in TEXTS.items():
        assert getattr(header.study, name) == str(data.get(keyword) or "").strip(), keyword
    assert header.study.patient_name.replace(" ", "") == str(data.get("PatientName", "")).replace(
        "^", ""
    ).replace(" ", "")
    kernel = data.get("ConvolutionKernel", "")
    assert header.study.kernel == (kernel if isinstance(kernel, str) else " ".join(kernel))
    series_number = data.get("SeriesNumber")
    assert header.study.series_number == ("" if series_number is None else str(series_number))
    assert header.study.burned_in == (data.get("BurnedInAnnotation") == "YES")
    image_type = data.get("ImageType", ())
    assert header.image_type == tuple(
        each.strip() for each in ([image_type] if isinstance(image_type, str) else image_type)
    )
    for name, keyword in (
        ("instance_number", "InstanceNumber"),
        ("acquisition_number", "AcquisitionNumber"),
        ("temporal_position", "TemporalPositionIdentifier"),
        ("thickness", "SliceThickness"),
        ("spacing_between", "SpacingBetweenSlices"),
        ("gantry_tilt", "GantryDetectorTilt"),
    ):
        assert getattr(header, name) == data.get(keyword), keyword
    for name, keyword, otherwise in (
        ("rows", "Rows", 0),
        ("columns", "Columns", 0),
        ("samples", "SamplesPerPixel", 1),
        ("frames", "NumberOfFrames", 1),
        ("bits_allocated", "BitsAllocated", 0),
        ("bits_stored", "BitsStored", 0),
        ("signed", "PixelRepresentation", 0),
        ("photometric", "PhotometricInterpretation", ""),
        ("acquisition_time", "AcquisitionTime", ""),
        ("content_time", "ContentTime", ""),
        ("frame_of_reference", "FrameOfReferenceUID", ""),
        ("slope", "RescaleSlope", 1),
        ("intercept", "RescaleIntercept", 0),
    ):
        value = data.get(keyword)
        assert getattr(header, name) == (otherwise if value in (None, "") else value), keyword
    assert header.position == numbers(data, "ImagePositionPatient", 3)
    assert header.orientation == numbers(data, "ImageOrientationPatient", 6)
    assert header.pixel_spacing == numbers(data, "PixelSpacing", 2)
    center, width = numbers(data, "WindowCenter", 1), numbers(data, "WindowWidth", 1)
    assert header.window == (center + width if center and width else None)
    meta = data.file_meta
    assert header.sop_class == data.get("SOPClassUID", meta.get("MediaStorageSOPClassUID", ""))
    assert header.sop_instance == data.get(
        "SOPInstanceUID", meta.get("MediaStorageSOPInstanceUID", "")
    )
    if "TransferSyntaxUID" in meta:
        assert header.transfer_syntax == meta.TransferSyntaxUID
    if "PixelData" not in data:
        assert (header.pixel_start, header.pixel_bytes) == (-1, -1)
        return
    element = data["PixelData"]
    assert header.pixel_bytes == (-1 if element.is_undefined_length else len(data.PixelData))
    if element.file_tell and header.transfer_syntax != DeflatedExplicitVRLittleEndian:
        assert header.pixel_start == element.file_tell
    if start is not None:
        assert header.pixel_start == start


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.name not in ODD], ids=lambda path: path.name
)
def test_files_of_other_makers_are_read_as_pydicom_reads_them(path: Path) -> None:
    check_like_pydicom(header_of(FileSource(path)), path)


def test_damaged_files_of_other_makers() -> None:
    cut_off, short, letters = (
        FileSource(next(path for path in EXAMPLES if path.name == name))
        for name in ("rtplan_truncated.dcm", "MR_truncated.dcm", "badVR.dcm")
    )
    with pytest.raises(ImageFileError, match=r"rtplan_truncated\.dcm is cut off: it ends within"):
        header_of(cut_off)
    header = header_of(short)  # whose pixels are shorter than promised
    assert header.pixel_bytes == 64 * 64 * 2 > len(short.read(header.pixel_start))
    assert header_of(letters).frames == 1  # it says "1A"


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEG2000Lossless,
    ],
)
@pytest.mark.parametrize("undefined", [False, True])
def test_every_field_in_every_syntax(syntax: str, undefined: bool) -> None:
    data = full_slice()
    for sequence in (data.IconImageSequence, data.SourceImageSequence):
        sequence.is_undefined_length = undefined
        for item in sequence:
            item.is_undefined_length_sequence_item = undefined
    pixels = data.PixelData
    file = stored(data, syntax)
    header = read(file)
    check_like_pydicom(header, BytesIO(file))
    assert header.padding == (63536, 63537)
    assert header.window == (40, 400)
    assert header.study.kernel == "Br40f 3"
    if syntax == DeflatedExplicitVRLittleEndian:
        begin = file.index(DeflatedExplicitVRLittleEndian.encode()) + 22
        begin = next(at for at in range(begin, begin + 200) if can_inflate(file[at:]))
        file = file[:begin] + zlib.decompress(file[begin:], -15)
    if syntax == ExplicitVRBigEndian:
        pixels = data.PixelData
    if syntax != JPEG2000Lossless:
        end = header.pixel_start + header.pixel_bytes
        assert file[header.pixel_start : end] == pixels


def can_inflate(data: bytes) -> bool:
    try:
        return len(zlib.decompress(data, -15)) > 1000
    except zlib.error:
        return False


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_files_without_preamble_and_meta_group(syntax: str) -> None:
    whole = stored(full_slice(), syntax)
    begin = whole.index(
        b"\x08\x00\x05\x00" if b"\x08\x00\x05\x00" in whole else b"\x08\x00\x08\x00"
    )
    header = read(whole[begin:])
    assert header.transfer_syntax == syntax
    check_like_pydicom(header, BytesIO(whole[begin:]))
    assert header.pixel_start == read(whole).pixel_start - begin
    with_meta = read(whole[132:])  # group 2 without a preamble
    assert with_meta.transfer_syntax == syntax
    assert with_meta.rows == 4


def test_a_data_set_that_is_not_in_the_vr_that_it_says() -> None:
    implicit = stored(full_slice(), ImplicitVRLittleEndian)
    said = ImplicitVRLittleEndian.encode() + b"\0"
    assert implicit.count(said) == 1
    lying = implicit.replace(said, b"1.2.840.10008.1.2\0", 1)
    assert read(lying).rows == 4
    explicit = stored(full_slice(), ExplicitVRLittleEndian)
    at = explicit.index(b"1.2.840.10008.1.2.1\0")
    lying = explicit[: at - 2] + b"\x12\0" + b"1.2.840.10008.1.2\0" + explicit[at + 20 :]
    header = read(lying)
    assert (header.rows, header.columns, header.study.modality) == (4, 6, "CT")


def test_headers_longer_than_what_is_read_at_once() -> None:
    data = full_slice()
    block = data.private_block(0x0019, "ACME LONG", create=True)
    block.add_new(0x10, "OB", bytes(100_000))
    block.add_new(0x20, "UN", bytes(70_000))
    many = [Dataset() for _ in range(3000)]
    for number, item in enumerate(many):
        item.InstanceNumber = number
        item.is_undefined_length_sequence_item = True
    data.ReferencedImageSequence = Sequence(many)
    data.ReferencedImageSequence.is_undefined_length = True
    for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        file = stored(data, syntax)
        assert syntax == DeflatedExplicitVRLittleEndian or len(file) > 200_000
        check_like_pydicom(read(file), BytesIO(file))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("vr", ["US", "SS"])
def test_padding_is_of_the_type_of_the_pixels_whatever_its_vr(signed: bool, vr: str) -> None:
    data = full_slice(PixelRepresentation=int(signed))
    del data.PixelPaddingRangeLimit
    data.add_new("PixelPaddingValue", vr, 63536 if vr == "US" else -2000)
    value = -2000 if signed else 63536
    assert read(stored(data)).padding == (value, value)


def replaced(keyword: str, vr: str, value: bytes) -> SliceHeader:
    """The header of a file in which an element has these very bytes."""
    data = full_slice()
    tag = pydicom.tag.Tag(keyword)
    setattr(data, keyword, None)
    file = stored(data)
    head = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + vr.encode()
    at = file.rindex(head + b"\0\0")
    return read(file[: at + 6] + len(value).to_bytes(2, "little") + value + file[at + 8 :])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"1.5\\ 2.5 \\-3e1 ", (1.5, 2.5, -30)),
        (b"+1\\.5\\7.\0", (1, 0.5, 7)),
        (b"0,75\\1\\2 ", (0.75, 1, 2)),
        (b"1\\2\\3\\4", (1, 2, 3)),
        (b"1\\2 ", None),
        (b"1\\\\3", None),
        (b"1\\NaN\\3", None),
        (b"1\\2\\1e999 ", None),
        (b"1\\2\\three ", None),
        (b"1,000.5\\2\\3 ", None),
        (b"\xff\xfe\\2\\3 ", None),
        (b"", None),
    ],
)
def test_positions_are_numbers_or_missing(value: bytes, expected: object) -> None:
    assert replaced("ImagePositionPatient", "DS", value).position == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" 12 ", 12),
        (b"+3", 3),
        (b"-4", -4),
        (b"5.0 ", 5),
        (b"6\\7 ", 6),
        (b"5.5 ", None),
        (b"x", None),
        (b"9" * 60, int(float("9" * 60))),
        (b"\0\0", None),
    ],
)
def test_instance_numbers_are_whole_or_missing(value: bytes, expected: object) -> None:
    assert replaced("InstanceNumber", "IS", value).instance_number == expected


def test_numbers_that_are_wrong_are_what_files_without_them_have() -> None:
    assert np.isnan(replaced("RescaleSlope", "DS", b"nan ").slope)  # and is refused
    assert replaced("RescaleIntercept", "DS", b"").intercept == 0
    assert replaced("NumberOfFrames", "IS", b"0 ").frames == 1
    assert replaced("WindowWidth", "DS", b"0 ").window is None
    assert replaced("SeriesInstanceUID", "UI", b"1.2.3\0\0\0").study.series_uid == "1.2.3"
    assert replaced("SliceThickness", "DS", b"2.50000000000000000001").thickness == 2.5


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 144", "Люкceмбypг"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "Müller^Люк"),
    ],
)
def test_names_in_their_script(character_set: str | list[str], name: str) -> None:
    data = full_slice(SpecificCharacterSet=character_set, SeriesDescription="portalvenös")
    if "ISO_IR 100" not in character_set and "ISO_IR 192" not in character_set:
        data.SeriesDescription = "venous"
    data.PatientName = name
    study = read(stored(data)).study
    groups = [" ".join(group.split("^")) for group in name.split("=")]
    others = f" ({', '.join(groups[1:])})" if groups[1:] else ""
    assert study.patient_name == groups[0] + others
    assert study.series_description == data.SeriesDescription


@pytest.mark.parametrize(
    ("said", "encoding"),
    [("", "utf-8"), ("", "latin-1"), ("ISO-IR 100", "latin-1"), ("iso_ir 101", "iso8859_2")],
)
def test_texts_of_files_that_do_not_say_their_character_set_or_misspell_it(
    said: str, encoding: str
) -> None:
    text = "Jörg".encode(encoding).ljust(6)
    data = full_slice(SpecificCharacterSet="ISO_IR 192" if said else None, PatientID="J?????")
    file = stored(data).replace(b"J?????", text).replace(b"ISO_IR 192", said.encode().ljust(10))
    assert read(file).study.patient_id == "Jörg"


def test_images_of_one_series_share_what_is_said_of_it() -> None:
    cache: dict[Any, Any] = {}
    sources = [MemorySource(str(n), stored(full_slice(InstanceNumber=n))) for n in (1, 2)]
    first, second = (header_of(source, cache) for source in sources)
    assert first.study is second.study
    other = MemorySource("3", stored(full_slice(PatientID="T2")))
    assert header_of(other, cache).study.patient_id == "T2"


def test_a_file_cut_off_anywhere_in_its_header_is_said_to_be() -> None:
    data = full_slice()
    del data[0x0029, 0x1010]  # a long value of no interest
    file = stored(data)
    start = read(file).pixel_start
    said = set()
    for size in range(132, start):
        try:
            header = read(file[:size])
        except ImageFileError as error:
            said.add(str(error))
        else:  # between two elements, it may be a file without pixels
            assert header.pixel_start == -1
    assert said == {"IM1 is cut off: it ends within its header; copy or export it again."}
    assert read(file[: start + 3]).pixel_start == start  # the pixels' reader says what is missing
    with pytest.raises(NotDicomError):
        read(file[:131])


@pytest.mark.parametrize("data", [b"", b"text", bytes(5000), b"\x89PNG\r\n\x1a\n" + bytes(400)])
def test_other_files_are_no_dicom(data: bytes) -> None:
    with pytest.raises(NotDicomError, match="IM1 is no DICOM file: choose one that is"):
        read(data)


def test_a_file_filled_up_with_zeros_ends_there() -> None:
    data = full_slice()
    del data.PixelData
    file = stored(data)
    assert read(file + bytes(100_001)).rows == 4
    assert read(file[:400] + bytes(1 << 20)).rows == 0


def test_sequences_nested_without_end_are_damage() -> None:
    head = stored(full_slice())[:400]
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    file = stored(full_slice())
    at = file.index(b"\x08\x00\x12\x21") if b"\x08\x00\x12\x21" in file else len(head)
    with pytest.raises(ImageFileError, match=r"IM1 is damaged: at byte .* nested; copy"):
        read(file[:at] + sequence * 5000)


def test_a_header_that_inflates_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liverview.files.dicom.headers.inflated_source._MOST_INFLATED", 1 << 18)
    data = full_slice()
    block = data.private_block(0x0019, "ACME LONG", create=True)
    block.add_new(0x10, "OB", bytes(1 << 20))
    with pytest.raises(ImageFileError, match="its deflated header has more than"):
        read(stored(data, DeflatedExplicitVRLittleEndian))


def check_only_sentences(data: bytes) -> None:
    said = ""
    try:
        header = read(data)
    except ImageFileError as error:
        said = str(error)
    if said:
        assert said.startswith("IM1 is ")
        assert said.endswith(".")
    else:
        assert header.rows >= 0
        assert all(map(math.isfinite, (header.slope, header.intercept)))


SMALL = {
    syntax: stored(full_slice(), syntax)
    for syntax in (
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    )
}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    syntax=st.sampled_from(sorted(SMALL)),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=6),
    end=st.floats(0, 1),
)
def test_damaged_bytes_give_sentences_and_nothing_else(
    syntax: str, changes: list[tuple[float, bytes]], end: float
) -> None:
    data = bytearray(SMALL[syntax])
    for place, change in changes:
        at = 132 + int(place * (min(len(data), 3000) - 132))
        data[at : at + len(change)] = change
    check_only_sentences(bytes(data[: 132 + int(end * len(data))]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=600))
def test_any_bytes_after_the_mark_of_dicom(data: bytes) -> None:
    check_only_sentences(bytes(128) + b"DICM" + data)
