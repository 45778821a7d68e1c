"""What ``liverview evaluate`` writes lesion by lesion: the table, the FROC, the montage."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from liverview.evaluation.cases import CaseResult
    from liverview.evaluation.lesion_table import LesionTable

_NO_CANDIDATES = (
    "--froc needs the certainty of candidates, which these weights do not give: leave it out."
)
_NO_TUMORS = (
    "--froc needs a reference that is a measure of tumors, and none of these is: name the tumor "
    "beside its reference where it was looked for."
)


def add_lesion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the outputs."""
    parser.add_argument(
        "--lesions",
        type=Path,
        metavar="FILE.csv",
        help="print a row per lesion of the reference and per false one, and write them there",
    )
    parser.add_argument(
        "--froc",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="with --cases: lesions found against false ones per scan at every certainty, as "
        ".png, .svg, .csv or .json; may be given several times",
    )
    parser.add_argument(
        "--lesion-montage",
        type=Path,
        metavar="FILE.png",
        help="with --cases: a picture of the three lesions that went best, the three worst, and "
        "the three largest false ones",
    )


def check_lesion_options(options: argparse.Namespace) -> list[Path]:
    """The files of the outputs, once their names are known to fit.

    Raises
    ------
    ValueError : where what is asked for needs scans, or a name ends in another way.
    """
    from liverview.evaluation.froc_files import check_froc_name

    if options.cases is None and (options.froc or options.lesion_montage):
        raise ValueError(
            "--froc and --lesion-montage need scans to segment, whose candidates have a "
            "certainty; a label map has none: add --cases DIR."
        )
    files = [path for path in (options.lesions, *options.froc, options.lesion_montage) if path]
    if files and (options.clicks or options.rulers):
        raise ValueError(
            "--lesions, --froc and --lesion-montage are of segmentations: leave them out, or "
            "--clicks and --rulers."
        )
    for path, suffix in ((options.lesions, ".csv"), (options.lesion_montage, ".png")):
        if path is not None and path.suffix.lower() != suffix:
            raise ValueError(f"{path} must end in {suffix}: choose another name.")
    for path in options.froc:
        check_froc_name(path)
    return files


def write_table(options: argparse.Namespace, tables: Mapping[str, LesionTable]) -> None:
    """Print and write the lesions, where that was asked for; ``tables`` by case."""
    from liverview.evaluation.lesion_summary import table_lines, write_lesions

    if options.lesions:
        print("", *table_lines(tables), sep="\n")
        write_lesions(options.lesions, tables)
        print(f"{options.lesions} written.")


def write_lesion_outputs(options: argparse.Namespace, results: Sequence[CaseResult]) -> None:
    """Print and write what was asked for of all cases.

    Raises
    ------
    ValueError : where a curve was asked for and there is none.
    """
    from liverview.evaluation.lesion_montage import save_lesion_montage

    write_table(options, tables_by_case(results))
    if options.lesion_montage:
        save_lesion_montage(
            options.lesion_montage, [one for result in results for one in result.lesion_pictures]
        )
        print(f"{options.lesion_montage} written.")
    if options.froc:
        _write_froc(options.froc, [result.lesions for result in results if result.lesions])


def tables_by_case(results: Sequence[CaseResult]) -> dict[str, LesionTable]:
    """The tables of those cases whose references are a measure of tumors."""
    return {result.name: result.lesions for result in results if result.lesions is not None}


def _write_froc(paths: Sequence[Path], tables: Sequence[LesionTable]) -> None:
    from liverview.evaluation.froc import RATES, pool_curves
    from liverview.evaluation.froc_files import save_froc

    if not tables:
        raise ValueError(_NO_TUMORS)
    curves = [table.curve for table in tables if table.curve is not None]
    if not curves:
        raise ValueError(_NO_CANDIDATES)
    froc = pool_curves(curves)
    shares = [f"{froc.recall_at(rate):.2f} at {rate:g}" for rate in RATES]
    if froc.large:
        print(f"lesions of 10 mm or more found, by false ones per scan: {', '.join(shares)}")
    if froc.healthy:
        usual = froc.usual
        print(
            f"livers without tumors: {froc.healthy}; without a false lesion "
            f"{usual.clear_share:.2f} of them, {usual.false_per_healthy:.2g} false ones in each"
        )
    for path in paths:
        save_froc(path, froc)
        print(f"{path} written.")
