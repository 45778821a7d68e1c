"""``liverview phantom``: write a synthetic CT with its labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from liverview.cli.printing import add_label_table_option, iter_with_progress_bar


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shape", type=int, nargs=3, metavar=("I", "J", "K"))
    parser.add_argument("--spacing", type=float, nargs=3, metavar=("X", "Y", "Z"))
    parser.add_argument("--lesions", type=int, metavar="N")
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
    from liverview.core.stream import drain, result_of
    from liverview.files import images
    from liverview.files.atomic import make_folder
    from liverview.files.formats import DEFAULT_SUFFIX
    from liverview.networks.runtime import pick_device
    from liverview.phantoms.config import Phantom, PhantomConfig, Phase, Region
    from liverview.phantoms.generation import iter_generate

    if (options.folder is None) == (options.sheet is None):
        raise ValueError("phantom needs a DIR to write a scan into, or --sheet FILE.png.")
    if options.sheet:
        return _sheet(options)
    device = str(pick_device(options.device or "cpu"))
    given = {
        "shape": options.shape and tuple(options.shape),
        "spacing": options.spacing and tuple(options.spacing),
        "lesions": options.lesions,
        "noise_hu": options.noise,
        "phase": options.phase and Phase(options.phase),
        "region": options.region and Region(options.region),
    }
    config = PhantomConfig(
        seed=options.seed, **{name: value for name, value in given.items() if value is not None}
    )
    targets = [options.folder / (name + DEFAULT_SUFFIX) for name in ("ct", "labels")]
    make_folder(options.folder)
    for target in targets:
        images.check_target(target, overwrite=options.overwrite)
    case = result_of(iter_with_progress_bar(iter_generate(config, device)), Phantom)
    again = options.overwrite
    drain(
        iter_with_progress_bar(
            images.iter_write_labels(
                targets[1],
                case.labels,
                case.volume,
                overwrite=again,
                label_table=options.label_table,
            )
        )
    )
    drain(
        iter_with_progress_bar(images.iter_write_volume(targets[0], case.volume, overwrite=again))
    )
    print(f"{targets[0]} and {targets[1]} written.")
    return 0


def _sheet(options: argparse.Namespace) -> int:
    import numpy as np
    from PIL import Image

    from liverview.core.stream import result_of
    from liverview.files.atomic import atomic_write, check_target
    from liverview.phantoms.config import PhantomConfig
    from liverview.phantoms.sheet import iter_contact_sheet

    seed = PhantomConfig(seed=options.seed).seed
    check_target(options.sheet, overwrite=options.overwrite)
    picture = result_of(iter_with_progress_bar(iter_contact_sheet(seed)), np.ndarray)
    with atomic_write(options.sheet) as temporary:
        Image.fromarray(picture).save(temporary, "PNG")
    print(f"{options.sheet} written.")
    return 0
