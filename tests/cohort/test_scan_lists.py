"""Scans as people give them: patterns, lists and tables, and the names that they get."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverview.cohort.measuring import find_label_maps
from liverview.cohort.part import Part, parse_part
from liverview.cohort.tasks import find_tasks
from liverview.core.errors import LiverviewError
from liverview.core.volume import LabelMap, Volume
from liverview.files import images

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def touched(folder: Path, *names: str) -> Path:
    """A folder with files of these names, which nobody can read as scans."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def table(folder: Path, content: str | bytes, name: str = "scans.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def found(path: Path, part: Part | None = None) -> dict[str, Path]:
    return {task.name: task.scan for task in find_tasks([path], Path("out"), part=part).tasks}


def refusal(path: Path) -> str:
    with pytest.raises(LiverviewError) as caught:
        find_tasks([path], Path("out"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_list_has_a_path_in_each_line_relative_to_its_own_folder(tmp_path: Path) -> None:
    touched(tmp_path / "data", "a b.nii.gz", "c.nii.gz", "d.nii.gz", "#e.nii.gz")
    lines = '\ufeff# scans\r\n\r\na b.nii.gz\r\n"c.nii.gz"\r\n  ./d.nii.gz \r\n./#e.nii.gz'
    path = table(tmp_path / "data", lines, "all.txt")
    names = ["a b", "c", "d", "#e"]
    assert found(path) == {f"{n}_seg": tmp_path / "data" / f"{n}.nii.gz" for n in names}


def test_a_list_may_hold_folders_patterns_and_absolute_paths(tmp_path: Path) -> None:
    touched(tmp_path, "one/a.nii.gz", "one/b.nrrd", "two/x/c.nii.gz", "three/d.mha", "three/notes")
    path = table(tmp_path, f"one\ntwo/**/*.nii.gz\n{tmp_path}/three/d.mha\n", "all.lst")
    assert sorted(found(path)) == ["a_seg", "b_seg", "c_seg", "d_seg"]
    (tmp_path / "more.lst").write_text("all.lst\n")
    assert "line 1" in refusal(tmp_path / "more.lst")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"id,path,age\np1,a.nii.gz,61\np2,b.nii.gz,\n"),
        ("a.csv", "\ufeffAge;Path;ID\r\n61;a.nii.gz;p1\r\n;b.nii.gz;p2\r\n;;\r\n".encode()),
        (
            "a.csv",
            b'sep=;\r\n"ID";"age";"File"\r\n"p1";"61";"a.nii.gz"\r\np2;;b.nii.gz\r\n',
        ),
        ("a.csv", b"path;age, in years or so, of each;id\na.nii.gz;61;p1\nb.nii.gz;;p2\n"),
        ("a.tsv", b"id\tscan\tage\np1\ta.nii.gz\t61\np2\tb.nii.gz\n"),
        ("a.tsv", "series\tid\tage\na.nii.gz\tp1\t61\nb.nii.gz\tp2\t\n".encode("utf-16")),
    ],
)
def test_a_table_has_ids_paths_and_other_columns(tmp_path: Path, name: str, content: bytes) -> None:
    touched(tmp_path, "a.nii.gz", "b.nii.gz")
    tasks = find_tasks([table(tmp_path, content, name)], Path("out")).tasks
    assert [(task.name, task.scan.name) for task in tasks] == [
        ("p1_seg", "a.nii.gz"),
        ("p2_seg", "b.nii.gz"),
    ]
    assert [list(task.columns.values()) for task in tasks] == [["61"], [""]]


def test_columns_of_one_title_are_all_kept(tmp_path: Path) -> None:
    touched(tmp_path, "a.nii.gz")
    path = table(tmp_path, 'path,x,x,,note\na.nii.gz,1,2,3,"x, ""y""\nz"\n')
    (task,) = find_tasks([path], Path("out")).tasks
    assert task.columns == {"x": "1", "x_3": "2", "column_4": "3", "note": 'x, "y"\nz'}


def test_names_of_windows_are_read_as_its_spreadsheets_write_them(tmp_path: Path) -> None:
    named = os.fsdecode("Müller.nii.gz".encode())  # stray bytes where names are ASCII
    touched(tmp_path, named, "deep/b.nii.gz")
    content = "id;path;who\nÄ1;Müller.nii.gz;Jörg\nb;deep\\b.nii.gz;x\n".encode("cp1252")
    tasks = find_tasks([table(tmp_path, content)], Path("out")).tasks
    assert [(task.name, task.scan) for task in tasks] == [
        ("Ä1_seg", tmp_path / named),
        ("b_seg", tmp_path / "deep/b.nii.gz"),
    ]
    assert tasks[0].columns == {"who": "Jörg"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,where\np1,a.nii.gz\n", ["no column of paths", "id, where", "path, file, scan or"]),
        ("id,path\np1,a.nii.gz\n\np1,b.nii.gz\n", ["line 4", "'p1'", "line 2"]),
        ("id,path\nP1,a.nii.gz\np1,b.nii.gz\n", ["line 3", "line 2"]),
        ("id,path\n,a.nii.gz\n", ["line 2", "id is empty"]),
        ("id,path\np1,\n", ["line 2", "path is empty"]),
        ("id,path\na/b,a.nii.gz\n", ["line 2", "'a/b'", "name of a file"]),
        ("id,path\n..,a.nii.gz\n", ["line 2", "name of a file"]),
        ("id,path\n" + "x" * 200 + ",a.nii.gz\n", ["line 2", "150 bytes"]),
        ("id,path\np1,a.nii.gz,more\n", ["line 2", "3 cells"]),
        ('id,path\np1,"a.nii.gz\n', ["line 2", "quotes"]),
        ("id,path\n", ["names no scans"]),
        ("", ["names no scans"]),
        ("id,path\np1,a.nii.gz\0\n", ["no text"]),
        ("id,path\np1,gone.nii.gz\np2,lost.nii.gz\n", ["line 2", "gone.nii.gz", "own folder"]),
        ("id,path\np1," + "x" * 200_000 + "\n", ["line 2", "no row"]),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_a_sentence(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    touched(tmp_path, "a.nii.gz", "b.nii.gz")
    said = refusal(table(tmp_path, content))
    assert "scans.csv" in said
    assert [word for word in words if word not in said] == []


def test_files_that_are_not_there_are_named_and_stop_no_others(tmp_path: Path) -> None:
    touched(tmp_path, "a.nii.gz")
    rows = "".join(f"p{number},gone{number}.nii.gz\n" for number in range(5))
    result = find_tasks([table(tmp_path, f"id,path\na,a.nii.gz\n{rows}")], Path("out"))
    assert len(result.tasks) == 6
    assert len(result.warnings) == 4
    assert "scans.csv, line 3: " in result.warnings[0]
    assert result.warnings[-1] == "2 more files are not there."


def test_a_pattern_finds_files_at_any_depth_each_once(tmp_path: Path) -> None:
    names = ("p1/ct.nii.gz", "p2/x/ct.nii.gz", "p2/x/notes.txt", ".hidden/ct.nii.gz", "p3/v.mha")
    touched(tmp_path, *names)
    assert sorted(found(tmp_path / "**/ct.nii.gz")) == ["p1_ct_seg", "x_ct_seg"]
    assert sorted(found(tmp_path / "**")) == ["p1_ct_seg", "v_seg", "x_ct_seg"]
    assert "matches nothing" in refusal(tmp_path / "**/mr.nii.gz")
    touched(tmp_path, "odd[1].nii.gz", "odd1.nii.gz")
    assert list(found(tmp_path / "odd[1].nii.gz").values()) == [tmp_path / "odd[1].nii.gz"]


def test_scans_of_one_name_get_as_many_folders_as_tell_them_apart(tmp_path: Path) -> None:
    touched(tmp_path, "a/s/ct.nii.gz", "b/s/ct.nii.gz", "b/t/ct.nii.gz", "b/t/x.nii.gz")
    names = ["a_s_ct_seg", "b_s_ct_seg", "t_ct_seg", "x_seg"]
    assert sorted(found(tmp_path / "**/*.nii.gz")) == names


def test_names_are_the_same_wherever_the_disk_is_mounted(tmp_path: Path) -> None:
    places = tmp_path / "mnt/one", tmp_path / "vol/other/deeper"
    for place in places:
        touched(place, "a/ct.nii.gz", "b/ct.nii.gz", "c/x.nii.gz")
        table(place, "path\na/ct.nii.gz\nb/ct.nii.gz\nc/x.nii.gz\n")
    (tmp_path / "link").symlink_to(places[1])
    for given_as in ("scans.csv", "**/*.nii.gz"):
        first, *others = [list(found(p / given_as)) for p in (*places, tmp_path / "link")]
        assert len(first) == 3
        assert others == [first, first]


def test_a_part_has_the_names_of_the_whole_and_looks_at_its_own_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        volume = Volume(np.zeros((2, 2, 2), np.int16), AFFINE, name="x")
        (tmp_path / f"s{number}").mkdir()
        images.write_volume(tmp_path / f"s{number}" / "ct.nii.gz", volume)
    labels = LabelMap(np.ones((2, 2, 2), np.uint8), AFFINE, "x")
    images.write_labels(tmp_path / "s0" / "labels.nii.gz", labels)
    pattern = tmp_path / "*/*.nii.gz"
    whole = found(pattern)
    assert len(whole) == 12
    opened: list[str] = []
    real = Path.open

    def counting(path: Path, *arguments: object, **options: object) -> object:
        opened.append(os.fspath(path))
        return real(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", counting)
    parts: dict[str, Path] = {}
    for number in range(1, 4):
        opened.clear()
        own = find_tasks([pattern], Path("out"), part=Part(number, 3))
        looked_at = [task.scan for task in own.tasks] + own.label_maps
        assert set(opened) == {str(path) for path in looked_at}
        assert not parts.keys() & {task.name for task in own.tasks}
        parts |= {task.name: task.scan for task in own.tasks}
    assert parts == whole


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1), unique=True, max_size=40),
    st.integers(1, 50),
)
def test_parts_are_disjoint_and_together_all(names: list[str], count: int) -> None:
    shares = [[n for n in names if Part(k, count).has(n)] for k in range(1, count + 1)]
    assert sorted(name for share in shares for name in share) == sorted(names)


def test_a_share_is_that_of_every_machine() -> None:
    """By SHA-256, as `sha256sum` gives it: no seed of a process is in it."""
    first = int(hashlib.sha256(b"p1_seg").hexdigest()[:16], 16) % 40 + 1
    assert [k for k in range(1, 41) if Part(k, 40).has("p1_seg")] == [first]
    assert parse_part("3/40") == Part(3, 40)
    for wrong in ("0/4", "5/4", "3", "3/", "-1/4", "1/0"):
        with pytest.raises(LiverviewError, match="no share"):
            parse_part(wrong)


def test_label_maps_are_named_by_their_files(tmp_path: Path) -> None:
    touched(tmp_path, "a_seg.nii.gz", "b_seg.nrrd")
    assert [item.name for item in find_label_maps([tmp_path]).items] == ["a_seg", "b_seg"]
