"""The file dialogs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from liverview.ui.dialogs.questions import Dialogs
from liverview.ui.main_window import MainWindow


@pytest.mark.parametrize("may", [False, True])
def test_a_name_that_is_completed_is_asked_about(
    segmented: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, may: bool
) -> None:
    """The file dialog has seen another name than the one that would be replaced."""
    asked: list[list[Path]] = []
    dialogs = Dialogs(segmented)
    monkeypatch.setattr(dialogs, "may_replace", lambda paths: asked.append(paths) or may)
    chosen = tmp_path / "labels"
    for ask, ending in ((dialogs.label_map_to_write, ".nii.gz"), (dialogs.image_to_write, ".png")):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(chosen), ""))
        completed = chosen.with_name(f"labels{ending}")
        assert ask(chosen) == completed
        assert asked == []
        completed.write_text("something")
        assert ask(chosen) == (completed if may else None)
        assert asked == [[completed]]
        asked.clear()
