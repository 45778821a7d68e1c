"""Steps of a history as bytes: JSON for what is known of them, and their differences as they are.

Parts of the state say how their values are written; see `Part`. There is no pickle in it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from liverview.core.box import Box
from liverview.editing.differences import Difference, HistoryError
from liverview.editing.step import Change, Step

_LENGTH = struct.Struct("<I")
T = TypeVar("T")


class Part(Protocol):
    """A part of the state that steps change, and how its values are written as JSON.

    Attributes
    ----------
    name : of the part, in every `Change` of it.
    shared : what many values refer to, in the order in which they number it.
    """

    name: str
    shared: list[Any]

    def to_json(self, value: Any) -> Any:
        """A value, of numbers, texts, lists and dicts."""

    def from_json(self, item: Any, shared: Sequence[Any]) -> Any:
        """The value that `to_json` has written; raises what a wrong type or key raises."""

    def shared_to_json(self) -> list[Any]:
        """All of `shared`."""

    def shared_from_json(self, items: list[Any]) -> list[Any]:
        """What `shared_to_json` has written; raises what a wrong type or key raises."""


Shared = Mapping[str, Sequence[Any]]


def encode_step(step: Step, parts: Mapping[str, Part]) -> bytes:
    """A step as bytes."""
    known = {
        "name": step.name,
        "changes": [
            [one.part, *(parts[one.part].to_json(value) for value in (one.before, one.after))]
            for one in step.changes
        ],
        "differences": [
            [*one.box.start, *one.box.stop, one.in_runs, len(one.packed)]
            for one in step.differences
        ],
    }
    text = json.dumps(known, separators=(",", ":")).encode()
    return b"".join([_LENGTH.pack(len(text)), text, *(one.packed for one in step.differences)])


def decode_step(data: bytes, parts: Mapping[str, Part], shared: Shared) -> Step:
    """The step that `encode_step` has written.

    Raises
    ------
    HistoryError : where it is not one.
    """

    def read() -> Step:
        (length,) = _LENGTH.unpack_from(data)
        at = _LENGTH.size + length
        known = json.loads(data[_LENGTH.size : at])
        differences = []
        for *bounds, in_runs, size in known["differences"]:
            box = Box.from_bounds(bounds[:3], bounds[3:])
            if size < 0 or at + size > len(data) or min(box.start) < 0 or 0 in box.shape:
                raise ValueError("a block that cannot be")
            differences.append(Difference(box, bool(in_runs), data[at : at + size]))
            at += size
        changes = []
        for name, before, after in known["changes"]:
            values = (parts[name].from_json(one, shared[name]) for one in (before, after))
            changes.append(Change(name, *values))
        return Step(str(known["name"]), tuple(differences), tuple(changes))

    return read_or_refuse(read)


def read_or_refuse(read: Callable[[], T]) -> T:
    """What ``read`` returns.

    Raises
    ------
    HistoryError : where what it reads is not what it should be.
    """
    try:
        return read()
    except HistoryError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise HistoryError("the history is damaged: go on without it.") from error
    except (struct.error, zlib.error, RecursionError) as error:
        raise HistoryError("the history is damaged: go on without it.") from error
