"""``liverview mesh``: watertight meshes of labels, for printing and other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from liverview.cli.printing import add_labels_option, iter_with_progress_bar, read_labels


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("mesh", help="watertight meshes of labels, in mm")
    parser.add_argument("labels", type=Path, metavar="LABELS")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="a .stl, .ply, .obj, .3mf or .glb file, or a folder for a file of each label",
    )
    parser.add_argument(
        "--format",
        choices=("stl", "ply", "obj", "3mf", "glb"),
        help="of the files in a folder; stl by default",
    )
    parser.add_argument(
        "--lps",
        action="store_true",
        help="axes to the left, back and head, as in DICOM; else to the right, front and head",
    )
    parser.add_argument(
        "--smoothing",
        type=float,
        metavar="MM",
        help="standard deviation of the blur that takes the steps of voxels away; by default "
        "each label's own",
    )
    add_labels_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.files.atomic import make_folder
    from liverview.measurement.mesh_files import WrittenMesh, iter_write_meshes, mesh_paths

    suffix = options.format and f".{options.format}"
    labels = read_labels(options.labels, options.coding)
    if options.output in {path.parent for path in mesh_paths(options.output, labels, suffix)}:
        make_folder(options.output)
    work = iter_write_meshes(
        options.output,
        labels,
        suffix=suffix,
        lps=options.lps,
        smoothing_mm=options.smoothing,
        overwrite=options.overwrite,
    )
    for item in iter_with_progress_bar(work):
        if isinstance(item, WrittenMesh):
            told = zip(item.names, item.volume_ml, strict=True)
            volumes = ", ".join(f"{name} {ml:.1f} mL" for name, ml in told)
            print(f"{item.path} written: {volumes}.")
    return 0
