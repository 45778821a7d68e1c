"""``liverview vessels``: the vessels of a label map in two trees, portal vein and hepatic veins."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from liverview.cli.outputs import check_outputs
from liverview.cli.printing import (
    add_label_table_option,
    add_labels_option,
    add_resample_option,
    add_volume_option,
    iter_with_progress_bar,
    place_labels,
    read_labels,
    write_json,
)
from liverview.core.about import DISCLAIMER

if TYPE_CHECKING:
    from liverview.vasculature.split import VesselTrees


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "vessels",
        help="tell the portal vein from the hepatic veins",
        description="Divide the vessels of a label map into two trees, followed from the hilum and "
        "from the vena cava. The file that is written has 4 for the portal vein, 5 for hepatic "
        f"veins and 2 for vessels of neither for sure. {DISCLAIMER}",
    )
    parser.add_argument("scan", type=Path, metavar="SCAN")
    parser.add_argument("labels", type=Path, metavar="LABELS")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.nii.gz")
    for tree, where in (("portal", "portal vein"), ("hepatic", "hepatic veins")):
        begin = parser.add_mutually_exclusive_group()
        begin.add_argument(
            f"--{tree}",
            type=int,
            nargs=3,
            metavar=("I", "J", "K"),
            help=f"a voxel where the {where} begin, RAS+; else that is searched for",
        )
        begin.add_argument(
            f"--{tree}-mm",
            type=float,
            nargs=3,
            metavar=("X", "Y", "Z"),
            help="the same in world mm, RAS+",
        )
    add_labels_option(parser, " of LABELS")
    add_resample_option(parser, "LABELS", "SCAN")
    add_volume_option(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the graph there")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write its branches there")
    add_label_table_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.core.stream import drain, result_of
    from liverview.core.volume import Volume
    from liverview.files import images
    from liverview.files.atomic import write_csv
    from liverview.vasculature.graph import BRANCH_COLUMNS
    from liverview.vasculature.saving import check_format, iter_write_trees, trees_record
    from liverview.vasculature.split import VesselTrees, iter_split_vessels

    more = [options.csv] if options.csv else []
    check_format(options.output)
    check_outputs(options, [options.scan, options.labels], options.output, side_files=more)
    reading = iter_with_progress_bar(images.iter_read(options.scan, options.volume))
    scan = result_of(reading, Volume)
    read = read_labels(options.labels, options.coding, grid=scan.grid)
    labels = place_labels(read, scan, resample=options.resample)
    begins = {
        tree: _begin(getattr(options, tree), getattr(options, f"{tree}_mm"), scan)
        for tree in ("portal", "hepatic")
    }
    work = iter_with_progress_bar(iter_split_vessels(labels, scan, **begins))
    trees = result_of(work, VesselTrees)
    drain(
        iter_with_progress_bar(
            iter_write_trees(
                options.output,
                trees,
                scan,
                overwrite=options.overwrite,
                label_table=options.label_table,
            )
        )
    )
    _print_trees(trees)
    print(f"{options.output} written.")
    if options.json:
        write_json(options.json, trees_record(trees))
    if options.csv:
        write_csv(options.csv, trees.graph.rows(), BRANCH_COLUMNS)
        print(f"{options.csv} written.")
    return 0


def _begin(
    voxel: list[int] | None, place_mm: list[float] | None, scan: object
) -> tuple[int, int, int] | None:
    from liverview.core.volume import Volume

    assert isinstance(scan, Volume)
    if voxel is not None:
        i, j, k = voxel
        return i, j, k
    return None if place_mm is None else scan.grid.world_to_voxel(place_mm)


def _print_trees(trees: VesselTrees) -> None:
    import sys

    from liverview.vasculature.graph import VesselTree

    for tree in (VesselTree.PORTAL, VesselTree.HEPATIC, VesselTree.UNDECIDED):
        branches = trees.graph.of_tree(tree)
        print(
            f"{tree.words:<14} {trees.volume_ml(tree):8.1f} mL  "
            f"{trees.graph.length_mm(tree):7.0f} mm  {len(branches)} branches"
        )
    for warning in trees.warnings:
        print(warning, file=sys.stderr)
