"""The markups of a scan: a list with ids and names, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liverview.core.errors import LiverviewError
from liverview.core.volume import Volume
from liverview.measurement.markup.shapes import Ellipse, Markup, Ruler

_KINDS: dict[str, Callable[[Mapping[str, Any]], Markup]] = {
    "ruler": Ruler.from_dict,
    "ellipse": Ellipse.from_dict,
}
_IDS_END = 1 << 31
_FARTHEST = 1e5  # voxels
_APART_MM = 0.01  # as far as a place may move before it is another one


class MarkupError(LiverviewError):
    """Stored markups that cannot be used; the message says what is wrong."""


@dataclass(frozen=True)
class Entry:
    """A markup in a list.

    Attributes
    ----------
    id : stays the same while it is changed, and is never given again.
    name : as shown.
    """

    id: int
    name: str
    markup: Markup


class Markups:
    """The markups of a scan, in the order they were drawn."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def __getitem__(self, id_: int) -> Entry:
        """The entry of an id; KeyError where there is none."""
        return self._entries[id_]

    def add(self, markup: Markup, name: str | None = None) -> Entry:
        """Take one in; without a name it is called Ruler 1, Ellipse 2 and so on."""
        self._last += 1
        entry = Entry(self._last, name or self._free_name(markup), markup)
        self._entries[entry.id] = entry
        return entry

    def copy(self) -> Markups:
        """The same entries in another list; ids go on from here."""
        made = Markups()
        made._entries, made._last = dict(self._entries), self._last
        return made

    def replace(self, id_: int, markup: Markup | None = None, name: str | None = None) -> Entry:
        """Change the markup, the name or both; what is not given stays."""
        old = self[id_]
        self._entries[id_] = Entry(id_, name or old.name, markup or old.markup)
        return self._entries[id_]

    def remove(self, id_: int) -> Entry:
        """Take one out; KeyError where there is none."""
        return self._entries.pop(id_)

    def to_dict(self, volume: Volume) -> dict[str, Any]:
        """For JSON: places in voxels and in world mm, and what was measured."""
        return {
            "markups": [
                {"id": entry.id, "name": entry.name, **entry.markup.to_dict(volume)}
                for entry in self
            ]
        }

    @classmethod
    def from_dict(cls, content: Any, volume: Volume) -> Markups:
        """Read the content of `to_dict`, for a volume on the same grid; figures are measured anew.

        Raises
        ------
        MarkupError : where an entry cannot be read, or lies elsewhere in the volume's world.
        """
        stored = content.get("markups") if isinstance(content, dict) else None
        if not isinstance(stored, list):
            raise MarkupError("There is no list of markups in it.")
        made = cls()
        for number, one in enumerate(stored, start=1):
            try:
                entry = _read_entry(one)
                there = all(
                    np.linalg.norm(
                        volume.voxel_to_world(point) - np.asarray(one[f"{name}_mm"], float)
                    )
                    <= _APART_MM
                    for name, point in entry.markup.points.items()
                )
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise MarkupError(
                    f"Markup {number} cannot be read ({type(error).__name__}: {error}): "
                    "remove it from the file and draw it again."
                ) from error
            if not there:
                raise MarkupError(
                    f"{entry.name} does not lie in {volume.name} where it says: "
                    "open the scan that it was drawn on."
                )
            if entry.id in made._entries:
                raise MarkupError(f"{entry.name} has the id of another markup, {entry.id}.")
            made._entries[entry.id] = entry
            made._last = max(made._last, entry.id)
        return made

    def _free_name(self, markup: Markup) -> str:
        kind, number = type(markup).__name__, 1
        taken = {entry.name for entry in self}
        while f"{kind} {number}" in taken:
            number += 1
        return f"{kind} {number}"


def _read_entry(stored: Mapping[str, Any]) -> Entry:
    """Read one stored markup; raises what a wrong type, size or key raises."""
    entry = Entry(int(stored["id"]), str(stored["name"]), _KINDS[stored["kind"]](stored))
    sizes = [v for point in entry.markup.points.values() for v in point]
    sizes += entry.markup.half_axes if isinstance(entry.markup, Ellipse) else ()
    if not 0 < entry.id < _IDS_END or max(map(abs, sizes)) > _FARTHEST:
        raise ValueError("its id or its size cannot be")
    return entry
