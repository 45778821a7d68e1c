"""Files that may be DICOM, in folders, zip archives and on discs."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import zipfile
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverview.files.dicom.headers.header_reading import header_of
from liverview.files.dicom.places import zip_archive
from liverview.files.dicom.places.finding import iter_sources
from liverview.files.dicom.places.sources import DicomSource, MemorySource
from liverview.files.dicom.places.zip_archive import ZipMember
from liverview.files.opening import ImageFileError

from support.dicom_series import pattern, write_series

DISC = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"


def names(*paths: Path, root: Path) -> list[str]:
    found = [each for each in iter_sources(paths) if isinstance(each, DicomSource)]
    return [Path(each.name).relative_to(root).as_posix() for each in found]


def sentences(*paths: Path) -> list[str]:
    return [str(each) for each in iter_sources(paths) if isinstance(each, ImageFileError)]


def fill(folder: Path, *files: str) -> None:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


# ---- folders ----------------------------------------------------------------------------------


def test_folders_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    fill(tmp_path, "b/IM2", "b/IM1", "a/deep/IM3", "IM4", "b/.DS_Store", "._IM1", ".git/IM9")
    assert names(tmp_path, root=tmp_path) == ["IM4", "a/deep/IM3", "b/IM1", "b/IM2"]
    assert names(tmp_path / ".git", root=tmp_path) == [".git/IM9"]  # it was asked for


def test_each_file_comes_once_however_it_is_given(tmp_path: Path) -> None:
    fill(tmp_path, "a/IM1", "a/IM2", "b/IM3")
    given = [tmp_path / "a" / "IM2", tmp_path / "a", tmp_path, tmp_path / "a" / "IM1"]
    assert names(*given, root=tmp_path) == ["a/IM2", "a/IM1", "b/IM3"]


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    fill(tmp_path, "place/a/IM1", "elsewhere/IM2")
    place = tmp_path / "place"
    (place / "a" / "up").symlink_to(place)
    (place / "self").symlink_to(place / "self")
    (place / "all").symlink_to(tmp_path)  # holds the place itself
    (place / "there").symlink_to(tmp_path / "elsewhere")
    (place / "there_too").symlink_to(tmp_path / "elsewhere")
    (place / "nowhere").symlink_to(tmp_path / "nowhere")
    (place / "IM3").symlink_to(place / "a" / "IM1")
    assert names(place, root=place) == ["IM3", "a/IM1", "there/IM2"]


def test_what_is_no_file_is_passed_over_in_a_folder_and_named_where_it_is_given(
    tmp_path: Path,
) -> None:
    fill(tmp_path, "IM1")
    os.mkfifo(tmp_path / "pipe")
    assert names(tmp_path, root=tmp_path) == ["IM1"]
    assert sentences(tmp_path / "pipe", tmp_path / "none") == [
        f"{tmp_path / 'pipe'} is not a regular file: copy the scan into one.",
        f"{tmp_path / 'none'} does not exist: check the name.",
    ]


def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a/IM1", "b/IM2")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert names(tmp_path, root=tmp_path) == ["b/IM2"]
    assert sentences(tmp_path) == [
        f"{tmp_path / 'a'} cannot be read: Permission denied; what is in it is left out."
    ]


# ---- zip archives -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("level", [1, 9])
def test_members_are_read_from_any_place_on(tmp_path: Path, method: int, level: int) -> None:
    data = {f"S1/IM{k}": os.urandom(3000) + bytes(400_000) + bytes([k]) * 70_000 for k in range(3)}
    path = tmp_path / "scan.zip"
    with zipfile.ZipFile(path, "w", method, compresslevel=level) as archive:
        archive.mkdir("S1")
        for name, content in data.items():
            archive.writestr(name, content)
        archive.writestr("__MACOSX/S1/._IM0", b"x")
        archive.writestr(".hidden", b"x")
    found = list(iter_sources([path]))
    assert [each.name for each in found if isinstance(each, ZipMember)] == [
        str(path / name) for name in data
    ]
    for member, content in zip(found, data.values(), strict=True):
        assert isinstance(member, ZipMember)
        assert member.read() == content
        for start, size in (
            (0, 10),
            (2990, 20),
            (402_990, 100_000),
            (470_000, 9_000),
            (480_000, 1),
        ):
            assert member.read(start, size) == content[start : start + size]
        assert member.read(400_000) == content[400_000:]
    assert sorted(tmp_path.iterdir()) == [path]  # nothing is unpacked


def test_an_archive_in_a_folder_is_read_too(tmp_path: Path) -> None:
    fill(tmp_path, "IM1")
    with zipfile.ZipFile(tmp_path / "more.ZIP", "w") as archive:
        archive.writestr("IM2", b"x")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 no archive")
    assert names(tmp_path, root=tmp_path) == ["IM1", "more.ZIP/IM2"]
    assert sentences(tmp_path) == [
        f"{tmp_path / 'broken.zip'} is a damaged zip archive (File is not a zip file): copy or "
        "download it again."
    ]


def test_an_archive_is_known_by_its_content(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.dat", "w") as archive:
        archive.writestr("IM2", b"x")
    assert names(tmp_path / "export.dat", root=tmp_path) == ["export.dat/IM2"]


def change_directory(path: Path, offset: int, value: bytes, member: int = 0) -> None:
    """Change bytes of a member's entry in the directory of an archive."""
    data = bytearray(path.read_bytes())
    at = -1
    for _ in range(member + 1):
        at = data.index(b"PK\1\2", at + 1)
    data[at + offset : at + offset + len(value)] = value
    path.write_bytes(data)


def archive_of(path: Path, *files: str, content: bytes = b"x" * 999) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            archive.writestr(name, content)
    return path


def test_members_that_cannot_be_read_are_said_once_per_reason(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", "IM1", "IM2", "IM3", "IM4", "inner.zip", "IM5")
    change_directory(path, 8, b"\1\0", 0)  # encrypted
    change_directory(path, 8, b"\1\0", 1)
    change_directory(path, 10, b"\x09\0", 2)  # Deflate64
    change_directory(path, 24, (0xFFFFFFF0).to_bytes(4, "little"), 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zip_archive, "LARGEST_MEMBER", 2 << 30)
        patch.setattr(zip_archive, "UNSUSPECTED", 8 << 30)
        assert names(path, root=path) == ["IM5"]
        said = sentences(path)
    way = "unpack it and open the folder."
    assert said == [
        f"{path / 'IM1'} and 1 others cannot be read inside the archive (encrypted): {way}",
        f"{path / 'IM3'} cannot be read inside the archive (packed by method 9 of zip): {way}",
        f"{path / 'IM4'} cannot be read inside the archive (of more than 2.1 GB): {way}",
        f"{path / 'inner.zip'} cannot be read inside the archive (an archive in an archive): {way}",
    ]


def test_an_archive_that_would_unpack_to_too_much_is_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", "IM1", content=bytes(300_000))
    for bound in ("UNSUSPECTED", "LARGEST_ARCHIVE", "MOST_MEMBERS"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(zip_archive, bound, 0)
            (said,) = sentences(path)
        assert said.startswith(f"{path} would unpack to 1 files of 0.0 GB from 0.0 MB, more than")
        assert said.endswith("if you trust it, unpack it and open the folder.")
    assert names(path, root=path) == ["IM1"]  # a small one may be packed as well as it likes


def test_a_member_gives_no_more_than_the_directory_says(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.zip", "IM1", content=bytes(5_000_000))
    change_directory(path, 24, (1000).to_bytes(4, "little"))
    (member,) = iter_sources([path])
    assert isinstance(member, ZipMember)
    assert len(member.read(0, 900)) == 900
    with pytest.raises(OSError, match="its checksum in the archive is another"):
        member.read()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_members_are_said_to_be(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    content = os.urandom(200_000)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("IM1", content)
    (member,) = iter_sources([path])
    assert isinstance(member, ZipMember)
    whole = path.read_bytes()
    path.write_bytes(whole[:50_000] + bytes(1000) + whole[51_000:])
    with pytest.raises(OSError, match=r"are damaged|checksum|too early"):
        member.read()
    path.write_bytes(whole[:50_000])
    with pytest.raises(OSError, match="end"):
        member.read()
    path.write_bytes(b"\0" + whole[1:])
    with pytest.raises(OSError, match="it is not where the archive's directory says"):
        member.read(0, 10)
    path.unlink()
    with pytest.raises(ImageFileError, match=r"a\.zip.IM1 cannot be read: No such file"):
        header_of(member)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    changes=st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=4)), max_size=5)
)
def test_damaged_archives_give_sentences(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    path = archive_of(folder / "a.zip", "IM1", "S1/IM2")
    data = bytearray(path.read_bytes())
    for place, change in changes:
        data[place : place + len(change)] = change
    path.write_bytes(data)
    for found in iter_sources([path]):
        if isinstance(found, ZipMember):
            with contextlib.suppress(OSError):
                assert len(found.read()) <= found.size


# ---- discs ------------------------------------------------------------------------------------


def disc(tmp_path: Path) -> Path:
    shutil.copytree(DISC, tmp_path / "disc", dirs_exist_ok=True)
    return tmp_path / "disc" / "DICOMDIR"


def test_a_dicomdir_gives_the_files_that_it_names(tmp_path: Path) -> None:
    path = disc(tmp_path)
    expected = {
        Path(*record.ReferencedFileID).as_posix()
        for record in pydicom.dcmread(path).DirectoryRecordSequence
        if "ReferencedFileID" in record
    }
    found = names(path, root=path.parent)
    assert len(found) == len(set(found)) == 31
    assert set(found) == expected
    assert sentences(path) == []


@pytest.mark.parametrize("name", ["DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered"])
def test_directories_of_odd_writers(tmp_path: Path, name: str) -> None:
    path = disc(tmp_path)
    assert set(names(path.with_name(name), root=path.parent)) == set(names(path, root=path.parent))


def test_files_of_a_disc_are_found_whatever_the_case_and_version(tmp_path: Path) -> None:
    path = disc(tmp_path)
    expected = set(names(path, root=path.parent))
    for folder in sorted(path.parent.rglob("*"), key=lambda each: -len(each.parts)):
        lower = folder.name.lower() + (";1" if folder.is_file() else "")
        folder.rename(folder.with_name(lower))
    found = names(path.parent / "dicomdir;1", root=path.parent)
    assert {name.upper().removesuffix(";1") for name in found} == expected


def test_files_that_a_disc_lacks_are_said(tmp_path: Path) -> None:
    path = disc(tmp_path)
    gone = sorted(path.parent.glob("77654033/CR1/*"))
    for file in gone:
        file.unlink()
    assert sentences(path) == [
        f"{path} names {len(gone)} files that are not there, the first 77654033/CR1/6154: copy the "
        "disc again, or open its folder."
    ]
    assert len(names(path, root=path.parent)) == 31 - len(gone)


def test_a_directory_that_leads_out_of_its_folder_is_not_followed(tmp_path: Path) -> None:
    path = disc(tmp_path)
    (tmp_path / "CR1").mkdir()
    (tmp_path / "CR1" / "6154").write_bytes(b"secret")
    data = path.read_bytes()
    assert data.count(rb"77654033\CR1\6154 ") == 1
    path.write_bytes(data.replace(rb"77654033\CR1\6154 ", rb"..\CR1\6154       "))
    shutil.rmtree(path.parent / "77654033" / "CR2")
    (path.parent / "77654033" / "CR2").symlink_to(tmp_path / "CR1")
    said = sentences(path)
    assert said == [
        f"{path} names 2 files outside of its folder, the first ../CR1/6154, which are not read: "
        "open them by themselves."
    ]
    assert len(names(path, root=path.parent)) == 29


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    place=st.floats(0, 1),
    change=st.binary(min_size=1, max_size=8),
    end=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_directories_give_sentences(
    tmp_path_factory: pytest.TempPathFactory, place: float, change: bytes, end: float
) -> None:
    folder = tmp_path_factory.getbasetemp() / "disc"
    folder.mkdir(exist_ok=True)
    data = bytearray((DISC / "DICOMDIR-reordered").read_bytes())
    at = 350 + int(place * 4000)
    data[at : at + len(change)] = change
    path = folder / "DICOMDIR"
    path.write_bytes(data[: 350 + int(end * len(data))])
    for found in iter_sources([path]):
        assert isinstance(found, ImageFileError)
        assert str(folder) in str(found)


def test_headers_in_an_archive_are_those_of_the_files(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path / "series", pattern(8, 8, 1))
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, "IM1")
    (member,) = iter_sources([archive])
    assert isinstance(member, ZipMember)
    inside, outside = header_of(member), header_of(MemorySource("IM1", path.read_bytes()))
    for field in type(inside).__slots__:
        if field not in ("source", "study"):
            assert getattr(inside, field) == getattr(outside, field)
    assert inside.study == outside.study
    pixels = member.read(inside.pixel_start, inside.pixel_bytes)
    assert struct.unpack("<64H", pixels) == tuple(pattern(8, 8, 1).ravel() + 1024)


def test_of_very_many_files_that_are_given_none_is_opened_to_find_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, *(f"IM{number:03d}" for number in range(120)))
    archive_of(tmp_path / "a.zip", "IM1")
    opened = []
    real = Path.open

    def opening(self: Path, *arguments: object, **options: object) -> object:
        opened.append(self.name)
        return real(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", opening)
    found = names(*sorted(tmp_path.iterdir()), root=tmp_path)
    assert len(found) == 121
    assert "a.zip/IM1" in found
    assert opened == ["a.zip"]
