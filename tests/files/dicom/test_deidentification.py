"""De-identified copies against the table of DICOM PS3.15 and with markers in every element."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from liverview.core.stream import result_of
from liverview.files.atomic import TargetError
from liverview.files.dicom.deidentification.basic_profile import Action, action_for, profile_table
from liverview.files.dicom.deidentification.copying import Kept, iter_write_deidentified
from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places.sources import FileSource, MemorySource
from liverview.files.dicom.quiet import quiet_pydicom
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume

from support.dicom_series import ct_slice, pattern, slice_positions, uid, write_series

MARKER = "ZQNAMEQZ"
DAY, CLOCK = "20310417", "173459.125"
"""A date and a time that stand nowhere else."""
BINARY = bytes.fromhex("5A515A51DEADBEEF")
ID_ROOT = "1.2.3.987654321"

SAMPLE = {
    # PS3.15 Table E.1-1, as printed: tag, what the column "Basic Prof." says.
    0x00080050: "Z", 0x00184000: "X", 0x00400555: "X/Z", 0x00080022: "X/Z", 0x0008002A: "X/Z/D",
    0x00181400: "X/D", 0x001811BB: "D", 0x00189424: "X", 0x00404035: "X", 0x001021B0: "X",
    0x0040A353: "X", 0x00380010: "X", 0x00380020: "X", 0x00081084: "X", 0x00081080: "X",
    0x00380021: "X", 0x00001000: "X", 0x00102110: "X", 0x40000010: "X", 0x0040A078: "X",
    0x22000005: "X/Z", 0x300A00C3: "X", 0x300A00DD: "X", 0x00101081: "X", 0x0016004D: "X",
    0x00181007: "X", 0x00120060: "Z", 0x00120082: "X", 0x00120081: "D", 0x00120020: "D",
    0x00120021: "Z", 0x00120072: "X", 0x00120071: "X", 0x00120030: "Z", 0x00120031: "Z",
    0x00120010: "D", 0x00120040: "D", 0x00120042: "D", 0x00120051: "X", 0x00120050: "Z",
    0x00400310: "X", 0x00400280: "X", 0x300A02EB: "X", 0x00209161: "U", 0x3010000F: "Z",
    0x30100017: "Z", 0x30100006: "U", 0x00403001: "X", 0x30100013: "U", 0x0008009C: "Z",
    0x0008009D: "X", 0x0050001B: "X", 0x0040051A: "X", 0x00400512: "D", 0x00700086: "X",
    0x00700084: "Z/D", 0x00080023: "Z/D", 0x0040A730: "D", 0x00080033: "Z/D", 0x00180010: "Z/D",
    0x0018A003: "X", 0x00102150: "X", 0x0040A307: "X", 0x00380300: "X", 0x00080025: "X",
    0x00080035: "X", 0x0040A07C: "X", 0xFFFCFFFC: "X", 0x0018937F: "X", 0x00082111: "X",
    0x0018700A: "X/D", 0x3010001B: "Z", 0x00500020: "X", 0x3010002D: "D", 0x00181000: "X/Z/D",
    0x0016004B: "X", 0x00181002: "U", 0xFFFAFFFA: "X", 0x04000100: "U", 0x00209164: "U",
    0x00380040: "X", 0x4008011A: "X", 0x40080119: "X", 0x300A0016: "X", 0x00100010: "Z",
    0x00100020: "Z/D", 0x00100030: "Z", 0x00100040: "Z", 0x00101010: "X", 0x00101040: "X",
    0x00104000: "X", 0x00080080: "X/Z/D", 0x00080081: "X", 0x00080090: "Z", 0x00081010: "X/Z/D",
    0x00081030: "X", 0x0008103E: "X", 0x00081048: "X", 0x00081070: "X/Z/D", 0x0020000D: "U",
    0x0020000E: "U", 0x00080018: "U", 0x00200052: "U", 0x00200010: "Z", 0x00204000: "X",
    0x00080020: "Z", 0x00080030: "Z", 0x00181030: "X/D", 0x00081140: "X/Z/U*",
    0x00082112: "X/Z/U*", 0x00880200: "X", 0x00400275: "X",
}  # fmt: skip

STAYS = (
    "Manufacturer", "ConvolutionKernel", "KVP", "PixelSpacing", "Rows", "Modality",
    "ImagePositionPatient", "ImageOrientationPatient", "RescaleIntercept", "SliceThickness",
    "InstanceNumber", "ImageType", "PatientPosition",
)  # fmt: skip


def volume_of(paths: list[Path], **facts: Any) -> SeriesVolume:
    slices = tuple(header_of(FileSource(path)) for path in paths)
    return SeriesVolume(slices, slices[0].study, SeriesKind.CT, (0, 0, 0), (0, 0, 0), **facts)


def copy_of(paths: list[Path], folder: Path, **options: Any) -> tuple[Kept, list[Dataset]]:
    kept = result_of(iter_write_deidentified(volume_of(paths), folder, **options), Kept)
    return kept, [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    return write_series(tmp_path / "series", pattern(6, 5, 3))


def marked_value(representation: str) -> Any:
    """A value that would be recognized anywhere in a file; None where none can be."""
    values = {
        "DA": DAY, "DT": DAY + "101112", "TM": CLOCK, "UI": f"{ID_ROOT}.1", "OB": BINARY,
        "OW": BINARY, "UN": BINARY,
    }  # fmt: skip
    texts = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
    return MARKER if representation in texts else values.get(representation)


def add_everything(data: Dataset, depth: int = 0) -> int:
    """Set all elements of the table that can be marked, and many that are in no table."""
    count = 0
    for tag in profile_table():
        group = tag >> 16
        if group in (0, 2, 4, 0xFFFC, 0xFFFA) or tag in (0x00080018,):
            continue
        known = tag in DicomDictionary
        representation = dictionary_VR(tag) if known else "LO"
        if representation == "SQ":
            item = Dataset()
            item.CodeMeaning, item.PatientName = MARKER, MARKER
            data.add_new(tag, "SQ", [item])
        elif (value := marked_value(representation)) is not None:
            data.add_new(tag, representation, value)
            count += 1
    if depth < 2:
        deeper = Dataset()
        add_everything(deeper, depth + 1)
        data.ReferencedImageEvidenceSequence = [Dataset(), deeper]  # in no row of the table
    private = data.private_block(0x0029, f"{MARKER} CREATOR", create=True)
    private.add_new(0x10, "LO", MARKER)
    private.add_new(0x11, "OB", BINARY)
    item = Dataset()
    item.PatientName = MARKER
    private.add_new(0x12, "SQ", [item])
    data.add_new(0x00083333, "LO", MARKER)  # in no dictionary
    data.add_new(0x50000010, "US", 1)
    data.add_new(0x50003000, "OW", BINARY)
    data.add_new(0x60000022, "LO", MARKER)
    data.add_new(0x60003000, "OW", BINARY)
    return count


def kept_elements(data: Dataset) -> None:
    """Elements that the table lets stay: these must not hold the patient's name either."""
    data.ManufacturerModelName = f"scanner of {MARKER}"
    data.ConvolutionKernel = "B30f"
    data.Manufacturer = "Maker"
    data.SoftwareVersions = ["1.0", MARKER]


@pytest.fixture
def marked(tmp_path: Path) -> list[Path]:
    """Two files with markers in all that the profile names, and beside the data set."""
    folder = tmp_path / f"{MARKER}_folder"
    folder.mkdir()
    paths, positions = [], slice_positions(2)
    with quiet_pydicom():
        for index, hu in enumerate(pattern(6, 5, 2)):
            data = ct_slice(hu, positions[index], instance=index + 1)
            assert add_everything(data) > 300
            kept_elements(data)
            data.PatientName, data.PatientID = f"{MARKER}^Given", f"{MARKER}77"
            data.SOPInstanceUID = f"{ID_ROOT}.{index + 5}"
            data.Modality, data.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
            data.file_meta.SourceApplicationEntityTitle = MARKER
            data.file_meta.PrivateInformationCreatorUID = f"{ID_ROOT}.9"
            data.file_meta.PrivateInformation = MARKER.encode()
            data.preamble = (MARKER * 16).encode()
            path = folder / f"{MARKER}{index}.dcm"
            written = io.BytesIO()
            data.save_as(written, enforce_file_format=True)
            padding = b"\xfc\xff\xfc\xffOB\x00\x00\x0c\x00\x00\x00" + MARKER.encode() + bytes(4)
            path.write_bytes(written.getvalue() + padding)
            paths.append(path)
    return paths


def test_the_table_is_that_of_the_standard() -> None:
    table = profile_table()
    assert len(SAMPLE) > 100
    found = {tag: "/".join(each.value for each in table[tag]) for tag in SAMPLE}
    assert found == SAMPLE
    assert len(table) > 640


@pytest.mark.parametrize("keep_intervals", [False, True])
def test_no_marker_is_left_anywhere_in_the_bytes(
    marked: list[Path], tmp_path: Path, keep_intervals: bool
) -> None:
    kept, copies = copy_of(marked, tmp_path / "out", keep_intervals=keep_intervals)
    assert kept.files == len(copies) == 2
    for path in (tmp_path / "out").iterdir():
        data = path.read_bytes()
        times = () if keep_intervals else (CLOCK,)
        for wanted in (MARKER, DAY, ID_ROOT, "Given", *times):
            assert wanted.encode() not in data, wanted
            assert wanted not in path.name
        assert BINARY not in data
    assert MARKER not in " ".join([*kept.sentences, *kept.warnings, kept.patient, *kept.texts])


def test_what_is_kept_is_kept_and_said(marked: list[Path], tmp_path: Path) -> None:
    kept, copies = copy_of(marked, tmp_path / "out")
    before = pydicom.dcmread(marked[0])
    for keyword in STAYS:
        assert copies[0][keyword].value == before[keyword].value, keyword
    assert "ManufacturerModelName" not in copies[0]  # the patient's name was in it
    assert "SoftwareVersions" not in copies[0]
    assert "Manufacturer" in kept.texts
    assert "Convolution Kernel" in kept.texts
    assert any("Manufacturer" in sentence for sentence in kept.sentences)
    assert copies[0].PatientName == copies[0].PatientID == copies[1].PatientID == kept.patient
    assert copies[0].PatientIdentityRemoved == "YES"
    codes = [item.CodeValue for item in copies[0].DeidentificationMethodCodeSequence]
    assert codes == ["113100"]
    assert copies[0].LongitudinalTemporalInformationModified == "REMOVED"


def walk(data: Dataset) -> Iterator[Any]:
    for element in data:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from walk(item)


def test_every_element_of_the_table_is_treated_as_it_says(
    marked: list[Path], tmp_path: Path
) -> None:
    before = pydicom.dcmread(marked[0])
    _, copies = copy_of(marked, tmp_path / "out")
    after, seen = copies[0], 0
    for tag, choices in profile_table().items():
        if tag not in before:
            continue
        seen += 1
        first = choices[0]
        if first is Action.REMOVE:
            assert tag not in after, keyword_for_tag(tag)
        elif tag == 0x00100020 or tag == 0x00100010:
            assert str(after[tag].value).startswith("ANON-")
        elif first is Action.EMPTY:
            assert not after[tag].value, keyword_for_tag(tag)
        elif first is Action.REPLACE_UID:
            assert after[tag].value.startswith("2.25."), keyword_for_tag(tag)
        else:
            assert first is Action.DUMMY
            assert after[tag].value != before[tag].value
    assert seen > 500
    assert not any(element.tag.is_private for element in walk(after))
    assert not [element for element in walk(after) if element.tag.group >> 8 in (0x50, 0x60)]


def test_rows_with_a_choice_take_what_the_image_requires() -> None:
    assert action_for(0x0008002A, "DT", plain=True) is Action.REMOVE
    assert action_for(0x0008002A, "DT", plain=False) is Action.DUMMY  # 1C in enhanced images
    assert action_for(0x00080023, "DA", plain=True) is Action.EMPTY
    assert action_for(0x00080023, "DA", plain=False) is Action.DUMMY
    assert action_for(0x00082112, "SQ", plain=True) is Action.REMOVE
    assert action_for(0x00082112, "SQ", plain=False) is Action.CLEAN_ITEMS
    assert action_for(0x00181210, "SH", plain=True) is Action.KEEP
    assert action_for(0x00290010, "LO", plain=True) is Action.REMOVE


def test_uids_are_others_and_the_same_everywhere(tmp_path: Path) -> None:
    def refer(index: int, data: Dataset) -> None:
        item, deeper = Dataset(), Dataset()
        deeper.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        deeper.ReferencedSOPInstanceUID = uid("neighbor")
        if index == 0:
            data.SOPInstanceUID = uid("neighbor")
            data.file_meta.MediaStorageSOPInstanceUID = uid("neighbor")
        item.ReferencedSOPSequence = [deeper]
        item.StudyInstanceUID = uid("study")
        data.IrradiationEventUID = [uid("event"), uid("event", 2)]
        data.ReferencedImageEvidenceSequence = [item]

    paths = write_series(tmp_path / "series", pattern(6, 5, 3), change=refer)
    _, copies = copy_of(paths, tmp_path / "out")
    text = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    for name in ("series", "study", "frame", "neighbor", "event"):
        assert uid(name).encode() not in text
    assert len({data.SeriesInstanceUID for data in copies}) == 1
    assert len({data.SOPInstanceUID for data in copies}) == 3
    for data in copies:
        assert data.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
        assert data.file_meta.MediaStorageSOPInstanceUID == data.SOPInstanceUID
        assert pydicom.uid.UID(data.SOPInstanceUID).is_valid
        item = data.ReferencedImageEvidenceSequence[0]
        assert item.StudyInstanceUID == data.StudyInstanceUID
        referred = item.ReferencedSOPSequence[0]
        assert referred.ReferencedSOPInstanceUID == copies[0].SOPInstanceUID
        assert referred.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


def test_copies_of_one_key_fit_together_and_others_do_not(
    series: list[Path], tmp_path: Path
) -> None:
    one, first = copy_of(series, tmp_path / "1", key=b"key", keep_intervals=True)
    two, second = copy_of(series, tmp_path / "2", key=b"key", keep_intervals=True)
    three, third = copy_of(series, tmp_path / "3", keep_intervals=True)
    assert one.patient == two.patient != three.patient
    assert first[0].SOPInstanceUID == second[0].SOPInstanceUID != third[0].SOPInstanceUID
    assert first[0].StudyDate == second[0].StudyDate


def test_intervals_are_kept_where_they_shall_be(tmp_path: Path) -> None:
    def date(index: int, data: Dataset) -> None:
        data.StudyDate, data.SeriesDate = "20240228", "20240301"
        data.AcquisitionDateTime = "20240302101112.5"
        data.AcquisitionTime = "101112"

    paths = write_series(tmp_path / "series", pattern(6, 5, 2), change=date)
    kept, copies = copy_of(paths, tmp_path / "out", keep_intervals=True)
    data = copies[0]
    assert data.StudyDate not in ("", "20240228")
    days = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:8]}") for d in
            (data.StudyDate, data.SeriesDate, data.AcquisitionDateTime)]  # fmt: skip
    assert [int((day - days[0]).astype(int)) for day in days] == [0, 2, 3]
    assert days[0] < np.datetime64("2024-02-28")
    assert data.AcquisitionDateTime[8:] == "101112.5"
    assert data.AcquisitionTime == "101112"
    assert not data.PatientBirthDate
    assert data.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [item.CodeValue for item in data.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113107"]
    assert any("intervals" in sentence for sentence in kept.sentences)


def encoded(data: Dataset, syntax: str) -> Dataset:
    if syntax == RLELossless:
        data.compress(RLELossless, generate_instance_uid=False)
    elif syntax == "odd fragments":
        data.PixelData = encapsulate([b"\x01\x02\x03\x04", b"\x05\x06"], has_bot=True)
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    else:
        data.file_meta.TransferSyntaxUID = syntax
    return data


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless,
     "odd fragments"],
)  # fmt: skip
def test_pixel_data_are_the_same_bytes(tmp_path: Path, syntax: str) -> None:
    hu = pattern(8, 6, 1)[0]
    data = encoded(ct_slice(hu, (0, 0, 0)), syntax)
    path = tmp_path / "a.dcm"
    data.save_as(path, enforce_file_format=True)
    before = pydicom.dcmread(path)
    _, (after,) = copy_of([path], tmp_path / "out")
    assert after.PixelData == before.PixelData
    assert after.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    if syntax != "odd fragments":
        np.testing.assert_array_equal(after.pixel_array, before.pixel_array)


def test_sources_that_are_no_files_are_copied_too(series: list[Path], tmp_path: Path) -> None:
    header = header_of(MemorySource("from a PACS", series[0].read_bytes()))
    volume = SeriesVolume((header,), header.study, SeriesKind.CT, (0, 0, 0), (0, 0, 0))
    kept = result_of(iter_write_deidentified(volume, tmp_path / "out"), Kept)
    assert kept.files == 1


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"BurnedInAnnotation": "YES"}, "text is burned into the pixels"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "no tag says that no text"),
        ({"Modality": "SC"}, "no tag says that no text"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "no tag says that no text"),
        ({"Modality": "SC", "BurnedInAnnotation": "NO"}, ""),
        ({}, ""),
    ],
)
def test_burned_in_text_is_warned_of(tmp_path: Path, elements: dict[str, Any], words: str) -> None:
    paths = write_series(tmp_path / "series", pattern(6, 5, 2), **elements)
    kept, _ = copy_of(paths, tmp_path / "out")
    assert len(kept.warnings) == bool(words)
    assert words in " ".join(kept.warnings)


def test_an_overlay_in_the_pixels_is_warned_of(tmp_path: Path) -> None:
    def overlay(_: int, data: Dataset) -> None:
        data.add_new(0x60000010, "US", 6)
        data.add_new(0x60000102, "US", 12)

    paths = write_series(tmp_path / "series", pattern(6, 5, 1), change=overlay)
    kept, _ = copy_of(paths, tmp_path / "out")
    assert "hold an overlay" in kept.warnings[0]


def test_values_that_nobody_can_read_are_removed(tmp_path: Path) -> None:
    def spoil(_: int, data: Dataset) -> None:
        data.add_new(0x00181150, "LO", MARKER)  # exposure time, a number
        data.add_new(0x00180022, "LO", f"{MARKER} and more than a code may have")  # scan options
        data.add_new(0x00180090, "LO", f"12 {MARKER}")  # diameter, a number

    with quiet_pydicom():
        data = ct_slice(pattern(6, 5, 1)[0], (0, 0, 0))
        spoil(0, data)
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        path = tmp_path / "a.dcm"
        data.save_as(path, enforce_file_format=True)
    copy_of([path], tmp_path / "out")
    (written,) = (tmp_path / "out").iterdir()
    assert MARKER.encode() not in written.read_bytes()


def test_a_folder_that_is_there_stays(series: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("here")
    with pytest.raises(TargetError, match="is not empty"):
        copy_of(series, out)
    with pytest.raises(TargetError, match=r"such as mine\.txt"):
        copy_of(series, out, overwrite=True)
    assert (out / "mine.txt").read_text() == "here"


def test_stopped_half_way_it_leaves_nothing(series: list[Path], tmp_path: Path) -> None:
    work = iter_write_deidentified(volume_of(series), tmp_path / "out")
    next(work)
    next(work)
    work.close()  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["series"]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("keep_intervals", [False, True])
def test_dciodvfy_finds_no_error(tmp_path: Path, keep_intervals: bool) -> None:
    series = write_series(tmp_path / "abdomen", pattern(6, 5, 2), BodyPartExamined="ABDOMEN")
    copy_of(series, tmp_path / "out", keep_intervals=keep_intervals)
    for path in sorted((tmp_path / "out").iterdir())[:1]:
        found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in found.stderr + found.stdout
        assert "CTImage" in found.stderr + found.stdout
