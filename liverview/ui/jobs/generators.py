"""Generators that the window's jobs run; they import heavy modules in their own bodies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.candidates import LesionCandidates
from liverview.core.coding import Meaning
from liverview.core.labels import Label, LabelStyle
from liverview.core.probability_maps import ProbabilitySlab, probability_slab
from liverview.core.review import LesionMark
from liverview.core.slice_copies import iter_slice_contiguous_copy
from liverview.core.stream import Message, Progress, Slab
from liverview.core.volume import LabelMap, Plane, Volume
from liverview.editing.marks import Marks, Proposal

if TYPE_CHECKING:
    import numpy as np

    from liverview.editing.part_commands import EditedBlock, PartCommand
    from liverview.editing.part_workspace import PartGround
    from liverview.editing.parts import Part, Seed
    from liverview.files.format import TableOrder
    from liverview.files.named_labels import NamedLabels
    from liverview.measurement.markup.listing import Markups
    from liverview.phantoms.config import Phantom, PhantomConfig
    from liverview.report.assembly import WrittenReport
    from liverview.report.provenance import Provenance

Styles: TypeAlias = Mapping[Label, LabelStyle]


class OtherGrid(NamedTuple):
    """A label map on other voxels than the scan's: a sentence that says how far."""

    sentence: str


def iter_generate_phantom(config: PhantomConfig) -> Iterator[Progress | Phantom]:
    """Generate a phantom."""
    from liverview.phantoms.generation import iter_generate

    yield from iter_generate(config)


def iter_segment(
    volume: Volume, device: str, crosshair: tuple[int, int, int], keep_maps: bool = False
) -> Iterator[Progress | Message | Slab | ProbabilitySlab | LesionCandidates]:
    """Segment a volume from the crosshair outward; with ``keep_maps``, maps follow the slabs."""
    yield Progress("Loading the networks", 0.0)
    from liverview.inference.segmentation import iter_segment, load_models

    how = {"probabilities": keep_maps, "gates": keep_maps}
    for item in iter_segment(volume, load_models(), device, crosshair, **how):
        maps = probability_slab(item) if isinstance(item, Slab) else None
        if maps is None:
            yield item
        else:
            assert isinstance(item, Slab)
            yield replace(item, probabilities=None, gates=None)
            yield maps


def iter_warm_up() -> Iterator[None]:
    """Load what segmentation needs, so that the first one starts at once."""
    from liverview.inference import segmentation  # noqa: F401

    yield None


def iter_system_info() -> Iterator[tuple[str, str]]:
    """Say what liverview runs on."""
    from liverview.networks import system_info

    yield from system_info.iter_system_info()


def iter_slow_axis_copy(volume: Volume) -> Iterator[NDArray[Any] | None]:
    """Copy voxels for the views of their slowest plane."""
    yield from iter_slice_contiguous_copy(volume.voxels)


def iter_slow_axis_labels(
    labels: LabelMap, box: Box, plane: Plane
) -> Iterator[NDArray[Any] | None]:
    """Copy the labels of a box for the views of their slowest plane."""
    yield from iter_slice_contiguous_copy(labels.read(box), plane)


def iter_take_voxels(labels: LabelMap) -> Iterator[None]:
    """Copy labels that were lent, for whoever keeps them for long."""
    _ = labels.voxels
    yield None


def iter_copy_voxels(labels: LabelMap) -> Iterator[NDArray[Any]]:
    """Copy the voxels of labels, for whoever writes into them."""
    yield labels.read(Box.of_shape(labels.shape)).copy(order="K")


def iter_find_marked(
    labels: LabelMap, marks: Sequence[LesionMark]
) -> Iterator[Progress | tuple[LesionMark, ...]]:
    """Find marked lesions in other labels of the open scan."""
    from liverview.measurement.review import iter_find_marked

    yield from iter_find_marked(labels, marks)


def iter_find_parts(
    labels: LabelMap, seeds: Sequence[Seed]
) -> Iterator[Progress | tuple[Part, ...]]:
    """Find the parts of labels at seeds."""
    from liverview.editing.parts import find_parts

    yield find_parts(labels.voxels, seeds)


def iter_edit_parts(
    ground: PartGround, parts: Sequence[Part], command: PartCommand
) -> Iterator[EditedBlock | None]:
    """Work on parts; see `liverview.editing.part_commands`."""
    from liverview.editing.part_commands import iter_edit_parts

    yield from iter_edit_parts(ground, parts, command)


def iter_fill_between_slices(
    drawn: NDArray[np.bool_], axis: int, spacing: tuple[float, float, float]
) -> Iterator[list[tuple[Box, NDArray[np.bool_]]]]:
    """Interpolate contours that were drawn in some slices into the slices between them."""
    from liverview.editing.between_slices import fill_between_slices

    yield fill_between_slices(drawn, axis, spacing)


def iter_load_click_network() -> Iterator[None]:
    """Load the network that completes marks; it stays."""
    from liverview.inference.interactive import load_click_network

    load_click_network()
    yield None


class _Blocks:
    """Voxels of labels that are copied where they are looked at, not all of them."""

    def __init__(self, labels: LabelMap) -> None:
        self._labels = labels
        self.shape = labels.shape

    def __getitem__(self, sides: Any, /) -> NDArray[np.uint8]:
        box = Box.from_bounds([side.start for side in sides], [side.stop for side in sides])
        return self._labels.read(box)[tuple(slice(None, None, side.step) for side in sides)]


def iter_propose(
    volume: Volume, labels: LabelMap, marks: Marks, previous: Proposal | None
) -> Iterator[Proposal]:
    """Complete the marks of a person."""
    from liverview.inference.interactive import load_click_network, propose

    yield propose(volume, _Blocks(labels), marks, load_click_network(), previous=previous)


def iter_read_labels(
    path: Path,
    volume: Volume,
    mapping: Mapping[int, Meaning] | None = None,
    resample: bool = False,
) -> Iterator[Progress | Message | NamedLabels | OtherGrid | LabelMap]:
    """Read a label map onto the voxels of a volume.

    Where it has values whose label is not known, and no ``mapping`` says it, yield what the file
    has instead; where it lies on another grid, and nobody asked to ``resample`` it, yield that.
    """
    from liverview.core.grid import GridMismatchError
    from liverview.core.placing import iter_place_labels
    from liverview.files.images import iter_read_named_labels
    from liverview.files.named_labels import NamedLabels

    for item in iter_read_named_labels(path, grid=volume.grid):
        if not isinstance(item, NamedLabels):
            yield item
            continue
        labels = read = item.to_label_map(mapping)
        try:
            for step in iter_place_labels(read, volume, resample=resample):
                if isinstance(step, LabelMap):
                    labels = step
                else:
                    yield step
        except GridMismatchError as error:
            yield OtherGrid(str(error))
            return
        if mapping is None and item.unmapped:
            yield item
            return
        notes = [*labels.warnings[len(read.warnings) :]]
        if mapping is None and item.mapping_note:
            notes.append(f"{path.name}: {item.mapping_note}")
        if item.review.note:
            notes.append(f"{path.name}: {item.review.note}")
        if notes:
            yield Message(" ".join(notes))
        yield labels


def iter_write_labels(
    path: Path, labels: LabelMap, volume: Volume, styles: Styles, label_table: TableOrder
) -> Iterator[Progress]:
    """Write the label map; the dialog has asked about replacing a file."""
    from liverview.files import images

    yield from images.iter_write_labels(
        path, labels, volume, styles=styles, overwrite=True, label_table=label_table
    )


def iter_write_with_side_files(
    path: Path, labels: LabelMap, volume: Volume, styles: Styles, label_table: TableOrder
) -> Iterator[Progress]:
    """Write the label map and its side files; the window has asked about replacing files."""
    from liverview.files.sidefiles.weights import weights_sha256
    from liverview.files.sidefiles.writing import iter_write_side_files

    yield from iter_write_labels(path, labels, volume, styles, label_table)
    yield from iter_write_side_files(path, labels, styles, weights_sha256(), overwrite=True)


def iter_write_masks(
    name: str,
    folder: Path,
    labels: LabelMap,
    volume: Volume,
    styles: Styles,
    label_table: TableOrder,
) -> Iterator[Progress]:
    """Write one mask per label; the window has asked about replacing files."""
    from liverview.files import images

    yield from images.iter_write_masks(
        folder, name, labels, volume, styles=styles, overwrite=True, label_table=label_table
    )


def iter_write_report(
    volume: Volume,
    labels: LabelMap,
    folder: Path,
    origin: Provenance,
    markups: Markups,
    styles: Styles,
    window: tuple[float, float],
) -> Iterator[Progress | WrittenReport]:
    """Write the report of a case; the window has asked about replacing files."""
    from liverview.networks.runtime import pick_device
    from liverview.printing.pdf import write_pdf
    from liverview.report import assembly

    if origin.device is not None:  # what "auto" was
        origin = replace(origin, device=str(pick_device(origin.device)))
    yield from assembly.iter_write_report(
        volume, labels, folder, origin, write_pdf,
        markups=markups, styles=styles, window=window,
    )  # fmt: skip
