"""Contours (RTSTRUCT), filled on the grid of a scan; structure sets are made with pydicom alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from skimage.draw import polygon2mask

from liverview.core.labels import Label
from liverview.core.placing import place_labels
from liverview.core.volume import Volume
from liverview.files import images
from liverview.files.dicom.segmentations.contours import fill_polygons
from liverview.files.opening import ImageFileError

from support.dicom_series import uid, write_series
from support.segmented_series import GRIDS, TILT, affine_of, series

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def structure_set(structures: dict[str, list[np.ndarray]], kind: str = "CLOSED_PLANAR") -> Dataset:
    """A structure set of contours, each (n, 3) mm, LPS."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = STRUCTURE_SET
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uid("contours")
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.Modality, data.StructureSetLabel = "RTSTRUCT", "plan"
    frame, study, one = Dataset(), Dataset(), Dataset()
    one.SeriesInstanceUID = uid("series")
    study.ReferencedSOPInstanceUID, study.RTReferencedSeriesSequence = uid("study"), [one]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = uid("frame"), [study]
    data.ReferencedFrameOfReferenceSequence = [frame]
    data.StructureSetROISequence, data.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(structures.items(), 1):
        named, drawn = Dataset(), Dataset()
        named.ROINumber, named.ROIName = number, name
        named.ReferencedFrameOfReferenceUID = frame.FrameOfReferenceUID
        drawn.ReferencedROINumber, drawn.ROIDisplayColor = number, [255, 0, 0]
        drawn.ContourSequence = []
        for points in contours:
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = kind, len(points)
            item.ContourData = [f"{value:.6f}" for value in points.reshape(-1)]
            drawn.ContourSequence.append(item)
        data.StructureSetROISequence.append(named)
        data.ROIContourSequence.append(drawn)
    return data


def save(data: Dataset, path: Path) -> Path:
    data.save_as(path, enforce_file_format=True)
    return path


def outline(points: np.ndarray, place: float, affine: np.ndarray) -> np.ndarray:
    """Points, (n, 2) columns and rows, of a slice, as mm, LPS."""
    voxels = np.column_stack([points, np.full(len(points), place), np.ones(len(points))])
    ras: np.ndarray = (voxels @ affine.T)[:, :3]
    return ras * [-1, -1, 1]


def circle(radius: float, middle: tuple[float, float] = (30.0, 25.0)) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)]) * radius + middle


def scan_of(slices: list[Dataset], stored: np.ndarray) -> Volume:
    return Volume.from_array(np.zeros(stored.shape, np.int16), affine_of(slices), name="ct")


@pytest.mark.parametrize("places", [*GRIDS.values(), TILT], ids=[*GRIDS, "tilted"])
def test_contours_are_filled_as_scikit_image_fills_them(
    places: dict[str, Any], tmp_path: Path
) -> None:
    places = {key: value for key, value in places.items() if key != "missing"}
    slices = series(6, 50, 60, **places)
    affine = affine_of(slices)
    liver, hole, tumor = circle(20.3), circle(8.1), circle(5.2, (31.0, 30.0))
    structures = {
        "Leber": [outline(liver, k, affine) for k in (1, 2, 3)] + [outline(hole, 2, affine)],
        "GTV": [outline(tumor, k, affine) for k in (2, 3)],
    }
    path = save(structure_set(structures), tmp_path / "plan.dcm")
    expected = np.zeros((60, 50, 6), np.uint8)
    shape = (60, 50)
    for k in (1, 2, 3):
        expected[:, :, k][polygon2mask(shape, liver)] = Label.LIVER
    expected[:, :, 2][polygon2mask(shape, hole)] = 0
    for k in (2, 3):
        expected[:, :, k][polygon2mask(shape, tumor)] = Label.TUMOR
    scan = scan_of(slices, expected)
    labels = images.read_labels(path, "0=liver,1=tumor", grid=scan.grid)
    placed = place_labels(labels, scan)
    assert np.array_equal(placed.voxels, Volume.from_array(expected, affine).voxels)


def test_volumes_are_those_of_the_shapes(tmp_path: Path) -> None:
    slices = series(40, 200, 200, step=1.0)
    affine = affine_of(slices)
    radius = 30.0  # mm, of a sphere
    contours = []
    for k in range(40):
        height = k - 19.5
        across = np.sqrt(radius**2 - height**2)
        flat = circle(1.0, (0.0, 0.0)) * across / [0.7, 0.8] + [100, 100]
        contours.append(outline(flat, k, affine))
    path = save(structure_set({"liver": contours}), tmp_path / "plan.dcm")
    labels = images.read_labels(path, grid=scan_of(slices, np.zeros((200, 200, 40))).grid)
    ml = (labels.voxels == Label.LIVER).sum() * labels.voxel_ml
    heights = np.arange(40) - 19.5
    exact = float((np.pi * (radius**2 - heights**2)).sum()) / 1000
    assert ml == pytest.approx(exact, rel=0.003)


def test_the_series_in_the_same_folder_gives_the_grid(tmp_path: Path) -> None:
    write_series(tmp_path, np.zeros((5, 12, 10), np.int16), name="series")
    slices = series(5)
    affine = affine_of(slices)
    square = np.array([[2.5, 3.5], [6.5, 3.5], [6.5, 8.5], [2.5, 8.5]])
    contours = {"liver": [outline(square, k, affine) for k in (1, 2)]}
    path = save(structure_set(contours), tmp_path / "plan.dcm")
    labels = images.read_labels(path)
    expected = np.zeros((10, 12, 5), np.uint8)
    expected[3:7, 4:9, 1:3] = 1
    assert np.array_equal(labels.voxels, Volume.from_array(expected, affine).voxels)
    assert np.allclose(labels.affine, Volume.from_array(expected, affine).affine, atol=1e-6)
    assert images.read_summary(path).shape == (10, 12, 5)


def test_names_that_nobody_knows_are_asked_about(tmp_path: Path) -> None:
    slices = series(3)
    affine = affine_of(slices)
    square = np.array([[2.0, 3.0], [6.0, 3.0], [6.0, 8.0]])
    contours = [outline(square, 1, affine)]
    structures = {"Liver": contours, "PTV_1": contours, "Spleen": contours}
    path = save(structure_set(structures), tmp_path / "plan.dcm")
    grid = scan_of(slices, np.zeros((10, 12, 3))).grid
    found = images.read_named_labels(path, grid=grid)
    assert found.names == {0: "Liver", 1: "PTV_1"}
    assert found.suggested == {0: Label.LIVER, 1: None}


def test_contours_farther_apart_than_slices_are_said(tmp_path: Path) -> None:
    slices = series(9)
    affine = affine_of(slices)
    square = np.array([[2.5, 3.5], [6.5, 3.5], [6.5, 8.5], [2.5, 8.5]])
    contours = {"liver": [outline(square, k, affine) for k in (1, 4, 7)]}
    path = save(structure_set(contours), tmp_path / "plan.dcm")
    labels = images.read_labels(path, grid=scan_of(slices, np.zeros((10, 12, 9))).grid)
    assert [int(labels.voxels[..., k].any()) for k in range(9)] == [0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert any("3 slices apart" in note for note in labels.warnings)


def test_a_keyhole_cuts_a_hole_and_an_outline_drawn_twice_counts_once(tmp_path: Path) -> None:
    slices = series(3)
    affine = affine_of(slices)
    keyhole = np.array(
        [[0.5, 0.5], [8.5, 0.5], [8.5, 10.5], [0.5, 10.5], [0.5, 5.5],
         [3.5, 5.5], [3.5, 8.5], [6.5, 8.5], [6.5, 2.5], [3.5, 2.5], [3.5, 5.5], [0.5, 5.5]]
    )  # fmt: skip
    contours = {"liver": [outline(keyhole, 1, affine)] * 2}
    path = save(structure_set(contours), tmp_path / "plan.dcm")
    labels = images.read_labels(path, grid=scan_of(slices, np.zeros((10, 12, 3))).grid)
    expected = np.zeros((10, 12, 3), np.uint8)
    expected[1:9, 1:11, 1] = 1
    expected[4:7, 3:9, 1] = 0
    assert np.array_equal(labels.voxels, Volume.from_array(expected, affine).voxels)


def test_polygons_that_share_an_edge_share_no_point() -> None:
    left = np.array([[0.0, 0.0], [0.0, 5.0], [9.0, 5.0], [9.0, 0.0]])
    right = left + np.array([0.0, 5.0])
    both = fill_polygons([left], (10, 12)).astype(int) + fill_polygons([right], (10, 12))
    assert both.max() == 1
    assert both.sum() == 9 * 10


@pytest.mark.parametrize("seed", range(6))
def test_any_polygon_is_filled_by_the_even_odd_rule(seed: int) -> None:
    draw = np.random.default_rng(seed)
    polygons = [draw.random((7, 2)) * [24, 30] - 2 for _ in range(3)]  # crossing itself, partly out
    expected = np.zeros((20, 25), bool)
    for points in polygons:
        expected ^= polygon2mask((20, 25), points)
    assert np.array_equal(fill_polygons(polygons, (20, 25)), expected)


# ---- bad files -------------------------------------------------------------------------------


def test_contours_without_a_grid_are_one_sentence(tmp_path: Path) -> None:
    contours = {"liver": [outline(circle(4.0, (5, 6)), 1, affine_of(series(3)))]}
    path = save(structure_set(contours), tmp_path / "plan.dcm")
    with pytest.raises(ImageFileError, match="open the scan first, or put both into one folder"):
        images.read_labels(path)


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "CLOSED_PLANAR"])
def test_no_closed_contours_are_one_sentence(kind: str, tmp_path: Path) -> None:
    points = np.zeros((1, 3)) if kind != "OPEN_PLANAR" else np.eye(3)
    path = save(structure_set({"liver": [points]}, kind), tmp_path / "plan.dcm")
    with pytest.raises(ImageFileError, match="has no closed contours"):
        images.read_labels(path)
    empty = save(structure_set({}), tmp_path / "empty.dcm")
    with pytest.raises(ImageFileError, match="has no closed contours"):
        images.read_labels(empty)


def test_contours_across_the_slices_are_one_sentence(tmp_path: Path) -> None:
    slices = series(6)
    affine = affine_of(slices)
    slanted = np.array([[2.0, 2, 0], [7, 2, 2], [7, 9, 5], [2, 9, 2]])
    lps = ((np.column_stack([slanted, np.ones(4)]) @ affine.T)[:, :3]) * [-1, -1, 1]
    path = save(structure_set({"liver": [lps]}), tmp_path / "plan.dcm")
    with pytest.raises(ImageFileError, match="do not lie in slices of the scan"):
        images.read_labels(path, grid=scan_of(slices, np.zeros((10, 12, 6))).grid)


def test_a_damaged_contour_is_one_sentence(tmp_path: Path) -> None:
    data = structure_set({"liver": [outline(circle(4.0, (5, 6)), 1, affine_of(series(3)))]})
    contour = data.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = contour.ContourData[:-1]
    path = save(data, tmp_path / "plan.dcm")
    with pytest.raises(ImageFileError, match="is damaged: a contour of it has"):
        images.read_labels(path)
