"""Results that follow the labels."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.volume import LabelMap
from liverview.ui.main_window import MainWindow


def test_nothing_begins_for_labels_that_changed_just_before_the_window_closed(
    opened: MainWindow, qtbot: QtBot
) -> None:
    """Its thread would outlive the window, and Qt ends the process for that."""
    session, findings = opened.session, opened.panels.findings
    assert session.volume is not None
    voxels = np.full(session.volume.shape, Label.LIVER, np.uint8, order="F")
    session.store.open_labels(LabelMap(voxels, session.volume.affine))
    assert findings._timer.isActive()
    opened.close()
    qtbot.waitUntil(lambda: not findings._timer.isActive())
    assert not findings.is_running
    assert not any(job.isRunning() for job in opened.controller.runner._live)
