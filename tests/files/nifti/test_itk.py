"""What ITK makes of a header, and label maps that ITK tools wrote for scans of such headers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.core.grid import GridMismatchError
from liverview.core.orientation import turn_from_ras
from liverview.core.placing import place_labels
from liverview.core.volume import LabelMap, Volume
from liverview.evaluation.scoring import evaluate
from liverview.files import images
from liverview.files.nifti.itk import itk_affine

from support.odd_scans import itk_place

Write = Callable[..., Path]
SHAPE = (12, 10, 8)
AFFINE = np.array([[0.75, 0, 0, -20.0], [0, 0.8, 0, -10], [0, 0, 2.5, 5], [0, 0, 0, 1]])
DIFFERING = {
    "sform 2, qform 1": {"sform_code": 2, "qform_code": 1, "srow_x": [-0.75, 0, 0, 40]},
    "sform 4, qform 2, turned": {
        "sform_code": 4,
        "qform_code": 2,
        "srow_x": [0, 0.8, 0, 5],
        "srow_y": [0.75, 0, 0, 3],
        "srow_z": [0, 0, -2.5, 1],
    },
    "both codes 0": {"sform_code": 0, "qform_code": 0},
    "sheared sform 1, qform 1": {
        "srow_x": [0.75, 0.2, 0, -20],
        "sform_code": 1,
        "qform_code": 1,
    },
    "pixdim and sform": {"sform_code": 1, "qform_code": 1, "pixdim": [1, 1, 1, 1, 0, 0, 0, 0]},
    "negative pixdim": {"sform_code": 0, "pixdim": [1, -0.75, 0.8, -2.5, 0, 0, 0, 0]},
}
differing = pytest.mark.parametrize("fields", DIFFERING.values(), ids=list(DIFFERING))


def random_fields(random: np.random.Generator) -> dict[str, Any]:
    """Geometry that can be anything: codes, turned and sheared forms, sizes."""
    size = random.choice([0.5, 0.75, 1, 2.5], 3)

    def turned() -> np.ndarray:
        free, axes = np.linalg.qr(random.normal(size=(3, 3)))[0], np.eye(3)[random.permutation(3)]
        return free if random.random() < 0.6 else axes * random.choice([-1, 1], 3)

    rotation = turned()
    sheared = np.eye(3) + np.triu(random.choice([0, 0, 1e-5, 0.1, 0.5]) * np.ones((3, 3)), 1)
    sform = np.column_stack([rotation * size @ sheared, random.normal(0, 200, 3)])
    other = np.eye(4)
    other[:3] = np.column_stack([turned() * size, random.normal(0, 200, 3)])
    header = nib.Nifti1Header()
    header.set_qform(other, code=1)
    named = {name: header[name] for name in ("quatern_b", "quatern_c", "quatern_d")}
    named |= {name: header[name] for name in ("qoffset_x", "qoffset_y", "qoffset_z")}
    sizes = size if random.random() < 0.7 else random.choice([0.5, 1, 2, 0], 3)
    first = random.choice([float(header["pixdim"][0]), 0, 2])
    return {
        **named,
        **{f"srow_{axis}": row for axis, row in zip("xyz", sform, strict=True)},
        "pixdim": [first, *sizes, 1, 0, 0, 0],
        "sform_code": random.choice([0, 0, 1, 2, 4, -1, 7]),
        "qform_code": random.choice([0, 0, 1, 2, 3, -1, 9]),
        "xyzt_units": random.choice([0, 2, 10]),
    }


@pytest.mark.parametrize("seed", range(60))
def test_the_place_is_that_of_simpleitk(seed: int, write: Write) -> None:
    fields = random_fields(np.random.default_rng(seed))
    path = write(np.zeros((4, 5, 6), np.int16), name="scan.nii", **fields)
    found = itk_affine(nib.Nifti1Header(path.read_bytes()[:348], check=False))
    if found is None:
        with pytest.raises(RuntimeError, match="orthonormal"):
            sitk.ReadImage(str(path))
    else:
        assert found == pytest.approx(itk_place(sitk.ReadImage(str(path))), abs=2e-3)


@pytest.mark.parametrize(("units", "mm"), [(1, 1000.0), (3, 0.001), (2, 1.0)])
def test_itk_scales_units_with_the_origin(units: int, mm: float, write: Write) -> None:
    affine = np.diag([1 / mm] * 3 + [1.0]) @ AFFINE
    path = write(np.zeros((4, 5, 6), np.int16), affine, name="scan.nii", xyzt_units=units)
    found = itk_affine(nib.Nifti1Header(path.read_bytes()[:348], check=False))
    assert found == pytest.approx(itk_place(sitk.ReadImage(str(path))), abs=1e-4)
    assert found == pytest.approx(AFFINE, abs=1e-4)


# ---- label maps ----------------------------------------------------------------------------------


def drawn() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:9, 1:8, 1:7], labels[3:5, 5:7, 2:4], labels[6, 2:7, 5] = 1, 3, 2
    return labels


def written_by_itk(scan: Path, path: Path) -> Path:
    """The labels of `drawn`, voxel by voxel of the scan, as a tool on ITK writes them."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(drawn().transpose(2, 1, 0)))
    image.CopyInformation(sitk.ReadImage(str(scan)))
    sitk.WriteImage(image, str(path))
    return path


def both(write: Write, tmp_path: Path, fields: dict[str, Any]) -> tuple[Volume, LabelMap]:
    voxels = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    scan = write(voxels, AFFINE, name="ct.nii.gz", **fields)
    return images.read(scan), images.read_labels(
        written_by_itk(scan, tmp_path / "itk.nii.gz"), "liverview"
    )


def stored(labels: LabelMap) -> np.ndarray:
    assert labels.source is not None
    return turn_from_ras(labels.voxels, labels.source.orientation)


@differing
def test_itk_labels_lie_on_the_scan_voxel_by_voxel(
    fields: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    scan, labels = both(write, tmp_path, fields)
    assert not np.allclose(scan.affine, labels.affine)
    placed = place_labels(labels, scan)
    assert np.array_equal(stored(placed), drawn())
    assert np.array_equal(placed.affine, scan.affine)
    (note,) = placed.warnings
    assert "taken one to one" in note
    assert "itk: axes" in note
    assert "ct: axes" in note


@differing
def test_saved_they_have_the_grid_of_the_scan(
    fields: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    scan, labels = both(write, tmp_path, fields)
    images.write_labels(tmp_path / "saved.nii.gz", labels, scan)
    saved, source = (nib.load(tmp_path / f"{name}.nii.gz") for name in ("saved", "ct"))
    assert np.array_equal(np.asanyarray(saved.dataobj), drawn())
    assert np.array_equal(saved.affine, source.affine)
    seen, scanned = (sitk.ReadImage(str(tmp_path / f"{n}.nii.gz")) for n in ("saved", "ct"))
    assert itk_place(seen) == pytest.approx(itk_place(scanned))


@differing
def test_either_side_of_an_evaluation_may_be_itks(
    fields: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    scan, labels = both(write, tmp_path, fields)
    images.write_labels(tmp_path / "own.nii.gz", labels, scan)
    own = images.read_labels(tmp_path / "own.nii.gz", "liverview")
    for predicted, reference in ((own, labels), (labels, own)):
        assert np.array_equal(place_labels(predicted, reference).voxels, reference.voxels)
        assert [score.dice for score in evaluate(predicted, reference)] == [1, 1, 1]


@differing
def test_what_is_neither_the_scans_nor_itks_is_refused_by_both_orientations(
    fields: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    scan, labels = both(write, tmp_path, fields)
    for axis in range(3):
        moved = labels.affine.copy()
        moved[:3, 3] += moved[:3, axis] / 3
        other = LabelMap(labels.voxels, moved, "moved", labels.source)
        with pytest.raises(GridMismatchError, match=r"ct: axes .* moved: axes "):
            place_labels(other, scan)
    with pytest.raises(GridMismatchError, match="voxels"):
        place_labels(LabelMap(labels.voxels[:, :, 1:], labels.affine, "short"), scan)


def test_a_qform_that_itk_does_not_use_is_another_place(write: Write, tmp_path: Path) -> None:
    """Of sform 1 and qform 1, ITK takes the sform as all others do."""
    scan, labels = both(write, tmp_path, {"sform_code": 1, "qform_code": 1, "qoffset_x": 33})
    assert place_labels(labels, scan).warnings == ()
    moved = labels.affine.copy()
    moved[0, 3] += 53
    with pytest.raises(GridMismatchError):
        place_labels(LabelMap(labels.voxels, moved, "by qform"), scan)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_where_two_orientations_fill_the_same_place_the_stored_axes_tell(
    axis: int, write: Write, tmp_path: Path
) -> None:
    """The sform is the qform, mirrored about the middle: a label map fits by both."""
    row = AFFINE[axis].copy()
    row[3] += row[axis] * (SHAPE[axis] - 1)
    row[axis] *= -1
    # Other codes than 1 and a difference that ITK sees: it compares singular vectors.
    turned = {f"srow_{'xyz'[axis]}": row, "sform_code": 4, "qform_code": 1}
    scan, labels = both(write, tmp_path, turned)
    assert scan.grid.same_as(labels.grid)
    placed = place_labels(labels, scan)
    assert np.array_equal(stored(placed), drawn())
    assert "taken one to one" in placed.warnings[0]
    images.write_labels(tmp_path / "own.nii.gz", placed, scan)
    own = images.read_labels(tmp_path / "own.nii.gz", "liverview")
    assert np.array_equal(stored(place_labels(own, scan)), drawn())
    assert place_labels(own, scan).warnings == ()
    in_memory = LabelMap(placed.voxels, scan.affine, "made")
    assert place_labels(in_memory, scan) is in_memory
    assert [score.dice for score in evaluate(labels, own)] == [1, 1, 1]


def test_axes_at_45_degrees_are_the_same_by_any_digits() -> None:
    """By a rounded digit, one affine's first axis points right and the other's to the front."""
    half = np.sqrt(0.5)
    affine = np.array([[half, -half, 0, 0], [half, half, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
    labels = drawn()
    maps = []
    for nudge in (1e-5, -1e-5):
        tilted = affine.copy()
        tilted[0, 0] += nudge
        tilted[1, 1] -= nudge / 2
        maps.append(LabelMap.from_array(labels, tilted))
    assert maps[0].shape != maps[1].shape
    placed = place_labels(maps[0], maps[1])
    assert np.array_equal(placed.voxels, maps[1].voxels)
    assert placed.warnings == ()


def test_voxels_that_are_ignored_turn_with_the_labels(write: Write, tmp_path: Path) -> None:
    scan, labels = both(write, tmp_path, DIFFERING["sform 4, qform 2, turned"])
    marked = LabelMap(
        labels.voxels, labels.affine, "itk", labels.source, ignored=labels.voxels == 3
    )
    placed = place_labels(marked, scan)
    assert placed.ignored is not None
    assert np.array_equal(placed.ignored, placed.voxels == 3)
