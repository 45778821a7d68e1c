"""Measurements as files: the content of the JSON, and two tables as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.labels import Label
from liverview.core.text import printable
from liverview.core.volume import Volume
from liverview.files.atomic import write_csv
from liverview.measurement import recist
from liverview.measurement.results import Lesion, Measurement


def measurement_figures(measurement: Measurement) -> dict[str, Any]:
    """All figures for JSON."""
    assessed = recist.assess_recist(measurement).to_dict()
    known = measurement.defines(Label.TUMOR)
    return {**measurement.to_dict(), "recist_1_1": assessed if known else None}


def measurement_record(volume: Volume, measurement: Measurement, **run: Any) -> dict[str, Any]:
    """The measurement file: the figures, and what they were made from and with."""
    return {
        "name": volume.name,
        "shape_voxels": list(volume.shape),
        "spacing_mm": [round(s, 4) for s in volume.spacing],
        "notes": list(volume.warnings),
        **measurement_figures(measurement),
        "software": f"liverview {__version__}",
        **run,
        "disclaimer": DISCLAIMER,
    }


def table_paths(folder: Path, name: str) -> tuple[Path, Path]:
    """The paths that `write_tables` writes: the table of lesions, and the row of the whole."""
    return folder / f"{name}_lesions.csv", folder / f"{name}_measurement.csv"


def write_tables(
    folder: Path,
    name: str,
    measurement: Measurement,
) -> tuple[Path, Path]:
    """Write the lesions, one a row, and the whole as one row; each whole or not at all.

    Parameters
    ----------
    name : of the scan, which begins the files' names and the row.

    Raises
    ------
    TargetError : where a file cannot be written.
    """
    paths = table_paths(folder, name)
    write_csv(paths[0], lesion_rows(measurement), LESION_COLUMNS)
    row = {"name": printable(name), **summary_row(measurement)}
    write_csv(paths[1], [row], tuple(row))
    return paths


LESION_COLUMNS = (
    "number",
    "volume_ml",
    "voxel_count",
    "axial_diameter_mm",
    "perpendicular_diameter_mm",
    "diameter_3d_mm",
    "mean_hu",
    "sd_hu",
    "centroid_x_mm",
    "centroid_y_mm",
    "centroid_z_mm",
    "axial_slice_index_ras",
    "certainty",
    "accepted",
    "recist_candidate",
    "recist_target",
    "excluded_reason",
    "partial",
)
"""Of the table of lesions; x, y, z are world coordinates, RAS+."""


def lesion_rows(measurement: Measurement) -> list[dict[str, Any]]:
    """A row per lesion, keys as in `LESION_COLUMNS`; None is no figure."""
    assessed = recist.assess_recist(measurement)
    return [
        {
            **_lesion_figures(lesion),
            "accepted": _yes_no(lesion.number in measurement.accepted),
            "recist_candidate": _yes_no(lesion in assessed.candidates),
            "recist_target": _yes_no(lesion in assessed.targets),
            "excluded_reason": assessed.excluded.get(lesion.number),
            "partial": _yes_no(measurement.partial),
        }
        for lesion in measurement.lesions
    ]


def summary_row(measurement: Measurement) -> dict[str, Any]:
    """The whole as one row, so that the rows of many scans make a table."""
    row = {key: v for key, v in measurement.to_dict().items() if not isinstance(v, list)}
    assessed = recist.assess_recist(measurement)
    known = measurement.defines(Label.TUMOR)
    return {
        **row,
        "partial": _yes_no(measurement.partial),
        "ruled_out_reasons": "; ".join(one.reason for one in measurement.ruled_out) or None,
        "recist_confirmed": _yes_no(assessed.confirmed) if known else None,
        "recist_candidate_count": len(assessed.candidates) if known else None,
        "recist_target_count": len(assessed.targets) if known else None,
        "recist_sum_of_diameters_mm": assessed.sum_of_diameters_mm if known else None,
        "recist_smallest_measurable_mm": assessed.smallest_mm,
    }


def _lesion_figures(lesion: Lesion) -> dict[str, Any]:
    """The figures of a row, of the columns that the lesion itself knows."""
    content = lesion.to_dict()
    x, y, z = content["centroid_mm"]
    content |= {"centroid_x_mm": x, "centroid_y_mm": y, "centroid_z_mm": z}
    return {column: content[column] for column in LESION_COLUMNS if column in content}


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"
