"""Label maps with a volume of 0 and 1 per class."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.core.coding import IGNORE
from liverview.core.labels import Label
from liverview.files import images
from liverview.files.named_labels import UnnamedLabelsError
from liverview.files.opening import ImageFileError

Write = Callable[..., Path]
LABELS = np.zeros((8, 7, 6), np.uint8)
LABELS[1:7, 1:6, 1:5] = Label.LIVER
LABELS[2:6, 3, 2] = Label.VESSEL
LABELS[4:6, 4, 3:5] = Label.TUMOR
DISJOINT = [label == LABELS for label in (1, 2, 3)]
NESTED = [LABELS > 0, LABELS == 2, LABELS == 3]
WITH_BACKGROUND = [LABELS == 0, *DISJOINT]
NEW = {"labels": {"background": 0, "liver": 1, "vessel": 2, "tumor": 3}}
OLD = {"labels": {"0": "background", "1": "liver", "2": "vessel", "3": "cancer"}}
REGIONS = {"labels": {"background": 0, "liver": [1, 2, 3], "vessel": [2], "tumor": 3}}
BY_VOLUME = {"labels": {"0": "liver", "1": "vessel", "2": "tumor"}}


def stack(volumes: list[np.ndarray], kind: str = "u1") -> np.ndarray:
    return np.stack(volumes, -1).astype(kind)


def named(path: Path, content: dict[str, object] = NEW) -> Path:
    (path.parent / "dataset.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("kind", ["u1", ">i2", "<f4", ">f8"])
@pytest.mark.parametrize("volumes", [DISJOINT, NESTED, WITH_BACKGROUND, [LABELS == 0, *NESTED]])
def test_classes_are_read_by_their_names(
    volumes: list[np.ndarray], kind: str, write: Write
) -> None:
    labels = images.read_labels(named(write(stack(volumes, kind))))
    assert np.array_equal(labels.voxels, LABELS)
    assert labels.defined == {Label.LIVER, Label.VESSEL, Label.TUMOR}
    assert "volume" in labels.warnings[0]


@pytest.mark.parametrize("content", [OLD, REGIONS, BY_VOLUME])
def test_names_in_other_forms(content: dict[str, object], write: Write) -> None:
    labels = images.read_labels(named(write(stack(DISJOINT)), content))
    assert np.array_equal(labels.voxels, LABELS)


def test_a_class_without_voxels_is_known_to_be_absent(write: Write) -> None:
    path = write(stack([LABELS == 0, LABELS > 0, LABELS > 9]))
    labels = images.read_labels(named(path, {"labels": {"background": 0, "liver": 1, "tumor": 2}}))
    assert np.array_equal(labels.voxels, LABELS > 0)
    assert labels.defined == {Label.LIVER, Label.TUMOR}


@pytest.mark.parametrize("names", ["json", "snap", "table"])
def test_side_files_name_volumes_too(names: str, write: Write, tmp_path: Path) -> None:
    path = write(stack(DISJOINT), name="case.nii.gz")
    if names == "json":
        rows = [
            {"value": n, "label": name} for n, name in ((1, "liver"), (2, "vessel"), (3, "tumor"))
        ]
        (tmp_path / "case.json").write_text(
            json.dumps({"format": "liverview-labels-1", "labels": rows})
        )  # fmt: skip
    elif names == "snap":
        (tmp_path / "case.txt").write_text(
            '0 0 0 0 0 0 0 "Clear Label"\n1 9 9 9 1 1 1 "Liver"\n2 9 9 9 1 1 1 "Vessels"\n'
            '3 9 9 9 1 1 1 "Lesion"\n'
        )
    else:
        (tmp_path / "case.ctbl").write_text("0 Background 0 0 0 0\n1 Liver 1 1 1 255\n"
                                            "2 Vessels 1 1 1 255\n3 Tumor 1 1 1 255\n")  # fmt: skip
    assert np.array_equal(images.read_labels(path).voxels, LABELS)


def caret_maps(*names: str) -> nib.nifti1.Nifti1Extension:
    """As Connectome Workbench 1.5.0 writes a file of several maps, each with its name."""
    maps = "".join(
        f'<VolumeInformation Index="{n}"><GuiLabel><![CDATA[{name}]]></GuiLabel><LabelTable>'
        '<Label Key="0" Red="1" Green="1" Blue="1" Alpha="0"><![CDATA[???]]></Label>'
        '<Label Key="1" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[on]]></Label></LabelTable>'
        "<VolumeType><![CDATA[Label]]></VolumeType></VolumeInformation>"
        for n, name in enumerate(names)
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<CaretExtension>{maps}</CaretExtension>'
    return nib.nifti1.Nifti1Extension(30, text.encode())


def test_maps_of_workbench_are_read_by_their_names(tmp_path: Path) -> None:
    image = nib.Nifti1Image(stack([NESTED[2], NESTED[0], NESTED[1]]), np.eye(4))
    image.header.extensions.append(caret_maps("Tumor", "Liver", "Vessels"))
    nib.save(image, tmp_path / "l.nii.gz")
    labels = images.read_labels(tmp_path / "l.nii.gz")
    assert np.array_equal(labels.voxels, LABELS)
    assert "volume 0 (Tumor) as tumor" in labels.warnings[0]


def test_vectors_of_itk_are_read_and_lie_where_they_did(tmp_path: Path) -> None:
    vector = sitk.GetImageFromArray(stack(NESTED).transpose(2, 1, 0, 3), isVector=True)
    vector.SetSpacing((0.7, 0.8, 2.5))
    vector.SetOrigin((-10, 20, 30))
    sitk.WriteImage(vector, str(tmp_path / "v.nii.gz"))
    assert nib.load(tmp_path / "v.nii.gz").shape == (8, 7, 6, 1, 3)
    labels = images.read_labels(named(tmp_path / "v.nii.gz"))
    scan = sitk.GetImageFromArray(LABELS.transpose(2, 1, 0))
    scan.CopyInformation(vector)
    sitk.WriteImage(scan, str(tmp_path / "plain.nii.gz"))
    plain = images.read_labels(tmp_path / "plain.nii.gz")
    assert np.array_equal(labels.voxels, plain.voxels)
    assert np.array_equal(labels.affine, plain.affine)
    # It is written again as a plain label map on the grid of its file.
    images.write_labels(tmp_path / "out.nii.gz", labels)
    back = sitk.ReadImage(str(tmp_path / "out.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(back).transpose(2, 1, 0), LABELS)
    assert np.allclose(back.GetOrigin(), vector.GetOrigin(), atol=1e-4)


def test_a_scan_of_vectors_has_its_volumes_to_choose(tmp_path: Path) -> None:
    array = np.arange(2 * 3 * 4 * 2).reshape(4, 3, 2, 2).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=True), str(tmp_path / "v.nii"))
    assert images.read_summary(tmp_path / "v.nii").volumes == 2
    second = images.read(tmp_path / "v.nii", 1)
    ras = nib.as_closest_canonical(nib.load(tmp_path / "v.nii"))
    assert np.array_equal(second.voxels, np.asanyarray(ras.dataobj)[..., 0, 1])
    assert any("2 volumes" in note for note in images.read(tmp_path / "v.nii").warnings)
    assert not any("volumes" in note for note in second.warnings)


# ---- without names -----------------------------------------------------------------------


def test_without_names_the_order_is_asked_for(write: Write) -> None:
    path = write(stack(WITH_BACKGROUND))
    found = images.read_named_labels(path)
    assert (found.unit, found.unmapped) == ("volume", (1, 2, 3))
    assert found.suggested[0] is Label.BACKGROUND
    assert found.counts == {n: int(volume.sum()) for n, volume in enumerate(WITH_BACKGROUND)}
    with pytest.raises(UnnamedLabelsError, match=r"volumes 1, 2, 3, .*--labels 1=liver,2=vessel"):
        images.read_labels(path)
    answer = {1: Label.LIVER, 2: Label.VESSEL, 3: Label.TUMOR}
    assert np.array_equal(found.to_label_map(answer).voxels, LABELS)


@pytest.mark.parametrize(
    ("volumes", "given"),
    [
        (NESTED, "0=liver,1=vessel,2=tumor"),
        ([NESTED[2], NESTED[1], NESTED[0]], "0=tumor,1=vessel,2=liver"),
        (DISJOINT, "liverview"),
        (WITH_BACKGROUND, "liverview"),
    ],
)
def test_the_order_can_be_given(volumes: list[np.ndarray], given: str, write: Write) -> None:
    assert np.array_equal(images.read_labels(write(stack(volumes)), given).voxels, LABELS)


def test_a_volume_that_is_not_given_is_left_out_and_one_nobody_judged_ignored(
    write: Write,
) -> None:
    unsure = np.zeros_like(LABELS)
    unsure[5:] = 1
    path = write(stack([*NESTED, unsure]))
    labels = images.read_labels(path, {0: "liver", 2: "tumor", 3: IGNORE})
    expected = np.where(LABELS == 2, 1, LABELS)
    assert np.array_equal(labels.voxels, np.where(unsure, 0, expected))
    assert labels.ignored is not None
    assert np.array_equal(labels.ignored, unsure == 1)
    assert labels.defined == {Label.LIVER, Label.TUMOR}


@pytest.mark.parametrize("given", ["lits", "0=liver,3=tumor"])
def test_an_order_that_does_not_fit_is_refused(given: str, write: Write) -> None:
    path = write(stack(NESTED))
    with pytest.raises(ImageFileError, match="say which volume is which"):
        images.read_labels(path, given)


def test_names_that_do_not_fit_are_not_used(write: Write) -> None:
    path = named(write(stack(DISJOINT)), {"labels": {"background": 0, "liver": 1, "tumor": 2}})
    with pytest.raises(UnnamedLabelsError):
        images.read_labels(path)


@pytest.mark.parametrize(
    ("voxels", "words"),
    [
        (np.linspace(0, 1, 8 * 7 * 6 * 2).reshape(8, 7, 6, 2).astype("f4"), "fractions"),
        (np.stack([LABELS, LABELS], -1), "the value 3"),
        (np.full((4, 4, 4, 5), -1000, np.int16), "the value -1000"),
    ],
)
def test_other_files_of_several_volumes_are_refused(
    voxels: np.ndarray, words: str, write: Write
) -> None:
    count = voxels.shape[3]
    with pytest.raises(ImageFileError, match=rf"holds {count} volumes, .*{words}.*file of its own"):
        images.read_labels(write(voxels), "lits")


def test_one_volume_in_four_axes_is_an_ordinary_label_map(write: Write) -> None:
    labels = images.read_labels(write(LABELS[..., None]), "liverview")
    assert np.array_equal(labels.voxels, LABELS)
    assert np.array_equal(images.read_label_values(write(LABELS[..., None])).voxels, LABELS)


def test_a_damaged_last_volume_is_noticed(write: Write) -> None:
    path = named(write(stack(DISJOINT)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImageFileError, match="incomplete or damaged"):
        images.read_labels(path)


def test_values_for_training_are_of_one_volume(write: Write) -> None:
    with pytest.raises(ImageFileError, match="holds 3 volumes"):
        images.read_label_values(write(stack(DISJOINT)))
