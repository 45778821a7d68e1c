"""Opening DICOM in the window: one series at once, of several the table, by every way in."""

from __future__ import annotations

import queue
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from pydicom import Dataset
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from pytestqt.qtbot import QtBot

from liverview.core.labels import Label
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files import images
from liverview.files.dicom.places import contents as places
from liverview.ui.dialogs.series_model import COLUMNS, ENTRY_ROLE, warnings_of
from liverview.ui.dialogs.series_table import WIDE_PX, SeriesTable
from liverview.ui.jobs.series_work import SeriesEntry, SeriesList, iter_open_place
from liverview.ui.main_window import MainWindow
from liverview.ui.settings import recent_scans

from support.answers import TIMEOUT_MS, Answers
from support.dicom_series import pattern, slice_positions, write_series

HU = pattern(6, 7, 8)  # 8 slices


def ras(hu: np.ndarray) -> np.ndarray:
    """What an axial series of (slices, rows, columns) is in RAS+."""
    return hu.transpose(2, 1, 0)[::-1, ::-1]


def wait(qtbot: QtBot, window: MainWindow, act: Callable[[], object]) -> None:
    with qtbot.waitSignal(window.controller.idle, timeout=TIMEOUT_MS):
        act()


def is_open(window: MainWindow, hu: np.ndarray) -> bool:
    volume = window.session.volume
    return volume is not None and np.array_equal(volume.to_numpy(), ras(hu))


def table_of(qtbot: QtBot, window: MainWindow, act: Callable[[], object]) -> SeriesTable:
    """The table, once all is listed."""
    wait(qtbot, window, act)
    table = window.series.table
    assert table is not None
    assert table.listed is not None
    assert table.listed.complete
    return table


def descriptions(table: SeriesTable) -> list[str]:
    rows = range(table.order.rowCount())
    return [str(table.order.index(row, 3).data()).splitlines()[0] for row in rows]


def drop(window: MainWindow, paths: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    window.dropEvent(QDropEvent(QPointF(5, 5), action, data, buttons, keys))


def one(folder: Path, name: str = "liver", **options: object) -> Path:
    write_series(folder, HU, name=name, **options)
    return folder


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A folder with two CT series, one of MR, and a localizer."""
    place = tmp_path / "case_7" / "DICOM"
    one(place / "S0001", "arterial", SeriesNumber=2)
    write_series(place / "S0002", HU + 1, name="portal venous", SeriesNumber=3)
    write_series(place / "S0003", HU + 500, name="t1", Modality="MR", SeriesNumber=4)
    return place


# ---- ways in -----------------------------------------------------------------------------------


def test_one_series_opens_at_once_from_the_dialog_of_folders(
    qtbot: QtBot, window: MainWindow, answers: Answers, tmp_path: Path
) -> None:
    answers.folder = one(tmp_path / "case_7" / "S0001")
    wait(qtbot, window, window.actions_.file.open_folder.trigger)
    assert is_open(window, HU)
    assert window.series.table is None
    assert window.session.path == answers.folder
    assert window.session.volume.name == "case_7"


@pytest.mark.parametrize("way", ["folder", "files", "zip", "one file"])
def test_what_is_dropped_opens(qtbot: QtBot, window: MainWindow, tmp_path: Path, way: str) -> None:
    folder = one(tmp_path / "case_7" / "S0001")
    files = sorted(folder.iterdir())
    archive = tmp_path / "case_7.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in files:
            packed.write(path, f"disc/{path.name}")
    given = {
        "folder": [folder],
        "files": files,
        "zip": [archive],
        "one file": files[3:4],
    }[way]
    wait(qtbot, window, lambda: drop(window, given))
    assert is_open(window, HU)
    assert window.session.volume.name == "case_7"


def test_a_folder_is_dropped_with_its_label_map(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    folder = one(tmp_path / "case_7")
    *_, scan = iter_open_place([folder])
    voxels = np.zeros(scan.volume.shape, np.uint8)
    voxels[2:4, 2:5, 3:6] = Label.LIVER
    labels = LabelMap.from_array(voxels, scan.volume.affine)
    images.write_labels(tmp_path / "labels.nii.gz", labels)
    drop(window, [tmp_path / "labels.nii.gz", folder])
    qtbot.waitUntil(lambda: window.session.store.has_labels, timeout=TIMEOUT_MS)
    assert is_open(window, HU)
    assert np.array_equal(window.session.labels.voxels, voxels)


def test_a_localizer_beside_the_series_is_named_and_can_be_seen(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    one(tmp_path / "case_7" / "a")
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    write_series(tmp_path / "case_7" / "b", HU[:1], name="scout", **scout)
    wait(qtbot, window, lambda: window.open(tmp_path / "case_7"))
    assert is_open(window, HU)
    assert "1 localizer" in window.messages.text.text()
    (show,) = window.messages.buttons
    show.click()
    assert window.series.table is not None
    assert sorted(descriptions(window.series.table)) == ["liver", "scout"]
    window.series.table.reject()
    assert window.series.table is None


# ---- the table -----------------------------------------------------------------------------------


def test_of_several_series_one_is_chosen_in_the_table(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    table = table_of(qtbot, window, lambda: window.open(several))
    assert window.session.volume is None
    assert set(descriptions(table)) == {"arterial", "portal venous", "t1"}
    row = descriptions(table).index("arterial")
    wait(qtbot, window, lambda: table.table.doubleClicked.emit(table.order.index(row, 3)))
    assert is_open(window, HU)
    assert window.series.table is None
    assert window.session.path == several
    assert window.session.volume.study.series_description == "arterial"


def test_every_row_has_a_picture_of_its_middle_slice(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    table = table_of(qtbot, window, lambda: window.open(several))
    picture = Qt.ItemDataRole.DecorationRole
    rows = [table.model.index(row, 0) for row in range(3)]
    qtbot.waitUntil(lambda: all(index.data(picture) is not None for index in rows))
    names = [entry.volume.study.series_description for entry in table.model.entries]
    image = rows[names.index("arterial")].data(picture).toImage()
    gray = HU[4].astype(float)[:1, :]  # width 400 around 40: -160 is black, 240 white
    wanted = np.clip((gray + 160) / 400 * 255, 0, 255).astype(int)
    # Rows are .8 mm and columns .7 mm apart: as many columns, more rows.
    assert (image.width(), image.height()) == (7, 7)
    found = [image.pixelColor(column, 0).red() for column in range(7)]
    assert np.abs(wanted[0] - found).max() <= 12  # smoothed between rows


def test_the_table_is_filtered_and_sorted(qtbot: QtBot, window: MainWindow, several: Path) -> None:
    table = table_of(qtbot, window, lambda: window.open(several))
    table.table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert descriptions(table) == ["t1", "portal venous", "arterial"]
    table.filter.setText("venous CASE")
    assert descriptions(table) == ["portal venous"]
    table.filter.setText("nobody")
    assert descriptions(table) == []
    assert not table.open_button.isEnabled()
    table.reject()


def test_a_table_that_is_closed_opens_nothing(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    table = table_of(qtbot, window, lambda: window.open(several))
    qtbot.keyClick(table, Qt.Key.Key_Escape)
    assert window.series.table is None
    assert window.session.volume is None
    assert not window.controller.busy


def test_mr_is_opened_for_viewing_only(
    qtbot: QtBot, window: MainWindow, several: Path, answers: Answers
) -> None:
    table = table_of(qtbot, window, lambda: window.open(several))
    row = descriptions(table).index("t1")
    table.table.selectRow(row)
    assert "This is MR; liverview reads CT" in table.about.text()
    wait(qtbot, window, table.open_button.click)
    assert "This is MR" in window.messages.text.text()
    window.actions_.segment.run.trigger()
    assert not window.controller.busy
    assert "is MR, and liverview segments CT alone" in window.messages.text.text()
    assert not window.session.store.has_labels


def test_what_cannot_be_read_is_counted_and_told_on_request(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    damaged = sorted((several / "S0001").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:200])
    (several / "readme.txt").write_text("a disc")
    table = table_of(qtbot, window, lambda: window.open(several))
    assert "1 file could not be read, 1 other file" in table.count.text()
    assert not table.details.isVisible()
    table.details_button.click()
    assert table.details.isVisible()
    assert damaged.name in table.details.toPlainText()
    table.reject()


def test_a_folder_without_dicom_is_one_sentence(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("no scan")
    wait(qtbot, window, lambda: window.open(tmp_path / "notes"))
    assert "holds no DICOM images (1 other file)" in window.messages.text.text()
    assert window.session.volume is None
    assert window.series.table is None


def test_a_recent_series_opens_without_the_table(
    qtbot: QtBot, window: MainWindow, several: Path, make_window: Callable[[], MainWindow]
) -> None:
    table = table_of(qtbot, window, lambda: window.open(several))
    table.table.selectRow(descriptions(table).index("arterial"))
    wait(qtbot, window, table.open_button.click)
    (recent,) = recent_scans(window.settings)
    assert (recent.path, recent.words) == (several, "series 2, 8 slices")
    assert recent.series == window.session.volume.study.series_key
    window.close()
    again = make_window()
    (action,) = again.actions_.file.recent.actions()
    assert action.text() == "case_7/DICOM (series 2, 8 slices)"
    wait(qtbot, again, action.trigger)
    assert is_open(again, HU)
    assert again.series.table is None


def test_nothing_of_the_patient_is_in_the_settings(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    folder = one(tmp_path / "case_7", PatientName="Doe^Jane", PatientID="ID4711")
    wait(qtbot, window, lambda: window.open(folder))
    uid = window.session.volume.study.series_uid
    window.close()
    window.settings.sync()
    written = Path(window.settings.fileName()).read_text()
    assert "case_7" in written
    for secret in ("Doe", "Jane", "ID4711", "20260102", "19600101", uid):
        assert secret not in written


def test_without_a_window_to_ask_the_likeliest_is_taken(several: Path) -> None:
    *_, opened = iter_open_place([several], ask=False)
    assert opened.volume.study.modality == "CT"


def test_a_series_is_known_by_its_key_and_not_by_the_order(several: Path) -> None:
    lists = [item for item in iter_open_place([several]) if isinstance(item, SeriesList)]
    for entry in lists[-1].entries:
        *_, opened = iter_open_place([several], entry.key)
        assert opened.volume.study.series_key == entry.key
        assert isinstance(opened.volume, Volume)


def test_label_maps_are_saved_beside_the_folder_not_among_the_slices(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    folder = one(tmp_path / "case_7" / "S0001")
    wait(qtbot, window, lambda: window.open(folder))
    assert window.files.beside("_seg.nii.gz") == tmp_path / "case_7" / "case_7_seg.nii.gz"
    wait(qtbot, window, lambda: window.open(sorted(folder.iterdir())[0]))
    assert window.files.beside("_seg.nii.gz") == tmp_path / "case_7" / "case_7_seg.nii.gz"


def test_one_file_opens_the_table_where_its_series_has_several_volumes(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    def number(index: int, data: Dataset) -> None:
        data.AcquisitionNumber = 1 + index // 8

    twice = [*slice_positions(8), *slice_positions(8)]
    both = np.concatenate([HU, HU + 7])
    files = write_series(tmp_path / "case_7", both, twice, name="phases", change=number)
    one(tmp_path / "case_7" / "other", "other")  # of another folder, not asked for
    table = table_of(qtbot, window, lambda: window.open(files[0]))
    assert len(descriptions(table)) == 2
    assert all(text.startswith("phases – ") for text in descriptions(table))
    keys = [table.order.index(row, 0).data(ENTRY_ROLE).key for row in range(2)]
    opened = []
    for key in keys:  # the table goes with the first that is opened
        again = partial(window.controller.loading.open, files[0], series=key)
        wait(qtbot, window, again)
        opened.append(window.session.volume.to_numpy())
    assert {int((one - ras(HU)).max()) for one in opened} == {0, 7}


# ---- while a folder is read --------------------------------------------------------------------


class HeldListing:
    """A listing that goes on, by so many files, when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: queue.Queue[int] = queue.Queue()
        self.closed = Event()
        self._list = places.iter_list
        monkeypatch.setattr(places, "iter_list", self.run)

    def run(self, paths: list[Path]) -> Iterator[object]:
        files = sorted(path for path in paths[0].rglob("*") if path.is_file())
        try:
            while True:
                try:
                    count = self.steps.get(timeout=0.01)
                except queue.Empty:
                    yield Progress("Reading headers", 0.5)
                    continue
                *_, listing = self._list(files[:count])
                yield replace(listing, complete=count >= len(files))
                if count >= len(files):
                    return
        finally:
            self.closed.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> HeldListing:
    return HeldListing(monkeypatch)


def grow(qtbot: QtBot, window: MainWindow, held: HeldListing, files: int, rows: int) -> SeriesTable:
    held.steps.put(files)
    series = window.series
    qtbot.waitUntil(
        lambda: series.table is not None and len(series.table.model.entries) == rows,
        timeout=TIMEOUT_MS,
    )
    assert series.table is not None
    return series.table


def test_the_table_grows_and_keeps_what_is_selected(
    qtbot: QtBot, window: MainWindow, several: Path, held: HeldListing
) -> None:
    window.open(several)
    table = grow(qtbot, window, held, 12, rows=2)
    assert table.bar.isVisible()
    picked = descriptions(table).index("portal venous")
    table.table.selectRow(picked)
    entry = table.selected()
    assert entry is not None
    assert len(entry.volume.slices) == 4
    table = grow(qtbot, window, held, 20, rows=3)
    assert table.selected().key == entry.key
    assert len(table.selected().volume.slices) == 8
    # Chosen while it is read, it opens with all of its slices once they are known.
    table.open_button.click()
    assert window.session.volume is None
    assert "as soon as all files are listed" in table.about.text()
    held.steps.put(24)
    qtbot.waitUntil(lambda: is_open(window, HU + 1), timeout=TIMEOUT_MS)
    assert window.series.table is None


def test_only_cells_that_show_something_else_are_drawn_anew(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    """A list that comes while a folder is read has new entries, most of the same volumes."""
    table = table_of(qtbot, window, partial(window.open, several))
    pictured = [table.model.index(row, 0) for row in range(3)]
    qtbot.waitUntil(lambda: all(i.data(Qt.ItemDataRole.DecorationRole) for i in pictured))
    cells = table.table.cells
    before = table.grab().toImage()
    before_lists = cells.renderings
    assert before_lists >= 3 * 4  # rows, and columns that are on the screen at least

    def come(*first: SeriesEntry) -> None:
        rest = (replace(entry) for entry in table.listed.entries[len(first) :])
        table.take(replace(table.listed, entries=(*first, *rest)))
        table.table.viewport().update()

    for _ in range(20):
        come()
        assert table.grab().toImage() == before
    assert cells.renderings == before_lists
    grown = table.listed.entries[0]
    volume = replace(grown.volume, shape=(*grown.volume.shape[:2], 9))
    come(replace(grown, volume=volume))
    assert table.grab().toImage() != before
    slices = next(i for i, column in enumerate(COLUMNS) if column.title == "Slices")
    assert table.model.index(0, slices).data() == "9"
    assert before_lists < cells.renderings <= before_lists + 1  # that with the number of slices
    table.reject()


def test_closing_the_table_stops_the_reading(
    qtbot: QtBot, window: MainWindow, several: Path, held: HeldListing
) -> None:
    window.open(several)
    table = grow(qtbot, window, held, 12, rows=2)
    table.buttons.rejected.emit()
    qtbot.waitUntil(held.closed.is_set, timeout=TIMEOUT_MS)
    assert window.series.table is None
    assert not window.controller.busy


def test_the_cross_of_the_status_bar_closes_the_table_too(
    qtbot: QtBot, window: MainWindow, several: Path, held: HeldListing
) -> None:
    window.open(several)
    grow(qtbot, window, held, 12, rows=2)
    window.progress.cross.click()
    qtbot.waitUntil(held.closed.is_set, timeout=TIMEOUT_MS)
    assert window.series.table is None


def test_one_series_that_takes_long_is_shown_while_it_is_read_and_opens_then(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, held: HeldListing
) -> None:
    window.open(one(tmp_path / "case_7"))
    held.steps.put(3)
    qtbot.waitUntil(window.series.patience.isActive, timeout=TIMEOUT_MS)
    window.series.patience.timeout.emit()
    assert window.series.table is not None
    assert descriptions(window.series.table) == ["liver"]
    held.steps.put(8)
    qtbot.waitUntil(lambda: is_open(window, HU), timeout=TIMEOUT_MS)
    assert window.series.table is None


def test_the_window_closes_while_a_folder_is_read(
    qtbot: QtBot, window: MainWindow, several: Path, held: HeldListing
) -> None:
    window.open(several)
    table = grow(qtbot, window, held, 12, rows=2)
    window.close()
    assert held.closed.is_set()
    assert not table.isVisible()


# ---- labels among series -------------------------------------------------------------------------


def labels_of(folder: Path, target: Path) -> np.ndarray:
    """A segmentation of a series, written beside it; returns its voxels."""
    volume = images.read(folder)
    voxels = np.zeros(volume.shape, np.uint8)
    voxels[2:5, 2:5, 1:4] = Label.TUMOR
    images.write_labels(target, LabelMap(voxels, volume.affine), volume)
    return voxels


def test_a_segmentation_opens_with_that_one_of_two_phases_that_it_refers_to(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    """Both phases are of one study and one frame of reference."""
    voxels = labels_of(several / "S0002", several / "seg.dcm")
    table = table_of(qtbot, window, partial(window.files.open, several))
    row = next(e for e in table.model.entries if e.volume.study.modality == "SEG")
    table.select(row.key)
    wait(qtbot, window, table.open_selected)
    assert is_open(window, HU + 1)
    store = window.session.store
    qtbot.waitUntil(lambda: np.array_equal(store.snapshot().voxels, voxels), timeout=TIMEOUT_MS)


def test_a_segmentation_whose_series_is_not_there_says_so(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    elsewhere = one(several / "S0009", "delayed", SeriesNumber=9)
    labels_of(elsewhere, several / "seg.dcm")
    for path in elsewhere.iterdir():
        path.unlink()
    table = table_of(qtbot, window, partial(window.files.open, several))
    row = next(e for e in table.model.entries if e.volume.study.modality == "SEG")
    table.select(row.key)
    wait(qtbot, window, table.open_selected)
    assert window.session.volume is None
    assert "not clear which series" in window.messages.text.text()


def test_a_row_that_cannot_be_opened_says_why_without_a_path(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    def no_image(index: int, data: Dataset) -> None:
        del data.PixelData, data.Rows, data.Columns
        data.Modality = "SR"

    write_series(several / "S0005", HU[:1], name="dose", change=no_image)
    table = table_of(qtbot, window, partial(window.files.open, several))
    row = next(e for e in table.model.entries if e.volume.study.modality == "SR")
    assert row.refusal.startswith(str(several))
    assert warnings_of(row) == "It has no image (SR): choose a series of CT slices."


def test_the_table_fits_on_the_screen_and_shows_the_spacing_whole(
    qtbot: QtBot, window: MainWindow, several: Path
) -> None:
    table = table_of(qtbot, window, partial(window.files.open, several))
    room = table.screen().availableSize()
    assert table.width() <= room.width()
    assert table.height() <= room.height()
    spacing = next(i for i, column in enumerate(COLUMNS) if column.title.startswith("Spacing"))
    words = "0.703 × 0.703 × 2.25"
    assert table.fontMetrics().horizontalAdvance(words) < WIDE_PX["Spacing (mm)"]
    assert table.table.columnWidth(spacing) >= table.table.sizeHintForColumn(spacing)
