"""Qt knows files alone whose names are UTF-8; the window opens and names the others, too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QMimeData, QSettings
from PySide6.QtGui import QPixmap

from liverview.ui.settings import recent_scans, remember_scan
from liverview.ui.widgets.file_names import (
    path_from_qt,
    path_from_settings,
    path_from_url,
    save_picture,
    text_for_settings,
    url_from_path,
)
from liverview.ui.widgets.recent import RecentScan
from liverview.ui.widgets.start_page import short_name

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="names are no bytes there"
)
NAMES = (b"M\xfcller.nii.gz", b"a b%\xff.nii", "日本.nii".encode(), b"plain.nii")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_found_by_all_that_qt_gives(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(b"f\xf6lder")
    folder.mkdir()
    path = folder / os.fsdecode(name)
    path.write_bytes(b"scan")
    replaced = os.fsencode(path).decode("utf-8", "replace")  # as Qt has it
    assert path_from_qt(replaced) == path
    dropped = QMimeData()
    dropped.setData("text/uri-list", QByteArray(path.as_uri().encode("ascii")))
    assert [path_from_url(url) for url in dropped.urls()] == [path]
    assert path_from_url(url_from_path(path)) == path
    assert path_from_settings(text_for_settings(path)) == path
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    remember_scan(settings, RecentScan(path))
    settings.sync()
    again = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    assert recent_scans(again) == [RecentScan(path)]
    short_name(RecentScan(path)).encode("utf-8")


def test_where_two_files_would_be_called_so_none_is_taken(tmp_path: Path) -> None:
    for name in (b"M\xfc", b"M\xfd"):
        (tmp_path / os.fsdecode(name)).touch()
    assert not path_from_qt(str(tmp_path / "M\ufffd")).exists()
    assert path_from_qt(str(tmp_path / "new\ufffd.nii")) == tmp_path / "new\ufffd.nii"


def test_a_picture_gets_the_name_that_was_asked_for(qapp: object, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"M\xfcller.png")
    picture = QPixmap(4, 3)
    picture.fill()
    assert save_picture(picture, path)
    assert os.listdir(os.fsencode(tmp_path)) == [b"M\xfcller.png"]  # noqa: PTH208
    assert path.read_bytes().startswith(b"\x89PNG")
    assert not save_picture(picture, tmp_path / "none" / "x.png")
