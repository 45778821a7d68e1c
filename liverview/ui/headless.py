"""The main job without a person: segment the open scan, write the results, quit."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QElapsedTimer, QObject, QTimer

from liverview.files.atomic import write_json
from liverview.files.formats import labels_file_name
from liverview.measurement.compute import measure
from liverview.measurement.export import measurement_record
from liverview.measurement.results import Measurement
from liverview.ui.jobs.job import Outcome
from liverview.ui.main_window import MainWindow
from liverview.ui.widgets.file_names import save_picture

_LAYOUT_MS = 200  # for the last repaints before the picture is taken


class HeadlessRun(QObject):
    """Drives a window by its own signals, as a person would by its menu.

    Attributes
    ----------
    exit_code : 0 once everything was written, 2 after a failure.
    """

    def __init__(self, window: MainWindow, out: Path) -> None:
        super().__init__(window)
        self.exit_code = 2
        self._window = window
        self._out = out
        self._clock = QElapsedTimer()
        self._seconds = 0.0
        self._saving_to: Path | None = None
        window.session.volume_changed.connect(self._on_volume_changed)
        window.controller.segmenting.segmented.connect(self._on_segmented)
        window.controller.saving.saved.connect(self._on_saved)
        window.controller.failed.connect(self._on_failed)
        window.controller.message.connect(self._on_message)

    def _on_volume_changed(self) -> None:
        self._clock.start()
        self._window.segment_when_idle()

    def _on_segmented(self, outcome: Outcome) -> None:
        if outcome is not Outcome.DONE:
            return
        self._seconds = self._clock.elapsed() / 1000
        assert self._window.session.volume is not None
        name = self._window.session.volume.name
        self._saving_to = self._out / labels_file_name(name)
        self._window.controller.saving.save_labels(self._saving_to)

    def _on_saved(self, path: Path) -> None:
        self._saving_to = None
        session = self._window.session
        assert session.volume is not None
        assert session.labels is not None
        measurement = measure(session.store.snapshot(), session.volume)
        device = self._window.actions_.segment.device
        record = measurement_record(
            session.volume, measurement, device=device, seconds=round(self._seconds, 2)
        )
        self._json_path = self._out / f"{session.volume.name}_measurement.json"
        write_json(self._json_path, record)
        self._show_largest_lesion(measurement)
        self._labels_path = path
        QTimer.singleShot(_LAYOUT_MS, self._save_screenshot)

    def _show_largest_lesion(self, measurement: Measurement) -> None:
        """Put the crosshair on the largest lesion, so that the picture shows it."""
        if measurement.lesions:
            self._window.session.set_crosshair(measurement.lesions[0].inside)

    def _save_screenshot(self) -> None:
        screenshot = self._out / "screenshot.png"
        saved = save_picture(self._window.pictures.grab_window(), screenshot)
        for path in (self._labels_path, self._json_path, screenshot):
            print(f"{path} written.")
        self.exit_code = 0 if saved else 2
        self._quit()

    def _on_failed(self, text: str, details: str) -> None:
        print(f"liverview: {text} {details}".rstrip(), file=sys.stderr)
        if self._saving_to is not None:
            self._keep_labels(self._saving_to)
        self._quit()

    def _keep_labels(self, path: Path) -> None:
        """They could not be saved where they were to go, and nobody is there to be asked."""
        from liverview.files.rescue import keep_elsewhere

        assert self._window.session.volume is not None
        kept = keep_elsewhere(
            path, self._window.session.store.snapshot(), self._window.session.volume
        )
        if kept is not None:
            print(f"liverview: the labels are kept in {kept}.", file=sys.stderr)

    def _on_message(self, text: str) -> None:
        print(text, file=sys.stderr)

    def _quit(self) -> None:
        self._window.hide()
        self._window.shut_down()
        QCoreApplication.exit(self.exit_code)
