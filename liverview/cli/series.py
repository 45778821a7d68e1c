"""``liverview series``: the volumes in folders, archives and discs of DICOM."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverview.cli.outputs import check_outputs
from liverview.cli.printing import iter_with_progress_bar, write_json

if TYPE_CHECKING:
    from liverview.core.study import StudyFacts
    from liverview.files.dicom.places.listing import Listing
    from liverview.files.dicom.places.recommendation import Recommendation

_HEADS = ("N", "", "kind", "slices", "step", "pixel", "thick", "kernel", "contrast", "description")
_TO_THE_RIGHT = {"N", "slices", "step", "pixel", "thick"}
_WIDEST = 32  # letters of a column
_PATIENT = (
    *("patient_name", "patient_id", "birth_date", "sex", "accession_number", "study_date"),
    *("study_time", "study_description", "study_uid", "series_uid"),
)
_SERIES = (
    *("series_description", "series_number", "modality", "kernel", "contrast", "body_part"),
    *("protocol", "part", "burned_in"),
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "series",
        help="list the volumes in folders of DICOM",
        description="List the volumes in folders, zip archives and discs of DICOM, by their "
        "headers: CT first, the likeliest at the top, with the reason; * marks what is likely the "
        "abdomen in the portal venous phase. N is what --volume of the other commands takes. "
        "Lengths are mm.",
    )
    parser.add_argument(
        "places",
        type=Path,
        nargs="+",
        metavar="PLACE",
        help="a folder, a zip archive, a DICOMDIR, or files",
    )
    parser.add_argument(
        "--patient",
        action="store_true",
        help="print and write the patients' names, IDs and dates, too",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the list there")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.core.stream import result_of
    from liverview.files.dicom.places.listing import Listing, iter_list
    from liverview.files.dicom.places.recommendation import recommend

    check_outputs(options, options.places)
    listing = result_of(iter_with_progress_bar(iter_list(options.places)), Listing)
    rows = recommend(listing.volumes)
    if not rows:
        _refuse(options.places, listing)
    print(*_lines(rows, patient=options.patient), sep="\n")
    _print_left_out(listing)
    if options.json:
        write_json(options.json, _content(rows, listing, patient=options.patient))
    return 0


def _refuse(places: Sequence[Path], listing: Listing) -> None:
    from liverview.files.opening import ImageFileError

    if listing.unreadable:
        count = len(listing.unreadable)
        raise ImageFileError(listing.unreadable[0] + (f" ({count - 1} more)" if count > 1 else ""))
    files = "file" if listing.others == 1 else "files"
    named = ", ".join(map(str, places))
    raise ImageFileError(
        f"{named}: no DICOM among {listing.others:,} {files}: give the folder that has the images."
    )


def _print_left_out(listing: Listing) -> None:
    from liverview.core.text import shown

    for sentence in listing.unreadable:
        print(shown(sentence), file=sys.stderr)
    if listing.others:
        files = "file is" if listing.others == 1 else "files are"
        print(f"{listing.others:,} {files} no DICOM.", file=sys.stderr)


def _lines(rows: Sequence[Recommendation], *, patient: bool) -> list[str]:
    """The table, and below each row what is to be said of it."""
    from liverview.core.text import printable

    cells = [[_cell(text) for text in _row(number, row)] for number, row in enumerate(rows)]
    widths = [max(len(line[n]) for line in (_HEADS, *cells)) for n in range(len(_HEADS))]
    lines = [_aligned(_HEADS, widths)]
    indent = " " * (widths[0] + 2)
    for row, line in zip(rows, cells, strict=True):
        lines.append(_aligned(line, widths))
        volume = row.volume
        reason = "" if row.reason == line[2] else row.reason
        said = [reason, volume.study.part, *volume.remarks, volume.refusal]
        said += [_patient_words(volume.study)] if patient else []
        lines += [indent + printable(text) for text in said if text]
    return lines


def _row(number: int, row: Recommendation) -> tuple[str, ...]:
    from liverview.files.dicom.series.series_volume import SeriesKind

    volume, study = row.volume, row.volume.study
    across, down, step = volume.spacing
    thickness = volume.slices[0].thickness
    kind = volume.kind.value
    if volume.kind is not SeriesKind.CT and volume.kind is not SeriesKind.LOCALIZER:
        kind = study.modality or kind
    pixel = f"{across:.3g}" if across == down else f"{across:.3g}x{down:.3g}"
    return (
        str(number),
        "*" if row.likely else "",
        kind,
        str(volume.shape[2]),
        f"{step:.3g}" if step else "-",
        pixel if across else "-",
        "-" if thickness is None else f"{thickness:.3g}",
        study.kernel or "-",
        study.contrast or "-",
        study.series_description or "-",
    )


def _cell(text: str) -> str:
    from liverview.core.text import printable

    text = printable(text)
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        cell.rjust(width) if head in _TO_THE_RIGHT else cell.ljust(width)
        for head, cell, width in zip(_HEADS, cells, widths, strict=True)
    ]
    return "  ".join(parts).rstrip()


def _patient_words(study: StudyFacts) -> str:
    facts = (
        ("patient", study.patient_name),
        ("ID", study.patient_id),
        ("born", study.birth_date),
        ("sex", study.sex),
        ("study", f"{study.study_date} {study.study_description}".strip()),
    )
    return ", ".join(f"{name} {value}" for name, value in facts if value)


def _content(rows: Sequence[Recommendation], listing: Listing, *, patient: bool) -> dict[str, Any]:
    """The list for JSON; what tells who the patient is, only where that is asked for."""
    volumes = []
    for number, row in enumerate(rows):
        volume = row.volume
        names = (*_SERIES, *_PATIENT) if patient else _SERIES
        volumes.append(
            {
                "number": number,
                "kind": volume.kind.value,
                "likely": row.likely,
                "reason": row.reason,
                "shape": list(volume.shape),
                "spacing_mm": list(volume.spacing),
                "thickness_mm": volume.slices[0].thickness,
                "remarks": list(volume.remarks),
                "refusal": volume.refusal,
                **{name: getattr(volume.study, name) for name in names},
            }
        )
    return {
        "volumes": volumes,
        "unreadable": list(listing.unreadable),
        "other_files": listing.others,
    }
