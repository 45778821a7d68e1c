"""The table of labels, resources/labels.toml: read once, and checked."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from liverview.core import paths
from liverview.core.errors import LiverviewError

BACKGROUND = "background"
IGNORED = "ignored"
_NAMED_IN_CODE = ("liver", "vessel", "tumor")  # by what is written for them alone
_LARGEST_VALUE = 127  # the clean-up keeps a mark in a voxel's highest bit
_SCORED = {"centerline", "lesions", "inside_parent"}
_KEY_IMAGE = ("filled", "outlined")
_MESH = {"spacing_mm", "blur_mm", "opacity"}
_TERMS = {"category", "type", "region"}
_CODES = {"in_liver", "anywhere"}


class LabelTableError(LiverviewError):
    """The table of labels is wrong; the message names the file and the entry."""


@dataclass(frozen=True)
class MeshSettings:
    """Settings for a label's surface.

    Attributes
    ----------
    spacing_mm : the least distance of the vertices.
    blur_mm : standard deviation of the blur that takes the steps of voxels away.
    opacity : 0..1, at the beginning.
    """

    spacing_mm: float
    blur_mm: float
    opacity: float


@dataclass(frozen=True)
class LabelEntry:
    """One label of the table; the comments there say more.

    Attributes
    ----------
    value : of its voxels.
    name : as shown.
    plural : the word for it in sentences.
    description : one line.
    color : red, green, blue, 0..255.
    opacity : 0..1.
    key : keyboard shortcut that shows and hides it.
    threshold : probability, 0..1, at which the labels are the network's own.
    mesh : settings for its surface.
    key_image : "filled" or "outlined".
    called : patterns of the names that others use.
    terms : code and meaning by "category", "type" and, of what lies in an organ, "region".
    parent : name of the entry that it is a part of; None for an organ.
    least_ml : smaller components become the parent's.
    scored : further measures, of "centerline", "lesions" and "inside_parent".
    codes : further types of SNOMED CT that others give it: those that are "in_liver" alone, and
        those that are "anywhere".
    """

    value: int
    name: str
    plural: str
    description: str
    color: tuple[int, int, int]
    opacity: float
    key: str
    threshold: float
    mesh: MeshSettings
    key_image: str
    called: tuple[str, ...]
    terms: Mapping[str, tuple[str, str]]
    parent: str | None = None
    least_ml: float = 0.0
    scored: frozenset[str] = frozenset()
    codes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class LabelTable:
    """The whole table.

    Attributes
    ----------
    labels : by name in lower case, in the order of the file.
    background : patterns of the names that others use for what is no label.
    ignored : those of voxels that nobody judged.
    """

    labels: Mapping[str, LabelEntry]
    background: tuple[str, ...]
    ignored: tuple[str, ...]


@cache
def label_table() -> LabelTable:
    """The table of resources/labels.toml.

    Raises
    ------
    LabelTableError : where the file cannot be read or is wrong.
    """
    return read_label_table(paths.resources() / "labels.toml")


def read_label_table(path: Path) -> LabelTable:
    """Read and check a table of labels.

    Raises
    ------
    LabelTableError : where the file cannot be read or is wrong.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabelTableError(f"{path} cannot be read: {error}.") from error
    for name in (*_NAMED_IN_CODE, BACKGROUND, IGNORED):
        if not isinstance(content.get(name), dict):
            raise LabelTableError(f"{path} has no entry [{name}].")
    background, ignored = content.pop(BACKGROUND), content.pop(IGNORED)
    try:
        _check_fields(BACKGROUND, background, {"called"}, set())
        _check_fields(IGNORED, ignored, {"called"}, set())
        labels = {name: _read_entry(name, entry) for name, entry in content.items()}
        _check_together(labels)
    except LabelTableError as error:
        raise LabelTableError(f"{path}: {error}") from None
    return LabelTable(labels, tuple(background["called"]), tuple(ignored["called"]))


def _read_entry(name: str, content: Any) -> LabelEntry:
    if not name.isidentifier() or name != name.lower() or not isinstance(content, dict):
        raise LabelTableError(f"[{name}] must be an entry whose name is one word in lower case.")
    _check_fields(name, content, _FIELDS.keys() - _OPTIONAL, _OPTIONAL)
    changed = {
        "color": tuple(content["color"]),
        "mesh": MeshSettings(**content["mesh"]),
        "called": tuple(content["called"]),
        "terms": {key: tuple(term) for key, term in content["terms"].items()},
        "scored": frozenset(content.get("scored", ())),
        "codes": {key: tuple(codes) for key, codes in content.get("codes", {}).items()},
    }
    return LabelEntry(**{**content, **changed})


def _check_fields(
    name: str, content: Mapping[str, Any], required: set[str], optional: set[str]
) -> None:
    """Refuse an entry that lacks a field, has one that nothing knows, or a value that cannot be."""
    for field in sorted(required - content.keys()):
        raise LabelTableError(f'[{name}] has no "{field}".')
    for field, value in content.items():
        if field not in required | optional:
            raise LabelTableError(f'[{name}] has "{field}", which is no field of a label.')
        fits, wanted = _FIELDS[field]
        if not fits(value):
            raise LabelTableError(f'"{field}" of [{name}] must be {wanted}, not {value!r}.')


def _check_together(labels: Mapping[str, LabelEntry]) -> None:
    """Refuse values and keys that two labels have, and parents that are none."""
    above: dict[str, LabelEntry] = {}
    for name, entry in labels.items():
        for other, earlier in above.items():
            for field, shared in (
                ("value", entry.value == earlier.value),
                ("key", entry.key == earlier.key),
            ):
                if shared:
                    given = getattr(entry, field)
                    raise LabelTableError(f"[{name}] has the {field} {given!r} of [{other}].")
        if entry.parent is not None:
            if entry.parent not in above:
                raise LabelTableError(
                    f'the parent "{entry.parent}" of [{name}] is no entry above it.'
                )
            if entry.value < above[entry.parent].value:
                raise LabelTableError(
                    f"the value {entry.value} of [{name}] must be larger than that of its parent "
                    f"[{entry.parent}]."
                )
        above[name] = entry


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(one) for one in value)


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_share(value: Any) -> bool:
    return _is_number(value, 1)


def _is_integer(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_color(value: Any) -> bool:
    return (
        isinstance(value, list) and len(value) == 3 and all(_is_integer(n, 0, 255) for n in value)
    )


def _are_mesh_settings(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != _MESH or not _is_share(value["opacity"]):
        return False
    return all(_is_number(value[key], 100) and value[key] > 0 for key in _MESH - {"opacity"})


def _are_terms(value: Any) -> bool:
    if not isinstance(value, dict) or not {"category", "type"} <= value.keys() <= _TERMS:
        return False
    return all(_are_texts(term) and len(term) == 2 for term in value.values())


def _are_codes(value: Any) -> bool:
    return (
        isinstance(value, dict) and value.keys() <= _CODES and all(map(_are_texts, value.values()))
    )


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "value": (
        lambda value: _is_integer(value, 1, _LARGEST_VALUE),
        f"a whole number from 1 to {_LARGEST_VALUE}",
    ),
    "name": (_is_text, "a text"),
    "plural": (_is_text, "a text"),
    "description": (_is_text, "a text"),
    "color": (_is_color, "three whole numbers from 0 to 255"),
    "opacity": (_is_share, "a number from 0 to 1"),
    "key": (_is_text, "a key"),
    "threshold": (_is_share, "a number from 0 to 1"),
    "mesh": (_are_mesh_settings, "spacing_mm and blur_mm above 0, and opacity from 0 to 1"),
    "key_image": (lambda value: value in _KEY_IMAGE, '"filled" or "outlined"'),
    "called": (_are_texts, "a list of texts"),
    "terms": (_are_terms, "category, type and perhaps region, each a code and its meaning"),
    "parent": (_is_text, "the name of an entry"),
    "least_ml": (lambda value: _is_number(value, 1000), "a number of mL from 0 to 1000"),
    "scored": (
        lambda value: _are_texts(value) and set(value) <= _SCORED,
        'a list of "centerline", "lesions" and "inside_parent"',
    ),
    "codes": (_are_codes, "lists of codes under in_liver and anywhere"),
}
_OPTIONAL = {"parent", "least_ml", "scored", "codes"}
