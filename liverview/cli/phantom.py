"""``liverview phantom``: write a synthetic CT with its labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.printing import add_label_table_option, iter_with_progress_bar

if TYPE_CHECKING:
    from liverview.phantoms.config import Phantom

_SERIES, _SEGMENTATION = "ct", "labels.dcm"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("phantom", help="write a synthetic CT with its labels")
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR")
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE.png",
        help="instead of DIR: a picture of twelve samples as training sees them",
    )
    parser.add_argument(
        "--lesion-sheet",
        type=Path,
        metavar="FILE.png",
        help="instead of DIR: a picture of twelve lesions of all kinds, plain and outlined",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=[],
        metavar="SCAN",
        help="under the lesion sheet: the largest lesion of each of these scans, folders with "
        "ct.nii.gz and liver.nii.gz (3 is tumor)",
    )
    parser.add_argument(
        "--dicom",
        action="store_true",
        help="as DICOM: the scan as a CT series in DIR/ct, the labels as DIR/labels.dcm; its files "
        "say that they are synthetic",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shape", type=int, nargs=3, metavar=("I", "J", "K"))
    parser.add_argument("--spacing", type=float, nargs=3, metavar=("X", "Y", "Z"))
    parser.add_argument("--lesions", type=int, metavar="N")
    parser.add_argument(
        "--lesion-kind",
        choices=("plain", "mixed", "metastases", "hcc", "cysts", "hemangiomas"),
        help="what the lesions are; all but plain ones look as the phase makes them look",
    )
    parser.add_argument("--noise", type=float, metavar="HU")
    parser.add_argument("--phase", choices=("native", "arterial", "portal", "delayed"))
    parser.add_argument(
        "--region",
        choices=("liver", "chest", "pelvis", "head"),
        help="what the image is centered on; only the first shows the liver",
    )
    parser.add_argument("--device", help="cpu, cuda or cuda:N; each kind draws other voxels")
    add_label_table_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.core.stream import result_of
    from liverview.networks.runtime import pick_device
    from liverview.phantoms.config import Phantom, PhantomConfig, PhantomLesions, Phase, Region
    from liverview.phantoms.generation import iter_generate

    if sum(bool(n) for n in (options.folder, options.sheet, options.lesion_sheet)) != 1:
        raise ValueError(
            "phantom needs a DIR to write a scan into, --sheet FILE.png or --lesion-sheet FILE.png."
        )
    if options.beside and not options.lesion_sheet:
        raise ValueError("--beside needs --lesion-sheet FILE.png to lay the scans under.")
    if options.sheet or options.lesion_sheet:
        return _draw_sheet(options)
    device = str(pick_device(options.device or "cpu"))
    given = {
        "shape": options.shape and tuple(options.shape),
        "spacing": options.spacing and tuple(options.spacing),
        "lesions": options.lesions,
        "noise_hu": options.noise,
        "phase": options.phase and Phase(options.phase),
        "region": options.region and Region(options.region),
        "lesion_kind": options.lesion_kind and PhantomLesions(options.lesion_kind),
    }
    config = PhantomConfig(
        seed=options.seed, **{name: value for name, value in given.items() if value is not None}
    )
    targets = _targets(options)
    case = result_of(iter_with_progress_bar(iter_generate(config, device)), Phantom)
    write = _write_dicom if options.dicom else _write_files
    write(case, *targets, options)
    print(f"{targets[0]} and {targets[1]} written.")
    return 0


def _targets(options: argparse.Namespace) -> tuple[Path, Path]:
    """Scan and labels; before long work, both can be written."""
    from liverview.files import images
    from liverview.files.atomic import make_folder
    from liverview.files.formats import DEFAULT_SUFFIX

    make_folder(options.folder)
    if options.dicom:
        from liverview.files.dicom.writing.series_writing import check_series_target

        scan, labels = options.folder / _SERIES, options.folder / _SEGMENTATION
        check_series_target(scan, overwrite=options.overwrite)
    else:
        scan, labels = (options.folder / (name + DEFAULT_SUFFIX) for name in ("ct", "labels"))
        images.check_target(scan, overwrite=options.overwrite)
    images.check_target(labels, overwrite=options.overwrite)
    return scan, labels


def _write_files(case: Phantom, scan: Path, labels: Path, options: argparse.Namespace) -> None:
    from liverview.core.stream import drain
    from liverview.files import images

    work = images.iter_write_labels(
        labels,
        case.labels,
        case.volume,
        overwrite=options.overwrite,
        label_table=options.label_table,
    )
    drain(iter_with_progress_bar(work))
    work = images.iter_write_volume(scan, case.volume, overwrite=options.overwrite)
    drain(iter_with_progress_bar(work))


def _write_dicom(case: Phantom, scan: Path, labels: Path, options: argparse.Namespace) -> None:
    """Write the series, then the segmentation, which refers to the files of the series."""
    from liverview.core.stream import drain, result_of
    from liverview.core.volume import Volume
    from liverview.files import images
    from liverview.files.dicom import reading
    from liverview.files.dicom.writing.series_writing import iter_write_series

    again = options.overwrite
    work = iter_write_series(scan, case.volume, overwrite=again, phantom=True)
    drain(iter_with_progress_bar(work))
    written = result_of(iter_with_progress_bar(reading.iter_read(scan)), Volume)
    work = images.iter_write_labels(labels, case.labels, written, overwrite=again)
    drain(iter_with_progress_bar(work))


def _draw_sheet(options: argparse.Namespace) -> int:
    import numpy as np
    from PIL import Image

    from liverview.core.stream import result_of
    from liverview.files.atomic import atomic_write, check_target
    from liverview.phantoms.config import PhantomConfig
    from liverview.phantoms.lesion_sheet import iter_lesion_sheet
    from liverview.phantoms.sheet import iter_contact_sheet

    seed = PhantomConfig(seed=options.seed).seed
    target = options.sheet or options.lesion_sheet
    check_target(target, overwrite=options.overwrite)
    work = iter_contact_sheet(seed) if options.sheet else iter_lesion_sheet(seed, options.beside)
    picture = result_of(iter_with_progress_bar(work), np.ndarray)
    with atomic_write(target) as temporary:
        Image.fromarray(picture).save(temporary, "PNG")
    print(f"{target} written.")
    return 0
