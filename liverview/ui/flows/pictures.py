"""Pictures of the window and of its views: into a file, or onto the clipboard."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.panels.patient_line import PatientLine
from liverview.ui.views.annotation import draw_text
from liverview.ui.views.linked_views import LinkedViews

_NOTE = "Research use only"
_NOTE_POINTS, _ABOVE_BADGES, _MARGIN = 8, 24, 8


class Pictures(QObject):
    """Takes pictures as they were before the question for a name.

    They are without the patient's name but where it is asked for; those of views say, as the
    window does, what they are not for.

    Signals
    -------
    copied : a few words, for the status bar.
    failed : a sentence about what went wrong.
    """

    copied = Signal(str)
    failed = Signal(str)

    def __init__(
        self, window: QWidget, files: CaseFiles, views: LinkedViews, patient: PatientLine
    ) -> None:
        super().__init__(window)
        self._window, self._files, self._views = window, files, views
        self._patient = patient
        self.with_patient = False

    def set_with_patient(self, with_patient: bool) -> None:
        """Leave the patient's name and study in pictures of the window, or blank them."""
        self.with_patient = with_patient

    def grab_window(self) -> QPixmap:
        """A picture of the window, the patient's name left out where nobody asked for it."""
        self._refresh_views()
        self._patient.blank = not self.with_patient
        try:
            return self._window.grab()
        finally:
            self._patient.blank = False

    def save_window(self) -> None:
        """Ask for a name and save a picture of the window."""
        self._save(self.grab_window(), "")

    def save_view(self) -> None:
        """Ask for a name and save a picture of the view that has the keys, else the axial one."""
        view = self._views.focused_view()
        number = view.session.crosshair[view.plane.axis] + 1
        self._save(self._picture_of(view), f"_{view.plane.name.lower()}_{number}")

    def save_views(self) -> None:
        """Ask for a name and save a picture of all views, as they share the space."""
        self._save(self._picture_of(self._views), "_views")

    def copy_view(self) -> None:
        """Put a picture of the view that has the keys, else the axial one, on the clipboard."""
        view = self._views.focused_view()
        QApplication.clipboard().setPixmap(self._picture_of(view))
        self.copied.emit(f"Picture of the {view.plane.name.lower()} view copied")

    def copy_views(self) -> None:
        """Put a picture of all views on the clipboard."""
        QApplication.clipboard().setPixmap(self._picture_of(self._views))
        self.copied.emit("Picture of all views copied")

    def _save(self, picture: QPixmap, ending: str) -> None:
        suggested = self._files.beside(f"{ending}.png")
        path = self._files.ask(self._files.dialogs.image_to_write, suggested)
        if path is not None and not picture.save(str(path)):
            self.failed.emit(f"{path} could not be written: choose another folder.")

    def _picture_of(self, widget: QWidget) -> QPixmap:
        """A picture of views, with the note at the lower left."""
        self._refresh_views()
        picture = widget.grab()
        area = QRectF(0, 0, widget.width(), widget.height())
        painter = QPainter(picture)
        inner = area.adjusted(_MARGIN, 0, 0, -_ABOVE_BADGES)
        draw_text(painter, inner, (0.0, 1.0), _NOTE, _NOTE_POINTS)
        painter.end()
        return picture

    def _refresh_views(self) -> None:
        """Draw what has changed since the last frame: a picture must not mix two slices."""
        for view in self._views.by_plane.values():
            view.refresh()
