"""The window before anything is open and after it was closed."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from liverview.ui.dialogs.questions import Unsaved
from liverview.ui.jobs import generators
from liverview.ui.main_window import MainWindow

from support.answers import Answers
from support.window import (
    Stream,
    start_segmentation,
)


def test_an_empty_window_offers_to_open(window: MainWindow) -> None:
    assert window.start_page.isVisible()
    assert not window.actions_.segment.run.isEnabled()
    assert not window.actions_.file.save.isEnabled()
    assert window.windowTitle() == "liverview"


def test_closing_while_it_works_waits_for_every_job(
    qtbot: QtBot, opened: MainWindow, stream: Stream, answers: Answers
) -> None:
    start_segmentation(qtbot, opened)
    running = set(opened.controller.runner._live)
    opened.controller.runner.warm_up()
    jobs = set(opened.controller.runner._live)
    assert opened.controller.segmenting._job in running
    assert len(jobs - running) == 1
    answers.unsaved = Unsaved.DISCARD
    opened.close()
    assert stream.closed.is_set()
    assert not any(job.isRunning() for job in jobs)


def test_nothing_begins_once_the_window_is_closed(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop may come to the warm-up only then, and its thread would outlive Qt."""
    begun: list[str] = []
    monkeypatch.setattr(generators, "iter_warm_up", lambda: iter(begun.append("warm-up") or ()))
    opened.close()
    opened.controller.runner.warm_up()
    assert begun == []
