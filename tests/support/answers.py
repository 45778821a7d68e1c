"""A person's answers to the window's questions, prepared by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from liverview.core.coding import Meaning
from liverview.core.labels import Label, LabelStyle
from liverview.core.volume import Volume
from liverview.files.named_labels import NamedLabels
from liverview.phantoms.config import PhantomConfig
from liverview.ui.dialogs.questions import Dialogs, EditedLabels, Unsaved
from liverview.ui.dialogs.session_questions import Changed
from liverview.ui.jobs.export_work import MeshChoice, SegmentationChoice, TreeChoice

TIMEOUT_MS = 60_000


class Answers(Dialogs):
    """Answers that a test has prepared in place of a person's."""

    def __init__(self) -> None:
        self.scan: Path | None = None
        self.labels: Path | None = None
        self.reference: Path | None = None
        self.label_map: Path | None = None
        self.image: Path | None = None
        self.folder: Path | None = None
        self.replace = True
        self.mapping: dict[int, Meaning] | None = None
        self.number: int | None = 0
        self.config: PhantomConfig | None = None
        self.unsaved = Unsaved.DISCARD
        self.edited: EditedLabels | None = EditedLabels(keep=True, save=False)
        self.session_file: Path | None = None
        self.keep_history: bool | None = None
        self.changed = Changed.STAY
        self.mm: float | None = None
        self.export_file: Path | None = None
        self.segmentation: SegmentationChoice | None = None
        self.mesh: MeshChoice | None = None
        self.trees: TreeChoice | None = None
        self.asked: list[str] = []

    def scan_to_open(self) -> Path | None:
        return self.scan

    def folder_to_open(self) -> Path | None:
        return self.folder

    def labels_to_open(self) -> Path | None:
        return self.labels

    def reference_to_open(self) -> Path | None:
        return self.reference

    def label_map_to_write(self, suggested: Path, *, of_dicom: bool = False) -> Path | None:
        self.asked.append(suggested.name)
        return self.label_map

    def image_to_write(self, suggested: Path) -> Path | None:
        return self.image

    def folder_for_masks(self, suggested: Path) -> Path | None:
        return self.folder

    def folder_for_report(self, suggested: Path) -> Path | None:
        return self.folder

    def scan_to_write(self, suggested: Path) -> Path | None:
        self.asked.append(suggested.name)
        return self.export_file

    def file_to_export(self, title: str, suggested: Path) -> Path | None:
        self.asked.append(suggested.name)
        return self.export_file

    def folder_to_export(self, title: str, suggested: Path) -> Path | None:
        return self.folder

    def segmentation_choice(self, *, report: bool) -> SegmentationChoice | None:
        self.asked.append("segmentation beside a report" if report else "segmentation")
        return self.segmentation

    def mesh_choice(
        self, labels: Sequence[Label], styles: Mapping[Label, LabelStyle]
    ) -> MeshChoice | None:
        self.asked.append(f"meshes of {', '.join(label.name.lower() for label in labels)}")
        return self.mesh

    def tree_choice(self) -> TreeChoice | None:
        self.asked.append("trees")
        return self.trees

    def may_replace(self, paths: list[Path]) -> bool:
        self.asked.append("replace")
        return self.replace

    def labels_of_values(
        self, found: NamedLabels, styles: Mapping[Label, LabelStyle]
    ) -> dict[int, Meaning] | None:
        self.asked.append(f"labels of {found.unmapped}")
        return self.mapping

    def volume_number(self, path: Path, count: int) -> int | None:
        self.asked.append(f"one of {count}")
        return self.number

    def millimeters(self, title: str, question: str, suggested: float) -> float | None:
        self.asked.append(f"{title}, {suggested:g} mm")
        return self.mm

    def phantom(self) -> PhantomConfig | None:
        return self.config

    def scan_info(self, volume: Volume, path: Path | None) -> None:
        self.asked.append(f"scan info of {volume.name}")

    def unsaved_labels(
        self, segmenting: bool, what: str = "labels", session: str | None = None
    ) -> Unsaved:
        of = "" if session is None and what == "labels" else f" {what} of {session}"
        self.asked.append(f"unsaved{of}, segmenting" if segmenting else f"unsaved{of}")
        return self.unsaved

    def edited_labels(self, edited: str, saved: bool) -> EditedLabels | None:
        self.asked.append(f"edited: {edited}{'' if saved else ', unsaved'}")
        return self.edited

    def session_to_write(self, suggested: Path, history: bool) -> tuple[Path, bool] | None:
        self.asked.append(suggested.name)
        keeps = history if self.keep_history is None else self.keep_history
        return None if self.session_file is None else (self.session_file, keeps)

    def scan_of_session(self, session: str, name: str, place: str) -> Path | None:
        self.asked.append(f"where is {name}")
        return self.scan

    def changed_scan(self, session: str, scan: Path) -> Changed:
        self.asked.append(f"{scan.name} has changed")
        return self.changed
