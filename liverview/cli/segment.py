"""``liverview segment``: segment scans."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from liverview.cli.outputs import check_outputs
from liverview.cli.printing import (
    add_label_table_option,
    iter_with_progress_bar,
    print_volumes,
    write_json,
)
from liverview.core.about import DISCLAIMER


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "segment",
        help="segment scans",
        description=f"Segment one scan, or many: while one is computed, the next is read and the "
        f"last one saved. {DISCLAIMER}",
    )
    parser.add_argument(
        "scans", type=Path, nargs="+", metavar="SCAN", help="a NIfTI file, or a folder of them"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="LABELS.nii.gz; or a folder, which gets NAME_seg.nii.gz of every scan",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write measurements there")
    parser.add_argument("--volume", type=int, metavar="N", help="of 4D files, from 0")
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="coarse and fine.safetensors of your own"
    )
    parser.add_argument("--masks", action="store_true", help="one binary file per label, too")
    parser.add_argument(
        "--side-files",
        action="store_true",
        help="names and colors beside each label map, too: ITK-SNAP (.txt), Slicer (.ctbl), "
        "Connectome Workbench (_workbench.txt), JSON",
    )
    add_label_table_option(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.cohort.local import Failed, Segmented, find_scan_tasks, iter_segment_cohort
    from liverview.files import formats, images
    from liverview.files.sidefiles.writing import SideFiles
    from liverview.inference.segmentation import load_models
    from liverview.measurement.export import measurement_record
    from liverview.networks.runtime import pick_device

    tasks = find_scan_tasks(options.scans, options.output)
    if tasks[0].output != options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    targets = [task.output for task in tasks]
    if options.masks:
        for path in list(targets):
            targets += images.mask_paths(path.parent, formats.name_without_suffix(path)).values()
    side = [path for t in tasks for path in SideFiles.of(t.output) if options.side_files]
    check_outputs(options, [task.scan for task in tasks], *targets, side_files=side)
    device = str(pick_device(options.device))
    figures: dict[str, Any] = {}
    failed: dict[str, str] = {}
    results = iter_segment_cohort(
        tasks,
        load_models(options.weights),
        device,
        index=options.volume,
        masks=options.masks,
        side_files=options.side_files,
        weights=options.weights,
        label_table=options.label_table,
        overwrite=options.overwrite,
    )
    for item in iter_with_progress_bar(results):
        if isinstance(item, Failed):
            if len(tasks) == 1:
                raise item.error
            failed[str(item.task.scan)] = str(item.error)
            print(f"liverview: {item.error}", file=sys.stderr)
        elif isinstance(item, Segmented):
            print_volumes(item.measurement)
            names = ", ".join(str(path) for path in item.written)
            print(f"{names} written, segmented in {item.seconds:.1f} s on {device}.", flush=True)
            figures[str(item.task.scan)] = measurement_record(
                item.volume, item.measurement, device=device, seconds=round(item.seconds, 2)
            )
    if options.json:
        alone = len(tasks) == 1
        write_json(
            options.json,
            next(iter(figures.values())) if alone else {"scans": figures, "failed": failed},
        )
    return 2 if failed else 0
