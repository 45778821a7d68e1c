"""The place of an NRRD's voxels: which axes are those of space, and where they lead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverview.core.grid import Affine
from liverview.files.nrrd.fields import Fields
from liverview.files.opening import ImageFileError
from liverview.files.voxel_header import LPS_TO_RAS, check_affine

_TO_RAS = {
    "ras": (1, 1, 1), "right-anterior-superior": (1, 1, 1),
    "las": (-1, 1, 1), "left-anterior-superior": (-1, 1, 1),
    "lps": (-1, -1, 1), "left-posterior-superior": (-1, -1, 1),
}  # fmt: skip
_TIMED = {"rast": "ras", "last": "las", "lpst": "lps"}
_UNIT_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0, "um": 0.001, "µm": 0.001, "micrometer": 0.001}
_VOXEL_MM = (0.01, 100.0)
_NOT_OF_SPACE = ("time", "list", "point", "vector", "covariant-vector", "normal", "stub", "scalar")


def spatial_axes(path: Path, fields: Fields, dimension: int) -> list[int]:
    """The axes that are those of space, two or three of them.

    By directions, else by kinds, else the first three.

    Raises
    ------
    ImageFileError : where there are none or too many.
    """
    directions = _directions(path, fields, dimension)
    kinds = fields.fields.get("kinds", "").lower().split()
    if directions is not None:
        axes = [n for n, vector in enumerate(directions) if vector is not None and vector.any()]
        axes = axes or [n for n, vector in enumerate(directions) if vector is not None]
    elif len(kinds) == dimension and any(kind in ("domain", "space") for kind in kinds):
        axes = [n for n, kind in enumerate(kinds) if kind in ("domain", "space")]
    elif len(kinds) == dimension and dimension == 4:
        axes = [n for n, kind in enumerate(kinds) if not kind.startswith(_NOT_OF_SPACE)]
    else:
        axes = list(range(dimension))
    if len(axes) == 4:
        axes = axes[:3]
    if not 2 <= len(axes) <= 3:
        raise ImageFileError(
            f"{path} has {len(axes)} axes of space: a scan needs three; export it again."
        )
    return axes


def find_geometry(
    path: Path, fields: Fields, axes: list[int], sizes: list[int]
) -> tuple[Affine, tuple[str, ...]]:
    """The affine, stored voxel index -> world mm, RAS+, and what is odd about it.

    A space that says nothing of the patient is taken as LPS, as ITK takes it.

    Raises
    ------
    ImageFileError : where there is no size of a voxel, or one that cannot be.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        affine, notes = _find_affine(path, fields, axes, sizes)
    return affine, (*notes, *check_affine(path, affine))


def _find_affine(
    path: Path, fields: Fields, axes: list[int], sizes: list[int]
) -> tuple[Affine, list[str]]:
    directions = _directions(path, fields, len(sizes))
    space = re.sub(r"[\s_]+", "-", fields.fields.get("space", "").strip().lower())
    space = _TIMED.get(space, space.removesuffix("-time"))
    signs = _TO_RAS.get(space)
    notes = []
    affine = np.eye(4)
    if directions is None:
        affine[:3, :3] = np.diag(_spacings(path, fields, axes, len(sizes)))
        affine[:3, 3] = _axis_mins(path, fields, axes, np.diag(affine[:3, :3]))
        notes.append("It stores no orientation: left and right cannot be assured.")
        signs = (-1, -1, 1)
    else:
        for n, axis in enumerate(axes):
            affine[:3, n] = directions[axis]
        if len(axes) == 2:
            affine[:3, 2] = _across(affine[:3, 0], affine[:3, 1])
        affine[:3, 3] = _origin(path, fields)
        if signs is None:
            named = fields.fields.get("space", "not named")[:40]
            notes.append(
                f"Its space ({named}) does not say left from right; it is taken as ITK does, with "
                "x to the left and y to the back."
            )
            signs = (-1, -1, 1)
    unit_mm, unit = _unit(fields)
    if unit_mm != 1:
        sizes_mm = np.linalg.norm(affine[:3, : len(axes)], axis=0) * unit_mm
        fits = bool(_VOXEL_MM[0] <= sizes_mm.min() <= sizes_mm.max() <= _VOXEL_MM[1])
        affine[:3] *= unit_mm if fits else 1
        said = "they were converted to mm" if fits else "its voxels must be mm, and are used so"
        notes.append(f"Its header counts in {unit}; {said}.")
    affine[:3] *= np.array(signs, np.float64)[:, np.newaxis]
    return affine, notes


def space_fields(affine: Affine) -> list[str]:
    """The lines of a header for an affine, stored voxel index -> world mm, RAS+."""
    lps = LPS_TO_RAS @ affine
    directions = " ".join(_vector_text(lps[:3, axis]) for axis in range(3))
    return [
        "space: left-posterior-superior",
        f"space directions: {directions}",
        f"space origin: {_vector_text(lps[:3, 3])}",
    ]


def _vector_text(vector: NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(number) + 0.0) for number in vector) + ")"


def _across(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """A step of 1 mm across a slice."""
    normal = np.cross(first, second)
    length = float(np.linalg.norm(normal))
    return normal / length if length > 0 else normal


def _directions(path: Path, fields: Fields, dimension: int) -> list[Any] | None:
    """By axis, its vector in space, (3,), or None; None where there are no directions."""
    text = fields.fields.get("spacedirections")
    if text is None:
        return None
    words = re.findall(r"\([^()]*\)|\S+", text)
    if len(words) != dimension:
        raise ImageFileError(
            f"{path} has {len(words)} space directions for {dimension} axes: export it again."
        )
    return [None if word.lower() == "none" else _vector(path, word) for word in words]


def _vector(path: Path, text: str) -> NDArray[np.float64]:
    """A vector (3,); of a fourth component, which is time's, nothing is kept."""
    try:
        numbers = [float(word) for word in re.sub(r"[()]", "", text).split(",")]
    except ValueError as error:
        raise ImageFileError(
            f"{path}: {text[:60]!r} is no vector of numbers; export it again."
        ) from error
    if len(numbers) == 2:
        numbers.append(0.0)
    if not 3 <= len(numbers) <= 4:
        raise ImageFileError(
            f"{path}: {text[:60]!r} has {len(numbers)} numbers, and space three; export it again."
        )
    return np.array(numbers[:3])


def _origin(path: Path, fields: Fields) -> NDArray[np.float64]:
    text = fields.fields.get("spaceorigin", "none")
    return np.zeros(3) if text.lower() == "none" else _vector(path, text)


def _numbers(path: Path, fields: Fields, name: str, dimension: int) -> list[float] | None:
    text = fields.fields.get(name)
    if text is None:
        return None
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError as error:
        raise ImageFileError(
            f'{path}: "{name}: {text[:60]}" must be numbers; export it again.'
        ) from error
    if len(numbers) != dimension:
        raise ImageFileError(
            f'{path} has {len(numbers)} numbers in "{name}" for {dimension} axes: export it again.'
        )
    return numbers


def _spacings(path: Path, fields: Fields, axes: list[int], dimension: int) -> list[float]:
    found = _numbers(path, fields, "spacings", dimension)
    if found is None:
        raise ImageFileError(f"{path} stores no size of its voxels: export it again with it.")
    sizes = [found[axis] for axis in axes] + [1.0] * (3 - len(axes))
    if not all(size > 0 for size in sizes):
        raise ImageFileError(
            f"{path}: the voxel spacing {sizes} must be above 0 mm; export it again."
        )
    return sizes


def _axis_mins(
    path: Path, fields: Fields, axes: list[int], spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The center of the first voxel, by the least coordinates along the axes."""
    found = _numbers(path, fields, "axismins", int(fields.fields["dimension"]))
    if found is None or not np.isfinite([found[axis] for axis in axes]).all():
        return np.zeros(3)
    centers = fields.fields.get("centerings", fields.fields.get("centers", "")).lower().split()
    mins = [found[axis] for axis in axes] + [0.0] * (3 - len(axes))
    at_node = [centers[axis] == "node" if axis < len(centers) else False for axis in axes]
    half = [0.0 if node else size / 2 for node, size in zip(at_node, spacing, strict=False)]
    shift = np.zeros(3)
    shift[: len(half)] = half
    return np.array(mins) + shift


def _unit(fields: Fields) -> tuple[float, str]:
    """Millimeters in the unit of space, and its name; mm where it is unknown or they differ."""
    text = fields.fields.get("spaceunits", fields.fields.get("units", ""))
    units = set(re.findall(r'"([^"]*)"', text)) - {""}
    if len(units) != 1:
        return 1.0, "mm"
    unit = units.pop().strip()
    return _UNIT_MM.get(unit, 1.0), unit
