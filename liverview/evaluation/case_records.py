"""The result of a case as JSON, to the last digit: summaries of records are those of results."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from liverview.core.errors import LiverviewError
from liverview.core.labels import Label
from liverview.evaluation.cases import CaseResult
from liverview.evaluation.lesion_table import (
    CurveStep,
    FalseLesion,
    LesionPlace,
    LesionTable,
    ReferenceLesion,
    ScanCurve,
)
from liverview.evaluation.scores import LabelScore
from liverview.files.atomic import atomic_write, write_json

T = TypeVar("T")
_LARGEST = 1 << 28  # bytes of a record


class CaseRecordError(LiverviewError):
    """A record that is not there, or is none."""


def record_path(folder: Path, name: str) -> Path:
    """The record of a case in a folder of results."""
    return folder / f"{name}_scores.json"


def picture_path(folder: Path, name: str) -> Path:
    """The picture of its worst slice there."""
    return folder / f"{name}_worst.png"


def write_case(folder: Path, result: CaseResult) -> tuple[Path, ...]:
    """Write a result and its picture, each whole or not at all; returns the files.

    Raises
    ------
    TargetError : where that is not possible.
    """
    record, picture = record_path(folder, result.name), picture_path(folder, result.name)
    if result.picture is not None:
        with atomic_write(picture) as temporary:
            result.picture.save(temporary, format="PNG")
    write_json(record, {"seconds": result.seconds, "scores": _plain(result.scores)})
    return (record,) if result.picture is None else (record, picture)


def read_case(folder: Path, name: str, *, picture: bool = False) -> CaseResult:
    """Read a result, with its picture or without.

    Raises
    ------
    CaseRecordError : where it is not there, or is no such record.
    """
    path = record_path(folder, name)
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("too large")
        content = json.loads(path.read_text(encoding="utf-8"))
        scores = [_made(LabelScore, score) for score in content["scores"]]
        seconds = float(content["seconds"])
        drawn = _read_picture(picture_path(folder, name)) if picture else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CaseRecordError(
            f"{path} is no record of a case ({error}): take it away, and it is made again."
        ) from error
    return CaseResult(name, scores, seconds, drawn)


def _read_picture(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def _plain(value: Any) -> Any:
    """A result in JSON's own values; None is NaN, and text an infinite number."""
    if isinstance(value, Enum):
        return value.name
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_plain(key): _plain(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _made(kind: Callable[..., T], record: Mapping[str, Any]) -> T:
    """A dataclass of its record, each field by what it is annotated with."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    return kind(**{f.name: _READ[str(f.type)](record[f.name]) for f in fields})


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _several(kind: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda values: tuple(kind(value) for value in values)


def _or_none(kind: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else kind(value)


def _step(value: Any) -> CurveStep:
    certainty, found, large, false = value
    return CurveStep(_number(certainty), int(found), int(large), int(false))


_READ: dict[str, Callable[[Any], Any]] = {
    "float": _number,
    "int": int,
    "bool": bool,
    "str": str,
    "Point": _several(_number),
    "Label": lambda name: Label[name],
    "LesionPlace": lambda name: LesionPlace[name],
    "Mapping[Label, float]": lambda shares: {
        Label[name]: _number(share) for name, share in shares.items()
    },
    "tuple[CurveStep, ...]": _several(_step),
    "tuple[ReferenceLesion, ...]": _several(lambda record: _made(ReferenceLesion, record)),
    "tuple[FalseLesion, ...]": _several(lambda record: _made(FalseLesion, record)),
    "ScanCurve | None": _or_none(lambda record: _made(ScanCurve, record)),
    "LesionTable | None": _or_none(lambda record: _made(LesionTable, record)),
}
"""How a field is read, by its annotation."""
