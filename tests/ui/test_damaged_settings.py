"""Settings that a disk or a person has damaged, and starts that were killed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QCoreApplication, QSettings, QStandardPaths
from pytestqt.qtbot import QtBot

from liverview.core.labels import default_styles
from liverview.core.volume import Plane, Volume
from liverview.files import images
from liverview.measurement.markup.shapes import Ruler
from liverview.ui import app
from liverview.ui.main_window import MainWindow
from liverview.ui.start_mark import Phase, StartMark, mark_folder
from liverview.ui.state.session import Convention
from liverview.ui.stored import keep_bytes, stored_bytes

from support.answers import TIMEOUT_MS
from support.window import open_scan

MakeWindow = Callable[..., MainWindow]
KEYS = [
    "geometry", "geometry_sha256", "state", "state_sha256", "level", "width", "convention",
    "interpolated", "label_table", "labels/liver", "labels/vessel", "labels/tumor", "keep_maps",
    "theme", "recent", "markups_order", "shortcuts/open", "shortcuts/save_label_map",
    "shortcuts/auto", "editing/label", "editing/radius_mm", "editing/shape", "editing/ball",
    "editing/adaptive", "editing/erase_all", "editing/scope", "editing/one", "editing/locked",
    "editing/within", "editing/lowest", "editing/highest", "show_patient", "pacs/nodes",
    "pacs/last_node",
]  # fmt: skip
ODD = [
    7, -1.5, [1, 2, 3], ["x", 5, None], {}, QByteArray(b"\xff\0\xfe"), "", "[" * 100_000,
    "9" * 5000, "\0", "1e999", [["nested"], ["deep"]], True,
]  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bytes that Qt was given to restore; it is given none."""
    found: list[bytes] = []

    def record(self: MainWindow, data: QByteArray, version: int = 0) -> bool:
        found.append(bytes(data.data()))
        return False

    monkeypatch.setattr(MainWindow, "restoreState", record)
    monkeypatch.setattr(MainWindow, "restoreGeometry", record)
    return found


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:12])
def test_any_value_under_any_key(odd: object, make_window: MakeWindow, settings: QSettings) -> None:
    for key in KEYS:
        settings.setValue(key, odd)
    settings.sync()
    window = make_window()
    assert (window.session.level, window.session.width) in [(40, 400), (7, 7), (-1, 1)]
    assert window.session.convention is Convention.RADIOLOGICAL
    assert window.session.styles == default_styles()
    assert window.session.editing.limits.locked == frozenset()
    assert 0.5 <= window.session.editing.brush.radius_mm <= 150
    assert window.actions_.file.recent.actions() == []
    window.close()


def test_every_key_that_is_kept_was_tried(make_window: MakeWindow, settings: QSettings) -> None:
    window = make_window()
    window.close()
    settings.sync()
    kept = [key for key in settings.allKeys() if not key.startswith("labels/")]
    assert set(kept) <= set(KEYS)
    assert len(kept) >= 9


def test_window_state_comes_back_only_as_it_was_kept(
    make_window: MakeWindow, settings: QSettings, restored: list[bytes]
) -> None:
    make_window().close()
    settings.sync()
    good = [bytes(settings.value(key).data()) for key in ("geometry", "state")]
    make_window().close()
    assert restored == good
    restored.clear()
    for position in (0, 5, -1):
        damaged = bytearray(good[1])
        damaged[position] ^= 1
        settings.setValue("state", QByteArray(bytes(damaged)))
        settings.setValue("geometry", QByteArray(good[0][:-1]))
        settings.sync()
        window = make_window()
        assert restored == []
        assert window.width() > 1000
        settings.clear()
        settings.sync()


def test_bytes_of_another_key_are_not_taken(settings: QSettings) -> None:
    keep_bytes(settings, "state", QByteArray(b"placed"))
    assert stored_bytes(settings, "state") == QByteArray(b"placed")
    for key in ("state", "state_sha256"):
        settings.setValue(key.replace("state", "geometry"), settings.value(key))
    assert stored_bytes(settings, "geometry") is None


def test_recent_files_that_are_numbers(
    make_window: MakeWindow, settings: QSettings, scan: Path
) -> None:
    settings.setValue("recent", [3, str(scan), 4.5, None, ["x"]])
    settings.sync()
    assert len(make_window().actions_.file.recent.actions()) >= 1


def test_markups_that_are_huge_or_deep(
    make_window: MakeWindow, settings: QSettings, qtbot: QtBot, volume: Volume, tmp_path: Path
) -> None:
    for _ in images.iter_write_volume(tmp_path / "a.nii", volume):
        pass
    window = make_window()
    open_scan(qtbot, window, tmp_path / "a.nii")
    window.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)))
    window.close()
    settings.sync()
    (key,) = [key for key in settings.allKeys() if key.startswith("markups/")]
    good = json.loads(settings.value(key))
    entry = good["markups"][0]
    far = {"end_voxel_ras": [1e9, 3, 8], "end_mm": [2e9 - 10, -11, 2]}
    for text in (
        "[" * 200_000,
        '{"markups":' * 50_000,
        json.dumps({"markups": [entry | {"id": 10**30}]}),
        json.dumps({"markups": [entry | {"id": -4}]}),
        json.dumps({"markups": [entry | far]}),
        json.dumps({"markups": [entry | {"id": n} for n in range(1, 9000)]}),
        json.dumps(good).replace('"id": 1', '"id": ' + "7" * 5000),
    ):
        settings.setValue(key, text)
        settings.sync()
        again = make_window()
        open_scan(qtbot, again, tmp_path / "a.nii")
        assert again.markups.entries() == []
        again.close()


def test_an_order_of_other_keys_removes_none(
    make_window: MakeWindow, settings: QSettings, volume: Volume, qtbot: QtBot, tmp_path: Path
) -> None:
    for _ in images.iter_write_volume(tmp_path / "a.nii", volume):
        pass
    settings.setValue("theme", "DARK")
    settings.setValue("markups_order", ["", "theme", "level"] * 30)
    settings.sync()
    window = make_window()
    open_scan(qtbot, window, tmp_path / "a.nii")
    window.markups.add(Ruler(Plane.AXIAL, (2, 3, 8), (8, 3, 8)))
    settings.sync()
    assert settings.value("theme") == "DARK"


def test_shortcuts_that_no_person_can_have_chosen(
    make_window: MakeWindow, settings: QSettings
) -> None:
    window = make_window()
    usual = window.actions_.file.save.shortcuts()
    name = window.actions_.file.save.objectName()
    for text in ("Ctrl+Q, Ctrl+W, Ctrl+E", "Return", "no key at all", "x" * 10_000):
        settings.setValue(f"shortcuts/{name}", text)
        settings.sync()
        assert make_window().actions_.file.save.shortcuts() == usual
    settings.setValue(f"shortcuts/{name}", "Ctrl+J")
    other = window.actions_.file.save_masks.objectName()
    settings.setValue(f"shortcuts/{other}", "Ctrl+J")  # of two, one has it
    settings.sync()
    window = make_window()
    keys = [k.toString() for a in window.help.shortcuts.all_actions() for k in a.shortcuts()]
    assert keys.count("Ctrl+J") == 1


# ---- starts that were killed -------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from liverview.ui.start_mark import Phase, StartMark
mark = StartMark(Path(sys.argv[1]))
for name in sys.argv[2:]:
    if name == "end":
        mark.end()
    else:
        mark.enter(Phase[name])
os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def killed(folder: Path, *steps: str) -> None:
    run = subprocess.run([sys.executable, "-c", KILLED, str(folder), *steps], check=False)
    assert run.returncode != 0


def test_the_next_start_knows_what_killed_the_last(tmp_path: Path) -> None:
    killed(tmp_path, "READING", "PLACING")
    first = StartMark(tmp_path)
    assert first.killed_in == {Phase.PLACING}
    first.end()
    assert StartMark(tmp_path).killed_in == set()


def test_a_kill_after_the_start_is_none_of_it(tmp_path: Path) -> None:
    killed(tmp_path, "READING", "PLACING", "end")
    assert StartMark(tmp_path).killed_in == set()


def test_two_windows_at_once(tmp_path: Path) -> None:
    first, second = StartMark(tmp_path), StartMark(tmp_path)
    for mark in (first, second):
        mark.enter(Phase.PLACING)
    third = StartMark(tmp_path)
    assert second.killed_in == third.killed_in == set()
    killed(tmp_path, "READING")  # beside windows that run
    assert StartMark(tmp_path).killed_in == {Phase.READING}
    first.end()
    second.end()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    mark = StartMark(tmp_path / "file")
    mark.enter(Phase.PLACING)
    mark.end()
    assert mark.killed_in == set()


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QSettings:
    """The settings of the application, in a folder of the test's own."""
    QSettings.setPath(QSettings.Format.NativeFormat, QSettings.Scope.UserScope, str(tmp_path))
    folder = str(tmp_path / "marks")
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda where: folder)
    return QSettings()


def test_a_start_that_was_killed_is_not_tried_again(
    own_settings: QSettings, restored: list[bytes], qtbot: QtBot
) -> None:
    def start() -> MainWindow:
        window = app._make_window("cpu")
        qtbot.addWidget(window)
        marks = mark_folder()
        qtbot.waitUntil(lambda: list(marks.iterdir()) == [], timeout=TIMEOUT_MS)
        return window

    start().close()
    assert restored == []  # nothing was kept yet
    start().close()
    assert len(restored) == 2
    killed(mark_folder(), "READING", "PLACING")
    window = start()
    assert len(restored) == 2
    assert "The last start did not end" in window.messages.text.text()
    window.close()
    window = start()  # the one after it is as ever
    assert len(restored) == 4
    assert not window.messages.isVisible()
    window.close()


def test_settings_that_cannot_be_read_are_set_aside(
    own_settings: QSettings, restored: list[bytes], qtbot: QtBot
) -> None:
    own_settings.setValue("level", 70)
    own_settings.setValue("width", 150)
    own_settings.sync()
    file = Path(own_settings.fileName())
    content = file.read_bytes()
    killed(mark_folder(), "READING")
    window = app._make_window("cpu")
    qtbot.addWidget(window)
    assert (window.session.level, window.session.width) == (40, 400)
    aside = file.with_name(file.name + ".damaged")
    assert aside.read_bytes() == content
    assert str(aside) in window.messages.text.text()
    assert QCoreApplication.applicationName() == "liverview"
    window.close()
