"""What the window's jobs run: generators that import heavy modules in their own bodies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray

from liverview.core.labels import Label, LabelStyle
from liverview.core.probability_maps import MapsSlab, maps_of
from liverview.core.stream import Notice, Progress, Slab
from liverview.core.volume import LabelMap, Volume, Voxel, turned

if TYPE_CHECKING:
    import numpy as np

    from liverview.evaluation.error_map import Box
    from liverview.evaluation.metrics import LabelScore
    from liverview.files.nifti import NamedLabels, Summary
    from liverview.measurement.markup.listing import Markups
    from liverview.measurement.results import Measurement
    from liverview.measurement.surface import Surface
    from liverview.phantom.config import Case, PhantomConfig
    from liverview.report.assembly import Reported
    from liverview.report.provenance import Origin

Styles: TypeAlias = Mapping[Label, LabelStyle]


def opening(path: Path, index: int | None = None) -> Iterator[Progress | Summary | Volume]:
    """Load a volume; of a 4D file with no ``index`` given, yield its summary instead."""
    from liverview.files import nifti

    yield Progress("Opening", 0.0)
    if index is None:
        summary = nifti.inspect(path)
        if summary.volumes > 1:
            yield summary
            return
    yield from nifti.load(path, index or 0)


def generating(config: PhantomConfig) -> Iterator[Progress | Case]:
    """Generate a phantom."""
    from liverview.phantom.generation import generate

    yield from generate(config)


def segmenting(
    volume: Volume, device: str, crosshair: tuple[int, int, int], keep_maps: bool = False
) -> Iterator[Progress | Notice | Slab | MapsSlab]:
    """Segment a volume from the crosshair outward; with ``keep_maps``, maps follow the slabs."""
    yield Progress("Loading the networks", 0.0)
    from liverview.inference.segmentation import load_models, segment

    how = {"probabilities": keep_maps, "gates": keep_maps}
    for item in segment(volume, load_models(), device, crosshair, **how):
        maps = maps_of(item) if isinstance(item, Slab) else None
        if maps is None:
            yield item
        else:
            assert isinstance(item, Slab)
            yield replace(item, probabilities=None, gates=None)
            yield maps


def warming_up() -> Iterator[None]:
    """Load what segmentation needs, so that the first one starts at once."""
    from liverview.inference import segmentation  # noqa: F401

    yield None


def diagnosing() -> Iterator[tuple[str, str]]:
    """Say what liverview runs on."""
    from liverview.networks import system_info

    yield from system_info.diagnosing()


def turning(voxels: NDArray[Any]) -> Iterator[NDArray[Any] | None]:
    """Copy voxels for the views of their slowest plane."""
    yield from turned(voxels)


def measuring(labels: LabelMap, volume: Volume) -> Iterator[Progress | Measurement]:
    """Measure the labels of the open scan."""
    from liverview.measurement import compute

    yield from compute.measuring(volume, labels)


def meshing(labels: LabelMap) -> Iterator[Progress | Surface]:
    """Make the surfaces of the labels."""
    from liverview.measurement.surface import surfaces

    yield from surfaces(labels)


def reading_labels(
    path: Path, volume: Volume, mapping: Mapping[int, Label] | None = None
) -> Iterator[Progress | Notice | NamedLabels | LabelMap]:
    """Read a label map that lies on the voxels of a volume.

    Where it has values whose label is not known, and no ``mapping`` says it, yield what the file
    has instead.
    """
    from liverview.evaluation.metrics import check_same_grid
    from liverview.files.nifti import NamedLabels, load_named

    for item in load_named(path):
        if not isinstance(item, NamedLabels):
            yield item
            continue
        labels = item.mapped(mapping)
        check_same_grid(volume, labels)
        if mapping is None and item.unmapped:
            yield item
            return
        if mapping is None and item.remark:
            yield Notice(f"{path.name}: {item.remark}")
        yield labels


def comparing(labels: LabelMap, reference: LabelMap) -> Iterator[Progress | LabelScore]:
    """Score the labels of the open scan, one after the other."""
    from liverview.evaluation.metrics import evaluating

    yield from evaluating(labels, reference)


def agreeing(
    labels: LabelMap, reference: LabelMap, label: Label
) -> Iterator[tuple[NDArray[np.uint8], Box]]:
    """Who of the two has which voxels of a label; see `liverview.evaluation.error_map`."""
    from liverview.evaluation.error_map import agreement

    yield agreement(labels, reference, label)


def saving_labels(
    path: Path, labels: LabelMap, volume: Volume, styles: Styles
) -> Iterator[Progress]:
    """Write the label map; the dialog has asked about replacing a file."""
    from liverview.files import nifti

    yield from nifti.save_labels(path, labels, volume, styles=styles, overwrite=True)


def saving_with_side_files(
    path: Path, labels: LabelMap, volume: Volume, styles: Styles
) -> Iterator[Progress]:
    """Write the label map and its side files; the window has asked about replacing files."""
    from liverview.files.sidefiles.weights import weights_sha256
    from liverview.files.sidefiles.writing import save_side_files

    yield from saving_labels(path, labels, volume, styles)
    yield from save_side_files(path, labels, styles, weights_sha256(), overwrite=True)


def saving_masks(
    folder: Path, labels: LabelMap, volume: Volume, styles: Styles
) -> Iterator[Progress]:
    """Write one mask per label; the window has asked about replacing files."""
    from liverview.files import nifti

    yield from nifti.save_masks(folder, volume.name, labels, volume, styles=styles, overwrite=True)


def reporting(
    volume: Volume,
    labels: LabelMap,
    folder: Path,
    origin: Origin,
    marks: Mapping[Voxel, str],
    markups: Markups,
    styles: Styles,
    window: tuple[float, float],
) -> Iterator[Progress | Reported]:
    """Write the report of a case; the window has asked about replacing files."""
    from liverview.networks.device import pick_device
    from liverview.printing.pdf import write_pdf
    from liverview.report import assembly

    if origin.device is not None:  # what "auto" was
        origin = replace(origin, device=str(pick_device(origin.device)))
    yield from assembly.reporting(
        volume, labels, folder, origin, write_pdf,
        marks=marks, markups=markups, styles=styles, window=window,
    )  # fmt: skip
