"""Files of the open case: opening, saving, and the question before labels are lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from liverview.core.coding import Meaning
from liverview.core.grid import same_grid
from liverview.core.text import shown
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import resolved
from liverview.files.format import TableOrder
from liverview.files.formats import DICOM, case_name, labels_file_name
from liverview.files.sessions.container import is_session_file
from liverview.ui.dialogs.questions import Dialogs, Unsaved
from liverview.ui.jobs.controller import Controller
from liverview.ui.jobs.saving import Callback

if TYPE_CHECKING:
    from liverview.files.named_labels import NamedLabels
    from liverview.ui.flows.session_files import SessionFiles

P = ParamSpec("P")
T = TypeVar("T")


class CaseFiles(QObject):
    """Asks the person, then tells the controller.

    Attributes
    ----------
    dialogs : the questions; one object, so that they can be answered without a person.
    sessions : opens and saves session files, and knows what of the open one is not saved.

    Signals
    -------
    failed : a sentence about what went wrong.
    asked : a question that can wait, and what can be answered: pairs of a word and what it does.
    """

    failed = Signal(str)
    asked = Signal(str, object)

    def __init__(self, window: QWidget, controller: Controller) -> None:
        super().__init__(window)
        self.dialogs = Dialogs(window)
        self.session = controller.session
        self._window = window
        self.controller = controller
        self._asking = 0  # modal questions that are open
        self._offer: Callback | None = None  # shows what was loaded
        self.sessions: SessionFiles | None = None
        controller.loading.loaded.connect(self._on_loaded)
        controller.loading.volume_choice_needed.connect(self._on_volume_choice_needed)
        controller.loading.mapping_needed.connect(self._on_mapping_needed)
        controller.loading.labels_waiting.connect(self.after_saving)

    # ---- opening ---------------------------------------------------------------------------

    def choose_scan(self) -> None:
        """Ask for a scan and open it."""
        path = self.ask(self.dialogs.scan_to_open)
        if path is not None:
            self.open(path)

    def choose_folder(self) -> None:
        """Ask for a folder with DICOM and open it."""
        path = self.ask(self.dialogs.folder_to_open)
        if path is not None:
            self.open(path)

    def open(self, path: Path, series: str = "") -> None:
        """Open a scan, or a session with its scan; unsaved labels are asked about before.

        Of a folder, archive or file with DICOM, the volume with a `StudyFacts.series_key`.
        """
        if self.sessions is not None and is_session_file(path):
            self.sessions.open(path)
        else:
            self.controller.loading.open(path, series=series)

    def new_phantom(self) -> None:
        """Ask what kind of phantom is wanted and generate it."""
        config = self.ask(self.dialogs.phantom)
        if config is not None:
            self.controller.loading.generate(config)

    def choose_labels(self) -> None:
        """Ask for a label map of the open scan and show it in place of the labels."""
        path = self.ask(self.dialogs.labels_to_open)
        if path is not None:
            self.after_saving(partial(self.controller.loading.open_labels, path))

    def choose_reference(self) -> None:
        """Ask for a label map and compare the labels with it."""
        path = self.ask(self.dialogs.reference_to_open)
        if path is not None:
            self.controller.loading.open_reference(path)

    def open_files(self, paths: Sequence[Path]) -> None:
        """Open files that came together: a scan and its label map, in any order, or a session."""
        session = next((path for path in paths if is_session_file(path)), None)
        if session is not None:
            self.open(session)
            if len(paths) > 1:
                names = ", ".join(path.name for path in paths if path != session)
                self.asked.emit(shown(f"A session is opened alone: {names} left out."), [])
        elif len(paths) == 1:
            self.open(paths[0])
        elif paths:
            self.controller.loading.open_together(paths)

    def _on_loaded(
        self, volume: Volume, path: Path | None, truth: LabelMap | None, labels: Path | None
    ) -> None:
        show = partial(self._show, volume, path, truth, labels)
        if path is not None and labels is None and self._fits_open_scan(volume):
            show_labels = partial(self.controller.loading.open_labels, path)
            self._offer = None
            self.asked.emit(
                f"{path.name} is a label map on the grid of the open scan.",
                [
                    ("Show its labels", partial(self.after_saving, show_labels)),
                    ("Open it as a scan", partial(self.before_leaving, show)),
                ],
            )
        else:
            self.offer(show)

    def offer(self, show: Callback) -> None:
        """Show what was loaded, once no question is open and the person has saved what was."""
        self._offer = show
        self._take_offer()

    def _show(
        self, volume: Volume, path: Path | None, truth: LabelMap | None, labels: Path | None
    ) -> None:
        self.controller.show_volume(volume, path, truth)
        if labels is not None:
            self.controller.loading.open_labels(labels)

    def _fits_open_scan(self, volume: Volume) -> bool:
        """True where what was loaded is rather a label map of what is open."""
        from liverview.files.kinds import resembles_labels

        scan = self.session.volume
        return scan is not None and same_grid(scan, volume) and resembles_labels(volume)

    def _take_offer(self) -> None:
        """Show what was loaded; but no question may outlive the case that it is about."""
        offer = self._offer
        if offer is not None and not self._asking:
            self._offer = None
            self.before_leaving(offer)

    def _on_volume_choice_needed(self, path: Path, count: int, labels: Path | None) -> None:
        number = self.ask(self.dialogs.volume_number, path, count)
        if number is not None:
            self.controller.loading.open(path, number, labels)

    def _on_mapping_needed(
        self, path: Path, named: NamedLabels, again: Callable[[Mapping[int, Meaning]], None]
    ) -> None:
        mapping = self.ask(self.dialogs.labels_of_values, named, self.session.styles)
        if mapping is not None:
            again(mapping)

    # ---- saving ----------------------------------------------------------------------------

    def save(self, then: Callback | None = None) -> None:
        """Ask for a name and save the label map there; ``then`` is called once it is."""
        self._save(then)

    def save_with_side_files(self) -> None:
        """Ask for a name and save the label map with its names and colors beside it."""
        from liverview.files.sidefiles.writing import SideFiles

        path = self._ask_label_map()
        if path is None:
            return
        existing = [beside for beside in SideFiles.of(path) if beside.exists()]
        if self._is_the_scan(path):
            self._refuse(f"{path} is the open scan itself: choose another name.")
        elif not existing or self.ask(self.dialogs.may_replace, existing):
            self.controller.saving.save_labels(path, side_files=True)

    def _save(self, then: Callback | None) -> None:
        path = self._ask_label_map()
        if path is None:
            return
        if self._is_the_scan(path):
            self._refuse(f"{path} is the open scan itself: choose another name.")
        else:
            self.controller.saving.save_labels(path, then)

    def _ask_label_map(self) -> Path | None:
        volume = self.session.volume
        source = volume.source if volume is not None else None
        return self.ask(
            self.dialogs.label_map_to_write,
            self.beside(labels_file_name("")),
            of_dicom=source is not None and source.format == DICOM.name,
        )

    def save_masks(self) -> None:
        """Ask for a folder and save one mask per label there."""
        from liverview.files.images import mask_paths

        folder = self.ask(self.dialogs.folder_for_masks, self.beside("").parent)
        if folder is None or self.session.volume is None:
            return
        targets = mask_paths(folder, self.case_name).values()
        existing = [path for path in targets if path.exists()]
        if any(self._is_the_scan(path) for path in existing):
            self._refuse(f"{folder} holds the open scan under such a name: choose another.")
            return
        if not existing or self.ask(self.dialogs.may_replace, existing):
            self.controller.saving.save_masks(folder, self.case_name)

    @property
    def label_table(self) -> TableOrder:
        """The program that reads the names in the label maps that are saved."""
        return self.controller.saving.label_table

    def set_label_table(self, order: TableOrder) -> None:
        """Choose the program that reads the names in the label maps that are saved."""
        self.controller.saving.label_table = order

    def show_scan_info(self) -> None:
        """Tell size, spacing and remarks of the open scan."""
        if self.session.volume is not None:
            volume = self.session.volume
            told = volume if self.session.show_patient else replace(volume, study=None)
            self.ask(self.dialogs.scan_info, told, self.session.path)

    def beside(self, ending: str) -> Path:
        """A file name for the open case, in its folder."""
        near = self.session.path or (self.sessions.path if self.sessions is not None else None)
        folder = near.parent if near else Path.cwd()
        # Nothing is put among the files of a series.
        if near is not None and self._is_of_series(near):
            folder = folder.parent
        return folder / f"{self.case_name}{ending}"

    @property
    def case_name(self) -> str:
        """The name of the open case in titles and file names."""
        if self.session.path is not None:
            return case_name(self.session.path)
        return self.session.volume.name if self.session.volume else "liverview"

    def _is_of_series(self, path: Path) -> bool:
        """True for a file of the open series, of which there are others beside it."""
        volume = self.session.volume
        of_study = volume is not None and volume.study is not None and path == self.session.path
        return of_study and not path.is_dir() and path.suffix.lower() != ".zip"

    def _is_the_scan(self, path: Path) -> bool:
        scan = self.session.path
        return scan is not None and resolved(path) == resolved(scan)

    def _refuse(self, text: str) -> None:
        self.failed.emit(shown(text))

    # ---- questions -------------------------------------------------------------------------

    def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Put a modal question; what is loaded meanwhile waits for its end."""
        self._asking += 1
        try:
            return question(*args, **kwargs)
        finally:
            self._asking -= 1
            QTimer.singleShot(0, self._take_offer)

    def after_saving(self, then: Callback) -> None:
        """Go on now, or after the person has saved the labels."""
        if self._may_lose_labels(partial(self.after_saving, then)):
            then()

    def before_leaving(self, then: Callback) -> None:
        """Go on to another case now, or after the person has saved what is open."""
        if self.may_leave(partial(self.before_leaving, then)):
            then()

    def _go_on_without_more(self, later: Callback) -> None:
        """Go on once the label map is saved: what else there is was in the same question."""
        if self.sessions is not None:
            self.sessions.pass_over_extras()
        later()

    def may_leave(self, later: Callback) -> bool:
        """True where nothing of the case would be lost now; else ``later`` is called once saved."""
        what = self.sessions.unsaved if self.sessions is not None else ""
        return self._may_lose(what, later)

    def _may_lose_labels(self, later: Callback) -> bool:
        return self._may_lose("labels" if self.session.store.modified else "", later)

    def _may_lose(self, what: str, later: Callback) -> bool:
        if self.controller.saving.is_running:
            self.controller.saving.when_saved(later)
            return False
        if not what:
            return True
        segmenting, sessions = self.session.store.segmenting, self.sessions
        name = sessions.name if sessions is not None else None
        choice = self.ask(self.dialogs.unsaved_labels, segmenting, what, name)
        if choice in (Unsaved.SAVE, Unsaved.SESSION) and segmenting:
            self.controller.segmenting.stop()  # what is saved must hold still
        if choice is Unsaved.SAVE:
            self._save(partial(self._go_on_without_more, later))
        elif choice is Unsaved.SESSION and sessions is not None:
            sessions.save(later)
        return choice is Unsaved.DISCARD
