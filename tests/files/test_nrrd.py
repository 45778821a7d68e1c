"""NRRD in and out: against SimpleITK and pynrrd; Slicer's segments; what is refused, and how."""

from __future__ import annotations

import bz2
import contextlib
import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from liverview.core.labels import Label, LabelStyle, default_styles
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import formats, images
from liverview.files.opening import ImageFileError
from liverview.phantoms.config import Phantom

from support.odd_scans import ORIENTATIONS, SHAPE, itk_place, oriented
from support.plain_formats import oblique, sitk_image, write_nrrd

RAMP = np.arange(24, dtype="<i2").reshape(4, 3, 2).T  # (i, j, k), i the fastest
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def stored_place(volume: Volume | LabelMap) -> np.ndarray:
    """The affine of the array as it is stored."""
    assert volume.source is not None
    from liverview.core.orientation import stored_affine

    return stored_affine(volume.affine, volume.source.orientation, volume.source.shape)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_every_orientation_is_read_and_written_as_simpleitk_does(
    codes: str, tmp_path: Path
) -> None:
    voxels, affine = oriented(codes)
    sitk.WriteImage(sitk_image(voxels, affine), tmp_path / "in.nrrd", codes < "N")
    volume = images.read(tmp_path / "in.nrrd")
    i, j, k = np.indices(SHAPE)
    assert np.array_equal(volume.voxels, 100 * i + 10 * j + k)
    assert volume.voxels.dtype == np.int16
    assert volume.voxel_to_world((0, 0, 0)) == pytest.approx([-20, 5, 40])
    images.write_volume(tmp_path / "out.nrrd", volume)
    back = sitk.ReadImage(tmp_path / "out.nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(back).T, voxels)
    assert np.allclose(itk_place(back), affine, atol=1e-9)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_types_and_oblique_grids_survive(dtype: str, tmp_path: Path) -> None:
    voxels = (np.arange(60).reshape(3, 4, 5) % 100).astype(dtype)
    sitk.WriteImage(sitk_image(voxels, oblique()), tmp_path / "in.nrrd")
    volume = images.read(tmp_path / "in.nrrd")
    kept = np.dtype("f4" if dtype == "f8" else dtype)
    assert volume.voxels.dtype == kept
    assert np.allclose(stored_place(volume), oblique(), atol=1e-9)
    images.write_volume(tmp_path / "out.nrrd", volume)
    found, header = nrrd.read(str(tmp_path / "out.nrrd"))
    assert np.array_equal(found, voxels)
    assert found.dtype == kept
    directions = np.array(header["space directions"], float).T
    assert np.allclose(directions, (LPS @ oblique())[:3, :3], atol=1e-12)


def test_a_sheared_grid_survives(tmp_path: Path) -> None:
    affine = oblique()
    affine[:3, 2] += (0, 0.6, 0)
    volume = Volume.from_array(np.arange(60, dtype=np.int16).reshape(3, 4, 5), affine)
    images.write_volume(tmp_path / "a.nrrd", volume)
    assert np.allclose(images.read(tmp_path / "a.nrrd").affine, volume.affine, atol=1e-12)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii", "hex"])
@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("detached", [False, True])
def test_every_encoding_and_byte_order_is_read(
    encoding: str, order: str, detached: bool, tmp_path: Path
) -> None:
    raw = RAMP.astype(">i2" if order == "big" else "<i2").tobytes(order="F")
    data = {
        "raw": raw,
        "gzip": gzip.compress(raw),
        "bzip2": bz2.compress(raw),
        "ascii": " ".join(map(str, RAMP.ravel(order="F"))).encode(),
        "hex": b"\n".join(raw.hex().encode()[at : at + 7] for at in range(0, 96, 7)),
    }[encoding]
    fields: dict[str, str | None] = {"encoding": encoding, "endian": order}
    if detached:
        (tmp_path / "voxels.dat").write_bytes(data)
        path = write_nrrd(tmp_path / "a.nhdr", b"", data_file="voxels.dat", **fields)
    else:
        path = write_nrrd(tmp_path / "a.nrrd", data, **fields)
    volume = images.read(path)
    assert np.array_equal(volume.voxels, RAMP[::-1, ::-1])  # LPS to RAS
    place = np.diag([1.0, 2.0, 3.0, 1.0])
    place[:3, 3] = (10, 20, 30)
    assert np.allclose(stored_place(volume), LPS @ place)
    if encoding != "hex":
        assert np.array_equal(nrrd.read(str(path))[0], RAMP)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)), ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)), ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)), ("LAS", (-1, 1, 1)),
        ("scanner-xyz", (-1, -1, 1)), ("3D-right-handed", (-1, -1, 1)),
    ],
)  # fmt: skip
def test_every_space_leads_where_itk_takes_it(
    space: str, signs: tuple[int, ...], tmp_path: Path
) -> None:
    path = write_nrrd(tmp_path / "a.nrrd", RAMP.tobytes(order="F"), space=space)
    volume = images.read(path)
    place = stored_place(volume)
    assert np.allclose(place[:3, 3], np.multiply(signs, (10, 20, 30)))
    assert np.allclose(place[:3, :3], np.diag(np.multiply(signs, (1, 2, 3))))
    assert np.allclose(itk_place(sitk.ReadImage(path)), place)
    unsure = "does not say left from right" in " ".join(volume.warnings)
    assert unsure is (space in ("scanner-xyz", "3D-right-handed"))


def test_spacings_alone_are_taken_as_itk_does_and_said(tmp_path: Path) -> None:
    path = write_nrrd(
        tmp_path / "a.nrrd", RAMP.tobytes(order="F"), space=None, space_directions=None,
        space_origin=None, spacings="1 2 3", axis_mins="5 6 7",
    )  # fmt: skip
    volume = images.read(path)
    assert np.allclose(stored_place(volume), itk_place(sitk.ReadImage(path)))
    assert "It stores no orientation" in volume.warnings[0]


def test_volumes_of_the_first_and_of_the_last_axis_are_told_apart(tmp_path: Path) -> None:
    both = np.stack([RAMP, RAMP + 100])
    vectors = write_nrrd(
        tmp_path / "v.nrrd", both.tobytes(order="F"), dimension="4", sizes="2 2 3 4",
        kinds="list domain domain domain", space_directions="none (1,0,0) (0,2,0) (0,0,3)",
    )  # fmt: skip
    series = write_nrrd(
        tmp_path / "t.nrrd", np.moveaxis(both, 0, 3).tobytes(order="F"), dimension="4",
        sizes="2 3 4 2", kinds="domain domain domain list",
        space_directions="(1,0,0) (0,2,0) (0,0,3) none",
    )  # fmt: skip
    for path in (vectors, series):
        assert images.read_summary(path).volumes == 2
        for index in (0, 1):
            found = images.read(path, index)
            assert np.array_equal(found.voxels, RAMP[::-1, ::-1] + 100 * index)
        with pytest.raises(ImageFileError, match="there is no number 2"):
            images.read(path, 2)


def test_several_files_of_voxels_are_joined(tmp_path: Path) -> None:
    for k in range(4):
        (tmp_path / f"s{k + 7:03d}.raw").write_bytes(b"head" + RAMP[:, :, k].tobytes(order="F"))
    listed = "LIST\n" + "\n".join(f"s{k:03d}.raw" for k in range(7, 11))
    for named in (listed, "s%03d.raw 7 10 1 2"):
        path = write_nrrd(tmp_path / "a.nhdr", b"", byte_skip="4", data_file=named)
        assert np.array_equal(images.read(path).voxels, RAMP[::-1, ::-1])
    path = write_nrrd(tmp_path / "b.nhdr", b"", byte_skip="-1", data_file=listed)
    assert np.array_equal(images.read(path).voxels, RAMP[::-1, ::-1])


# ---- Slicer's segments -----------------------------------------------------------------------

TERMS = "TerminologyEntry:Segmentation category and type~SCT^123037004^Anatomical Structure~"


def segment(number: int, **entries: str) -> dict[str, str]:
    return {f"Segment{number}_{key}": value for key, value in entries.items()}


def test_segments_of_a_shared_label_map_are_read_by_names_and_codes(tmp_path: Path) -> None:
    voxels = np.zeros((2, 3, 4), np.uint8)
    voxels[0, 0], voxels[0, 1], voxels[1, 2] = 7, 9, 4
    path = write_nrrd(
        tmp_path / "case.seg.nrrd", voxels.tobytes(order="F"), type="unsigned char",
        **segment(0, ID="Segment_1", Name="Liver", LabelValue="7", Layer="0"),
        **segment(
            1, ID="Segment_2", Name="Segment_2", LabelValue="9", Layer="0",
            Tags=f"{TERMS}SCT^108369006^Neoplasm~^^~Anatomic codes~^^~^^|",
        ),
        **segment(2, ID="Segment_3", Name="Milz links größer", LabelValue="4", Layer="0"),
    )  # fmt: skip
    assert images.read_summary(path).label_map
    found = images.read_named_labels(path)
    assert found.names == {7: "Liver", 9: "tumor", 4: "Milz links größer"}
    labels = images.read_labels(path)
    assert np.array_equal(labels.voxels[::-1, ::-1] == Label.LIVER, voxels == 7)
    assert np.array_equal(labels.voxels[::-1, ::-1] == Label.TUMOR, voxels == 9)
    assert labels.name == "case"


def test_a_tumor_of_another_organ_is_none_of_the_liver(tmp_path: Path) -> None:
    voxels = np.zeros((2, 3, 4), np.uint8)
    voxels[0, 0], voxels[0, 1] = 1, 2
    tumor = f"{TERMS}SCT^108369006^Neoplasm~^^~Anatomic codes~"
    path = write_nrrd(
        tmp_path / "case.seg.nrrd", voxels.tobytes(order="F"), type="unsigned char",
        **segment(
            0, ID="a", Name="tumor", LabelValue="1", Layer="0",
            Tags=f"{tumor}SCT^64033007^Kidney~^^|",
        ),
        **segment(
            1, ID="b", Name="Segment_2", LabelValue="2", Layer="0",
            Tags=f"{tumor}SCT^10200004^Liver~^^|",
        ),
    )  # fmt: skip
    found = images.read_named_labels(path)
    assert found.names == {1: "tumor of Kidney", 2: "tumor"}
    assert found.suggested == {1: None, 2: Label.TUMOR}


def test_segments_in_layers_may_overlap(tmp_path: Path) -> None:
    liver = np.zeros((2, 3, 4), np.uint8)
    liver[:, :2] = 1
    tumor = np.zeros((2, 3, 4), np.uint8)
    tumor[0, 0, :2] = 2
    tumor[1, 0, 3] = 5
    layers = np.stack([liver, tumor])
    path = write_nrrd(
        tmp_path / "case.seg.nrrd", layers.tobytes(order="F"), type="unsigned char",
        dimension="4", sizes="2 2 3 4", kinds="list domain domain domain",
        space_directions="none (1,0,0) (0,2,0) (0,0,3)",
        **segment(0, ID="a", Name="tumor", LabelValue="2", Layer="1"),
        **segment(1, ID="b", Name="liver", LabelValue="1", Layer="0"),
        **segment(2, ID="c", Name="vessel", LabelValue="5", Layer="1"),
    )  # fmt: skip
    assert images.read_summary(path).volumes == 3
    labels = images.read_labels(path).voxels[::-1, ::-1]
    expected = np.where(tumor == 2, 3, np.where(tumor == 5, 2, liver))
    assert np.array_equal(labels, expected)


def test_labels_are_written_with_names_colors_and_codes(case: Phantom, tmp_path: Path) -> None:
    styles = default_styles() | {Label.LIVER: LabelStyle("Leber", (10, 20, 255))}
    path = tmp_path / "case.seg.nrrd"
    images.write_labels(path, case.labels, case.volume, styles=styles)
    image = sitk.ReadImage(path)
    keys = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    assert keys["Segment0_Name"] == "Leber"
    assert keys["Segment0_LabelValue"] == "1"
    assert [round(float(part) * 255) for part in keys["Segment0_Color"].split()] == [10, 20, 255]
    assert "~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~" in keys["Segment0_Tags"]
    assert "~SCT^108369006^Neoplasm~" in keys["Segment2_Tags"]
    assert "~SCT^10200004^Liver~" in keys["Segment2_Tags"]  # the region
    assert keys["Segment2_Extent"] == "0 95 0 83 0 39"
    assert np.array_equal(sitk.GetArrayFromImage(image).T, case.labels.voxels)
    assert np.allclose(itk_place(image), case.labels.affine)
    back = images.read_labels(path)
    assert np.array_equal(back.voxels, case.labels.voxels)
    assert back.warnings == ()  # whatever a person calls them, their codes say what they are
    assert back.defined == frozenset(Label) - {Label.BACKGROUND}


def test_how_labels_were_made_is_kept_in_the_summary(case: Phantom, tmp_path: Path) -> None:
    made_by = '{"weights": "' + "0123456789abcdef" * 60 + '", "name": "Leber \\ größer"}'
    for name in ("a.nrrd", "a.seg.nrrd", "a.mha"):
        images.write_labels(tmp_path / name, replace(case.labels, made_by=made_by))
        assert images.read_summary(tmp_path / name).record == made_by


def test_a_partial_label_map_is_read_as_one(case: Phantom, tmp_path: Path) -> None:
    for name in ("a.nrrd", "a.seg.nrrd", "a.mha"):
        images.write_labels(tmp_path / name, replace(case.labels, partial=True))
        assert images.read_labels(tmp_path / name).partial
        images.write_labels(tmp_path / name, case.labels, overwrite=True)
        assert not images.read_labels(tmp_path / name).partial


# ---- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "block"}, 'type "block"'),
        ({"encoding": "zip"}, 'packed by "zip"'),
        ({"endian": None}, "byte order"),
        ({"sizes": "2 3"}, "dimension 3, and has 2 sizes"),
        ({"sizes": "2 3 x"}, "whole numbers"),
        ({"sizes": "2 3 40"}, "is incomplete"),
        ({"sizes": "60000 60000 60000"}, "is incomplete"),
        ({"sizes": "2 3 0"}, "each must be from 1"),
        ({"sizes": None}, 'no field "sizes"'),
        ({"dimension": "5", "sizes": "2 3 4 1 1"}, "5 axes"),
        ({"space_directions": "(1,0,0) (0,2,0) (0,0,nan)"}, "not a number"),
        ({"space_directions": "(1,0,0) (0,2,0) (1,2,0)"}, "singular"),
        ({"space_directions": "(1,0,0) (0,2,0)"}, "2 space directions"),
        ({"space_directions": "(1,0) (0,2) (0)"}, "has 1 numbers"),
        ({"space_directions": None, "spacings": "1 2 nan"}, "above 0 mm"),
        ({"space_directions": None}, "no size of its voxels"),
        ({"space_origin": "(1,2,inf)"}, "not a number"),
        ({"data_file": "gone.raw"}, "gone.raw does not exist"),
        ({"data_file": "../elsewhere.raw"}, "own folder"),
        ({"data_file": "/etc/hostname"}, "own folder"),
        ({"data_file": "C:\\scans\\a.raw"}, "own folder"),
        ({"data_file": "LIST"}, "names no files"),
        ({"byte_skip": "-5"}, "cannot be"),
        ({"kinds": "RGB-color domain domain", "space_directions": "none (1,0,0) (0,1,0)"}, "rgb"),
    ],
)  # fmt: skip
def test_bad_headers_are_one_sentence(
    fields: dict[str, str | None], words: str, tmp_path: Path
) -> None:
    path = write_nrrd(tmp_path / "a.nrrd", RAMP.tobytes(order="F"), **fields)
    with pytest.raises(ImageFileError) as caught:
        images.read(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_damaged_and_cut_data_are_refused(encoding: str, tmp_path: Path) -> None:
    pack = {"gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    rng = np.random.default_rng(1)
    data = pack(rng.integers(-9, 999, 24, "i2").tobytes())
    for broken in (data[:-12], data[:30] + b"\xff\xff\xff" + data[33:], b"nothing"):
        path = write_nrrd(tmp_path / "a.nrrd", broken, encoding=encoding)
        with pytest.raises(ImageFileError, match="incomplete"):
            images.read(path)


LINES = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(
                ["type", "dimension", "space", "sizes", "space directions", "kinds", "endian",
                 "encoding", "space origin", "byte skip", "line skip", "data file", "spacings",
                 "space units", "centerings", "axis mins"]
            ),
            st.one_of(st.text(max_size=30), st.sampled_from(
                ["3", "4", "-1", "2 3 4", "none none none", "(1,0,0) (0,1,0) (0,0,1)", "raw",
                 "gzip", "hex", "ascii", "nan nan nan", "1e400 1 1", "LIST", "a%d 0 1 0"]
            )),
        ).map(lambda pair: f"{pair[0]}: {pair[1]}"),
        st.text(max_size=40),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(lines=LINES, data=st.binary(max_size=80))
def test_whatever_the_header_says_nothing_but_a_sentence_comes_of_it(
    lines: list[str], data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.nrrd"
    path.write_bytes(b"NRRD0005\n" + "\n".join(lines).encode("utf-8", "replace") + b"\n\n" + data)
    for work in (images.read, images.read_summary, images.read_named_labels):
        with contextlib.suppress(ImageFileError):
            work(path)


def test_reading_can_be_stopped_and_the_file_is_closed(case: Phantom, tmp_path: Path) -> None:
    images.write_volume(tmp_path / "a.nrrd", case.volume)
    reading: Iterator[Any] = images.iter_read(tmp_path / "a.nrrd")
    assert isinstance(next(reading), Progress)
    reading.close()  # type: ignore[attr-defined]
    writing: Any = images.iter_write_volume(tmp_path / "b.nrrd", case.volume)
    next(writing)
    writing.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.nrrd"]


def test_an_hu_offset_is_written_into_the_values(write: Any, tmp_path: Path) -> None:
    stored = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    image = nib.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(1, -1024)
    nib.save(image, tmp_path / "a.nii")
    volume = images.read(write(stored, np.eye(4), "b.nii", scl_slope=1, scl_inter=-1024))
    for name in ("out.nrrd", "out.mha"):
        images.write_volume(tmp_path / name, volume)
        found = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / name)).T
        assert found.dtype == np.int16
        assert np.array_equal(found, stored.astype(int) - 1024)


def test_the_content_says_the_format_not_the_name(tmp_path: Path) -> None:
    path = write_nrrd(tmp_path / "wrong.nii.gz", RAMP.tobytes(order="F"))
    assert formats.format_of(path).name == "NRRD"
    assert np.array_equal(images.read(path).voxels, RAMP[::-1, ::-1])


def test_files_that_are_gzipped_as_a_whole_are_named(tmp_path: Path) -> None:
    for name, mark in (("a.nrrd.gz", b"NRRD0005\n"), ("a.mha.gz", b"ObjectType = Image\n")):
        (tmp_path / name).write_bytes(gzip.compress(mark))
        with pytest.raises(ImageFileError, match="gzipped as a whole: unpack it"):
            images.read(tmp_path / name)
