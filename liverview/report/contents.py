"""The content of a report, in the order it is read; the page and the PDF only set it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liverview.core.about import DISCLAIMER, __version__
from liverview.core.edited_volume import describe_edited
from liverview.core.labels import Label, count_with_parts, label_entry
from liverview.core.text import printable
from liverview.core.volume import Plane, Volume
from liverview.core.wording import slice_words
from liverview.measurement.markup.listing import Markups
from liverview.measurement.recist import Recist, assess_recist
from liverview.measurement.results import (
    FURTHER_LABELS,
    PARTIAL_WARNING,
    Measurement,
    parts_of_liver_text,
)
from liverview.report.provenance import Provenance, short_hash

NONE = "–"
"""What stands where there is no figure."""

_LESION_COLUMNS = (
    "No.", "Volume mL", "Axial mm", "Across mm", "3D mm", "Mean HU", "SD HU",
    "Centroid x, y, z mm", "Axial slice", "Sure",
)  # fmt: skip
_NO_TARGETS = "Tumors that are no targets stay in the volumes; what is ruled out does not."
_NO_TUMOR = "Nothing says which voxels are tumor."

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether it holds numbers."""

    heading: str
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """Rows of text, as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A picture with its caption.

    Attributes
    ----------
    jpeg : the encoded picture.
    size : its pixels, (width, height).
    """

    jpeg: bytes
    size: tuple[int, int]
    caption: str


@dataclass(frozen=True)
class Key:
    """The meaning of a color in the pictures."""

    name: str
    color: Color
    drawn: str


@dataclass(frozen=True)
class Section:
    """A part of the report under its heading; whatever is empty is left out.

    Attributes
    ----------
    paragraphs : before the table.
    remarks : below it, in small print.
    """

    heading: str
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None
    remarks: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Contents:
    """A report.

    Attributes
    ----------
    notice : what has to be read before anything else; empty where there is nothing.
    facts : what was reported on and with, by name.
    """

    title: str
    disclaimer: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    notice: str = ""


def compose_report(
    volume: Volume,
    measurement: Measurement,
    origin: Provenance,
    weights: Mapping[str, str],
    markups: Markups,
    slices: Section,
) -> Contents:
    """Put a report together.

    Parameters
    ----------
    weights : SHA-256 by file name.
    slices : the section of pictures.
    """
    found = measurement.to_dict()
    recist = assess_recist(measurement)
    known = measurement.defines(Label.TUMOR)
    sections = (
        _volume_section(found, measurement),
        _lesion_section(found, recist, volume) if known else Section("Lesions", (_NO_TUMOR,)),
        _ruled_out_section(found),
        _recist_section(recist) if known else Section("RECIST 1.1", (_NO_TUMOR,)),
        _markup_section(markups, volume),
        slices,
        Section("Remarks on the scan", remarks=volume.warnings),
    )
    return Contents(
        title=f"Liver report: {printable(volume.name)}{', partial' if measurement.partial else ''}",
        disclaimer=DISCLAIMER,
        notice=f"PARTIAL. {PARTIAL_WARNING}" if measurement.partial else "",
        facts=tuple(_fact_rows(volume, origin, weights)),
        sections=tuple(section for section in sections if _says_something(section)),
    )


def _says_something(section: Section) -> bool:
    return bool(section.paragraphs or section.table or section.remarks or section.figures)


def _fact_rows(
    volume: Volume, origin: Provenance, weights: Mapping[str, str]
) -> Sequence[tuple[str, str]]:
    hashes = ", ".join(f"{name} {short_hash(digest)}" for name, digest in weights.items())
    known, edited = origin.labels is None, describe_edited(origin.edited)
    return (
        ("Scan", printable(origin.scan)),
        ("Labels", printable(origin.labels or "segmented by this software")),
        *((("Edited by hand", edited),) if edited else ()),
        ("Matrix", " × ".join(str(n) for n in volume.shape)),
        ("Voxel size", " × ".join(f"{mm:.4g}" for mm in volume.spacing) + " mm (x, y, z)"),
        ("Date", origin.date.isoformat(" ", "minutes")),
        ("Software", f"liverview {__version__}"),
        # A label map's file says nothing of what made it.
        ("Weights, SHA-256" if known else "Installed weights, SHA-256", hashes or "none"),
        ("Segmented on", origin.device or "not known: the labels' file does not say"),
    )


def _volume_section(found: Mapping[str, Any], measurement: Measurement) -> Section:
    organ = "liver_with_vessels_and_tumors_ml"
    if found[organ] == 0:
        return Section("Volumes", ("There is no liver in the labels.",))
    parts, others = parts_of_liver_text(), parts_of_liver_text(Label.VESSEL)
    burden, counts = found["tumor_burden_percent"], count_with_parts(measurement.voxel_count)
    liver, vessel = measurement.voxel_count[Label.LIVER], counts[Label.VESSEL]
    rows = (
        ("Liver parenchyma", f"without {parts}", found["liver_parenchyma_ml"], liver),
        ("Liver with vessels", f"without {others}", found["liver_with_vessels_ml"], liver + vessel),
        ("Liver, whole organ", f"with {parts}", found[organ], counts[Label.LIVER]),
        ("Vessels", "inside the liver", found["vessel_ml"], vessel),
        ("Tumors", "all of them, also the smallest", found["tumor_ml"], counts[Label.TUMOR]),
        *(_further_row(found, label) for label in FURTHER_LABELS),
    )
    return Section(
        "Volumes",
        () if burden is None else (f"Tumor burden: {burden:.2f} % of the whole organ.",),
        Table(
            (Column("Volume of", False), Column("Includes", False), Column("mL"), Column("Voxels")),
            tuple(
                (name, what, _format_number(ml, 2), NONE if ml is None else f"{n:,}")
                for name, what, ml, n in rows
            ),
        ),
        (
            f"One voxel is {found['voxel_ml']:.4g} mL. {found['statements'][0]}",
            *found["statements"][3:],
        ),
    )


def _further_row(
    found: Mapping[str, Any], label: Label
) -> tuple[str, str, float | None, int | None]:
    entry, key = label_entry(label), label.name.lower()
    return entry.name, entry.description, found[f"{key}_ml"], found[f"{key}_voxel_count"]


def _lesion_section(found: Mapping[str, Any], recist: Recist, volume: Volume) -> Section:
    small, *others = found["statements"][1:3]
    if not found["lesions"]:
        return Section("Lesions", ("There are no lesions.",), remarks=(small,))
    return Section(
        "Lesions",
        table=Table(
            (*(Column(heading) for heading in _LESION_COLUMNS), Column("Remark", False)),
            tuple((*_lesion_cells(lesion), _remark(lesion, recist)) for lesion in found["lesions"]),
        ),
        remarks=(
            small,
            *others,
            "A lesion is a 26-connected component of the tumor label; its diameters run between "
            "the outer edges of its voxels.",
            "Centroids are in world coordinates (right, anterior and superior are positive); "
            f"axial slices count from 1 at the lowest to {volume.shape[2]}.",
            *([found["statements"][-1]] if found["least_certainty"] is not None else ()),
            *((_NO_TARGETS,) if recist.excluded else ()),
            *(() if volume.in_hu else ("The scan's values are no HU: lesions have none.",)),
        ),
    )


def _ruled_out_section(found: Mapping[str, Any]) -> Section:
    columns = (*(Column(heading) for heading in _LESION_COLUMNS[1:]), Column("Reason", False))
    rows = [(*_lesion_cells(one), one["reason"]) for one in found["ruled_out_lesions"]]
    return Section("Ruled out", table=Table(columns, tuple(rows)) if rows else None)


def _lesion_cells(lesion: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *([str(lesion["number"])] if "number" in lesion else ()),
        f"{lesion['volume_ml']:,.3f}",
        f"{lesion['axial_diameter_mm']:.1f}",
        f"{lesion['perpendicular_diameter_mm']:.1f}",
        f"{lesion['diameter_3d_mm']:.1f}",
        _format_number(lesion["mean_hu"]),
        _format_number(lesion["sd_hu"]),
        ", ".join(f"{x:.1f}" for x in lesion["centroid_mm"]),
        str(lesion["axial_slice_index_ras"]),
        NONE if lesion["certainty"] is None else f"{100 * lesion['certainty']:.0f} %",
    )


def _remark(lesion: Mapping[str, Any], recist: Recist) -> str:
    number, accepted = lesion["number"], "accepted" if lesion["accepted"] else ""
    if number in recist.excluded:
        return f"no target: {recist.excluded[number]}"
    if number not in {one.number for one in recist.candidates}:
        return accepted
    return "target" if recist.confirmed else ", ".join(filter(None, (accepted, "candidate")))


def _recist_section(recist: Recist) -> Section:
    said = [
        f"Measurable from {recist.smallest_mm:g} mm in the axial plane on; slices are "
        f"{recist.thickness_mm:g} mm apart. Lesions that are smaller: {recist.not_measurable}."
    ]
    said = [recist.words, *said]
    return Section(
        "RECIST 1.1: " + ("target lesions" if recist.confirmed else "candidates, not confirmed"),
        tuple(said),
        # The disclaimer, which comes last, stands on every page.
        remarks=tuple(caveat for caveat in recist.caveats if caveat != DISCLAIMER),
    )


def _markup_section(markups: Markups, volume: Volume) -> Section:
    unit = "HU" if volume.in_hu else "value"
    headings = ("Length mm", "Area mm²", f"Mean {unit}", f"SD {unit}", f"Lowest {unit}",
                f"Highest {unit}", "Voxels")  # fmt: skip
    if not len(markups):
        return Section("Rulers and ellipses")
    rows = []
    for entry in markups:
        content = entry.markup.to_dict(volume)
        plane = Plane[content["plane"].upper()]
        values = (f"{name}_{unit.lower()}" for name in ("mean", "sd", "lowest", "highest"))
        count = content.get("voxel_count")
        rows.append(
            (
                entry.name,
                slice_words(plane, entry.markup.index, volume.shape[plane.axis]),
                _format_number(content.get("length_mm"), 2),
                _format_number(content.get("area_mm2"), 2),
                *(_format_number(content.get(key), 2) for key in values),
                NONE if count is None else f"{count:,}",
            )
        )
    columns = (Column("Name", False), Column("Slice", False), *(Column(h) for h in headings))
    return Section("Rulers and ellipses", table=Table(columns, tuple(rows)))


def _format_number(value: float | None, digits: int = 1) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"
