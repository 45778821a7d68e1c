"""`liverview click`: what is written, with the marks given in world mm."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from liverview.cli.main import main
from liverview.core.labels import Label
from liverview.core.volume import LabelMap, Volume
from liverview.files import images

SHAPE = (92, 84, 28)
AFFINE = np.array([[-1.1, 0, 0, 40.0], [0, 1.1, 0, -60.0], [0, 0, 3.0, 200.0], [0, 0, 0, 1]])
CENTER, OTHER = (40, 40, 14), (60, 50, 9)


def ball(center: tuple[int, int, int], radius_mm: float) -> NDArray[np.bool_]:
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    away = np.linalg.norm((index - center) * np.linalg.norm(AFFINE[:3, :3], axis=0), axis=-1)
    return np.asarray(away < radius_mm)


LESION, LIVER = ball(CENTER, 13.0), ball((46, 42, 14), 42.0)


def world(voxel: tuple[float, float, float]) -> list[str]:
    """World mm, RAS+, of a voxel as it is stored, by nibabel's own function."""
    return [f"{mm:.3f}" for mm in nib.affines.apply_affine(AFFINE, voxel)]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A liver with a dark lesion in it, stored with the first axis to the left."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 12, SHAPE), 0.5)
    hu = np.select([LESION, LIVER], [55.0, 110.0], -90.0) + noise
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(hu.astype(np.int16), AFFINE), path)
    return path


def stored(path: Path) -> NDArray[np.uint8]:
    return np.asarray(nib.load(path).dataobj)  # type: ignore[attr-defined]


def dice(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


def existing(scan: Path, folder: Path) -> Path:
    """Labels with the liver and a tumor that is not there."""
    volume = images.read(scan)
    assert isinstance(volume, Volume)
    labels = LIVER * np.uint8(Label.LIVER)
    labels[ball(OTHER, 6.0)] = Label.TUMOR
    path = folder / "labels.nii.gz"
    made = LabelMap.from_array(labels, AFFINE, name="labels")
    images.write_labels(path, made, volume)
    return path


def test_a_click_becomes_a_lesion_in_the_scan_s_own_voxels(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures = tmp_path / "out.nii.gz", tmp_path / "out.json"
    marks = ["--at", *world(CENTER)]
    done = main(
        ["click", str(scan), "-o", str(out), "--label", "tumor", *marks, "--json", str(figures)]
    )
    assert done == 0
    found = stored(out) == Label.TUMOR
    assert found[CENTER]
    assert dice(found, LESION) > 0.6
    said = json.loads(figures.read_text())
    voxel_ml = abs(np.linalg.det(AFFINE[:3, :3])) / 1000
    assert said["click"]["added_ml"] == pytest.approx(found.sum() * voxel_ml, abs=0.01)
    assert said["tumor_voxel_count"] == found.sum()
    assert "written" in capsys.readouterr().out


def test_a_line_corrects_labels_that_are_there_and_leaves_the_rest(
    scan: Path, tmp_path: Path
) -> None:
    out, before = tmp_path / "out.nii.gz", existing(scan, tmp_path)
    ends = [(CENTER[0] - 11.8, CENTER[1], CENTER[2]), (CENTER[0] + 11.8, CENTER[1], CENTER[2])]
    line = ["--line", *world(ends[0]), *world(ends[1])]
    done = main(
        [
            *("click", str(scan), "-o", str(out), "--label", "tumor"),
            *(*line, "--labels", str(before)),
        ]
    )
    assert done == 0
    after, old = stored(out), stored(before)
    assert dice((after == Label.TUMOR) & ~ball(OTHER, 8.0), LESION) > 0.6
    np.testing.assert_array_equal(after > 0, (old > 0) | (after == Label.TUMOR))
    assert (after[ball(OTHER, 6.0)] == Label.TUMOR).all()


def test_the_same_marks_give_the_same_labels(scan: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one.nii.gz", "two.nii.gz"):
        out = tmp_path / name
        marks = ["--at", *world(CENTER), "--not", *world((46, 70, 14))]
        assert main(["click", str(scan), "-o", str(out), "--label", "tumor", *marks]) == 0
        made.append(stored(out))
    np.testing.assert_array_equal(*made)


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        ([], "--line"),
        (["--at", "9999", "0", "0"], "outside the scan"),
        (["--at", "nan", "0", "0"], "finite"),
        (["--line", *["10", "0", "240", "10", "0", "240"]], "0.0 mm"),
        (
            [
                "--line",
                *["0", "0", "240", "9", "0", "240"],
                "--line",
                *["0", "0", "240", "9", "0", "240"],
            ],
            "once",
        ),
    ],
)
def test_marks_of_which_nothing_can_be_made_are_refused_in_a_sentence(
    scan: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    marks: list[str],
    words: str,
) -> None:
    out = tmp_path / "out.nii.gz"
    assert main(["click", str(scan), "-o", str(out), "--label", "tumor", *marks]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("liverview: ")
    assert said.count("\n") == 1
    assert not out.exists()


def test_a_lesion_that_is_there_is_taken_away_by_what_does_not_belong_to_it(
    scan: Path, tmp_path: Path
) -> None:
    labels, output = tmp_path / "labels.nii.gz", tmp_path / "out.nii.gz"
    voxels = np.select([LESION, LIVER], [3, 1], 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(voxels, AFFINE), labels)
    mark = ["--label", "tumor", "--not", *world(CENTER)]
    given = [str(scan), "-o", str(output), "--labels", str(labels), *mark]
    assert main(["click", *given]) == 0
    assert (stored(output) == Label.TUMOR).sum() < LESION.sum() / 2
    assert stored(output)[CENTER] == Label.LIVER


def test_numbers_are_read_in_every_way_of_writing_them(scan: Path, tmp_path: Path) -> None:
    found = []
    for spec in (".3f", ".4e"):
        place = [f"{float(mm):{spec}}" for mm in world(CENTER)]
        assert place[0][0] == place[1][0] == "-"
        output = tmp_path / f"{spec}.nii.gz"
        given = [str(scan), "-o", str(output), "--label", "tumor", "--at", *place]
        assert main(["click", *given]) == 0
        found.append(stored(output))
    assert found[0][CENTER] == Label.TUMOR
    assert np.array_equal(*found)
