"""The columns of a cohort's tables: names, types and units, whatever the data are.

A column's unit is in its name. Types do not depend on what is in a table, so that tables of
different cohorts can be put together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from liverview.cohort.work import Attempt
from liverview.core.labels import FOREGROUND, Label

Kind: TypeAlias = Literal["text", "int", "float", "bool"]
Value: TypeAlias = str | int | float | bool | None

_LARGEST = (1 << 63) - 1
_SHA256 = " sha256"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : with its unit.
    kind : the type of its values; any may be missing.
    unit : empty where there is none.
    words : what it says.
    """

    name: str
    kind: Kind
    unit: str
    words: str


@dataclass(frozen=True)
class ItemColumn(Column):
    """A column of the table of items, with where its value is."""

    value: Callable[[Attempt], object]


def typed(value: object, kind: Kind) -> Value:
    """A value as its column has it; None where it is of another type, or no number."""
    if kind == "text":
        return value or None if isinstance(value, str) else None
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if abs(value) > _LARGEST or (kind == "int" and value != int(value)):
        return None
    return int(value) if kind == "int" else float(value)


def _figure(
    name: str, kind: Kind, unit: str, words: str, *places: str, key: str = ""
) -> ItemColumn:
    """A column of what `Done.figures` has: under ``key``, within ``places``."""

    def value(attempt: Attempt) -> object:
        found: object = attempt.figures
        for place in (*places, key or name):
            found = found.get(place) if isinstance(found, Mapping) else None
        return found

    return ItemColumn(name, kind, unit, words, value)


def _volumes() -> list[ItemColumn]:
    """A column for the volume of each label; the liver's is the whole organ."""
    columns = []
    for label in FOREGROUND:
        name = f"{label.name.lower()}_ml"
        organ = label is Label.LIVER
        words = "liver with vessels and tumors" if organ else label.name.lower()
        key = "liver_with_vessels_and_tumors_ml" if organ else name
        columns.append(_figure(name, "float", "mL", f"volume: {words}", key=key))
    return columns


def _place(number: int, name: str, unit: str, words: str, key: str) -> ItemColumn:
    """A column of one of the three numbers that a figure has."""

    def value(attempt: Attempt) -> object:
        found = attempt.figures.get(key)
        return found[number] if isinstance(found, list) and len(found) == 3 else None

    return ItemColumn(name, "int" if unit == "voxels" else "float", unit, words, value)


def _longest_mm(attempt: Attempt) -> object:
    lengths = [typed(one.get("axial_diameter_mm"), "float") for one in lesions_of(attempt)]
    return max((mm for mm in lengths if isinstance(mm, float)), default=None)


def lesions_of(attempt: Attempt) -> list[Mapping[str, Any]]:
    """The lesions among an attempt's figures."""
    found = attempt.figures.get("lesions")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _software(attempt: Attempt) -> str:
    return attempt.made_with.get("software", "").removeprefix("liverview ")


def _weights(attempt: Attempt) -> str:
    """The hashes of the networks in one text, by file name."""
    found = {k: v for k, v in sorted(attempt.made_with.items()) if k.endswith(_SHA256)}
    return "; ".join(f"{name.removesuffix(_SHA256)}={digest}" for name, digest in found.items())


def _settings(attempt: Attempt) -> str:
    """What else the results depend on."""
    found = {k: v for k, v in sorted(attempt.made_with.items()) if not k.endswith(_SHA256)}
    return "; ".join(f"{name}={value}" for name, value in found.items() if name != "software")


def _outcome(attempt: Attempt) -> str:
    return "under way" if attempt.outcome == "begun" else attempt.outcome


ITEM_COLUMNS: tuple[ItemColumn, ...] = (
    ItemColumn("item", "text", "", "name of the scan in this cohort", lambda a: a.item),
    ItemColumn("kind", "text", "", "command: segment, measure or evaluate", lambda a: a.kind),
    ItemColumn("path", "text", "", "of the input", lambda a: a.path),
    ItemColumn("outcome", "text", "", "done, failed or under way", _outcome),
    ItemColumn("error_kind", "text", "", "of what failed, the kind", lambda a: a.error_kind),
    ItemColumn("error", "text", "", "of what failed, the sentence", lambda a: a.error),
    ItemColumn("notes", "text", "", "sentences about the data", lambda a: " ".join(a.notes)),
    ItemColumn("tries", "int", "", "attempts so far", lambda a: a.number),
    *_volumes(),
    _figure("liver_parenchyma_ml", "float", "mL", "liver without vessels and tumors"),
    _figure("liver_with_vessels_ml", "float", "mL", "liver without tumors"),
    _figure("tumor_burden_percent", "float", "%", "tumor in the whole liver"),
    _figure("lesion_count", "int", "", "lesions that are listed"),
    ItemColumn("longest_diameter_mm", "float", "mm", "longest axial one of all", _longest_mm),
    _figure("left_out_count", "int", "", "parts of the tumor too small for lesions"),
    _figure("left_out_ml", "float", "mL", "volume of such parts"),
    _figure("ruled_out_count", "int", "", "lesions that a person ruled out"),
    _figure("ruled_out_ml", "float", "mL", "volume of these"),
    _figure(
        "recist_sum_of_diameters_mm",
        "float",
        "mm",
        "of at most two candidates or targets",
        "recist_1_1",
        key="sum_of_diameters_mm",
    ),
    _figure(
        "recist_confirmed",
        "bool",
        "",
        "a person has confirmed them as targets",
        "recist_1_1",
        key="confirmed",
    ),
    _figure("least_certainty", "float", "", "from which candidates are lesions, 0 to 1"),
    _figure("partial", "bool", "", "the segmentation was stopped"),
    _figure("voxel_ml", "float", "mL", "volume of a voxel"),
    *(
        _place(n, f"shape_{axis}_voxels", "voxels", f"voxels along {axis}", "shape_voxels")
        for n, axis in enumerate("ijk")
    ),
    *(
        _place(n, f"spacing_{axis}_mm", "mm", f"distance along {axis}", "spacing_mm")
        for n, axis in enumerate("ijk")
    ),
    ItemColumn("seconds", "float", "s", "that the computation took", lambda a: a.seconds),
    ItemColumn(
        "peak_mb", "float", "MB", "most memory of its process until then", lambda a: a.peak_mb
    ),
    ItemColumn("device", "text", "", "that it was computed on", lambda a: a.device),
    ItemColumn("host", "text", "", "machine", lambda a: a.host),
    ItemColumn("began", "text", "", "UTC, ISO 8601", lambda a: a.began),
    ItemColumn("ended", "text", "", "UTC, ISO 8601", lambda a: a.ended),
    ItemColumn("version", "text", "", "of liverview", _software),
    ItemColumn("weights_sha256", "text", "", "of each network", _weights),
    ItemColumn("settings", "text", "", "what else the result depends on", _settings),
    ItemColumn("input_sha256", "text", "", "of pieces of the input", lambda a: a.input_sha256),
)
"""Of the table with a row per item; columns of the person's table follow them."""

_SCORES: tuple[tuple[str, str], ...] = (
    ("dice", ""),
    ("nsd_2mm", ""),
    ("nsd_3mm", ""),
    ("hd95_mm", "mm"),
    ("volume_error_ml", "mL"),
    ("volume_error_percent", "%"),
    ("predicted_ml", "mL"),
    ("reference_ml", "mL"),
    ("cl_dice", ""),
    ("lesion_recall", ""),
    ("lesion_precision", ""),
    ("false_lesions", ""),
)
SCORE_COLUMNS: tuple[ItemColumn, ...] = tuple(
    _figure(
        f"{label.name.lower()}_{name}",
        "float",
        unit,
        f"agreement with the reference: {label.name.lower()}",
        label.name.lower(),
        key=name,
    )
    for label in FOREGROUND
    for name, unit in _SCORES
)
"""Of items that were compared with references; they are there where the cohort has such."""

LESION_COLUMNS: tuple[Column, ...] = (
    Column("item", "text", "", "name of the scan in this cohort"),
    Column("kind", "text", "", "command that measured it"),
    Column("number", "int", "", "1 is the largest by volume"),
    Column("volume_ml", "float", "mL", "volume"),
    Column("voxel_count", "int", "", "voxels"),
    Column("axial_diameter_mm", "float", "mm", "longest in an axial slice"),
    Column("perpendicular_diameter_mm", "float", "mm", "across it in the same slice"),
    Column("diameter_3d_mm", "float", "mm", "longest between two points of its surface"),
    Column("mean_hu", "float", "HU", "mean of its voxels"),
    Column("sd_hu", "float", "HU", "standard deviation of its voxels"),
    Column("centroid_x_mm", "float", "mm", "world, RAS+"),
    Column("centroid_y_mm", "float", "mm", "world, RAS+"),
    Column("centroid_z_mm", "float", "mm", "world, RAS+"),
    Column("axial_slice_index_ras", "int", "", "slice of the diameters, from 0"),
    Column("certainty", "float", "", "how sure the network is of it, 0 to 1"),
    Column("accepted", "bool", "", "a person has accepted it"),
    Column("recist_candidate", "bool", "", "may be a target lesion, or is one"),
    Column("recist_target", "bool", "", "a target lesion, confirmed by a person"),
)
"""Of the table with a row per lesion."""
