"""Vessel trees as files: a map with names and colors, and the graph for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.labels import Label, LabelStyle
from liverview.core.stream import Progress
from liverview.core.volume import Volume
from liverview.files.atomic import TargetError
from liverview.files.format import TableOrder
from liverview.files.formats import DICOM
from liverview.files.images import iter_write_labels
from liverview.files.opening import PathLike, as_path
from liverview.vasculature.graph import TREE_STYLES, VesselTree
from liverview.vasculature.split import VesselTrees


def check_format(path: PathLike) -> None:
    """Refuse DICOM, whose segments are those of labels.

    Raises
    ------
    TargetError : where the name ends as that of a DICOM file.
    """
    if DICOM.has_suffix(as_path(path)):
        raise TargetError(
            f"{path} would be DICOM, in which vessel trees have no codes yet: choose a name that "
            "ends in .nii.gz, .nrrd or .mha."
        )


def iter_write_trees(
    path: Path,
    trees: VesselTrees,
    scan: Volume | None = None,
    *,
    overwrite: bool = False,
    label_table: TableOrder | str = TableOrder.TOTALSEGMENTATOR,
) -> Iterator[Progress]:
    """Write the map of trees as label maps are written: 4 portal vein, 5 hepatic veins, 2 neither.

    Raises
    ------
    TargetError : where the file exists and may not be replaced, cannot be written or is DICOM.
    """
    check_format(path)
    # Formats ask only for values with names and colors; these are no labels of the table.
    styles = cast("Mapping[Label, LabelStyle]", TREE_STYLES)
    yield from iter_write_labels(
        path, trees.labels, scan, styles=styles, overwrite=overwrite, label_table=label_table
    )


def trees_record(trees: VesselTrees) -> dict[str, Any]:
    """The graph for a JSON file, with volumes and lengths of each tree and all warnings."""
    return {
        "name": trees.labels.name,
        "trees": {
            tree.name.lower(): {
                "value": int(tree),
                "volume_ml": round(trees.volume_ml(tree), 3),
                "length_mm": round(trees.graph.length_mm(tree), 1),
                "branch_count": len(trees.graph.of_tree(tree)),
            }
            for tree in VesselTree
        },
        **trees.graph.to_dict(),
        "warnings": list(trees.warnings),
        "software": f"liverview {__version__}",
        "disclaimer": DISCLAIMER,
    }
