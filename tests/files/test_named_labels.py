"""Names and colors inside label maps, and label maps that others have written."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from liverview.core.labels import Label, default_styles
from liverview.core.terms import label_from_name, label_terms
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.named_labels import NamedLabels
from liverview.files.opening import ImageFileError

from support.odd_scans import oriented, patch

Write = Callable[..., Path]
COMMENT, DICOM, UNKNOWN, CARET = 6, 2, 0, 30
VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 4


def caret(table: dict[int, str], code: int = UNKNOWN) -> nib.nifti1.Nifti1Extension:
    """The extension as TotalSegmentator's nifti_ext_header.py lays it out, in its own words."""
    rows = "\n".join(
        f'<Label Key="{key}" Red="1.0" Green="0.5" Blue="0.0" Alpha="1"><![CDATA[{name}]]></Label>'
        for key, name in table.items()
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  '
        '<Date><![CDATA[2013-07-14T05:45:09]]></Date>   <VolumeInformation Index="0">   '
        f"<LabelTable>\n{rows}\n  </LabelTable>  <StudyMetaDataLinkSet>  </StudyMetaDataLinkSet>  "
        "<VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation></CaretExtension>\n"
    )
    return nib.nifti1.Nifti1Extension(code, text.encode())


def store(
    path: Path, voxels: np.ndarray, *extensions: nib.nifti1.Nifti1Extension, **of: type
) -> Path:
    image = of.get("kind", nib.Nifti1Image)(voxels, np.diag([1.0, 2.0, 3.0, 1.0]))
    image.header.set_xyzt_units("mm")
    image.header.extensions.extend(extensions)
    nib.save(image, path)
    return path


def save(path: Path, volume: Volume, **options: object) -> Path:
    i, j, k = np.indices(volume.shape)
    labels = LabelMap(((i + 2 * j + 3 * k) % 4).astype(np.uint8), volume.affine)
    for _ in images.iter_write_labels(path, labels, volume, **options):  # type: ignore[arg-type]
        pass
    return path


# ---- what is written ---------------------------------------------------------------------


def test_names_and_colors_are_in_the_header_as_caret_has_them(write: Write, tmp_path: Path) -> None:
    styles = default_styles()
    styles[Label.TUMOR] = replace(styles[Label.TUMOR], name="Tumor <1> & 2", color=(1, 128, 254))
    path = save(tmp_path / "l.nii.gz", images.read(write(*oriented("LPS"))), styles=styles)
    # Both take the first: TotalSegmentator by `get_content`, Workbench with the code of Caret.
    first, second = nib.load(path).header.extensions
    assert (first.get_code(), second.get_code()) == (UNKNOWN, CARET)
    assert first.get_content() == second.content
    root = ElementTree.fromstring(first.get_content())
    assert root.tag == "CaretExtension"
    (information,) = root.findall("VolumeInformation")
    assert information.get("Index") == "0"
    assert information.findtext("VolumeType") == "Label"
    found = {}
    for entry in information.findall("LabelTable/Label"):
        color = [float(entry.attrib[name]) for name in ("Red", "Green", "Blue", "Alpha")]
        assert all(0 <= part <= 1 for part in color)
        found[int(entry.attrib["Key"])] = entry.text, tuple(round(255 * c) for c in color)
    assert found == {
        int(label): (style.name, (*style.color, 255)) for label, style in styles.items()
    }


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_sources_extensions_are_kept_behind_ours(
    kind: type, order: str, tmp_path: Path
) -> None:
    image = kind(*oriented("LPS"), kind.header_class(endianness=order))
    comment = nib.nifti1.Nifti1Extension(COMMENT, b"scanned on a Monday")
    image.header.extensions.extend([comment, caret({1: "spleen"}), caret({1: "x"}, CARET)])
    nib.save(image, tmp_path / "scan.nii")
    path = save(tmp_path / "labels.nii", images.read(tmp_path / "scan.nii"))
    saved = nib.load(path)
    assert saved.header.extensions.get_codes() == [UNKNOWN, CARET, COMMENT]
    assert saved.header.extensions[2].get_content().rstrip(b"\0") == b"scanned on a Monday"
    # The voxels are where the header says, and an independent reader agrees.
    assert int(saved.header["vox_offset"]) % 16 == 0
    assert np.array_equal(saved.affine, image.affine)
    i, j, k = np.indices(images.read(path).shape)
    assert np.array_equal(nib.as_closest_canonical(saved).dataobj, (i + 2 * j + 3 * k) % 4)
    if kind is nib.Nifti1Image:  # ITK reads no NIfTI-2
        there = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T
        assert np.array_equal(there, np.asanyarray(saved.dataobj))


def test_saving_over_and_over_adds_nothing(write: Write, tmp_path: Path) -> None:
    first = save(tmp_path / "1.nii", images.read(write(*oriented("RAS"))))
    second = save(tmp_path / "2.nii", images.read(first))
    assert second.read_bytes() == first.read_bytes()


def test_a_mask_has_the_name_of_its_label(write: Write, tmp_path: Path) -> None:
    volume = images.read(write(*oriented("RAS")))
    labels = LabelMap(np.full(volume.shape, 2, np.uint8), volume.affine)
    for _ in images.iter_write_masks(tmp_path, "case", labels, volume):
        pass
    found = images.read_named_labels(tmp_path / "case_vessel.nii.gz")
    assert found.names == {1: "Vessels"}
    assert found.suggested == {1: Label.VESSEL}
    assert np.array_equal(found.to_label_map().voxels, labels.voxels)


def test_a_volume_keeps_its_extensions(tmp_path: Path) -> None:
    comment = nib.nifti1.Nifti1Extension(COMMENT, b"kept")
    source = store(tmp_path / "scan.nii", VALUES.astype(np.int16), comment)
    for _ in images.iter_write_volume(tmp_path / "copy.nii", images.read(source)):
        pass
    (extension,) = nib.load(tmp_path / "copy.nii").header.extensions
    assert (extension.get_code(), extension.get_content()[:4]) == (COMMENT, b"kept")


# ---- names inside the file ---------------------------------------------------------------


@pytest.mark.parametrize("code", [UNKNOWN, CARET])
def test_totalsegmentators_table(code: int, tmp_path: Path) -> None:
    table = {1: "spleen", 2: "liver", 3: "portal_vein_and_splenic_vein", 90: "liver_tumor"}
    voxels = VALUES.copy()
    voxels[0, 0, 0] = 90
    comment = nib.nifti1.Nifti1Extension(COMMENT, b"before it")
    found = images.read_named_labels(
        store(tmp_path / "ts.nii.gz", voxels, comment, caret(table, code))
    )
    assert found.source == "its header extension"
    assert found.names == table
    assert found.counts == {1: 6, 2: 6, 3: 6, 90: 1}
    assert found.unmapped == ()
    expected = {1: Label.BACKGROUND, 2: Label.LIVER, 3: Label.VESSEL, 90: Label.TUMOR}
    assert found.suggested == expected
    lookup = np.zeros(256, np.uint8)
    lookup[list(expected)] = list(expected.values())
    assert np.array_equal(found.to_label_map().voxels, lookup[voxels])
    assert found.to_label_map().voxels.dtype == np.uint8


def test_our_own_label_map_comes_back(write: Write, tmp_path: Path) -> None:
    path = save(tmp_path / "l.nii.gz", images.read(write(*oriented("PIL"))))
    found = images.read_named_labels(path)
    assert found.suggested == {1: Label.LIVER, 2: Label.VESSEL, 3: Label.TUMOR}
    assert np.array_equal(found.to_label_map().voxels, images.read_labels(path).voxels)
    assert np.array_equal(found.affine, images.read(path).affine)


@pytest.mark.parametrize(
    "content",
    [
        b"<CaretExtension><VolumeInformation>",
        b"<CaretExtension><VolumeInformation><LabelTable/></VolumeInformation></CaretExtension>",
        b'<!DOCTYPE x [<!ENTITY a "liver">]><CaretExtension><VolumeInformation><LabelTable>'
        b'<Label Key="1">&a;</Label></LabelTable></VolumeInformation></CaretExtension>',
        b"\xff\xfe<CaretExtension",
    ],
)
def test_a_broken_table_names_nothing(content: bytes, tmp_path: Path) -> None:
    broken = nib.nifti1.Nifti1Extension(CARET, content)
    found = images.read_named_labels(store(tmp_path / "l.nii", VALUES, broken))
    assert found.names == {}
    assert found.suggested == {1: Label.LIVER, 2: Label.VESSEL, 3: Label.TUMOR}


@pytest.mark.parametrize("size", [0, 7, 24 + 1000, -16])
def test_an_extension_of_an_impossible_size_is_passed_over(size: int, tmp_path: Path) -> None:
    path = store(tmp_path / "l.nii", VALUES, nib.nifti1.Nifti1Extension(COMMENT, b"sixteen bytes!"))
    content = bytearray(path.read_bytes())
    content[352:356] = struct.pack("<i", size)
    path.write_bytes(content)
    volume = images.read(path)
    assert volume.source is not None
    assert volume.source.extensions == ()
    assert np.array_equal(volume.voxels, VALUES)


def test_bytes_before_the_voxels_are_no_extension_unless_said(tmp_path: Path) -> None:
    path = store(tmp_path / "l.nii", VALUES, caret({1: "tumor"}))
    content = bytearray(path.read_bytes())
    content[348] = 0
    path.write_bytes(content)
    assert images.read_named_labels(path).names == {}


# ---- names around the file ---------------------------------------------------------------

SNAP = """\
################################################
# ITK-SnAP Label Description File
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
################################################
    0     0    0    0        0  0  0    "Clear Label"
    1   255    0    0        1  1  1    "Hepatic Vessels"
    2     0  255    0     0.35  1  1    "LIVER"
    3     0    0  255        1  0  1    "Lesion"
"""
CTBL = """\
# Color table file C:/x/Segmentation-label_ColorTable.ctbl
# 4 values
0 Background 0 0 0 0
1 liver_vessels 216 101 79 255
2 Liver 241 214 145 255
3 Tumour 111 184 210 255
"""
NEW = {"labels": {"background": 0, "vessel": 1, "liver": 2, "cancer": 3}, "channel_names": {}}
OLD = {"labels": {"0": "background", "1": "Vessel", "2": "liver", "3": "Tumour"}, "training": []}
REGIONS = {"labels": {"background": 0, "liver": [1, 2, 3], "vessels": [1], "tumor": 3}}
EXPECTED = {1: Label.VESSEL, 2: Label.LIVER, 3: Label.TUMOR}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("case.txt", SNAP),
        ("case.label", SNAP),
        ("case_labels.txt", SNAP),
        ("labels.txt", SNAP),
        ("case.ctbl", CTBL),
        ("case_ColorTable.ctbl", CTBL),
        ("dataset.json", json.dumps(NEW)),
        ("dataset.json", json.dumps(OLD)),
        ("dataset.json", json.dumps(REGIONS)),
        ("../dataset.json", json.dumps(NEW)),
        ("../../dataset.json", json.dumps(OLD)),
    ],
)
def test_names_of_files_around_it(name: str, content: str, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "labelsTr"
    folder.mkdir(parents=True)
    (folder / name).write_text(content, encoding="utf-8")
    found = images.read_named_labels(store(folder / "case.nii.gz", VALUES))
    assert found.suggested == EXPECTED
    assert name.split("/")[-1] in found.source
    assert np.array_equal(found.to_label_map().voxels, np.array([0, 2, 1, 3], np.uint8)[VALUES])


def test_a_relative_name_finds_the_folders_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "labelsTr"
    folder.mkdir()
    (tmp_path / "dataset.json").write_text(json.dumps(NEW))
    store(folder / "case.nii.gz", VALUES)
    monkeypatch.chdir(folder)
    assert images.read_named_labels(Path("case.nii.gz")).suggested == EXPECTED


def test_names_inside_win_over_names_beside(tmp_path: Path) -> None:
    (tmp_path / "case.txt").write_text(SNAP)
    path = store(tmp_path / "case.nii.gz", VALUES, caret({1: "liver", 2: "tumor", 3: "vessel"}))
    assert images.read_named_labels(path).suggested == {
        1: Label.LIVER,
        2: Label.TUMOR,
        3: Label.VESSEL,
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("case.txt", b"a letter about the case\n"),
        ("case.txt", b"\xff\xfe\x00"),
        ("case.ctbl", b"1 liver red\n"),
        ("dataset.json", b"{"),
        ("dataset.json", b"[" * 100_000),
        ("dataset.json", b'{"labels": ["liver"]}'),
        ("case.json", json.dumps(NEW).encode()),
    ],
)
def test_files_of_another_kind_name_nothing(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    found = images.read_named_labels(store(tmp_path / "case.nii.gz", VALUES))
    assert found.names == {}
    assert found.source.startswith("its plain numbers")


# ---- what is not known -------------------------------------------------------------------


def test_plain_numbers_beyond_ours_are_asked_about(tmp_path: Path) -> None:
    voxels = VALUES.astype(np.int16)
    voxels[0, 0] = 1000
    found = images.read_named_labels(store(tmp_path / "l.nii", voxels))
    assert found.unmapped == (1, 2, 3, 1000)
    assert found.counts[1000] == 4
    assert found.suggested[2] is Label.VESSEL
    chosen = found.to_label_map({1000: Label.TUMOR, 1: Label.LIVER, 2: None})
    assert np.array_equal(chosen.voxels, np.where(voxels == 1000, 3, voxels == 1))
    assert np.array_equal(found.to_label_map().voxels, np.where(voxels == 1000, 0, voxels))


def test_a_name_that_nobody_knows_is_asked_about(tmp_path: Path) -> None:
    path = store(tmp_path / "l.nii", VALUES, caret({1: "liver", 2: "thing"}))
    found = images.read_named_labels(path)
    assert found.unmapped == (2, 3)
    assert found.suggested == {1: Label.LIVER, 2: None, 3: None}
    assert found.describe_mapping() == (
        "mapped by its header extension: 1 (liver) as liver; left out the values 2 (thing), 3."
    )


def test_what_is_no_label_map_is_said(tmp_path: Path) -> None:
    for voxels in (VALUES.astype(np.int16) - 1, VALUES + np.float32(0.5), VALUES * np.int32(90000)):
        path = store(tmp_path / "scan.nii", voxels)
        with pytest.raises(ImageFileError, match="not a label map") as caught:
            images.read_named_labels(path)
        assert str(path) in str(caught.value)


def test_whole_floats_and_an_intercept_are_labels(tmp_path: Path) -> None:
    path = store(tmp_path / "l.nii", VALUES.astype(np.float32))
    assert np.array_equal(images.read_named_labels(path).to_label_map().voxels, VALUES)
    shifted = store(tmp_path / "s.nii", VALUES)
    patch(shifted, scl_slope=1, scl_inter=300)
    found = images.read_named_labels(shifted)
    assert (found.voxels.dtype, sorted(found.counts)) == (np.uint16, [300, 301, 302, 303])


def test_progress_comes_before_the_labels(tmp_path: Path) -> None:
    *progress, found = images.iter_read_named_labels(store(tmp_path / "l.nii", VALUES))
    assert isinstance(found, NamedLabels)
    assert not any(isinstance(item, NamedLabels | Volume) for item in progress)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Liver", Label.LIVER),
        ("liver parenchyma", Label.LIVER),
        ("liver_segment_4", Label.LIVER),
        ("Vessels", Label.VESSEL),
        ("hepatic-vessel", Label.VESSEL),
        ("liver_vessels", Label.VESSEL),
        ("portal_vein_and_splenic_vein", Label.VESSEL),
        ("Tumour", Label.TUMOR),
        (" LESION ", Label.TUMOR),
        ("cancer", Label.TUMOR),
        ("liver_tumor", Label.TUMOR),
        ("Background", Label.BACKGROUND),
        ("kidney_left", Label.BACKGROUND),
        ("inferior_vena_cava", Label.BACKGROUND),
        ("kidney_tumor", Label.BACKGROUND),
        ("renal mass", None),
        ("liver?vessel*", Label.VESSEL),
        ("Leber", None),
        ("", None),
    ],
)
def test_synonyms(name: str, label: Label | None) -> None:
    assert label_from_name(name) is label


def test_snomed_codes() -> None:
    assert label_terms(Label.LIVER).type.code == "10200004"
    assert label_terms(Label.LIVER).region is None
    assert label_terms(Label.VESSEL).type.code == "59820001"
    assert label_terms(Label.TUMOR).category.code == "49755003"
    assert label_terms(Label.TUMOR).region == label_terms(Label.LIVER).type
