"""An attempt as a file: JSON on one line, of which every field is checked when it is read.

The texts of an attempt are printable when it is kept, so they are written and read as they are.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from liverview.cohort.work import Attempt
from liverview.core.text import printable_values

FORMAT = 1
"""Of the files; a reader passes over those of a larger one."""
LARGEST = 1 << 26
"""Bytes that the file of one attempt may have."""
NAME = re.compile(r"(?P<digest>[0-9a-f]{16})-(?P<number>[1-9][0-9]{0,8})-[0-9a-f]{8}\.json")
"""Of the files: by item, try, and kind, machine, process, moment and token."""

_NOT_KEPT = ("lines",)  # they are printed, and the figures have it all
_LARGEST_NUMBER = 1 << 53  # whole numbers that every reader of JSON takes exactly
_OUTCOMES = ("begun", "done", "failed")


class NewerFormatError(ValueError):
    """The file of a later version, whose fields may mean something else."""


def item_digest(item: str) -> str:
    """By which the files of an item are found; ``item`` is its name as it is `printable`."""
    return hashlib.sha256(item.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def file_name(attempt: Attempt) -> str:
    """The name of an attempt's file, which no other attempt has."""
    parts = (attempt.kind, attempt.host, attempt.process, attempt.began, attempt.token)
    where = "\0".join(map(str, parts))
    place = hashlib.sha256(where.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{item_digest(attempt.item)}-{attempt.number}-{place}.json"


def attempt_text(attempt: Attempt) -> str:
    """The content of an attempt's file: one line, with escapes where a byte is no text."""
    attempt = replace(
        attempt,
        figures=printable_values(attempt.figures),
        notes=printable_values(attempt.notes),
        columns=printable_values(attempt.columns),
    )
    content = {f.name: getattr(attempt, f.name) for f in fields(attempt)}
    kept = {name: value for name, value in content.items() if name not in _NOT_KEPT}
    plain = {"format": FORMAT, **{name: _strict(value) for name, value in kept.items()}}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"


def parse_attempt(data: bytes) -> Attempt:
    """The attempt that a file holds.

    Raises
    ------
    NewerFormatError : where a later version wrote it.
    ValueError : where it is no attempt, or only a part of one.
    """
    try:
        content = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not isinstance(content, dict) or not _is_whole(content.get("format")):
        raise ValueError("no attempt")
    if content["format"] > FORMAT:
        raise NewerFormatError(f"format {content['format']}")
    if b"\\u" in data:  # an escape may stand for half a character, which nothing can print
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    found: dict[str, Any] = {}
    for name, holds in _FIELDS.items():
        if name in content:
            if not holds(content[name]):
                raise ValueError(f"{name} is of another kind")
            value = content[name]
            found[name] = tuple(value) if isinstance(value, list) else value
    if not found.keys() >= _NEEDED:
        raise ValueError("fields are missing")
    return Attempt(**found)


def _strict(value: Any) -> Any:
    """A value as JSON has it: what is no number is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _strict(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _is_whole(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_NUMBER


def _is_number(value: object) -> bool:
    if value is None:
        return True
    return _is_whole(value) or (type(value) is float and math.isfinite(value) and value >= 0)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value != ""


def _is_time(value: object) -> bool:
    """True of a moment with its time zone; empty is none."""
    if not isinstance(value, str):
        return False
    try:
        return value == "" or datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_text_mapping(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(part, str) for part in value.values())


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "item": _is_text,
    "path": _is_text,
    "kind": _is_line,
    "number": lambda value: _is_whole(value) and value != 0,
    "outcome": lambda value: value in _OUTCOMES,
    "began": lambda value: _is_time(value) and value != "",
    "ended": _is_time,
    "host": _is_text,
    "process": _is_whole,
    "device": _is_text,
    "input_sha256": _is_text,
    "made_with": _is_text_mapping,
    "seconds": _is_number,
    "peak_mb": _is_number,
    "figures": _is_mapping,
    "written": _are_texts,
    "notes": _are_texts,
    "error": _is_text,
    "error_kind": _is_text,
    "columns": _is_text_mapping,
    "token": _is_text,
}
_NEEDED = {"item", "path", "kind", "number", "outcome", "began"}
