"""Generators of exports; they import heavy modules when they run. The last item is `Exported`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from liverview.core.grid import Voxel
from liverview.core.labels import Label, LabelStyle
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap, Volume
from liverview.files.format import TableOrder
from liverview.files.formats import case_name
from liverview.vasculature.graph import VesselTree

if TYPE_CHECKING:
    from liverview.vasculature.split import VesselTrees


class SegmentationChoice(NamedTuple):
    """How a DICOM segmentation is to be written.

    Attributes
    ----------
    label_map : of the label map type, else binary.
    per_lesion : a segment for each lesion.
    wanted : it is to be written at all.
    """

    label_map: bool = False
    per_lesion: bool = False
    wanted: bool = True


class MeshChoice(NamedTuple):
    """Which meshes are wanted.

    Attributes
    ----------
    suffix : of the files, such as .stl.
    labels : that get one.
    lps : world mm, LPS; else RAS.
    """

    suffix: str
    labels: tuple[Label, ...]
    lps: bool


class TreeChoice(NamedTuple):
    """Which files are wanted beside a map of vessel trees.

    Attributes
    ----------
    json : the graph.
    csv : its branches.
    """

    json: bool = False
    csv: bool = False

    def paths(self, path: Path) -> list[Path]:
        """The map, and the files beside it, called as it is."""
        wanted = {".json": self.json, ".csv": self.csv}
        stem = case_name(path)
        return [path, *(path.with_name(stem + end) for end, there in wanted.items() if there)]


class Exported(NamedTuple):
    """What was written.

    Attributes
    ----------
    sentences : what it is and where, and what a person should know of it.
    """

    sentences: tuple[str, ...]


def iter_write_scan(path: Path, volume: Volume, *, phantom: bool) -> Iterator[Progress | Exported]:
    """Write a scan; without a known suffix, as a DICOM series; the window has asked."""
    from liverview.files import formats, images

    if formats.has_known_suffix(path):
        yield from images.iter_write_volume(path, volume, overwrite=True)
        yield Exported((f"Scan saved and verified: {path}.",))
        return
    from liverview.files.dicom.writing.series_writing import iter_write_series

    yield from iter_write_series(path, volume, overwrite=True, phantom=phantom)
    files = len(list(path.iterdir()))
    yield Exported((f"{files} DICOM files saved and verified in {path}.",))


def iter_export_segmentation(
    path: Path,
    labels: LabelMap,
    volume: Volume,
    styles: Mapping[Label, LabelStyle],
    choice: SegmentationChoice,
) -> Iterator[Progress | Exported]:
    """Write a DICOM segmentation."""
    yield from _iter_write_segmentation(path, labels, volume, styles, choice)
    yield Exported((f"DICOM segmentation saved and verified: {path}.",))


def iter_export_report(
    path: Path,
    segmentation: Path,
    labels: LabelMap,
    volume: Volume,
    styles: Mapping[Label, LabelStyle],
    choice: SegmentationChoice,
) -> Iterator[Progress | Exported]:
    """Write a DICOM structured report, after the segmentation that it refers to."""
    from liverview.report.structured_report import iter_write_structured_report

    if choice.wanted:
        yield from _iter_write_segmentation(segmentation, labels, volume, styles, choice)
    referred = segmentation if choice.wanted else None
    yield from iter_write_structured_report(
        path, volume, labels, segmentation=referred, overwrite=True
    )
    beside = f", with the segmentation {segmentation.name}" if choice.wanted else ""
    yield Exported((f"DICOM structured report saved and verified: {path}{beside}.",))


def iter_export_meshes(
    path: Path,
    labels: LabelMap,
    styles: Mapping[Label, LabelStyle],
    choice: MeshChoice,
) -> Iterator[Progress | Exported]:
    """Write meshes of the labels that were chosen."""
    from liverview.measurement.mesh_files import WrittenMesh, iter_write_meshes

    names = []
    for item in iter_write_meshes(
        path, labels, lps=choice.lps, styles=styles, some=choice.labels, overwrite=True
    ):
        if isinstance(item, WrittenMesh):
            names.append(item.path.name)
        else:
            yield item
    axes = "left, back, up (LPS)" if choice.lps else "right, front, up (RAS)"
    yield Exported((f"{', '.join(names)} saved in {path.parent}: mm, {axes}.",))


def iter_export_trees(
    path: Path,
    labels: LabelMap,
    volume: Volume,
    known: VesselTrees | None,
    begins: Mapping[VesselTree, Voxel],
    choice: TreeChoice,
    label_table: TableOrder,
) -> Iterator[Progress | Exported]:
    """Write a map of vessel trees, divided now unless they are known, and its graph beside it."""
    from liverview.files.atomic import write_csv, write_json
    from liverview.vasculature.graph import BRANCH_COLUMNS
    from liverview.vasculature.saving import check_format, iter_write_trees, trees_record
    from liverview.vasculature.split import VesselTrees, iter_split_vessels

    check_format(path)
    trees = known
    if trees is None:
        seeds = {tree.name.lower(): voxel for tree, voxel in begins.items()}
        for item in iter_split_vessels(labels, volume, **seeds):
            if isinstance(item, VesselTrees):
                trees = item
            else:
                yield item
    assert trees is not None
    yield from iter_write_trees(path, trees, volume, overwrite=True, label_table=label_table)
    _, *beside = choice.paths(path)
    for other in beside:
        if other.suffix == ".json":
            write_json(other, trees_record(trees))
        else:
            write_csv(other, trees.graph.rows(), BRANCH_COLUMNS)
    names = ", ".join(["", *(other.name for other in beside)])
    yield Exported((f"Vessel trees saved and verified: {path}{names}.", *trees.warnings))


def iter_export_key_images(
    folder: Path,
    labels: LabelMap,
    volume: Volume,
    styles: Mapping[Label, LabelStyle],
    window: tuple[float, float],
) -> Iterator[Progress | Exported]:
    """Write a picture of each lesion."""
    from liverview.report.key_image_files import iter_write_key_images

    yield from iter_write_key_images(
        folder, volume, labels, styles=styles, window=window, overwrite=True
    )
    count = len(list(folder.iterdir()))
    if count:
        yield Exported((f"{count} key images saved in {folder}.",))
    else:
        folder.rmdir()
        yield Exported(("No key images were saved: there are no lesions.",))


def iter_export_deidentified(
    folder: Path, volume: Volume, place: Path
) -> Iterator[Progress | Exported]:
    """Write a copy of the open series, found again where it was opened from."""
    from liverview.files.dicom.deidentification.copying import Kept, iter_write_deidentified
    from liverview.files.dicom.places.contents import find_series, iter_list_places
    from liverview.files.dicom.places.listing import Listing
    from liverview.files.opening import ImageFileError

    found = None
    for item in iter_list_places([place]):
        if not isinstance(item, Listing):
            yield item
        elif volume.study is not None:
            found = find_series(item.volumes, volume.study.series_key)
    if found is None:
        raise ImageFileError(f"{place} does not hold the series any more: open it again.")
    for made in iter_write_deidentified(found, folder, overwrite=True):
        if isinstance(made, Kept):
            first = f"De-identified copy saved: {made.files} files in {folder}."
            yield Exported((first, *made.warnings, *made.sentences))
        else:
            yield made


def _iter_write_segmentation(
    path: Path,
    labels: LabelMap,
    volume: Volume,
    styles: Mapping[Label, LabelStyle],
    choice: SegmentationChoice,
) -> Iterator[Progress]:
    from liverview.files import images
    from liverview.files.dicom.segmentations.label_writing import SegmentationOptions

    options = SegmentationOptions(choice.label_map, choice.per_lesion)
    yield from images.iter_write_labels(
        path, labels, volume, styles=styles, overwrite=True, options=options
    )
