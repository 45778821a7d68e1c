"""What is said of a label map beside its voxels: kept in its files, out of damaged ones, too."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from liverview.core.edited_volume import EditedVolume
from liverview.core.labels import Label
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import LabelMap
from liverview.files import images
from liverview.files.review_record import Review, parse_review, review_content
from liverview.files.sidefiles.writing import SideFiles, iter_write_side_files

from support.odd_scans import oriented

Write = Callable[..., Path]
SHAPE = (12, 10, 8)
LESION = np.array([[[0, 3], [3, 3]], [[3, 0], [0, 3]]], np.uint8)


def label_map(**said: Any) -> LabelMap:
    voxels = np.zeros(SHAPE, np.uint8, order="F")
    voxels[1:11, 1:9, 1:7] = Label.LIVER
    affine = np.diag([0.7, 0.8, 2.5, 1.0])
    affine[:3, 3] = (-31.4, 15.9, 265.0)
    return LabelMap(voxels, affine, "case", **said)


def ruled_out(reason: str = "Not a lesion") -> LesionMark:
    return LesionMark(Verdict.RULED_OUT, reason, (3, 4, 2), LESION)


def assert_same(found: tuple[LesionMark, ...], expected: tuple[LesionMark, ...]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.verdict, one.reason, one.start) == (other.verdict, other.reason, other.start)
        assert np.array_equal(one.voxels, other.voxels)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_partial_and_marks_come_back_from_the_file(
    tmp_path: Path, write: Write, axes: str, suffix: str
) -> None:
    """On any stored orientation; other programs see plain text in header and extension."""
    stored, affine = oriented(axes)
    scan = images.read(write(stored, affine))
    voxels = np.full(scan.shape, Label.LIVER, np.uint8)
    marks = (
        LesionMark(Verdict.RULED_OUT, "Zyste (gutartig) – süß", (1, 2, 3), LESION),
        LesionMark(Verdict.TARGET, "", (0, 0, 0), LESION[:1]),
    )
    labels = LabelMap(voxels, scan.affine, partial=True, marks=marks)
    path = tmp_path / f"seg{suffix}"
    images.write_labels(path, labels, scan)
    again = images.read_labels(path)
    assert again.partial
    assert_same(again.marks, marks)
    assert any("partial" in note for note in again.warnings)
    assert any("1 lesion was ruled out" in note for note in again.warnings)
    header = nib.load(path).header
    assert b"PARTIAL" in bytes(header["descrip"])
    text = [e.get_content() for e in header.extensions if e.get_code() == 6]
    assert json.loads(text[0])["lesion_marks"][0]["reason"] == marks[0].reason
    # Saved again as complete, and without marks: nothing of it is left.
    images.write_labels(path, replace(again, partial=False, marks=()), overwrite=True)
    clean = images.read_labels(path)
    assert (clean.partial, clean.marks, clean.warnings) == (False, (), ())
    assert bytes(nib.load(path).header["descrip"]).rstrip(b"\0") == b"liverview"


def test_partial_survives_a_tool_that_drops_extensions(tmp_path: Path) -> None:
    path, copied = tmp_path / "seg.nii.gz", tmp_path / "copied.nii.gz"
    images.write_labels(path, label_map(partial=True))
    image = nib.load(path)
    image.header.extensions.clear()
    nib.save(image, copied)
    assert images.read_labels(copied).partial


def test_masks_of_partial_labels_say_so(tmp_path: Path) -> None:
    images.write_masks(tmp_path, "case", label_map(partial=True))
    for path in images.mask_paths(tmp_path, "case").values():
        assert images.read_labels(path).partial, path
    images.write_masks(tmp_path, "whole", label_map())
    assert not any(
        images.read_labels(p).partial for p in images.mask_paths(tmp_path, "whole").values()
    )


def test_the_json_beside_says_it_of_a_file_that_cannot(tmp_path: Path, write: Write) -> None:
    labels = label_map(partial=True, marks=(ruled_out(),))
    path = tmp_path / "case_seg.nii.gz"
    images.write_labels(path, labels)
    from liverview.core.labels import default_styles

    list(iter_write_side_files(path, labels, default_styles(), {}))
    content = json.loads(SideFiles.of(path).record.read_text())
    assert content["partial"] is True
    # Another program writes the label map again, without anything of ours in its header.
    nib.save(nib.Nifti1Image(np.asarray(nib.load(path).dataobj), nib.load(path).affine), path)
    again = images.read_labels(path)
    assert again.partial
    assert_same(again.marks, labels.marks)
    # One of ours that is complete is not made partial by an older JSON.
    images.write_labels(path, label_map(), overwrite=True)
    assert not images.read_labels(path).partial


EDITED = {Label.LIVER: EditedVolume(0.0, 12.5), Label.TUMOR: EditedVolume(1.25, 0.5)}


def test_volumes_edited_by_hand_come_back(tmp_path: Path) -> None:
    path = tmp_path / "seg.nii.gz"
    images.write_labels(path, label_map(edited=EDITED))
    assert images.read_labels(path).edited == EDITED
    images.write_labels(path, replace(images.read_labels(path), edited={}), overwrite=True)
    assert images.read_labels(path).edited == {}
    assert not nib.load(path).header.extensions.count("comment")
    images.write_masks(tmp_path, "case", label_map(edited=EDITED))
    for mask in images.mask_paths(tmp_path, "case").values():
        assert images.read_labels(mask).edited == {}, mask


@pytest.mark.parametrize(
    "damaged", [float("nan"), -1.0, 1e400, 10**400, True, "1", None, [], {"added_ml": 1}]
)
def test_an_edited_volume_that_is_none_counts_as_nothing(damaged: Any) -> None:
    content = review_content(label_map(edited=EDITED))
    content["edited_by_hand"]["tumor"]["added_ml"] = damaged
    content["edited_by_hand"]["vessel"] = damaged
    found = parse_review(json.dumps(content), label_map()).edited
    expected = {**EDITED, Label.TUMOR: EditedVolume(0.0, 0.5)}
    if isinstance(damaged, dict):
        expected[Label.VESSEL] = EditedVolume(1.0, 0.0)
    assert found == expected
    content["edited_by_hand"] = damaged
    assert parse_review(json.dumps(content), label_map()).edited == {}


def test_a_mark_that_lies_elsewhere_is_passed_over(tmp_path: Path) -> None:
    """A tool that crops keeps the extension: the voxels are others then."""
    path, cropped = tmp_path / "seg.nii.gz", tmp_path / "cropped.nii.gz"
    images.write_labels(path, label_map(marks=(ruled_out(),)))
    image = nib.load(path)
    part = image.slicer[1:, :, :]
    nib.save(nib.Nifti1Image(np.asarray(part.dataobj), part.affine, image.header), cropped)
    found = images.read_labels(cropped)
    assert found.marks == ()
    assert any("do not fit" in note for note in found.warnings)
    # Turned by nibabel, it lies where it was.
    turned = tmp_path / "turned.nii.gz"
    flipped = image.as_reoriented(nib.orientations.axcodes2ornt(("L", "S", "A")))
    nib.save(flipped, turned)
    assert_same(images.read_labels(turned).marks, (ruled_out(),))


def _content() -> dict[str, Any]:
    return review_content(label_map(partial=True, marks=(ruled_out(),)))


def _packed(voxels: bytes) -> str:
    return b64encode(zlib.compress(voxels)).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "other"},
        {"verdict": None},
        {"first_voxel_ras": [3, 4]},
        {"first_voxel_ras": [3.0, 4, 2]},
        {"first_voxel_ras": [-3, 4, 2]},
        {"first_voxel_ras": [10**30, 4, 2], "last_voxel_ras": [10**30, 5, 3]},
        {"last_voxel_ras": [1, 1, 1]},
        {"last_voxel_ras": [400, 5, 3]},
        {"first_mm": [0, 0, 0]},
        {"first_mm": [float("nan")] * 3},
        {"first_mm": "here"},
        {"labels_zlib_base64": "%"},
        {"labels_zlib_base64": b64encode(b"not zlib").decode()},
        {"labels_zlib_base64": _packed(b"\3" * 7)},
        {"labels_zlib_base64": _packed(b"\3" * 10_000_000)},
        {"labels_zlib_base64": _packed(b"\0" * 8)},
        {"labels_zlib_base64": _packed(b"\2" * 8)},
        {"labels_zlib_base64": 5},
    ],
)
def test_a_damaged_mark_is_passed_over_and_counted(change: dict[str, Any]) -> None:
    content = _content()
    content["lesion_marks"][0] |= change
    found = parse_review(json.dumps(content), label_map())
    assert (found.marks, found.unread, found.partial) == ((), 1, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        '{"format": "liverview-review-1"',
        '{"format": "liverview-review-2", "partial": true}',
        '{"format": "liverview-review-1", "partial": "yes", "lesion_marks": 7}',
        "[" * 100_000,
        '{"format": "liverview-review-1", "lesion_marks": [' + "9" * 5000 + "]}",
    ],
)
def test_what_is_no_review_says_nothing(text: str) -> None:
    found = parse_review(text, label_map())
    assert (found.partial, found.marks) == (Review().partial, ())


def test_as_many_boxes_as_fit_into_the_label_map_are_read() -> None:
    whole = np.full(SHAPE, 3, np.uint8)
    marks = tuple(LesionMark(Verdict.TARGET, "", (0, 0, 0), whole) for _ in range(5))
    found = parse_review(json.dumps(review_content(label_map(marks=marks))), label_map())
    assert (len(found.marks), found.unread) == (1, 4)
