"""liverview: a desktop viewer that segments liver, vessels and tumors on CT.

What is public from Python is in ``__all__``, see docs/python_api.md. Names are imported when they
are first used, so that ``import liverview`` loads neither Qt nor torch nor NumPy.
"""

from __future__ import annotations

import importlib

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.offline_imports import keep_pydicom_offline

keep_pydicom_offline()
TYPE_CHECKING = False  # type checkers take it for typing's, whose import would be the slowest here
if TYPE_CHECKING:
    from liverview.core.box import Box
    from liverview.core.candidates import LesionCandidate, LesionCandidates
    from liverview.core.errors import LiverviewError
    from liverview.core.grid import Grid
    from liverview.core.labels import Label
    from liverview.core.placing import place_labels
    from liverview.core.stream import Message, Progress, Slab
    from liverview.core.volume import LabelMap, Volume
    from liverview.evaluation.scores import LabelScore
    from liverview.evaluation.scoring import evaluate
    from liverview.files.dicom.api import deidentify, find_series, write_series
    from liverview.files.dicom.deidentification.copying import Kept
    from liverview.files.dicom.places.recommendation import Recommendation
    from liverview.files.dicom.segmentations.label_writing import SegmentationOptions
    from liverview.files.dicom.series.series_volume import SeriesVolume
    from liverview.files.images import (
        iter_read,
        iter_write_labels,
        read,
        read_labels,
        read_summary,
        write_labels,
        write_masks,
        write_volume,
    )
    from liverview.files.nibabel_images import (
        labels_from_nibabel,
        to_nibabel,
        volume_from_nibabel,
    )
    from liverview.files.sitk_images import labels_from_sitk, to_sitk, volume_from_sitk
    from liverview.inference.api import iter_segment, segment
    from liverview.measurement.compute import measure
    from liverview.measurement.mesh_files import WrittenMesh, write_meshes
    from liverview.measurement.results import Lesion, Measurement
    from liverview.measurement.surface import Surface, surfaces
    from liverview.phantoms.api import phantom
    from liverview.phantoms.config import Phantom
    from liverview.printing.case_report import write_report
    from liverview.report.api import write_structured_report
    from liverview.vasculature.graph import VesselGraph, VesselTree
    from liverview.vasculature.split import VesselTrees, iter_split_vessels, split_vessels

_HOME = {
    "Box": "core.box",
    "Grid": "core.grid",
    "Kept": "files.dicom.deidentification.copying",
    "Label": "core.labels",
    "LabelMap": "core.volume",
    "LabelScore": "evaluation.scores",
    "Lesion": "measurement.results",
    "LesionCandidate": "core.candidates",
    "LesionCandidates": "core.candidates",
    "LiverviewError": "core.errors",
    "Measurement": "measurement.results",
    "Message": "core.stream",
    "Phantom": "phantoms.config",
    "Progress": "core.stream",
    "Recommendation": "files.dicom.places.recommendation",
    "SegmentationOptions": "files.dicom.segmentations.label_writing",
    "SeriesVolume": "files.dicom.series.series_volume",
    "Slab": "core.stream",
    "Surface": "measurement.surface",
    "VesselGraph": "vasculature.graph",
    "VesselTree": "vasculature.graph",
    "VesselTrees": "vasculature.split",
    "Volume": "core.volume",
    "WrittenMesh": "measurement.mesh_files",
    "deidentify": "files.dicom.api",
    "evaluate": "evaluation.scoring",
    "find_series": "files.dicom.api",
    "iter_read": "files.images",
    "iter_segment": "inference.api",
    "iter_split_vessels": "vasculature.split",
    "iter_write_labels": "files.images",
    "labels_from_nibabel": "files.nibabel_images",
    "labels_from_sitk": "files.sitk_images",
    "measure": "measurement.compute",
    "phantom": "phantoms.api",
    "place_labels": "core.placing",
    "read": "files.images",
    "read_labels": "files.images",
    "read_summary": "files.images",
    "segment": "inference.api",
    "split_vessels": "vasculature.split",
    "surfaces": "measurement.surface",
    "to_nibabel": "files.nibabel_images",
    "to_sitk": "files.sitk_images",
    "volume_from_nibabel": "files.nibabel_images",
    "volume_from_sitk": "files.sitk_images",
    "write_labels": "files.images",
    "write_masks": "files.images",
    "write_meshes": "measurement.mesh_files",
    "write_report": "printing.case_report",
    "write_series": "files.dicom.api",
    "write_structured_report": "report.api",
    "write_volume": "files.images",
}
"""The module of each public name."""

__all__ = [
    "DISCLAIMER",
    "Box",
    "Grid",
    "Kept",
    "Label",
    "LabelMap",
    "LabelScore",
    "Lesion",
    "LesionCandidate",
    "LesionCandidates",
    "LiverviewError",
    "Measurement",
    "Message",
    "Phantom",
    "Progress",
    "Recommendation",
    "SegmentationOptions",
    "SeriesVolume",
    "Slab",
    "Surface",
    "VesselGraph",
    "VesselTree",
    "VesselTrees",
    "Volume",
    "WrittenMesh",
    "__version__",
    "deidentify",
    "evaluate",
    "find_series",
    "iter_read",
    "iter_segment",
    "iter_split_vessels",
    "iter_write_labels",
    "labels_from_nibabel",
    "labels_from_sitk",
    "measure",
    "phantom",
    "place_labels",
    "read",
    "read_labels",
    "read_summary",
    "segment",
    "split_vessels",
    "surfaces",
    "to_nibabel",
    "to_sitk",
    "volume_from_nibabel",
    "volume_from_sitk",
    "write_labels",
    "write_masks",
    "write_meshes",
    "write_report",
    "write_series",
    "write_structured_report",
    "write_volume",
]


if not TYPE_CHECKING:  # or checkers would pass any name

    def __getattr__(name):
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value  # found at once from now on
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
