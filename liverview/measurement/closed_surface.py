"""Closed surfaces of labels that enclose the labels' volume, for files of meshes.

The share of each cell that is the label's is blurred, and the surface is where it passes a level:
the one at which the mesh encloses the volume of the voxels. That is done for every component alone,
so that no lesion is lost beside a large one; and what is thin is blurred less, so that no vessel is
lost beside its trunk.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverview.core.box import Box
from liverview.core.grid import Affine
from liverview.core.labels import FOREGROUND, Label, label_entry, label_mask
from liverview.core.stream import Progress
from liverview.core.volume import LabelMap
from liverview.measurement.surface import cell_shares

_PHASE = "Making meshes"
_CLOSE = 0.002  # share of the volume that the mesh may be off
_TRIES, _BY_COUNT = 30, 6
_LEVELS = 0.01, 0.99  # of the highest value
_APART = 0.005  # from the level, at least: no two vertices may meet
_LEAST_BLUR = 0.5  # cells: of hard steps, the volume jumps where the level moves
_THIN = 0.2  # above a half, at most, are the peaks of what is thin made: then a thread of single
# cells has about its volume at the level of what is thick beside it
_FARTHEST = 0.1  # cells that a vertex is moved at once, afterwards
_GROWN = 3  # times at most
_NUDGE_MM = 0.001
_MARGIN = 4.0  # standard deviations, where the blur ends
_CHUNK_CELLS = 1 << 20  # meshed at once
_CONNECTIVITY = 26


@dataclass(frozen=True, eq=False, repr=False)
class ClosedSurface:
    """A watertight mesh around a label; of the liver, around the whole organ.

    Attributes
    ----------
    label : the label.
    vertices : (n, 3) float64, world mm, RAS+.
    faces : (m, 3) int64, counterclockwise from the outside; each edge is of two faces.
    smoothing_mm : standard deviation of the blur.
    components : how many pieces it has.
    """

    label: Label
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    smoothing_mm: float
    components: int

    @property
    def volume_ml(self) -> float:
        """The enclosed volume, mL."""
        return _volume(self.vertices - self.vertices.mean(axis=0), self.faces) / 1000


def iter_closed_surfaces(
    labels: LabelMap, *, smoothing_mm: float | None = None
) -> Iterator[Progress | ClosedSurface]:
    """Make the closed surface of each label that there is; yields progress, and each of them.

    ``smoothing_mm`` is the standard deviation of the blur; by default each label's own, from
    resources/labels.toml. Of a piece it is no more than its size, and nowhere less than half a
    cell.
    """
    for number, label in enumerate(FOREGROUND):
        mask = label_mask(labels.voxels, label)
        box = Box.around(mask)
        yield Progress(_PHASE, number / len(FOREGROUND))
        if box is not None:
            blur = label_entry(label).mesh.blur_mm if smoothing_mm is None else smoothing_mm
            for item in _iter_surface(labels, label, box, mask[box], blur):
                yield (
                    Progress(_PHASE, (number + item) / len(FOREGROUND))
                    if isinstance(item, float)
                    else item
                )
    yield Progress(_PHASE, 1.0)


def _iter_surface(
    labels: LabelMap, label: Label, box: Box, mask: NDArray[np.bool_], blur_mm: float
) -> Iterator[float | ClosedSurface]:
    import cc3d

    numbers, count = cc3d.connected_components(
        np.ascontiguousarray(mask), connectivity=_CONNECTIVITY, return_N=True
    )
    boxes = cc3d.statistics(numbers)["bounding_boxes"]
    vertices, faces, first = [], [], 0
    yield 0.1
    for n in range(1, count + 1):
        inside = boxes[n]
        part = numbers[inside] == n
        start = np.array(box.start) + [side.start for side in inside]
        made = yield from _iter_component(labels, label, part, start, blur_mm)
        vertices.append(made[0])
        faces.append(made[1] + first)
        first += len(made[0])
        yield 0.1 + 0.8 * n / count
    moved = _apart(vertices)
    yield ClosedSurface(label, moved, np.concatenate(faces), blur_mm, count)


def _apart(pieces: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The vertices of all pieces, those of two that would be one in single precision apart.

    Files that know places alone (STL) would sew the pieces together there.
    """
    vertices = np.concatenate(pieces)
    middles = np.concatenate([np.broadcast_to(one.mean(axis=0), one.shape) for one in pieces])
    for _ in range(_TRIES):
        _, place, count = np.unique(
            vertices.astype(np.float32), axis=0, return_inverse=True, return_counts=True
        )
        same = count[place.ravel()] > 1
        if not same.any():
            break
        inward = middles[same] - vertices[same]
        length = np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-9)
        vertices[same] += _NUDGE_MM * inward / length
    return vertices


def _iter_component(
    labels: LabelMap,
    label: Label,
    mask: NDArray[np.bool_],
    start: NDArray[np.int64],
    blur_mm: float,
) -> Generator[float, None, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Yields shares of progress; returns vertices in world mm and faces."""
    from scipy import ndimage

    spacing = label_entry(label).mesh.spacing_mm
    step = tuple(
        max(1, min(round(spacing / mm), n))
        for mm, n in zip(labels.spacing, mask.shape, strict=True)
    )
    shares = cell_shares(mask, step)
    sigma = [
        max(min(blur_mm / (n * mm), size), _LEAST_BLUR)
        for n, mm, size in zip(step, labels.spacing, shares.shape, strict=True)
    ]
    margin = [int(np.ceil(_MARGIN * one)) + 2 for one in sigma]
    field = np.pad(shares, [(n, n) for n in margin])
    yield 0.1
    blurred = ndimage.gaussian_filter(field, sigma, mode="constant", truncate=_MARGIN)
    yield 0.15
    field = _strengthen_thin(blurred, field)
    yield 0.2
    wanted = float(shares.sum())
    level = yield from _iter_level(field, wanted)
    cells, faces = yield from _iter_mesh(field, level)
    cells = _grow(cells, faces, wanted)
    scale = np.array(step, float)
    voxels = (cells - margin + 0.5) * scale - 0.5 + start
    return _to_world(voxels, faces, labels.affine)


def _strengthen_thin(
    blurred: NDArray[np.float32], field: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The blurred field, more of it where not even its peaks are a half; its highest value is 1."""
    from scipy import ndimage

    peaks = ndimage.maximum_filter(np.where(field > 0, blurred, 0), 3)
    thin = (peaks > 0) & (peaks < 0.5)
    blurred[thin] *= (0.5 + np.minimum(0.5 - peaks[thin], _THIN)) / peaks[thin]
    scaled: NDArray[np.float32] = blurred / blurred.max()
    return scaled


def _grow(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], wanted: float
) -> NDArray[np.float64]:
    """Vertices moved along their normals until a volume is enclosed; by little, in cells.

    Where the mesh changes how cells hang together, no level has every volume.
    """
    for _ in range(_GROWN):
        missing = wanted - _volume(vertices, faces)
        if abs(missing) <= _CLOSE * wanted:
            break
        a, b, c = (vertices[faces[:, n]] for n in range(3))
        across = np.cross(b - a, c - a)
        area = float(np.linalg.norm(across, axis=1).sum()) / 2
        normals = np.stack(
            [
                sum(np.bincount(faces[:, n], across[:, axis], len(vertices)) for n in range(3))
                for axis in range(3)
            ],
            axis=1,
        )
        length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        vertices = vertices + np.clip(missing / area, -_FARTHEST, _FARTHEST) * normals / length
    return vertices


def _iter_level(field: NDArray[np.float32], wanted: float) -> Generator[float, None, float]:
    """Yields shares of progress; returns the level whose mesh has a volume, in cells.

    The number of cells above a level says almost how large the mesh is; what is left between the
    two changes slowly. Where that leads nowhere, as in a few cells, the bracket is halved.
    """
    values = np.sort(field[field > _LEVELS[0]])[::-1]
    low, high = _LEVELS
    best, least = low, np.inf
    count = wanted
    for n in range(_TRIES):
        place = float(np.clip(count - 0.5, 0, len(values) - 1))
        level = float(np.interp(place, np.arange(len(values)), values))
        if n >= _BY_COUNT or not low < level < high:
            level = (low + high) / 2
        volume = yield from _iter_volume(field, level)
        off = abs(volume - wanted)
        if off < least:
            best, least = level, off
        if off <= _CLOSE * wanted:
            break
        low, high = (level, high) if volume > wanted else (low, level)
        count += wanted - volume
    return best


def _iter_volume(field: NDArray[np.float32], level: float) -> Generator[float, None, float]:
    """Yields shares of progress; returns the volume that the mesh of a level encloses, in cells."""
    total, middle = 0.0, np.array(field.shape) / 2
    for vertices, faces in _iter_pieces(field, level):
        total += _volume(vertices - middle, faces)
        yield 0.5
    return total


def _iter_pieces(
    field: NDArray[np.float32], level: float
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Vertices, in cells, and faces, a few layers at a time."""
    from skimage.measure import marching_cubes

    layers = max(1, _CHUNK_CELLS // (field.shape[0] * field.shape[1]))
    for start in range(0, field.shape[2] - 1, layers):
        part = field[:, :, start : start + layers + 1] - np.float32(level)
        if not part.min() < 0 < part.max():
            continue
        near = np.abs(part) < _APART
        part[near] = np.where(part[near] < 0, -_APART, _APART)
        vertices, faces, *_ = marching_cubes(part, 0.0, gradient_direction="ascent")
        vertices = vertices.astype(np.float64)
        vertices[:, 2] += start
        yield vertices, faces.astype(np.int64)


def _iter_mesh(
    field: NDArray[np.float32], level: float
) -> Generator[float, None, tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Yields shares of progress; returns one mesh, in cells, of pieces that share their borders.

    A border is a whole layer of cells; every vertex in it lies within one edge between two cells.
    """
    all_vertices: list[NDArray[np.float64]] = []
    all_faces: list[NDArray[np.int64]] = []
    count, known, numbers = 0, np.empty(0, np.int64), np.empty(0, np.int64)
    for vertices, faces in _iter_pieces(field, level):
        places = _edge_of(vertices)
        at = np.searchsorted(known, places)
        shared = np.zeros(len(places), np.bool_)
        if len(known):
            shared = known[np.minimum(at, len(known) - 1)] == places
        new = count + np.cumsum(~shared) - 1
        number = np.where(shared, numbers[np.minimum(at, len(known) - 1)] if len(known) else 0, new)
        all_vertices.append(vertices[~shared])
        all_faces.append(number[faces])
        count += int((~shared).sum())
        top = vertices[:, 2] == vertices[:, 2].max()
        order = np.argsort(places[top])
        known, numbers = places[top][order], number[top][order]
        yield 0.9
    return np.concatenate(all_vertices), np.concatenate(all_faces)


def _edge_of(vertices: NDArray[np.float64]) -> NDArray[np.int64]:
    """A number for the edge between two cells that a vertex lies in; others are no matter."""
    whole = np.floor(vertices).astype(np.int64)
    x, y, z = (2 * whole + (vertices != whole)).T
    return (x << 42) | (y << 21) | z


def _to_world(
    voxels: NDArray[np.float64], faces: NDArray[np.int64], affine: Affine
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    vertices = voxels @ affine[:3, :3].T + affine[:3, 3]
    return vertices, faces[:, ::-1] if np.linalg.det(affine[:3, :3]) < 0 else faces


def _volume(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> float:
    """The volume that a closed mesh encloses, or the part of it that some of its faces add."""
    a, b, c = (vertices[faces[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6
