"""Lists of the volumes in folders, archives and discs."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage, SecondaryCaptureImageStorage

from liverview.core.stream import Progress, result_of
from liverview.files.dicom.headers import header_pool
from liverview.files.dicom.places import listing
from liverview.files.dicom.places.listing import Listing, iter_list
from liverview.files.dicom.places.sources import FileSource
from liverview.files.dicom.series.series_volume import SeriesKind, SeriesVolume

from support.dicom_series import ct_slice, pattern, write_series


def listed(*paths: Path) -> Listing:
    return result_of(iter_list(paths), Listing)


def counts(found: Listing) -> dict[str, int]:
    return {each.study.series_description: len(each.slices) for each in found.volumes}


def paths_of(volume: SeriesVolume) -> list[Path | None]:
    return [header.source.path for header in volume.slices]


def test_series_of_a_folder_each_in_the_order_of_its_places(tmp_path: Path) -> None:
    expected = {}
    for name, slices in (("venous", 7), ("arterial", 5), ("native", 3)):
        expected[name] = write_series(tmp_path / name / "a", pattern(8, 8, slices), name=name)
    (tmp_path / "README.txt").write_text("Read me.")
    (tmp_path / "viewer.exe").write_bytes(b"MZ" + bytes(5000))
    found = listed(tmp_path)
    assert found.complete
    assert found.others == 2
    assert found.unreadable == ()
    assert counts(found) == {"venous": 7, "arterial": 5, "native": 3}
    for volume in found.volumes:
        assert paths_of(volume) == expected[volume.study.series_description]
        assert volume.kind is SeriesKind.CT
        assert volume.shape == (8, 8, len(volume.slices))
        assert volume.spacing == pytest.approx((0.7, 0.8, 2.5))


def test_an_archive_and_a_disc_give_what_the_folder_gives(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "series", pattern(8, 8, 4), name="venous")
    archive = tmp_path / "series.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in paths:
            file.write(path, f"S1/{path.name}")
    inside, outside = listed(archive).volumes[0], listed(tmp_path / "series").volumes[0]
    assert [each.sop_instance for each in inside.slices] == [
        each.sop_instance for each in outside.slices
    ]
    disc = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
    by_directory, by_folder = (
        listed(disc / "DICOMDIR"),
        listed(disc / "77654033", disc / "98892001", disc / "98892003"),
    )
    assert by_directory.unreadable == ()
    assert sum(len(each.slices) for each in by_directory.volumes) == 31
    assert counts(by_directory) == counts(by_folder)


def test_a_directory_of_a_disc_is_neither_a_volume_nor_another_file(tmp_path: Path) -> None:
    write_series(tmp_path, pattern(8, 8, 2))
    disc = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests" / "DICOMDIR"
    assert pydicom.dcmread(disc).file_meta.MediaStorageSOPClassUID == MediaStorageDirectoryStorage
    shutil.copy(disc, tmp_path / "DICOMDIR2")
    found = listed(tmp_path)
    assert (len(found.volumes), found.others, found.unreadable) == (1, 0, ())


def test_unreadable_files_among_good_ones_are_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, pattern(8, 8, 5))
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[:900])
    (tmp_path / "empty").write_bytes(b"")
    found = listed(tmp_path)
    assert len(found.volumes[0].slices) == 4
    assert found.unreadable == (
        f"{paths[2]} is cut off: it ends within its header; copy or export it again.",
    )
    assert found.others == 1


def test_of_very_many_unreadable_files_some_are_named_and_all_counted(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, pattern(8, 8, 1))
    for number in range(70):
        (tmp_path / f"bad{number:03d}").write_bytes(path.read_bytes()[:700])
    found = listed(tmp_path)
    assert len(found.unreadable) == 51
    assert found.unreadable[-1] == "20 more files cannot be read."
    assert len(found.volumes) == 1


def test_two_patients_in_a_folder_are_apart(tmp_path: Path) -> None:
    for patient in ("A", "B"):
        write_series(
            tmp_path / patient,
            pattern(8, 8, 3),
            name=patient,
            PatientID=patient,
            PatientName=f"{patient}^X",
        )
    write_series(tmp_path / "C", pattern(8, 8, 2), name="A", PatientID="C", PatientName="C^X")
    found = listed(tmp_path)
    assert sorted((each.study.patient_id, len(each.slices)) for each in found.volumes) == [
        ("A", 3),
        ("B", 3),
        ("C", 2),
    ]


def test_a_series_that_lies_there_twice_is_one_volume(tmp_path: Path) -> None:
    write_series(tmp_path / "a", pattern(8, 8, 4))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    found = listed(tmp_path)
    assert [each.shape[2] for each in found.volumes] == [4]


def test_images_that_are_no_ct_and_documents_are_listed_as_what_they_are(tmp_path: Path) -> None:
    write_series(tmp_path / "mr", pattern(8, 8, 3), name="mr", Modality="MR")

    def strip(index: int, data: Dataset) -> None:
        del data.PixelData
        del data.Rows
        del data.Columns

    write_series(tmp_path / "sr", pattern(8, 8, 1), name="sr", Modality="SR", change=strip)
    kinds = {each.study.modality: each.kind for each in listed(tmp_path).volumes}
    assert kinds == {"MR": SeriesKind.OTHER_MODALITY, "SR": SeriesKind.NO_IMAGE}
    assert SecondaryCaptureImageStorage not in {
        each.slices[0].sop_class for each in listed(tmp_path).volumes
    }


def test_nothing_there_is_an_empty_list_with_its_sentences(tmp_path: Path) -> None:
    found = listed(tmp_path / "none", tmp_path)
    assert found.complete
    assert found.volumes == ()
    assert found.unreadable == (f"{tmp_path / 'none'} does not exist: check the name.",)


# ---- growing ----------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list after each batch, of one file."""
    monkeypatch.setattr(listing, "_LEAST_WAIT", 0.0)
    monkeypatch.setattr(listing, "_SHARE", 0)
    monkeypatch.setattr(header_pool, "_BATCH", 1)


@pytest.mark.usefixtures("at_once")
def test_lists_grow_and_only_series_that_changed_are_split_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        write_series(tmp_path / name, pattern(8, 8, 4), name=name)
    split: list[tuple[str, int]] = []
    real = listing.split_series

    def split_series(headers: list) -> tuple[SeriesVolume, ...]:  # type: ignore[type-arg]
        split.append((headers[0].study.series_description, len(headers)))
        return real(headers)

    monkeypatch.setattr(listing, "split_series", split_series)
    items = list(iter_list([tmp_path]))
    lists = [item for item in items if isinstance(item, Listing)]
    totals = [sum(counts(each).values()) for each in lists]
    assert totals == [1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert [each.complete for each in lists] == [False] * 8 + [True]
    assert split == [(name, size) for name in ("a", "b") for size in (1, 2, 3, 4)]
    fractions = [item.fraction for item in items if isinstance(item, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_lists_that_are_expensive_come_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(listing.time, "monotonic", lambda: now[0])
    pace = listing._Pace()

    def after(seconds: float) -> bool:
        now[0] += seconds
        return pace.is_due()

    assert not after(0.2)
    assert after(0.2)
    now[0] += 0.5  # the list took that long
    pace.restart()
    assert not after(2.9)
    assert after(0.2)


@pytest.mark.usefixtures("at_once")
def test_files_that_come_while_the_folder_is_read_are_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    paths = write_series(tmp_path / "all", pattern(8, 8, 6))
    folder.mkdir()
    for path in paths[:3]:
        shutil.copy(path, folder)
    half = folder / paths[3].name
    half.write_bytes(paths[3].read_bytes()[:600])
    items = iter_list([folder])
    next(item for item in items if isinstance(item, Listing))
    for path in paths[3:]:  # in one step each, since other threads may be reading here still
        shutil.move(shutil.copy(path, tmp_path), folder / path.name)
    (folder / "new").mkdir()
    shutil.move(folder / paths[5].name, folder / "new")
    found = result_of(items, Listing)
    assert found.unreadable == ()
    assert [header.instance_number for header in found.volumes[0].slices] == [
        pydicom.dcmread(path).InstanceNumber for path in paths
    ]


@pytest.mark.usefixtures("at_once")
def test_a_folder_that_does_not_stop_growing_is_said_to(tmp_path: Path) -> None:
    source = write_series(tmp_path / "all", pattern(8, 8, 40))
    folder = tmp_path / "in"
    folder.mkdir()
    left = iter(source)
    shutil.copy(next(left), folder)
    found = None
    for item in iter_list([folder]):
        path = next(left, None)
        if path is not None:
            shutil.copy(path, folder)
        if isinstance(item, Listing):
            found = item
    assert found is not None
    assert found.unreadable == (
        f"{folder} changes while it is read: open it again when all files are there.",
    )


@pytest.mark.usefixtures("at_once")
def test_a_file_that_vanishes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = write_series(tmp_path, pattern(8, 8, 3))
    real = FileSource.read

    def read(self: FileSource, start: int = 0, size: int = -1) -> bytes:
        if self.path == paths[1]:
            self.path.unlink(missing_ok=True)
        return real(self, start, size)

    monkeypatch.setattr(FileSource, "read", read)
    found = listed(tmp_path)
    assert found.unreadable == (
        f"{paths[1]} cannot be read: No such file or directory; copy it again, or leave it out.",
    )
    assert len(found.volumes[0].slices) == 2


# ---- threads ----------------------------------------------------------------------------------


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("dicom headers")]


def test_closing_ends_the_threads_and_no_further_file_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path, pattern(4, 4, 60))
    monkeypatch.setattr(header_pool, "_BATCH", 2)
    begun: list[str] = []
    real = header_pool.header_of

    def header_of(source: FileSource, *known: Any) -> object:
        begun.append(source.name)
        return real(source, *known)

    monkeypatch.setattr(header_pool, "header_of", header_of)
    items = iter_list([tmp_path])
    assert isinstance(items, Iterator)
    while not begun:
        next(items)
    assert threads()
    items.close()  # type: ignore[attr-defined]
    assert threads() == []
    number = len(begun)
    assert number <= 2 * header_pool.THREADS * (header_pool._AHEAD + 1)
    assert len(begun) == number < 60


def test_several_files_wait_for_the_disk_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of as many threads as there are, each is within a read before any of them may go on."""
    write_series(tmp_path, pattern(4, 4, header_pool.THREADS))
    monkeypatch.setattr(header_pool, "_BATCH", 1)
    together = threading.Barrier(header_pool.THREADS)
    real = FileSource.read

    def read(self: FileSource, start: int = 0, size: int = -1) -> bytes:
        if start == 0:
            together.wait(timeout=30)
        return real(self, start, size)

    monkeypatch.setattr(FileSource, "read", read)
    assert len(listed(tmp_path).volumes[0].slices) == header_pool.THREADS


def test_a_folder_of_many_files(tmp_path: Path) -> None:
    """Not one slice is lost or doubled on its way through the threads."""
    template = ct_slice(np.zeros((2, 2)), (0, 0, 0), instance=777777)
    template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = "1.2.3.1000000"
    template.ImagePositionPatient = ["0", "0", "+100000"]
    template.save_as(tmp_path / "template", enforce_file_format=True)
    data = (tmp_path / "template").read_bytes()
    (tmp_path / "template").unlink()
    for k in range(900):
        changed = data.replace(b"1.2.3.1000000", f"1.2.3.1{k:06d}".encode())
        changed = changed.replace(b"+100000", f"+{k * 2:06d}".encode())
        (tmp_path / f"IM{(k * 7) % 900:04d}").write_bytes(
            changed.replace(b"777777", f"{k:06d}".encode())
        )
    (volume,) = listed(tmp_path).volumes
    assert [header.instance_number for header in volume.slices] == list(range(900))
