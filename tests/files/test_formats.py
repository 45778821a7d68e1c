"""The registry of formats: a format that a test makes up is opened, segmented, saved, listed."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog, QWidget

from liverview.cli import main
from liverview.cohort.tasks import find_scan_tasks
from liverview.core.grid import GridMismatchError
from liverview.core.labels import LabelStyle
from liverview.core.orientation import (
    find_orientation,
    ras_affine,
    stored_affine,
    turn_from_ras,
    turn_to_ras,
)
from liverview.core.source_grid import SourceGrid
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import atomic, formats, images
from liverview.files.atomic import TargetError
from liverview.files.format import Format, StoredVolume, Summary, TableOrder
from liverview.files.formats import FORMATS, name_without_suffix
from liverview.files.opening import ImageFileError
from liverview.files.review_record import Review
from liverview.inference import segmentation
from liverview.phantoms.config import Phantom
from liverview.ui.dialogs.questions import Dialogs

from support.odd_scans import oriented
from support.tiny_networks import bright_liver

NAME = "Zipped arrays"


def read_summary(path: Path) -> Summary:
    i, j, k = np.load(path)["voxels"].shape
    return Summary((i, j, k), 1)


def iter_read(path: Path, index: int = 0) -> Iterator[Progress | Volume]:
    yield Progress("Reading", 0.0)
    file = np.load(path)
    voxels, affine = file["voxels"], file["affine"]
    orientation = find_orientation(affine)
    yield Volume(
        turn_to_ras(voxels, orientation),
        ras_affine(affine, orientation, voxels.shape),
        name=name_without_suffix(path),
        source=SourceGrid(voxels.shape, orientation, NAME, bytes(file["note"])),
    )


def iter_read_stored(path: Path) -> Iterator[Progress | StoredVolume]:
    *_, volume = iter_read(path)
    assert isinstance(volume, Volume)
    assert volume.source is not None
    yield StoredVolume(volume.voxels, 1, 0, volume.affine, volume.name, volume.source)


def label_names(source: SourceGrid) -> tuple[Mapping[int, str], str]:
    return {}, ""


def label_review(volume: StoredVolume) -> Review | None:
    return None


def volume_names(source: SourceGrid) -> Mapping[int, str]:
    return {}


def iter_write(path: Path, array: Volume | LabelMap, overwrite: bool) -> Iterator[Progress]:
    atomic.check_target(path, overwrite=overwrite)
    voxels, affine, note = array.to_numpy(), array.affine, b"made anew"
    if array.source is not None:
        voxels = turn_from_ras(voxels, array.source.orientation)
        affine = stored_affine(affine, array.source.orientation, voxels.shape)
        note = array.source.header if array.source.format == NAME else note
    with atomic.atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez(file, voxels=voxels, affine=affine, note=np.frombuffer(note, np.uint8))
    yield Progress("Saved", 1.0)


def iter_write_labels(
    path: Path,
    labels: LabelMap,
    table: Mapping[int, LabelStyle],
    *,
    overwrite: bool,
    order: TableOrder,
) -> Iterator[Progress]:
    yield from iter_write(path, labels, overwrite)


def iter_write_volume(path: Path, volume: Volume, *, overwrite: bool) -> Iterator[Progress]:
    yield from iter_write(path, volume, overwrite)


ZIPPED = Format(
    NAME,
    (".npz",),
    lambda head: head.startswith(b"PK"),
    lambda: SimpleNamespace(
        read_summary=read_summary,
        iter_read=iter_read,
        iter_read_stored=iter_read_stored,
        label_names=label_names,
        label_review=label_review,
        volume_names=volume_names,
        iter_write_labels=iter_write_labels,
        iter_write_volume=iter_write_volume,
    ),
)


@pytest.fixture
def zipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, ZIPPED))


@pytest.fixture
def scan(zipped: None, case: Phantom, tmp_path: Path) -> Path:
    """A phantom in the made-up format, stored from left to right and from head to feet."""
    path = tmp_path / "case.npz"
    affine = case.volume.affine @ np.array(
        [[-1, 0, 0, 95], [0, 1, 0, 0], [0, 0, -1, 39], [0, 0, 0, 1]]
    )
    voxels = case.volume.voxels[::-1, :, ::-1]
    np.savez(path, voxels=voxels, affine=affine, note=np.frombuffer(b"from afar", np.uint8))
    return path


def test_a_new_format_is_opened_by_its_content(scan: Path, case: Phantom) -> None:
    hidden = scan.rename(scan.with_name("named_wrongly.nii"))
    assert formats.format_of(hidden) is ZIPPED
    volume = images.read(hidden)
    assert np.array_equal(volume.voxels, case.volume.voxels)
    assert np.allclose(volume.affine, case.volume.affine)
    assert images.read_summary(str(hidden)).shape == (96, 84, 40)


def test_the_command_line_segments_it_and_the_cohort_lists_it(
    scan: Path, case: Phantom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmentation, "load_models", lambda folder=None: bright_liver())
    out = tmp_path / "found.npz"
    assert main(["segment", str(scan), "-o", str(out), "--device", "cpu"]) == 0
    stored = np.load(out)
    assert bytes(stored["note"]) == b"from afar"  # kept by the format
    assert np.allclose(stored["affine"], np.load(scan)["affine"])
    labels = images.read_labels(out)
    assert labels.voxels.any()
    assert np.array_equal(stored["voxels"], labels.voxels[::-1, :, ::-1])
    # Into the other format: on the same stored grid, by its orientation.
    images.write_labels(tmp_path / "found.nii.gz", labels)
    other = nib.load(tmp_path / "found.nii.gz")
    assert np.allclose(other.affine, stored["affine"])
    assert np.array_equal(other.dataobj, stored["voxels"])
    assert [path.name for path in formats.find_scans(tmp_path)] == [
        "case.npz", "found.nii.gz", "found.npz",
    ]  # fmt: skip
    tasks = find_scan_tasks([scan], tmp_path / "folder")
    assert [task.output.name for task in tasks] == ["case_seg.nii.gz"]


def test_from_nifti_into_a_new_format(zipped: None, write: Any, tmp_path: Path) -> None:
    stored, affine = oriented("PIL")
    volume = images.read(write(stored, affine))
    images.write_volume(tmp_path / "scan.npz", volume)
    file = np.load(tmp_path / "scan.npz")
    assert np.array_equal(file["voxels"], stored)
    assert np.allclose(file["affine"], affine, atol=1e-4)
    assert bytes(file["note"]) == b"made anew"


def test_the_windows_dialogs_offer_it(
    scan: Path, qapp: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offered = []

    def open_file(parent: QWidget, title: str, start: str, patterns: str) -> tuple[str, str]:
        offered.append(patterns)
        return str(scan), patterns

    def save_file(parent: QWidget, title: str, start: str, patterns: str) -> tuple[str, str]:
        offered.append(patterns)
        return str(tmp_path / "labels"), patterns.split(";;")[-1]

    monkeypatch.setattr(QFileDialog, "getOpenFileName", open_file)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", save_file)
    window = QWidget()
    dialogs = Dialogs(window)
    assert dialogs.scan_to_open() == scan
    assert dialogs.label_map_to_write(tmp_path / "x") == tmp_path / "labels.npz"
    opened, saved = offered
    assert opened.startswith("Scans and sessions (*")
    assert f"{NAME} (*.npz)" in opened.split(";;")
    assert saved.split(";;")[0] == "NIfTI (*.nii.gz *.nii)"
    assert saved.split(";;")[-1] == f"{NAME} (*.npz)"


def test_words_and_filters_of_all_formats() -> None:
    every = formats.open_filter().split(";;")
    assert "NIfTI (*.nii *.nii.gz)" in every
    assert "NRRD (*.nhdr *.nrrd *.seg.nrrd)" in every
    assert "MetaImage (*.mha *.mhd)" in every
    assert "Analyze (*.hdr *.img)" in every
    saved = formats.save_filter().split(";;")
    assert saved[0] == "NIfTI (*.nii.gz *.nii)"
    assert "NRRD (*.nrrd)" in saved
    assert "Slicer segmentation (*.seg.nrrd)" in saved
    assert "MetaImage (*.mha)" in saved
    assert formats.suffix_of_filter("Slicer segmentation (*.seg.nrrd)") == ".seg.nrrd"
    assert formats.suffix_of_filter("MetaImage (*.mha)") == ".mha"
    assert formats.suffix_of_filter("") == ".nii.gz"


def test_what_the_bytes_do_not_say_the_suffix_does(zipped: None, tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"nothing of the kind")
    assert formats.format_of(tmp_path / "broken.npz") is ZIPPED
    assert formats.format_of(tmp_path / "missing.npz") is ZIPPED
    (tmp_path / "broken.nii.gz").write_bytes(b"\x1f\x8bnot gzip")
    (tmp_path / "short.txt").write_bytes(b"x")
    for name in ("broken.nii.gz", "short.txt", "missing"):
        assert formats.format_of(str(tmp_path / name)) is FORMATS[0]
    with gzip.open(tmp_path / "packed.txt", "wb") as file:
        file.write((348).to_bytes(4, "big") + bytes(1000))
    assert formats.format_of(tmp_path / "packed.txt") is FORMATS[0]
    assert formats.format_of(tmp_path) is FORMATS[0]


def test_a_case_is_found_under_any_suffix(zipped: None, tmp_path: Path) -> None:
    assert formats.find_named(tmp_path, "ct") == tmp_path / "ct.nii.gz"
    (tmp_path / "ct.npz").touch()
    assert formats.find_named(tmp_path, "ct") == tmp_path / "ct.npz"
    (tmp_path / "ct.nii.gz").touch()
    assert formats.find_named(tmp_path, "ct") == tmp_path / "ct.nii.gz"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.nii.gz", "a"), ("a.NII", "a"), ("a.npz", "a"), ("a.b.gz", "a.b"), (".nii", ".nii")],
)
def test_names_lose_their_suffix(zipped: None, name: str, expected: str) -> None:
    assert name_without_suffix(name) == expected
    assert name_without_suffix(Path("folder") / name) == expected


def test_plain_functions_do_what_they_say(case: Phantom, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("ct.nii.gz", "labels.nii.gz")]
    assert images.write_volume(str(paths[0]), case.volume) is None
    assert images.write_labels(str(paths[1]), case.labels, case.volume) is None
    assert images.write_masks(str(tmp_path), "case", case.labels, case.volume) is None
    assert np.array_equal(images.read(str(paths[0])).voxels, case.volume.voxels)
    assert np.array_equal(images.read_labels(str(paths[1])).voxels, case.labels.voxels)
    mask = images.read_label_values(str(tmp_path / "case_liver.nii.gz"))
    assert np.array_equal(mask.voxels, case.labels.voxels > 0)


def test_masks_hold_the_labels_and_no_other_value(tmp_path: Path) -> None:
    voxels = np.array([0, 1, 2, 3, 4, 9], np.uint8).reshape(6, 1, 1)
    images.write_masks(tmp_path, "odd", LabelMap(voxels, np.eye(4)))
    liver = images.read_label_values(tmp_path / "odd_liver.nii.gz").voxels
    assert liver.ravel().tolist() == [0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("call", [images.read, images.read_labels, images.read_summary])
def test_a_bad_path_is_one_clear_sentence(call: Any) -> None:
    for path in (7, None, b"ct.nii.gz", 3.5):
        with pytest.raises(TypeError, match=f"must be a str or a Path, not {type(path).__name__}"):
            call(path)
    for path in ("", "a\0b.nii.gz", "x" * 5000 + ".nii.gz"):
        with pytest.raises(ImageFileError) as caught:
            call(path)
        assert "\0" not in str(caught.value)


def test_a_bad_path_to_write_is_one_clear_sentence(case: Phantom, tmp_path: Path) -> None:
    for write in (images.write_volume, images.write_labels):
        array: Any = case.volume if write is images.write_volume else case.labels
        with pytest.raises(TypeError, match="not int"):
            write(5, array)  # type: ignore[operator]
        with pytest.raises(TargetError, match=r"must end in .*\.nii, \.nii\.gz, \.nrrd or \.seg"):
            write(str(tmp_path / "x.txt"), array)  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_were_cut_are_not_written_on_the_old_grid(write: Any, tmp_path: Path) -> None:
    volume = images.read(write(*oriented("LPS")))
    part = Volume(volume.voxels[1:], volume.affine, source=volume.source)
    with pytest.raises(GridMismatchError, match="source=None"):
        images.write_volume(tmp_path / "part.nii", part)
    labels = LabelMap(np.zeros(part.shape, np.uint8), volume.affine)
    with pytest.raises(GridMismatchError, match="voxels"):
        images.write_labels(tmp_path / "part.nii", labels, volume)
    assert not (tmp_path / "part.nii").exists()


def test_the_registry_loads_no_reader() -> None:
    code = (
        "import sys, liverview.files.formats, liverview.files.images;"
        "print([m for m in ('nibabel', 'scipy', 'isal', 'PySide6') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
