"""MetaImage in and out, against SimpleITK; what is refused, and how."""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from liverview.core.labels import Label, LabelStyle, default_styles
from liverview.core.orientation import stored_affine
from liverview.core.review import LesionMark, Verdict
from liverview.core.volume import Volume
from liverview.files import formats, images
from liverview.files.opening import ImageFileError
from liverview.phantoms.config import Phantom

from support.odd_scans import ORIENTATIONS, SHAPE, itk_place, oriented
from support.plain_formats import oblique, sitk_image, write_mha

RAMP = np.arange(24, dtype="<i2").reshape(4, 3, 2).T  # (i, j, k), i the fastest
RAW = RAMP.tobytes(order="F")


def agrees_with_itk(path: Path) -> Volume:
    """The volume, whose stored voxels and place are SimpleITK's."""
    volume = images.read(path)
    image = sitk.ReadImage(path)
    assert volume.source is not None
    place = stored_affine(volume.affine, volume.source.orientation, volume.source.shape)
    assert np.allclose(place, itk_place(image), atol=1e-9)
    from liverview.core.orientation import turn_from_ras

    stored = turn_from_ras(volume.voxels, volume.source.orientation)
    assert np.array_equal(stored, sitk.GetArrayFromImage(image).T)
    return volume


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_every_orientation_is_read_and_written_as_simpleitk_does(
    codes: str, tmp_path: Path
) -> None:
    voxels, affine = oriented(codes)
    name = "in.mhd" if codes < "M" else "in.mha"
    sitk.WriteImage(sitk_image(voxels, affine), tmp_path / name, codes < "Q")
    volume = agrees_with_itk(tmp_path / name)
    i, j, k = np.indices(SHAPE)
    assert np.array_equal(volume.voxels, 100 * i + 10 * j + k)
    assert volume.voxel_to_world((0, 0, 0)) == pytest.approx([-20, 5, 40])
    images.write_volume(tmp_path / "out.mha", volume)
    back = sitk.ReadImage(tmp_path / "out.mha")
    assert np.array_equal(sitk.GetArrayFromImage(back).T, voxels)
    assert np.allclose(itk_place(back), affine, atol=1e-9)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_types_and_oblique_grids_survive(dtype: str, tmp_path: Path) -> None:
    voxels = (np.arange(60).reshape(3, 4, 5) % 100).astype(dtype)
    sitk.WriteImage(sitk_image(voxels, oblique()), tmp_path / "in.mha", True)
    volume = agrees_with_itk(tmp_path / "in.mha")
    assert volume.voxels.dtype == np.dtype("f4" if dtype == "f8" else dtype)
    images.write_volume(tmp_path / "out.mha", volume)
    agrees_with_itk(tmp_path / "out.mha")


@pytest.mark.parametrize(
    "fields",
    [
        {"ElementSize": "4 5 6"},
        {"ElementSpacing": None, "ElementSize": "4 5 6"},
        {"Offset": None, "Position": "1 2 3"},
        {"Offset": None, "Origin": "1 2 3"},
        {"TransformMatrix": None, "Rotation": "0 1 0 0 0 1 1 0 0"},
        {"TransformMatrix": None, "AnatomicalOrientation": "RPI"},
        {"TransformMatrix": "1 0 0 0 1 0 0 .3 1"},
        {"CenterOfRotation": "5 6 7"},
        {"ElementSpacing": "-1 2 3"},
        {"BinaryDataByteOrderMSB": "True"},
        {"BinaryDataByteOrderMSB": None, "ElementByteOrderMSB": "True"},
        {"ElementType": "MET_LONG", "DimSize": "2 3 2"},
        {"ElementType": "MET_UCHAR"},
        {"ElementDataFile": "voxels.raw"},
        {"ElementDataFile": "voxels.raw", "HeaderSize": "-1"},
        {"ElementDataFile": "voxels.raw", "HeaderSize": "5"},
        {"ElementDataFile": "s%02d.raw 1 4 1"},
        {"ElementDataFile": "LIST\ns01.raw\ns02.raw\ns03.raw\ns04.raw"},
        {"Comment": "of another program", "Modality": "MET_MOD_CT"},
    ],
)
def test_odd_headers_are_read_as_itk_does(fields: dict[str, str | None], tmp_path: Path) -> None:
    skipped = {"-1": b"xx", "5": b"xxxxx"}.get(fields.get("HeaderSize") or "", b"")
    (tmp_path / "voxels.raw").write_bytes(skipped + RAW)
    for k in range(4):
        (tmp_path / f"s{k + 1:02d}.raw").write_bytes(RAMP[:, :, k].tobytes(order="F"))
    inside = b"" if fields.get("ElementDataFile") else RAW
    agrees_with_itk(write_mha(tmp_path / "a.mhd", inside, **fields))


def test_slope_and_offset_are_applied_and_said(tmp_path: Path) -> None:
    path = write_mha(
        tmp_path / "a.mha", RAW,
        ElementToIntensityFunctionSlope="2", ElementToIntensityFunctionOffset="-1024",
    )  # fmt: skip
    volume = images.read(path)
    assert volume.voxels.min() == -1024
    assert volume.voxels.max() == 2 * 23 - 1024
    assert "ITK does not apply" in " ".join(volume.warnings)
    plain = write_mha(tmp_path / "b.mha", RAW, ElementToIntensityFunctionOffset="-1024")
    assert images.read(plain).voxels.dtype == np.int16
    assert images.read(plain).intercept == -1024


def test_text_and_packed_data_without_a_size_are_read(tmp_path: Path) -> None:
    text = " ".join(map(str, RAMP.ravel(order="F"))).encode()
    for data, fields in (
        (text, {"BinaryData": "False"}),
        (zlib.compress(RAW), {"CompressedData": "True"}),
        (zlib.compress(RAW) + b"more", {"CompressedData": "True", "CompressedDataSize": "53"}),
    ):
        if "CompressedDataSize" in fields:
            fields["CompressedDataSize"] = str(len(zlib.compress(RAW)))
        values = images.read(write_mha(tmp_path / "a.mha", data, **fields)).voxels
        assert sorted(values.ravel()) == list(range(24))


def test_two_axes_are_a_slice_and_four_are_volumes(tmp_path: Path) -> None:
    flat = write_mha(
        tmp_path / "flat.mha", RAW, NDims="2", DimSize="4 6", Offset="1 2",
        TransformMatrix="1 0 0 1", ElementSpacing=".5 2",
    )  # fmt: skip
    assert images.read(flat).shape == (4, 6, 1)
    assert images.read(flat).spacing == (0.5, 2, 1)
    four = write_mha(
        tmp_path / "four.mha", RAW, NDims="4", DimSize="2 3 2 2", Offset="1 2 3 0",
        TransformMatrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1", ElementSpacing="1 2 3 1",
    )  # fmt: skip
    assert images.read_summary(four).volumes == 2
    assert images.read(four, 1).voxels.min() == 12
    assert images.read(four, 0).voxels.max() == 11


def test_labels_keep_names_colors_and_marks_also_through_itk(case: Phantom, tmp_path: Path) -> None:
    i, j, k = (int(n) for n in np.argwhere(case.labels.voxels == 1)[0])
    ruled_out = np.full((1, 1, 1), 3, np.uint8)
    mark = LesionMark(Verdict.RULED_OUT, "a vein, surely " * 40, (i, j, k), ruled_out)
    labels = replace(case.labels, partial=True, marks=(mark,))
    styles = default_styles() | {Label.TUMOR: LabelStyle("Tumor of the liver", (1, 2, 3))}
    images.write_labels(tmp_path / "a.mha", labels, case.volume, styles=styles)
    image = sitk.ReadImage(tmp_path / "a.mha")
    assert image.GetMetaData("LabelName_3") == "Tumor of the liver"
    assert image.GetMetaData("LabelColor_3") == "1 2 3"
    assert np.array_equal(sitk.GetArrayFromImage(image).T, case.labels.voxels)
    sitk.WriteImage(image, tmp_path / "b.mha", True)
    for name in ("a.mha", "b.mha"):
        assert images.read_summary(tmp_path / name).label_map
        back = images.read_labels(tmp_path / name)
        assert np.array_equal(back.voxels, case.labels.voxels)
        assert back.partial
        assert back.marks[0].reason.startswith("a vein, surely")
        assert np.array_equal(back.marks[0].voxels, ruled_out)


# ---- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ElementType": "MET_OTHER"}, "MET_OTHER"),
        ({"ElementType": None}, 'no "ElementType"'),
        ({"ElementNumberOfChannels": "3"}, "3 values in every voxel"),
        ({"NDims": "5"}, "5 axes"),
        ({"NDims": "x"}, "whole number"),
        ({"DimSize": "2 3"}, '2 numbers in "DimSize"'),
        ({"DimSize": "2 3 0"}, "each must be a whole number from 1"),
        ({"DimSize": "2 3 5"}, "is incomplete"),
        ({"DimSize": "60000 60000 60000"}, "is incomplete"),
        ({"ElementSpacing": "1 2 nan"}, "above 0 mm"),
        ({"ElementSpacing": "1 2 0"}, "above 0 mm"),
        ({"ElementSpacing": "1 2 1e300"}, "cannot be"),
        ({"ElementSpacing": None}, "no size of its voxels"),
        ({"TransformMatrix": "1 0 0 0 1 0 1 1 0"}, "singular"),
        ({"TransformMatrix": "1 0 0 0 1 0"}, "6 numbers"),
        ({"Offset": "1 2 inf"}, "not a number"),
        ({"ElementDataFile": "gone.raw"}, "gone.raw does not exist"),
        ({"ElementDataFile": "../a.raw"}, "own folder"),
        ({"ElementDataFile": "/etc/hostname"}, "own folder"),
        ({"ElementDataFile": "\\\\server\\a.raw"}, "own folder"),
        ({"ElementDataFile": "LIST"}, "own folder"),
        ({"ElementDataFile": "a%d.raw 0 9 1"}, "not as many in each"),
        ({"CompressedData": "True"}, "incomplete or damaged"),
        ({"BinaryData": "False"}, "incomplete"),
        ({"ElementToIntensityFunctionSlope": "nan"}, "far from any HU"),
        ({"HeaderSize": "-7", "ElementDataFile": "a.raw"}, "HeaderSize -7"),
    ],
)
def test_bad_headers_are_one_sentence(
    fields: dict[str, str | None], words: str, tmp_path: Path
) -> None:
    path = write_mha(tmp_path / "a.mha", RAW, **fields)
    with pytest.raises(ImageFileError) as caught:
        images.read(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_without_voxels_and_a_cut_file_are_refused(tmp_path: Path) -> None:
    whole = write_mha(tmp_path / "a.mha", RAW).read_bytes()
    for size in (20, 150, len(whole) - 3):
        (tmp_path / "a.mha").write_bytes(whole[:size])
        with pytest.raises(ImageFileError, match=r"cut off|incomplete"):
            images.read(tmp_path / "a.mha")


FIELDS = st.sampled_from(
    ["NDims", "DimSize", "ElementType", "ElementSpacing", "TransformMatrix", "Offset",
     "HeaderSize", "CompressedData", "CompressedDataSize", "BinaryData", "ElementDataFile",
     "ElementToIntensityFunctionSlope", "ElementNumberOfChannels"]
)  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["3", "-1", "2 3 4", "MET_SHORT", "True", "False", "1e400 1 1", "LIST"]),
)


@settings(max_examples=80, deadline=None)
@given(changed=st.dictionaries(FIELDS, VALUES, max_size=6), data=st.binary(max_size=80))
def test_whatever_the_header_says_nothing_but_a_sentence_comes_of_it(
    changed: dict[str, str], data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    usable = {key: value.replace("\ud800", "") for key, value in changed.items()}
    path = write_mha(tmp_path_factory.getbasetemp() / "fuzz.mha", data, **usable)
    for work in (images.read, images.read_summary, images.read_named_labels):
        with contextlib.suppress(ImageFileError):
            work(path)


def test_the_content_says_the_format_not_the_name(tmp_path: Path) -> None:
    path = write_mha(tmp_path / "wrong.nrrd", RAW)
    assert formats.format_of(path).name == "MetaImage"
    assert images.read(path).shape == (4, 2, 3)
