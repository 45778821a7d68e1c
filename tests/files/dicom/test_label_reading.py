"""Segmentations that others wrote, read as label maps; here highdicom writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from liverview.core.labels import Label
from liverview.core.placing import place_labels
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.dicom.segmentations.codes import name_segment
from liverview.files.opening import ImageFileError

from support.segmented_series import (
    GRIDS,
    TILT,
    affine_of,
    labels_on_series,
    random_labels,
    segment,
    segmentation,
    series,
)

LIVER, NEOPLASM, VESSEL = codes.SCT.Liver, codes.SCT.Neoplasm, codes.SCT.BloodVessel
SPLEEN, KIDNEY = Code("78961009", "SCT", "Spleen"), Code("64033007", "SCT", "Kidney")


def scan_of(stored: np.ndarray, images_of: list[Dataset]) -> Volume:
    """A scan on all slices of a series, (columns, rows, slices)."""
    return Volume.from_array(np.zeros(stored.shape, np.int16), affine_of(images_of), name="ct")


def expected_on(scan: Volume, stored: np.ndarray, images_of: list[Dataset]) -> np.ndarray:
    """Labels of stored slices in RAS+, as numpy alone places them."""
    return LabelMap.from_array(stored, affine_of(images_of)).voxels


def masks_of(stored: np.ndarray) -> np.ndarray:
    """(slices, rows, columns, 3), whole organs, as an overlapping segmentation has them."""
    planes = stored.T
    return np.stack([planes > 0, planes == 2, planes == 3], axis=-1).astype(np.uint8)


def three(first: str = "") -> list[Any]:
    return [segment(1, LIVER, first), segment(2, VESSEL), segment(3, NEOPLASM, region=LIVER)]


@pytest.mark.parametrize("places", [*GRIDS.values(), TILT], ids=[*GRIDS, "tilted"])
def test_overlapping_segments_come_on_the_grid_of_the_scan(
    places: dict[str, Any], tmp_path: Path
) -> None:
    places = {key: value for key, value in places.items() if key != "missing"}
    stored = random_labels()
    slices = series(7, **places)
    path = tmp_path / "other.dcm"
    segmentation(slices, masks_of(stored), three()).save_as(path)
    scan = scan_of(stored, slices)
    labels = images.read_labels(path, grid=scan.grid)
    assert np.array_equal(place_labels(labels, scan).voxels, expected_on(scan, stored, slices))
    # Without the scan, the slices at the ends that are empty are not known of.
    alone = images.read_labels(path)
    assert np.array_equal(np.unique(alone.voxels), [0, 1, 2, 3])
    for value in (1, 2, 3):
        assert (alone.voxels == value).sum() == (stored == value).sum()
    corner = alone.voxel_to_world((0, 0, 0))
    assert np.allclose(scan.voxel_to_world(scan.world_to_voxel(corner)), corner, atol=1e-3)


def test_segments_apart_are_values_and_frames_in_any_order_find_their_place(tmp_path: Path) -> None:
    stored, slices = random_labels(), series(7)
    data = segmentation(slices, stored.T, three("Segment_1"))
    order = np.random.default_rng(1).permutation(data.NumberOfFrames)
    frames = pydicom.pixels.pixel_array(data)
    data.PerFrameFunctionalGroupsSequence = [
        data.PerFrameFunctionalGroupsSequence[int(n)] for n in order
    ]
    data.PixelData = np.packbits(frames[order].reshape(-1), bitorder="little").tobytes()
    path = tmp_path / "other.dcm"
    data.save_as(path)
    found = images.read_named_labels(path, grid=scan_of(stored, slices).grid)
    assert found.members is None
    assert found.names == {1: "liver", 2: "Blood Vessel", 3: "Neoplasm"}
    expected = expected_on(scan_of(stored, slices), stored, slices)
    assert np.array_equal(found.to_label_map().voxels, expected)


@pytest.mark.parametrize("kind", ["PROBABILITY", "OCCUPANCY"])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_of_fractions_one_half_and_more_is_taken(kind: str, syntax: str, tmp_path: Path) -> None:
    slices = series(4, 32, 32)
    shares = np.random.default_rng(2).random((4, 32, 32)).astype(np.float32)
    data = segmentation(
        slices, shares, [segment(1, NEOPLASM)], segmentation_type="FRACTIONAL",
        fractional_type=kind, max_fractional_value=200, transfer_syntax_uid=syntax,
    )  # fmt: skip
    path = tmp_path / "other.dcm"
    data.save_as(path)
    labels = images.read_labels(path)
    stored = np.rint(shares * 200).T
    expected = LabelMap.from_array(3 * (stored >= 100).astype(np.uint8), affine_of(slices))
    assert np.array_equal(labels.voxels, expected.voxels)
    assert any("one half or more" in note for note in labels.warnings)


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
)
def test_label_map_segmentations_are_read_however_they_are_compressed(
    syntax: str, tmp_path: Path
) -> None:
    stored, slices = random_labels((32, 32, 5)), series(5, 32, 32)
    data = segmentation(
        slices, stored.T * 5, [segment(5, LIVER), segment(10, VESSEL), segment(15, NEOPLASM)],
        segmentation_type="LABELMAP", transfer_syntax_uid=syntax,
    )  # fmt: skip
    path = tmp_path / "other.dcm"
    data.save_as(path)
    scan = scan_of(stored, slices)
    labels = images.read_labels(path, grid=scan.grid)
    assert np.array_equal(labels.voxels, expected_on(scan, stored, slices))


def test_binary_segments_in_jpeg_2000_are_read(tmp_path: Path) -> None:
    stored, slices = random_labels((32, 32, 5)), series(5, 32, 32)
    path = tmp_path / "other.dcm"
    planes = np.ascontiguousarray(stored.T)
    segmentation(slices, planes, three(), transfer_syntax_uid=JPEG2000Lossless).save_as(path)
    scan = scan_of(stored, slices)
    labels = images.read_labels(path, grid=scan.grid)
    assert np.array_equal(labels.voxels, expected_on(scan, stored, slices))


def test_a_deflated_file_is_read(tmp_path: Path) -> None:
    stored, slices = random_labels(), series(7)
    data = segmentation(slices, stored.T, three())
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.save_as(tmp_path / "other.dcm")
    scan = scan_of(stored, slices)
    labels = images.read_labels(tmp_path / "other.dcm", grid=scan.grid)
    assert np.array_equal(labels.voxels, expected_on(scan, stored, slices))


@pytest.mark.parametrize("first", [0, 2])
def test_a_part_of_the_slices_finds_its_place_in_the_scan(first: int, tmp_path: Path) -> None:
    stored, slices = random_labels(), series(7, **TILT)
    some = slices[first : first + 3 : 2]  # every other one: a gap in each
    part = stored[:, :, first : first + 3 : 2]
    path = tmp_path / "other.dcm"
    segmentation(some, part.T, three(), omit_empty_frames=False).save_as(path)
    scan = scan_of(stored, slices)
    labels = images.read_labels(path, grid=scan.grid)
    expected = np.zeros_like(stored)
    expected[:, :, first : first + 3 : 2] = part
    assert np.array_equal(place_labels(labels, scan).voxels, expected_on(scan, expected, slices))


def test_a_part_of_the_columns_and_rows_finds_its_place_in_the_scan(tmp_path: Path) -> None:
    stored, slices = random_labels(), series(7, orientation=(-1.0, 0, 0, 0, 1.0, 0))
    path = tmp_path / "other.dcm"
    cut = stored[3:8, 2:11]
    affine = affine_of(slices)
    corner = affine @ [3, 2, 0, 1]
    data = segmentation(slices, stored.T, three(), omit_empty_frames=False)
    data.Rows, data.Columns = 9, 5
    masks = []
    for frame in data.PerFrameFunctionalGroupsSequence:
        position = frame.PlanePositionSequence[0]
        depth = position.ImagePositionPatient[2]
        position.ImagePositionPatient = [-corner[0], -corner[1], depth]
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        masks.append(number == cut[:, :, round((100 - depth) / 2.5)].T)
    data.PixelData = np.packbits(np.stack(masks).reshape(-1), bitorder="little").tobytes()
    data.save_as(path)
    scan = scan_of(stored, slices)
    expected = np.zeros_like(stored)
    expected[3:8, 2:11] = cut
    labels = images.read_labels(path, grid=scan.grid)
    assert np.array_equal(place_labels(labels, scan).voxels, expected_on(scan, expected, slices))


def test_a_missing_frame_leaves_background(tmp_path: Path) -> None:
    stored, slices = np.ones((10, 12, 5), np.uint8), series(5)
    stored[:, :, 2] = 0
    path = tmp_path / "other.dcm"
    segmentation(slices, stored.T, [segment(1, LIVER)]).save_as(path)
    labels = images.read_labels(path)
    assert labels.shape == (10, 12, 5)
    assert [int(labels.voxels[0, 0, k]) for k in range(5)] == [1, 1, 0, 1, 1]


def test_frames_at_uneven_distances_are_said(tmp_path: Path) -> None:
    positions = [[-40.0, -30.0, z] for z in (100.0, 102.5, 106.1, 108.6)]
    slices = series(4)
    for image, position in zip(slices, positions, strict=True):
        image.ImagePositionPatient = position
    path = tmp_path / "other.dcm"
    masks = np.ones((4, 12, 10), np.uint8)
    segmentation(slices, masks, [segment(1, LIVER)]).save_as(path)
    labels = images.read_labels(path)
    assert any("uneven distances" in note for note in labels.warnings)
    assert labels.voxels.all()


@pytest.mark.parametrize(
    ("given", "kind", "region", "meaning"),
    [
        ("Segment_1", "10200004", "", Label.LIVER),
        ("my organ", "277956007", "", Label.LIVER),
        ("a", "32764006", "", Label.VESSEL),
        ("a", "8993003", "", Label.VESSEL),
        ("a", "59820001", "10200004", Label.VESSEL),
        ("a", "108369006", "10200004", Label.TUMOR),
        ("a", "52988006", "818981001", Label.TUMOR),
        ("a", "128462008", "", Label.TUMOR),
        ("a", "25370001", "", Label.TUMOR),
        ("Tumor", "108369006", "64033007", None),
        ("Portal vein", "", "", Label.VESSEL),
        ("spleen", "78961009", "", Label.BACKGROUND),
        ("whatever", "78961009", "", None),
    ],
)
def test_a_segment_is_known_by_its_code_and_then_by_its_name(
    given: str, kind: str, region: str, meaning: Label | None
) -> None:
    from liverview.core.coding import meaning_from_name

    regions = [(region, "Kidney" if region == "64033007" else "there")] if region else []
    name = name_segment(given, (kind, "of a kind" if kind else ""), regions)
    assert meaning_from_name(name) is meaning


def test_codes_of_the_older_scheme_are_known(tmp_path: Path) -> None:
    stored, slices = random_labels(), series(7)
    data = segmentation(slices, (stored.T > 0).astype(np.uint8), [segment(1, LIVER, "x")])
    kind = data.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning = "T-62000", "SRT", "organ"
    data.save_as(tmp_path / "other.dcm")
    assert images.read_named_labels(tmp_path / "other.dcm").suggested == {1: Label.LIVER}


def test_what_nobody_knows_is_asked_about(tmp_path: Path) -> None:
    stored, slices = random_labels(), series(7)
    what = Code("1", "99X", "Blob")
    segments = [segment(1, what, "A"), segment(2, SPLEEN), segment(3, NEOPLASM, "T", KIDNEY)]
    segmentation(slices, stored.T, segments).save_as(tmp_path / "other.dcm")
    found = images.read_named_labels(tmp_path / "other.dcm")
    assert found.suggested == {1: None, 2: Label.BACKGROUND, 3: None}
    assert found.unmapped == (1, 3)
    assert found.source == "its segments"


def test_a_segmentation_opened_as_a_scan_is_known_for_labels(tmp_path: Path) -> None:
    from liverview.files.kinds import resembles_labels

    stored, slices = random_labels(), series(7)
    segmentation(slices, stored.T, three()).save_as(tmp_path / "other.dcm")
    assert images.read_summary(tmp_path / "other.dcm").label_map
    volume = images.read(tmp_path / "other.dcm")
    assert resembles_labels(volume)
    assert not volume.in_hu


# ---- bad files -------------------------------------------------------------------------------


def bad(path: Path, change: Any) -> str:
    """The sentence about a changed segmentation."""
    stored, slices = random_labels(), series(7)
    data = segmentation(slices, stored.T, three())
    change(data)
    data.save_as(path)
    with pytest.raises(ImageFileError) as refused:
        images.read_labels(path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert message.endswith(".")
    return message


def without_positions(data: hd.seg.Segmentation) -> None:
    for frame in data.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


def spacing_of_zero(data: hd.seg.Segmentation) -> None:
    data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0, 0]


def cut_pixels(data: hd.seg.Segmentation) -> None:
    data.PixelData = data.PixelData[:100]


def fewer_frames(data: hd.seg.Segmentation) -> None:
    data.PerFrameFunctionalGroupsSequence = data.PerFrameFunctionalGroupsSequence[:-1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: delattr(data, "SegmentSequence"), "without segments"),
        (without_positions, "has no positions of its frames"),
        (spacing_of_zero, "cannot be"),
        (cut_pixels, "is incomplete"),
        (fewer_frames, "describes"),
        (lambda data: delattr(data, "PixelData"), "no pixel data"),
        (lambda data: setattr(data, "SegmentationType", "OTHER"), "of the type OTHER"),
        (lambda data: delattr(data, "SharedFunctionalGroupsSequence"), "not as the standard"),
    ],
)
def test_a_bad_segmentation_is_one_sentence(change: Any, says: str, tmp_path: Path) -> None:
    assert says in bad(tmp_path / "bad.dcm", change)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_one_sentence(share: float, tmp_path: Path) -> None:
    path = tmp_path / "whole.dcm"
    labels = labels_on_series(random_labels())
    images.write_labels(path, labels)
    content = path.read_bytes()
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ImageFileError, match=r"cut\.dcm"):
        images.read_labels(cut)


def test_an_unknown_compression_is_one_sentence(tmp_path: Path) -> None:
    stored, slices = random_labels((32, 32, 5)), series(5, 32, 32)
    data = segmentation(
        slices, stored.T, three(), segmentation_type="LABELMAP", transfer_syntax_uid=RLELossless
    )
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG2
    path = tmp_path / "bad.dcm"
    data.save_as(path)
    with pytest.raises(ImageFileError, match="which liverview cannot decode"):
        images.read_labels(path)


def test_the_window_and_the_commands_read_it_on_the_voxels_of_the_scan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from liverview.cli import main
    from liverview.ui.jobs.generators import iter_read_labels

    stored, slices = random_labels(), series(7)
    scan = scan_of(stored, slices)
    expected = expected_on(scan, stored, slices)
    path, whole = tmp_path / "other.dcm", tmp_path / "whole.nii.gz"
    segmentation(slices, masks_of(stored), three()).save_as(path)  # without the ends, empty ones
    *_, labels = iter_read_labels(path, scan)
    assert isinstance(labels, LabelMap)
    assert np.array_equal(labels.voxels, expected)
    images.write_labels(whole, LabelMap(expected, scan.affine, "whole"))
    assert main(["evaluate", str(whole), str(path), "--json", str(tmp_path / "a.json")]) == 0
    assert capsys.readouterr().out.count("1.000") >= 3
