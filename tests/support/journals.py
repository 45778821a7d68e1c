"""Journals as a crash leaves them, without a crash: copies that no process holds."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot

from liverview.core.box import Box
from liverview.ui.app import keep_journal
from liverview.ui.flows.recovery import Recovery
from liverview.ui.live.autosave import Autosave
from liverview.ui.main_window import MainWindow

from support.answers import TIMEOUT_MS


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob(".liverview-journal-*")) if folder.exists() else []


def left_after_a_crash(qtbot: QtBot, autosave: Autosave, folder: Path) -> Path:
    """The folder with a copy of the journal as it is once nothing waits to be written."""
    qtbot.waitUntil(lambda: autosave.is_written, timeout=TIMEOUT_MS)
    folder.mkdir(exist_ok=True)
    (path,) = journals(autosave.folder)
    copy = folder / f"{path.name[:-8]}{secrets.token_hex(4)}"
    copy.write_bytes(path.read_bytes())
    return folder


def paint(window: MainWindow, start: Sequence[int], stop: Sequence[int], label: int) -> None:
    with window.session.store.edit(Box.from_bounds(start, stop), "brush, tumor") as voxels:
        voxels[...] = label


def labels_of(window: MainWindow) -> np.ndarray:
    assert window.session.labels is not None
    return window.session.labels.voxels.copy()


def offer(qtbot: QtBot, window: MainWindow, folder: Path) -> Recovery:
    """Begin as a start does, and wait for what is offered."""
    recovery = keep_journal(window, folder)
    recovery.start()
    qtbot.waitUntil(lambda: len(window.messages.buttons) > 0, timeout=TIMEOUT_MS)
    return recovery


def answer(window: MainWindow, word: str) -> None:
    (button,) = [b for b in window.messages.buttons if b.text() == word]
    button.click()
