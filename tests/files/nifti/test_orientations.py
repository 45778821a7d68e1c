"""Odd but readable headers: read as the standard says, saved as they are; what is refused, why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.core.orientation import stored_affine
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.opening import ImageFileError

from support.odd_scans import itk_place

Write = Callable[..., Path]
AFFINE = np.array([[0.75, 0, 0, -20.0], [0, 0.8, 0, -10], [0, 0, 2.5, 5], [0, 0, 0, 1]])
NOT, ZEROS = float("nan"), dict.fromkeys(("srow_x", "srow_y", "srow_z"), [0.0] * 4)
Q_ONLY = {"sform_code": 0, "qform_code": 1}


def sizes(first: float, *others: float) -> dict[str, Any]:
    return {"pixdim": [first, *(others or (0.75, 0.8, 2.5)), 1, 0, 0, 0]}


def scan(write: Write, affine: np.ndarray = AFFINE, **fields: Any) -> Path:
    voxels = (np.arange(4 * 5 * 6).reshape(4, 5, 6) * 20 - 1000).astype("i2")
    return write(voxels, affine, **fields)


def stored(volume: Volume | LabelMap) -> np.ndarray:
    assert volume.source is not None
    return stored_affine(volume.affine, volume.source.orientation, volume.source.shape)


def mirrored(*axes: int) -> np.ndarray:
    affine = AFFINE.copy()
    affine[:3, list(axes)] *= -1
    return affine


BOTH = {"qform_code": 2, "sform_code": 4}
READ = [
    ({**Q_ONLY, **sizes(0)}, AFFINE),
    ({**Q_ONLY, **sizes(2)}, AFFINE),
    ({**Q_ONLY, **sizes(NOT)}, AFFINE),
    ({**Q_ONLY, **sizes(-1)}, mirrored(2)),
    ({**Q_ONLY, **sizes(-2)}, mirrored(2)),
    ({**Q_ONLY, "quatern_d": 1.0000003}, mirrored(0, 1)),
    ({**Q_ONLY, "quatern_c": 1.00003}, mirrored(0, 2)),
    ({**Q_ONLY, "quatern_b": 1.002}, mirrored(1, 2)),
    ({**BOTH, **sizes(0)}, AFFINE),
    ({**BOTH, **sizes(NOT)}, AFFINE),
    ({"dim": [4, 4, 5, 6, 0, 1, 1, 1]}, AFFINE),
    ({"dim": [5, 4, 5, 6, 1, 0, 0, 0]}, AFFINE),
    ({"dim": [7, 4, 5, 6, 0, 0, 0, 0]}, AFFINE),
    ({"pixdim": [1, 0.75, 0.8, 2.5, 0, NOT, -3, 0]}, AFFINE),
    ({"sform_code": -1, "qform_code": 1}, AFFINE),
    ({"qform_code": -7}, AFFINE),
    ({"qform_code": 300}, AFFINE),
    ({**Q_ONLY, "srow_x": [NOT] * 4}, AFFINE),
]


@pytest.mark.parametrize(("fields", "affine"), READ)
@pytest.mark.filterwarnings("ignore:.*")
def test_odd_headers_are_read_as_itk_reads_them(
    fields: dict[str, Any], affine: np.ndarray, write: Write
) -> None:
    path = scan(write, **fields)
    volume = images.read(path)
    assert volume.shape == (4, 5, 6)
    assert stored(volume) == pytest.approx(affine, abs=1e-4)
    assert itk_place(sitk.ReadImage(str(path))) == pytest.approx(affine, abs=1e-4)


@pytest.mark.parametrize(("fields", "affine"), READ)
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_so_are_those_of_nifti_2_and_of_either_byte_order(
    fields: dict[str, Any], affine: np.ndarray, kind: type, order: str, tmp_path: Path
) -> None:
    voxels = np.zeros((4, 5, 6), f"{order}i2")
    image = kind(voxels, AFFINE, kind.header_class(endianness=order))
    image.set_qform(AFFINE, 1)
    nib.save(image, tmp_path / "scan.nii")
    content, size = (tmp_path / "scan.nii").read_bytes(), kind.header_class.sizeof_hdr
    header = kind.header_class(content[:size], endianness=image.header.endianness, check=False)
    for name, value in fields.items():
        header[name] = value
    (tmp_path / "scan.nii").write_bytes(header.binaryblock + content[size:])
    assert stored(images.read(tmp_path / "scan.nii")) == pytest.approx(affine, abs=1e-4)


@pytest.mark.parametrize(
    "fields",
    [{**Q_ONLY, **sizes(0)}, sizes(2), BOTH | sizes(NOT), {"dim": [4, 4, 5, 6, 0, 1, 1, 1]}],
)
def test_what_the_standard_allows_is_not_refused_by_nibabel_either(
    fields: dict[str, Any], write: Write
) -> None:
    path = scan(write, **fields)
    assert nib.load(path).affine == pytest.approx(stored(images.read(path)), abs=1e-4)


@pytest.mark.parametrize(
    "fields",
    [
        BOTH | sizes(0),
        BOTH | sizes(NOT),
        BOTH | sizes(2),
        {**Q_ONLY, **sizes(0)},
        {**BOTH, "quatern_b": NOT},
        {**BOTH, "quatern_d": 3.0},
        {"qform_code": -7, "sform_code": 3},
        {"qform_code": 300, "sform_code": 2},
        {**BOTH, **sizes(1, -0.75, 0.8, -2.5)},
        {**Q_ONLY, **sizes(1, -0.75, 0.8, -2.5)},
        {"dim": [4, 4, 5, 6, 0, 1, 1, 1], **BOTH},
    ],
)
def test_labels_lie_where_the_scan_does_for_every_program(
    fields: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    """The fields that say where the voxels are come back to the byte, codes included."""
    path = scan(write, name="scan.nii", **fields)
    volume = images.read(path)
    labels = LabelMap(np.zeros(volume.shape, np.uint8), volume.affine)
    images.write_labels(tmp_path / "seg.nii", labels, volume)
    found, was = (file.read_bytes()[:348] for file in (tmp_path / "seg.nii", path))
    assert found[76:108] == was[76:108]  # pixdim
    assert found[252:328] == was[252:328]  # codes, quaternion, offsets, sform
    here, there = (itk_place(sitk.ReadImage(str(f))) for f in (tmp_path / "seg.nii", path))
    assert here == pytest.approx(there)


def test_an_sform_of_zeros_keeps_its_code_and_gets_a_value(write: Write, tmp_path: Path) -> None:
    path = scan(write, sform_code=4, qform_code=2, **ZEROS)
    volume = images.read(path)
    labels = LabelMap(np.zeros(volume.shape, np.uint8), volume.affine)
    images.write_labels(tmp_path / "seg.nii", labels, volume)
    header = nib.load(tmp_path / "seg.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (4, 2)
    assert header.get_sform() == pytest.approx(AFFINE)
    assert itk_place(sitk.ReadImage(str(tmp_path / "seg.nii"))) == pytest.approx(
        itk_place(sitk.ReadImage(str(path)))
    )


def test_an_sform_of_zeros_beside_good_voxel_sizes_is_no_orientation(write: Write) -> None:
    volume = images.read(scan(write, sform_code=1, qform_code=0, **ZEROS))
    plain = images.read(scan(write, name="plain.nii", sform_code=0, qform_code=0))
    assert stored(volume) == pytest.approx(stored(plain))
    assert volume.spacing == pytest.approx((0.75, 0.8, 2.5))
    assert "all zeros" in volume.warnings[0]
    assert "left and right cannot be assured" in volume.warnings[1]


def test_negative_voxel_sizes_are_taken_as_positive_and_said(write: Write) -> None:
    negative = sizes(1, -0.75, 0.8, -2.5)
    for codes in (Q_ONLY, {"sform_code": 1, "qform_code": 0}, {"sform_code": 0, "qform_code": 0}):
        path = scan(write, **codes, **negative)
        volume = images.read(path)
        assert volume.spacing == pytest.approx((0.75, 0.8, 2.5))
        assert stored(volume) == pytest.approx(nib.load(path).affine, abs=1e-5)
        assert "-0.75 x 0.8 x -2.5) are negative" in volume.warnings[0]


@pytest.mark.parametrize("missing", [0.0, NOT])
def test_one_slice_needs_no_distance_to_the_next(missing: float, write: Write) -> None:
    flat = np.arange(-200, -170, dtype=np.int16).reshape(5, 6)
    path = write(flat, AFFINE, name="flat.nii", **Q_ONLY, **sizes(1, 0.75, 0.8, missing))
    assert images.read(path).spacing == pytest.approx((0.75, 0.8, 1))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({**Q_ONLY, "quatern_b": NOT}, "its qform has a quaternion that is not a number"),
        ({**Q_ONLY, "quatern_b": 1, "quatern_c": 1}, "length 1.414, above 1"),
        ({**Q_ONLY, "qoffset_y": NOT}, "its qform has an offset that is not a number"),
        ({**Q_ONLY, **sizes(1, 0.75, 0, 2.5)}, "its qform needs voxel sizes"),
        ({**Q_ONLY, **sizes(0, 0.75, NOT, 2.5)}, "its qform needs voxel sizes"),
        ({"qform_code": 0, "srow_y": [NOT] * 4}, "its sform is not a number"),
        ({"qform_code": 0, "srow_y": [0.75, 0, 0, 1]}, "its sform is singular"),
        ({**BOTH, **ZEROS, "quatern_b": NOT}, "its sform is all zeros and its qform has"),
    ],
)
def test_a_refusal_names_what_cannot_be_used(
    fields: dict[str, Any], words: str, write: Write
) -> None:
    path = scan(write, **fields)
    with pytest.raises(ImageFileError) as caught:
        images.read(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_single_file_may_have_any_name_and_a_pair_is_named(tmp_path: Path) -> None:
    voxels = np.zeros((4, 5, 6), np.int16)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "one.nii")
    (tmp_path / "one.nii").rename(tmp_path / "one.img")
    assert images.read(tmp_path / "one.img").shape == (4, 5, 6)
    for kind, name in ((nib.Nifti1Pair, "a"), (nib.Nifti2Pair, "b")):
        nib.save(kind(voxels, np.eye(4)), tmp_path / f"{name}.img")
        for ending in ("img", "hdr"):
            words = rf"pair.*nib-convert {name}.hdr {name}.nii"
            if (name, ending) == ("c", "hdr"):
                words = "an Analyze 7.5 header, which does not say left from right"
            with pytest.raises(ImageFileError, match=words):
                images.read(tmp_path / f"{name}.{ending}")
    nib.save(nib.Nifti1Pair(voxels, np.eye(4)), tmp_path / "d.img.gz")
    with pytest.raises(ImageFileError, match=r"whose header is d\.hdr\.gz"):
        images.read(tmp_path / "d.img.gz")
    (tmp_path / "d.hdr.gz").unlink()
    with pytest.raises(ImageFileError, match=r"no d\.hdr beside it"):
        images.read(tmp_path / "d.img.gz")
