"""From a folder with DICOM to one volume: the table of series, its pictures, and what is left."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from liverview.core.text import shown
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.jobs import series_work
from liverview.ui.jobs.job import Job
from liverview.ui.jobs.series_work import SeriesEntry, SeriesList, Thumbnail
from liverview.ui.widgets.message_bar import MessageBar

if TYPE_CHECKING:
    from liverview.ui.dialogs.series_table import SeriesTable

_PATIENCE_MS = 700
_PICTURES_AT_ONCE = 8  # by one job, then what was listed meanwhile is looked at again


class SeriesChoice(QObject):
    """Shows the table once there is something to choose; one series alone opens without it.

    Attributes
    ----------
    table : while it is shown; None else.
    patience : runs while it is not known yet whether a place has one series alone.
    """

    def __init__(self, window: QWidget, files: CaseFiles, messages: MessageBar) -> None:
        super().__init__(files)
        self._window, self._files, self._messages = window, files, messages
        self._controller = files.controller
        self._loading = files.controller.loading
        self.table: SeriesTable | None = None
        self._pictured: dict[str, int] = {}  # how many slices a volume had then, by key
        self._thumbnails: Job | None = None
        self._latest: SeriesList | None = None
        self.patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self.patience.timeout.connect(self._on_out_of_patience)
        self._loading.series_listed.connect(self._on_listed)
        self._loading.series_left.connect(self._on_left)
        self._loading.labels_found.connect(self._on_labels_found)
        self._loading.changed.connect(self._on_loading_changed)
        self._loading.loaded.connect(self._close)
        files.session.progress_changed.connect(self._on_progress)

    def close(self) -> None:
        """Close the table; nothing of it is opened."""
        self._close()

    # ---- the table ---------------------------------------------------------------------------

    def _on_listed(self, listed: SeriesList) -> None:
        self._latest = listed
        if self.table is None and (listed.only is not None or _is_little(listed)):
            # So far it is one series alone; where that takes long, it is shown all the same.
            if not (listed.complete or self.patience.isActive()):
                self.patience.start()
            return
        self._show(listed)

    def _on_out_of_patience(self) -> None:
        if self._latest is not None and not self._latest.complete:
            self._show(self._latest)

    def _show(self, listed: SeriesList) -> None:
        if self.table is None:
            self._show_table()
        assert self.table is not None
        self.table.take(listed)
        self._picture_some()

    def _show_table(self) -> None:
        from liverview.ui.dialogs.series_table import SeriesTable

        self.table = SeriesTable(self._window)
        self._pictured = {}
        self.table.chosen.connect(self._on_chosen)
        self.table.canceled.connect(self._on_canceled)
        self._on_progress()
        self.table.show()

    def _on_progress(self) -> None:
        if self.table is not None:
            listing = self._loading.is_running
            self.table.show_progress(self._files.session.progress if listing else None)

    def _on_loading_changed(self) -> None:
        """A listing that was stopped, or has failed, leaves nothing whole to choose from."""
        if self._loading.is_running:
            return
        self.patience.stop()
        if self.table is None:
            return
        self.table.show_progress(None)
        if self.table.listed is None or not self.table.listed.complete:
            self._close()

    def _on_canceled(self) -> None:
        listed = self.table.listed if self.table is not None else None
        self._close()
        if listed is not None and not listed.complete:
            self._loading.cancel()

    def _close(self) -> None:
        self.patience.stop()
        self._latest = None
        if self._thumbnails is not None:
            self._thumbnails.cancel()
            self._thumbnails = None
        if self.table is not None:
            table, self.table = self.table, None
            table.hide()
            table.deleteLater()

    # ---- pictures ----------------------------------------------------------------------------

    def _picture_some(self) -> None:
        """Have volumes pictured that have no picture yet, or one of another middle, by rank."""
        if self.table is None or self.table.listed is None or self._thumbnails is not None:
            return
        listed = self.table.listed
        wanted = [
            entry
            for entry in listed.entries
            if entry.key not in self._pictured
            or (listed.complete and self._pictured[entry.key] != len(entry.volume.slices))
        ][:_PICTURES_AT_ONCE]
        if not wanted:
            return
        self._pictured |= {entry.key: len(entry.volume.slices) for entry in wanted}
        work = series_work.iter_thumbnails(wanted)
        self._thumbnails = job = self._controller.start_background(work)
        job.yielded.connect(self._on_thumbnail)
        job.ended.connect(partial(self._on_thumbnails_ended, job))

    def _on_thumbnail(self, thumbnail: Thumbnail) -> None:
        if self.table is not None:
            self.table.set_thumbnail(thumbnail)

    def _on_thumbnails_ended(self, job: Job, outcome: object) -> None:
        if job is self._thumbnails:
            self._thumbnails = None
            self._picture_some()

    # ---- opening -----------------------------------------------------------------------------

    def _on_chosen(self, entry: SeriesEntry) -> None:
        from liverview.files.dicom.series.series_volume import SeriesKind

        assert self.table is not None
        assert self.table.listed is not None
        listed = self.table.listed
        self._close()
        if entry.volume.kind is SeriesKind.LABELS:
            self._loading.open_listed_labels(listed, entry)
        else:
            self._loading.open_series(entry.volume, listed.place, listed.labels)

    def _on_left(self, listed: SeriesList) -> None:
        """Say what a place has beside the one series that was opened."""
        kinds = Counter(entry.volume.kind.value for entry in listed.entries)
        kinds["CT"] -= 1
        words = ", ".join(
            f"{number} {kind}" for kind, number in sorted(kinds.items()) if number > 0
        )
        self._messages.add_message(
            shown(f"Beside this series, {listed.place.name} holds {words}."),
            [("Show all", partial(self._on_listed_again, listed))],
        )

    def _on_listed_again(self, listed: SeriesList) -> None:
        self._close()
        self._show(listed)

    def _on_labels_found(self, path: Path) -> None:
        """A file is a segmentation: it is for the scan that is open."""
        files, name = self._files, shown(path.name)
        if files.session.volume is None:
            files.failed.emit(
                f"{name} is a segmentation: open the scan that it is of first, then this file."
            )
            return
        show = partial(self._loading.open_labels, path)
        files.asked.emit(
            f"{name} is a segmentation.",
            [
                ("Show its labels", partial(files.after_saving, show)),
                ("Compare with it", partial(self._loading.open_reference, path)),
            ],
        )


def _is_little(listed: SeriesList) -> bool:
    """True while what was listed so far may still become one series alone."""
    from liverview.files.dicom.series.series_volume import SeriesKind

    aside = (SeriesKind.LOCALIZER, SeriesKind.NO_IMAGE)
    chosen = [entry for entry in listed.entries if entry.volume.kind not in aside]
    return not listed.complete and len(chosen) < 2
