"""The menu File > Export: what other programs and a PACS take."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.flows.exporting import ExportFlow


class ExportActions:
    """Commands of exports.

    Attributes
    ----------
    save_scan : saves the scan itself.
    """

    def __init__(self, factory: ActionFactory, flow: ExportFlow) -> None:
        make = factory.make_action
        self.save_scan = make(
            "Save scan as …", "", "Save the scan as DICOM series, NIfTI, NRRD, MHA", flow.save_scan
        )
        self._of_labels = [
            make(
                "DICOM se&gmentation …",
                "",
                "Save the labels as DICOM SEG, which refers to the slices of the scan",
                flow.save_segmentation,
            ),
            make(
                "DICOM structured &report …",
                "",
                "Save volumes, diameters and RECIST as DICOM SR",
                flow.save_structured_report,
            ),
            make(
                "DICOM &key images …",
                "",
                "Save pictures of the lesions as DICOM secondary captures",
                flow.save_key_images,
            ),
            make("&Meshes …", "", "Save surfaces of the labels", flow.save_meshes),
            make(
                "&Vessel trees …",
                "",
                "Save portal vein and hepatic veins as values of their own",
                flow.save_trees,
            ),
        ]
        self._of_scan = [
            make(
                "&De-identified copy …",
                "",
                "Save the DICOM series without what says whose it is",
                flow.save_deidentified,
            )
        ]
        self.menu = QMenu("E&xport", factory.window)
        self.menu.addActions(self._of_labels)
        self.menu.addSeparator()
        self.menu.addActions(self._of_scan)

    def update_enabled(self, *, has_volume: bool, savable: bool) -> None:
        """Enable what can be done now."""
        for action in self._of_labels:
            action.setEnabled(savable)
        for action in (self.save_scan, *self._of_scan):
            action.setEnabled(has_volume)
        self.menu.setEnabled(has_volume)
