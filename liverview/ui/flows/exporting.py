"""Exports of the open case: the questions, the job with its progress, the sentence at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from liverview.core.labels import FOREGROUND, Label
from liverview.core.stream import Progress
from liverview.core.text import shown
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import resolved
from liverview.files.formats import DICOM
from liverview.ui.dialogs.export import ExportProgress, mesh_file_paths
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.jobs import export_work
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.export_work import Exported
from liverview.ui.jobs.job import Job, Outcome
from liverview.ui.live.vessel_division import VesselDivision

_TREES_FILE = "_trees.nii.gz"


class ExportFlow(QObject):
    """Runs one export at a time, beside whatever else runs.

    Attributes
    ----------
    progress : of the export that is under way, with its button to cancel; None where none is.

    Signals
    -------
    written : what was written, in a sentence or two.
    failed : a sentence about what went wrong.
    """

    written = Signal(str)
    failed = Signal(str)

    def __init__(
        self,
        window: QWidget,
        files: CaseFiles,
        controller: Controller,
        division: VesselDivision,
    ) -> None:
        super().__init__(controller)
        self._division = division
        self._window, self._files, self._controller = window, files, controller
        self._session = files.session
        self._job: Job | None = None
        self._said = ""
        self.progress: ExportProgress | None = None

    @property
    def job(self) -> Job | None:
        """The export that is under way."""
        return self._job

    # ---- commands --------------------------------------------------------------------------

    def save_scan(self) -> None:
        """Ask for a name and save the scan there."""
        volume = self._session.volume
        if volume is None or self._is_running():
            return
        path = self._files.ask(self._files.dialogs.scan_to_write, self._files.beside(""))
        if path is None or not self._may_write(path):
            return
        phantom = self._session.path is None and volume.source is None
        self._start("Saving the scan", export_work.iter_write_scan(path, volume, phantom=phantom))

    def save_segmentation(self) -> None:
        """Ask for options and a name, and save a DICOM segmentation."""
        case = self._dicom_case("A DICOM segmentation")
        if case is None:
            return
        choice = self._files.ask(self._files.dialogs.segmentation_choice, report=False)
        if choice is None:
            return
        path = self._ask_file("Save DICOM segmentation", "_seg.dcm")
        if path is not None:
            work = export_work.iter_export_segmentation(
                path, *case, dict(self._session.styles), choice
            )
            self._start("Saving the segmentation", work)

    def save_structured_report(self) -> None:
        """Ask for options and a name, and save a DICOM structured report."""
        case = self._dicom_case("A DICOM structured report")
        if case is None:
            return
        choice = self._files.ask(self._files.dialogs.segmentation_choice, report=True)
        if choice is None:
            return
        path = self._ask_file("Save DICOM structured report", "_sr.dcm")
        if path is None:
            return
        segmentation = path.with_name(f"{path.stem.removesuffix('_sr')}_seg.dcm")
        if segmentation == path or segmentation.exists():  # one that was exported by itself
            segmentation = path.with_name(f"{path.stem}_seg.dcm")
        if choice.wanted and not self._may_write(segmentation):
            return
        styles = dict(self._session.styles)
        work = export_work.iter_export_report(path, segmentation, *case, styles, choice)
        self._start("Saving the structured report", work)

    def save_key_images(self) -> None:
        """Ask for a folder and save key images in a new folder there."""
        case = self._dicom_case("Key images as DICOM")
        if case is None:
            return
        folder = self._ask_folder("Folder for the key images", "_key_images")
        if folder is not None:
            window = (self._session.level, self._session.width)
            styles = dict(self._session.styles)
            work = export_work.iter_export_key_images(folder, *case, styles, window)
            self._start("Saving key images", work)

    def save_meshes(self) -> None:
        """Ask which meshes are wanted and where, and save them."""
        session = self._session
        if session.volume is None or session.labels is None or self._is_running():
            return
        dialogs, ask = self._files.dialogs, self._files.ask
        there = [label for label in FOREGROUND if session.store.volume_ml(label) > 0]
        if not there:
            self.failed.emit("No meshes were saved: the labels are empty.")
            return
        choice = ask(dialogs.mesh_choice, there, dict(session.styles))
        if choice is None:
            return
        path = ask(dialogs.file_to_export, "Save meshes", self._files.beside(choice.suffix))
        if path is None or not self._may_replace(mesh_file_paths(path, choice)):
            return
        if session.store.can_be_saved:
            labels, styles = session.store.snapshot(), dict(session.styles)
            work = export_work.iter_export_meshes(path, labels, styles, choice)
            self._start("Saving meshes", work)
        else:
            self.failed.emit("No meshes were saved: the labels are not complete just now.")

    def save_trees(self) -> None:
        """Ask what is wanted and for a name, and save the vessels in two trees."""
        session, files = self._session, self._files
        if session.volume is None or session.labels is None or self._is_running():
            return
        if not session.store.volume_ml(Label.VESSEL) > 0:
            self.failed.emit("No vessel trees were saved: there are no vessels in the labels.")
            return
        choice = files.ask(files.dialogs.tree_choice)
        if choice is None:
            return
        path = files.ask(files.dialogs.label_map_to_write, files.beside(_TREES_FILE))
        if path is None or any(map(self._is_of_scan, choice.paths(path))):
            return
        if not self._may_replace(choice.paths(path)):
            return
        if session.store.can_be_saved:
            known, begins = self._division.current_trees, self._division.begins
            case = session.store.snapshot(), session.volume
            work = export_work.iter_export_trees(
                path, *case, known, dict(begins), choice, files.label_table
            )
            self._start("Saving vessel trees", work)
        else:
            self.failed.emit("No vessel trees were saved: the labels are not complete just now.")

    def save_deidentified(self) -> None:
        """Ask for a folder and save a de-identified copy of the series in a new folder there."""
        volume, place = self._session.volume, self._session.path
        if volume is None or self._is_running() or not self._is_dicom("A de-identified copy"):
            return
        if place is None:
            self.failed.emit(
                "A de-identified copy is made of files: this series came from a PACS; save it by "
                "Save scan as, open that, and try again."
            )
            return
        folder = self._ask_folder("Folder for the de-identified copy", "_deidentified")
        if folder is not None:
            work = export_work.iter_export_deidentified(folder, volume, place)
            self._start("Saving a de-identified copy", work)

    # ---- questions -------------------------------------------------------------------------

    def _dicom_case(self, wanted: str) -> tuple[LabelMap, Volume] | None:
        """Labels and scan for a DICOM object; None where there is none, which is said."""
        session = self._session
        if session.volume is None or self._is_running() or not self._is_dicom(wanted):
            return None
        if not session.store.can_be_saved:
            self.failed.emit(f"{wanted} was not saved: the labels are not complete just now.")
            return None
        return session.store.snapshot(), session.volume

    def _is_dicom(self, wanted: str) -> bool:
        """True where the scan is DICOM; else the way out is said."""
        volume = self._session.volume
        source = volume.source if volume is not None else None
        if source is not None and source.format == DICOM.name:
            return True
        self.failed.emit(
            f"{wanted} refers to a DICOM series, and this scan is none: open its DICOM files, or "
            "save it as a DICOM series by Save scan as and open that."
        )
        return False

    def _ask_file(self, title: str, ending: str) -> Path | None:
        path = self._files.ask(
            self._files.dialogs.file_to_export, title, self._files.beside(ending)
        )
        return path if path is not None and not self._is_of_scan(path) else None

    def _ask_folder(self, title: str, ending: str) -> Path | None:
        """A new folder, called as the case, in the one that the person chooses."""
        suggested = self._files.beside("").parent
        above = self._files.ask(self._files.dialogs.folder_to_export, title, suggested)
        if above is None:
            return None
        folder = above / f"{self._files.case_name}{ending}"
        return folder if self._may_write(folder) else None

    def _may_write(self, path: Path) -> bool:
        """True where nothing is there, or it may be replaced."""
        if self._is_of_scan(path):
            return False
        there = any(path.iterdir()) if path.is_dir() else path.is_file()
        return not there or self._files.ask(self._files.dialogs.may_replace, [path])

    def _may_replace(self, paths: Sequence[Path]) -> bool:
        """True where no file is there under a name that a dialog did not ask about."""
        there = [path for path in paths[1:] if path.exists()]
        return not there or self._files.ask(self._files.dialogs.may_replace, there)

    def _is_of_scan(self, path: Path) -> bool:
        """True for the open scan, and a folder that holds it, which is said."""
        scan = self._session.path
        target = resolved(path)
        if scan is None or (target != resolved(scan) and target not in resolved(scan).parents):
            return False
        self.failed.emit(shown(f"{path} holds the open scan itself: choose another name."))
        return True

    # ---- the job ---------------------------------------------------------------------------

    def _is_running(self) -> bool:
        if self._job is not None:
            self.failed.emit("Something is being exported already: wait until it is complete.")
        return self._job is not None

    def _start(self, title: str, work: Iterator[Progress | Exported]) -> None:
        self._job = job = self._controller.start_background(work)
        self.progress = ExportProgress(title, self._window)
        self.progress.canceled.connect(job.cancel)
        job.yielded.connect(self._on_item)
        job.ended.connect(self._on_ended)

    def _on_item(self, item: Progress | Exported) -> None:
        if isinstance(item, Exported):
            self._said = shown(" ".join(item.sentences))
        elif self.progress is not None:
            self.progress.setLabelText(f"{item.phase} …")
            self.progress.setValue(round(100 * item.fraction))

    def _on_ended(self, outcome: Outcome) -> None:
        self._job = None
        if self.progress is not None:
            self.progress.canceled.disconnect()
            self.progress.close()
            self.progress.deleteLater()
            self.progress = None
        if outcome is Outcome.DONE:
            self.written.emit(self._said)
        elif outcome is Outcome.CANCELED:
            self.written.emit("The export was canceled; nothing of it is left.")
