"""Headers laid out as the one before are read as those that are not; what differs is seen."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from liverview.files.dicom.headers.element_scanner import NotDicomError, scan_elements
from liverview.files.dicom.headers.header_layout import LayoutCache
from liverview.files.dicom.places.sources import MemorySource
from liverview.files.opening import ImageFileError

from support.dicom_series import ct_slice, pattern

TAGS = (0x00080018, 0x0008103E, 0x00020010, 0x00200032, 0x00280010, 0x00281052, 0x00181020)
WANTED = frozenset(TAGS)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
HU = pattern(1, 7, 8)[0]


def encoded(change: Callable[[Dataset], None], syntax: str = ExplicitVRLittleEndian) -> bytes:
    data = ct_slice(HU, (-1.0, -2.0, 3.0))
    data.SeriesDescription = "portal venous"
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = "1.2.3"
    reference.is_undefined_length_sequence_item = True
    data.ReferencedImageSequence = [reference]
    data["ReferencedImageSequence"].is_undefined_length = True
    change(data)
    data.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    explicit, little = syntax != ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    dcmwrite(file, data, implicit_vr=not explicit, little_endian=little, enforce_file_format=True)
    return file.getvalue()


def same(data: Dataset) -> None:
    pass


def set_to(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda data: setattr(data, keyword, value)


def refer_to_another(data: Dataset) -> None:
    data.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.4"


def name_a_longer_sequence(data: Dataset) -> None:
    data.ReferencedImageSequence[0].ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"


CHANGES = {
    "nothing": same,
    "a value": set_to("SeriesDescription", "native phase!"),
    "a length": set_to("SeriesDescription", "x"),
    "a place": set_to("ImagePositionPatient", ["-1.0", "-2.0", "4.0"]),
    "one more element": set_to("StationName", "A"),
    "another VR": set_to("SoftwareVersions", "2"),
    "a number": set_to("RescaleIntercept", "-1000"),
    "inside of a sequence": refer_to_another,
    "a longer sequence": name_a_longer_sequence,
}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_all_is_found_as_without_a_cache(change: Callable[[Dataset], None], syntax: str) -> None:
    cache = LayoutCache(WANTED)
    for data in (encoded(same, syntax), encoded(change, syntax), encoded(same, syntax)):
        source = MemorySource("a.dcm", data)
        assert cache.scan(source) == scan_elements(source, WANTED)


def test_another_transfer_syntax_of_equal_length_is_seen() -> None:
    cache, plain = LayoutCache(WANTED), encoded(same)
    cache.scan(MemorySource("a.dcm", plain))
    other = plain.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0", 1)
    assert cache.scan(MemorySource("b.dcm", other)).transfer_syntax == "1.2.840.10008.1.2.5"


def test_a_file_that_ends_within_its_header_is_cut_off_all_the_same() -> None:
    cache, plain = LayoutCache(WANTED), encoded(same)
    found = cache.scan(MemorySource("a.dcm", plain))
    with pytest.raises(ImageFileError, match=r"b.dcm is cut off"):
        cache.scan(MemorySource("b.dcm", plain[: found.pixel_start - 30]))


def test_what_is_no_dicom_is_none_after_a_file_that_is() -> None:
    cache, plain = LayoutCache(WANTED), encoded(same)
    cache.scan(MemorySource("a.dcm", plain))
    with pytest.raises(NotDicomError):
        cache.scan(MemorySource("b.txt", b"x" * len(plain)))


def test_values_of_a_file_of_many_layouts_are_its_own() -> None:
    cache = LayoutCache(WANTED)
    for number in range(60):
        data = encoded(set_to("SeriesDescription", "x" * number))
        source = MemorySource(f"{number}.dcm", data)
        assert cache.scan(source).values[0x0008103E].strip() == b"x" * number
