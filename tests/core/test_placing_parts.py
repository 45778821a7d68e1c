"""Label maps that are cropped to what is drawn, as 3D Slicer writes them, on their scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from liverview.core.grid import GridMismatchError
from liverview.core.labels import Label
from liverview.core.placing import place_labels
from liverview.core.review import Verdict
from liverview.files import images

from support.marks import mark_at

SPACING, ORIGIN = (0.8, 0.7, 2.5), (-30.0, -40.0, 100.5)
TURNED = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, -1.0)
STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def as_slicer_writes(image: SimpleITK.Image, name: str, path: Path) -> None:
    """A segmentation of one segment, of which Slicer leaves out what is background around."""
    entries = {
        "Segment0_ID": "Segment_1", "Segment0_Name": name, "Segment0_LabelValue": "1",
        "Segment0_Layer": "0", "Segmentation_ReferenceImageExtentOffset": "4 5 3",
    }  # fmt: skip
    for key, value in entries.items():
        image.SetMetaData(key, value)
    SimpleITK.WriteImage(image, str(path))


@pytest.mark.parametrize("direction", [STRAIGHT, TURNED])
def test_a_cropped_segmentation_lies_where_simpleitk_has_it(
    direction: tuple[float, ...], tmp_path: Path
) -> None:
    random = np.random.default_rng(4)
    scan = SimpleITK.GetImageFromArray(random.integers(-90, 190, (12, 22, 20)).astype(np.int16))
    scan.SetSpacing(SPACING)
    scan.SetOrigin(ORIGIN)
    scan.SetDirection(direction)
    SimpleITK.WriteImage(scan, str(tmp_path / "ct.nrrd"))
    drawn = SimpleITK.Cast(scan[4:15, 5:16, 3:9] > 50, SimpleITK.sitkUInt8)
    as_slicer_writes(drawn, "liver", tmp_path / "ct.seg.nrrd")
    read = images.read(tmp_path / "ct.nrrd")
    labels = place_labels(images.read_labels(tmp_path / "ct.seg.nrrd"), read)
    assert labels.warnings[-1].endswith("around them is background.")

    nearest = SimpleITK.Resample(drawn, scan, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    by_itk = SimpleITK.GetArrayFromImage(nearest)
    assert by_itk.sum() > 100
    path = tmp_path / "again.nrrd"
    images.write_labels(path, labels, read)
    again = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    assert np.array_equal(again == Label.LIVER, by_itk != 0)


def test_marks_stay_with_their_lesions(tmp_path: Path) -> None:
    scan = SimpleITK.GetImageFromArray(np.zeros((12, 22, 20), np.int16))
    SimpleITK.WriteImage(scan, str(tmp_path / "ct.nrrd"))
    drawn = np.zeros((6, 11, 10), np.uint8)
    drawn[2:5, 4:9, 3:8] = 1
    image = SimpleITK.GetImageFromArray(drawn)
    image.SetOrigin((5.0, 6.0, 4.0))
    as_slicer_writes(image, "tumor", tmp_path / "labels.seg.nrrd")
    read = images.read(tmp_path / "ct.nrrd")
    cropped = images.read_labels(tmp_path / "labels.seg.nrrd")
    inside = tuple(int(n) for n in np.argwhere(cropped.voxels == Label.TUMOR)[0])
    mark = mark_at(cropped, inside, Verdict.TARGET)  # type: ignore[arg-type]
    labels = place_labels(replace(cropped, marks=(mark,)), read)
    (moved,) = labels.marks
    assert np.array_equal(labels.voxels[moved.box], moved.voxels)
    assert np.count_nonzero(moved.voxels) == 3 * 5 * 5


@pytest.mark.parametrize("origin", [(5.0, 6.0, 7.0), (5.4, 6.0, 4.0)])
def test_what_lies_outside_or_between_voxels_is_no_part(
    origin: tuple[float, float, float], tmp_path: Path
) -> None:
    scan = SimpleITK.GetImageFromArray(np.zeros((12, 22, 20), np.int16))
    SimpleITK.WriteImage(scan, str(tmp_path / "ct.nrrd"))
    image = SimpleITK.GetImageFromArray(np.ones((6, 11, 10), np.uint8))
    image.SetOrigin(origin)
    as_slicer_writes(image, "liver", tmp_path / "labels.seg.nrrd")
    read = images.read(tmp_path / "ct.nrrd")
    cropped = images.read_labels(tmp_path / "labels.seg.nrrd")
    with pytest.raises(GridMismatchError):
        place_labels(cropped, read)
