"""Files of meshes of labels, for printing, teaching and other programs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liverview.core.checks import require_labels
from liverview.core.errors import LiverviewError
from liverview.core.labels import (
    FOREGROUND,
    Label,
    LabelStyle,
    default_styles,
    label_entry,
    label_mask,
)
from liverview.core.stream import Progress, ProgressCallback
from liverview.core.volume import LabelMap
from liverview.files import atomic
from liverview.files.opening import PathLike, as_path
from liverview.measurement.closed_surface import ClosedSurface, iter_closed_surfaces
from liverview.measurement.mesh_formats import (
    MTL,
    OBJ,
    SCENES,
    SINGLE,
    SUFFIXES,
    Mesh,
    obj_bytes,
)

_LARGEST_SMOOTHING_MM = 20.0


@dataclass(frozen=True)
class WrittenMesh:
    """A mesh that was written.

    Attributes
    ----------
    path : of the file.
    names : of the labels in it.
    volume_ml : what each encloses, in that order.

    Examples
    --------
    >>> import liverview as lv
    >>> liver, vessel, tumor = lv.write_meshes("case.ply", lv.read_labels("labels.nii.gz"))
    >>> liver.path.name, liver.names
    ('case_liver.ply', ('Liver',))
    """

    path: Path
    names: tuple[str, ...]
    volume_ml: tuple[float, ...]


def mesh_paths(
    path_or_folder: Path,
    labels: LabelMap,
    suffix: str | None = None,
    some: Collection[Label] = tuple(FOREGROUND),
) -> dict[Path, tuple[Label, ...]]:
    """The files that `iter_write_meshes` writes, beside materials, and the labels in each.

    Raises
    ------
    TargetError : where the name asks for no format of meshes.
    """
    wanted = [label for label in FOREGROUND if label in some]
    there = tuple(label for label in wanted if label_mask(labels.voxels, label).any())
    own = path_or_folder.suffix.lower()
    if own and suffix is None and own not in SUFFIXES and not path_or_folder.is_dir():
        raise atomic.TargetError(
            f"{path_or_folder} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, or be a "
            "folder."
        )
    if own in SUFFIXES and not path_or_folder.is_dir() and suffix in (None, own):
        if own not in SINGLE:
            return {path_or_folder: there} if there else {}
        stem = path_or_folder.with_suffix("")
        singles: dict[Path, tuple[Label, ...]] = {
            stem.with_name(f"{stem.name}_{_word(label)}{own}"): (label,) for label in there
        }
        return singles
    ending = suffix or ".stl"
    if ending not in SUFFIXES:
        raise atomic.TargetError(
            f"{ending} is no format of meshes: choose {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}."
        )
    each: dict[Path, tuple[Label, ...]] = {
        path_or_folder / f"{labels.name}_{_word(label)}{ending}": (label,) for label in there
    }
    together = {path_or_folder / f"{labels.name}{ending}": there}
    return each if ending in SINGLE or len(there) < 2 else {**each, **together}


def iter_write_meshes(
    path_or_folder: Path,
    labels: LabelMap,
    *,
    suffix: str | None = None,
    lps: bool = False,
    smoothing_mm: float | None = None,
    styles: Mapping[Label, LabelStyle] | None = None,
    some: Collection[Label] = tuple(FOREGROUND),
    overwrite: bool = False,
) -> Iterator[Progress | WrittenMesh]:
    """Write a watertight mesh of each label that there is; yields progress, and what is written.

    The liver is the whole organ. Volumes are those of the labels to within 1 %. The unit is mm;
    files that have room for words say so, with the axes and the smoothing.

    Parameters
    ----------
    path_or_folder : a file: OBJ, 3MF and GLB hold all labels in one; STL and PLY one each, whose
        name is put before the suffix. Or a folder, for a file of each label and, where the format
        can, one with all.
    suffix : of the files in a folder; by default ``.stl``.
    lps : coordinates grow to the left, the back and the head, as in DICOM and 3D Slicer's files;
        by default to the right, the front and the head, as in NIfTI.
    smoothing_mm : standard deviation of the blur that takes the steps of voxels away; by default
        each label's own.
    styles : names and colors, by default those of liverview.
    some : the labels that get one, where they are there.
    overwrite : replace files that are there.

    Raises
    ------
    TargetError : where a file is there and may not be replaced, or cannot be written.
    LiverviewError : where there is no label, or a smoothing that cannot be.
    """
    require_labels(labels)
    if smoothing_mm is not None and not 0 <= smoothing_mm <= _LARGEST_SMOOTHING_MM:
        raise LiverviewError(
            f"a smoothing of {smoothing_mm:g} mm cannot be: it must be from 0 to "
            f"{_LARGEST_SMOOTHING_MM:g} mm."
        )
    paths = mesh_paths(path_or_folder, labels, suffix, some)
    if not paths:
        raise LiverviewError(f"{labels.name} holds no label: there is nothing to make a mesh of.")
    for path in paths:
        atomic.check_target(path, overwrite=overwrite)
        if path.suffix.lower() == OBJ:
            atomic.check_target(path.with_suffix(MTL), overwrite=overwrite)
    named = styles or default_styles()
    made: dict[Label, ClosedSurface] = {}
    for item in iter_closed_surfaces(labels, smoothing_mm=smoothing_mm):
        if isinstance(item, Progress):
            yield Progress(item.phase, 0.8 * item.fraction)
        else:
            made[item.label] = item
    for n, (path, which) in enumerate(paths.items()):
        yield Progress("Writing", 0.8 + 0.2 * n / len(paths))
        surfaces = [made[label] for label in which]
        _write_file(path, surfaces, named, lps=lps)
        names = tuple(named[label].name for label in which)
        yield WrittenMesh(path, names, tuple(surface.volume_ml for surface in surfaces))
    yield Progress("Saved", 1.0)


def write_meshes(
    path_or_folder: PathLike,
    labels: LabelMap,
    *,
    suffix: str | None = None,
    lps: bool = False,
    smoothing_mm: float | None = None,
    some: Collection[Label] = tuple(FOREGROUND),
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> tuple[WrittenMesh, ...]:
    """Write a watertight mesh of each label that there is, in mm.

    Parameters
    ----------
    path_or_folder : a file: OBJ, 3MF and GLB hold all labels in one; STL and PLY one each, whose
        name is put before the suffix. Or a folder that is there, for a file of each label.
    suffix : of the files in a folder; by default ``.stl``.
    lps : coordinates grow to the left, the back and the head, as in DICOM; by default to the right,
        the front and the head, as in NIfTI.
    smoothing_mm : standard deviation of the blur that takes the steps of voxels away; by default
        each label's own.
    some : the labels that get one, where they are there.
    overwrite : replace files that are there.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    TargetError : where a file is there and may not be replaced, or cannot be written.
    LiverviewError : where there is no label, or a smoothing that cannot be.

    Examples
    --------
    >>> import liverview as lv
    >>> mesh, = lv.write_meshes("case.3mf", lv.read_labels("labels.nii.gz"))
    >>> mesh.names
    ('Liver', 'Vessels', 'Tumor')
    """
    written = []
    work = iter_write_meshes(
        as_path(path_or_folder),
        labels,
        suffix=suffix,
        lps=lps,
        smoothing_mm=smoothing_mm,
        some=some,
        overwrite=overwrite,
    )
    for item in work:
        if isinstance(item, WrittenMesh):
            written.append(item)
        elif progress is not None:
            progress(item)
    return tuple(written)


def _write_file(
    path: Path,
    surfaces: Sequence[ClosedSurface],
    styles: Mapping[Label, LabelStyle],
    *,
    lps: bool,
) -> None:
    turn = np.array([-1.0, -1.0, 1.0] if lps else [1.0, 1.0, 1.0])
    meshes = [
        Mesh(
            styles[one.label].name,
            styles[one.label].color,
            label_entry(one.label).mesh.opacity,
            (one.vertices * turn).astype(np.float32),
            one.faces,
        )
        for one in surfaces
    ]
    axes = "LPS" if lps else "RAS"
    blurs = {f"{one.smoothing_mm:g}" for one in surfaces}
    words = f"mm, {axes}+, smoothed by {' / '.join(sorted(blurs))} mm (Gaussian SD), same volume"
    suffix = path.suffix.lower()
    if suffix == OBJ:
        materials = path.with_suffix(MTL)
        content, described = obj_bytes(meshes, words, materials.name.replace(" ", "_"))
        _write_bytes(materials, described)
        _write_bytes(path, content)
        return
    _write_bytes(path, {**SINGLE, **SCENES}[suffix](meshes, words))


def _write_bytes(path: Path, content: bytes) -> None:
    with atomic.atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _word(label: Label) -> str:
    return label.name.lower()
