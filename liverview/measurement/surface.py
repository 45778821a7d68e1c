"""Surfaces of a label map in world mm, for a view in three dimensions."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.checks import require_labels
from liverview.core.labels import FOREGROUND, Label, label_entry, label_mask
from liverview.core.stream import Progress, ProgressCallback
from liverview.core.volume import LabelMap

_PHASE = "Making surfaces"
_CHUNK = 12  # layers meshed at once: other threads wait for as long
_LEAST_BLUR = 0.6  # in cells, or thick slices were seen as steps
_LEVELS = 0.15, 0.5  # of the blurred share that counts as the border, least and most
_GRID = 1 << 12  # places of a vertex within a voxel, for telling which ones are the same


@dataclass(frozen=True, eq=False, repr=False)
class Surface:
    """A closed mesh of triangles around a label; of the liver, around the whole organ.

    Attributes
    ----------
    label : what it is the surface of.
    vertices : (n, 3) float32, world mm, RAS+.
    faces : (m, 3) uint32, counterclockwise from the outside.
    normals : (n, 3) float32, of length 1, to the outside.

    Examples
    --------
    >>> import liverview as lv
    >>> liver, *others = lv.surfaces(lv.read_labels("labels.nii.gz"))
    >>> liver.vertices.shape[1], liver.faces.shape[1]
    (3, 3)
    >>> bool((abs((liver.normals**2).sum(axis=1) - 1) < 1e-3).all())
    True
    """

    label: Label
    vertices: NDArray[np.float32]
    faces: NDArray[np.uint32]
    normals: NDArray[np.float32]

    @property
    def volume_ml(self) -> float:
        """The enclosed volume, mL."""
        a, b, c = (self.vertices[self.faces[:, n]].astype(np.float64) for n in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6000

    def __repr__(self) -> str:
        return (
            f"Surface {self.label.name.lower()}, {len(self.vertices)} vertices, "
            f"{len(self.faces)} faces, {self.volume_ml:.1f} mL"
        )


def surfaces(labels: LabelMap, *, progress: ProgressCallback | None = None) -> list[Surface]:
    """Make a closed surface of each label that there is: liver, vessels, tumors.

    Parameters
    ----------
    labels : the label map; the liver is the whole organ.
    progress : is called with a `Progress` from time to time.

    Examples
    --------
    >>> import liverview as lv
    >>> [mesh.label.name for mesh in lv.surfaces(lv.read_labels("labels.nii.gz"))]
    ['LIVER', 'VESSEL', 'TUMOR']
    """
    found: list[Surface] = []
    for item in iter_surfaces(labels):
        if isinstance(item, Surface):
            found.append(item)
        elif progress is not None:
            progress(item)
    return found


def iter_surfaces(labels: LabelMap) -> Iterator[Progress | Surface]:
    """The surface of each label that there is, in short steps.

    Labels are read once each, so that a map which grows meanwhile does no harm.
    """
    require_labels(labels)
    for label in FOREGROUND:
        cells = yield from iter_cells(labels, label)
        if cells is not None:
            surface = yield from iter_surface(labels, cells)
            if surface is not None:
                yield surface
    yield Progress(_PHASE, 1.0)


@dataclass(frozen=True, eq=False)
class LabelCells:
    """A label in cells of some voxels, from which its surface is made.

    Attributes
    ----------
    label : the label, with its parts.
    box : around it, in the label map.
    step : voxels of a cell along each axis.
    shares : (i, j, k) float32, the share of each cell that is the label's, with a border of one
        empty cell.
    """

    label: Label
    box: Box
    step: tuple[int, ...]
    shares: NDArray[np.float32]


def iter_cells(labels: LabelMap, label: Label) -> Generator[Progress, None, LabelCells | None]:
    """Look for a label; yields progress, and returns None where there is none of it."""
    yield progress(label, 0.0)
    box = Box.around(label_mask(labels.voxels, label))
    if box is None:
        return None
    yield progress(label, 0.3)
    return cells_of(labels, label, box)


def cells_of(labels: LabelMap, label: Label, box: Box) -> LabelCells:
    """The cells of a label in the box around it."""
    mesh = label_entry(label).mesh
    step = tuple(  # of tiny voxels, no more than there are
        max(1, min(round(mesh.spacing_mm / mm), n))
        for mm, n in zip(labels.spacing, box.shape, strict=True)
    )
    shares = np.pad(cell_shares(label_mask(labels.read(box), label), step), 1)
    return LabelCells(label, box, step, shares)


def iter_surface(labels: LabelMap, cells: LabelCells) -> Generator[Progress, None, Surface | None]:
    """Make the surface of a label from its cells; of ``labels``, no voxel is read."""
    label, field = cells.label, cells.shares
    yield progress(label, 0.5)
    blur = label_entry(label).mesh.blur_mm
    sigma = [
        max(min(blur / (n * mm), size), _LEAST_BLUR)
        for n, mm, size in zip(cells.step, labels.spacing, field.shape, strict=True)
    ]
    blurred = _blur_field(field, sigma)
    pieces = []
    for piece in _iter_mesh(blurred, _enclosing_level(field, blurred)):
        pieces.append(piece)
        yield progress(label, 0.7)
    if not pieces:
        return None
    # From cells of several voxels to voxels, whose centers are whole numbers.
    first = np.array(cells.box.start)
    scale = np.array(cells.step, float)
    made = _join_mesh(label, pieces, labels.affine, first - 0.5 - scale / 2, scale)
    cell_ml = labels.voxel_ml * float(scale.prod())
    return _grow_to_volume(made, float(field.sum()) * cell_ml, min(labels.spacing) / 2)


def progress(label: Label, share: float) -> Progress:
    """Progress within the work for a label."""
    return Progress(_PHASE, (FOREGROUND.index(label) + share) / len(FOREGROUND))


def cell_shares(mask: NDArray[np.bool_], step: tuple[int, ...]) -> NDArray[np.float32]:
    """The share of a mask, (i, j, k), in cells of some voxels; beyond its end is none of it."""
    grown = [(0, -size % n) for size, n in zip(mask.shape, step, strict=True)]
    field = np.pad(mask, grown).astype(np.float32)
    for axis, n in enumerate(step):
        if n > 1:
            shape = list(field.shape)
            shape[axis : axis + 1] = [shape[axis] // n, n]
            field = field.reshape(shape).mean(axis=axis + 1)
    return field


def _blur_field(field: NDArray[np.float32], sigma: list[float]) -> NDArray[np.float32]:
    from scipy import ndimage

    blurred: NDArray[np.float32] = ndimage.gaussian_filter(field, sigma, mode="constant")
    return blurred


def _enclosing_level(field: NDArray[np.float32], blurred: NDArray[np.float32]) -> float:
    """The level at which the surface encloses the label's volume: blur shrinks what is thin."""
    cells = round(float(field.sum()))
    values = blurred[blurred > _LEVELS[0]]
    if cells >= len(values):
        return _LEVELS[0]
    return float(np.clip(np.partition(values, -cells)[-cells], *_LEVELS))


def _iter_mesh(
    field: NDArray[np.float32], level: float
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
    """Vertices, in cells, and faces, a few layers at a time."""
    from skimage.measure import marching_cubes

    for start in range(0, field.shape[2] - 1, _CHUNK):
        layers = field[:, :, start : start + _CHUNK + 1]
        if not layers.min() < level < layers.max():
            continue
        vertices, faces, *_ = marching_cubes(layers, level, gradient_direction="ascent")
        vertices[:, 2] += start
        yield vertices, faces


def _join_mesh(
    label: Label,
    pieces: list[tuple[NDArray[np.float32], NDArray[np.int32]]],
    affine: NDArray[np.float64],
    first: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> Surface:
    """One mesh of the pieces; ``first`` and ``scale`` lead from cells to voxels."""
    counts = np.cumsum([0, *(len(vertices) for vertices, _ in pieces)])
    cells = np.concatenate([vertices for vertices, _ in pieces])
    faces = np.concatenate([f + n for (_, f), n in zip(pieces, counts[:-1], strict=True)])
    # Where two pieces meet, both have the same vertices.
    x, y, z = np.round(cells.T.astype(np.float64) * _GRID).astype(np.int64)
    _, kept, number = np.unique((x << 42) | (y << 21) | z, return_index=True, return_inverse=True)
    faces = number[faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    voxels = cells[kept].astype(np.float64) * scale + first
    vertices = voxels @ affine[:3, :3].T + affine[:3, 3]
    if np.linalg.det(affine[:3, :3]) < 0:
        faces = faces[:, ::-1]
    return Surface(
        label,
        vertices.astype(np.float32),
        np.ascontiguousarray(faces, np.uint32),
        _vertex_normals(vertices, faces),
    )


def _grow_to_volume(surface: Surface, ml: float, most_mm: float) -> Surface:
    """Moved outward, or inward, to enclose so many mL, but no farther than ``most_mm``."""
    a, b, c = (surface.vertices[surface.faces[:, n]].astype(np.float64) for n in range(3))
    area = float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()) / 2
    by = float(np.clip((ml - surface.volume_ml) * 1000 / area, -most_mm, most_mm))
    return replace(surface, vertices=surface.vertices + np.float32(by) * surface.normals)


def _vertex_normals(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float32]:
    """Of each vertex, the mean of its faces' normals by their area."""
    a, b, c = (vertices[faces[:, n]] for n in range(3))
    across = np.cross(b - a, c - a)
    sums = np.stack(
        [
            sum(
                np.bincount(faces[:, corner], across[:, axis], len(vertices)) for corner in range(3)
            )
            for axis in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.maximum(length, 1e-12)).astype(np.float32)


def hit_distance(
    surface: Surface, start: NDArray[np.float64], direction: NDArray[np.float64]
) -> float | None:
    """Distance along a ray to a surface, mm; None where it passes it.

    Möller and Trumbore, Fast, minimum storage ray-triangle intersection, J Graphics Tools 1997.

    Parameters
    ----------
    start, direction : (3,), world mm.
    """
    a, b, c = (surface.vertices[surface.faces[:, n]].astype(np.float64) for n in range(3))
    one, two = b - a, c - a
    across = np.cross(direction, two)
    scale = np.einsum("ij,ij->i", one, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / scale
        away = start - a
        u = np.einsum("ij,ij->i", away, across) * inverse
        over = np.cross(away, one)
        v = over @ direction * inverse
        distance = np.einsum("ij,ij->i", two, over) * inverse
        hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
    return float(distance[hit].min()) if hit.any() else None
