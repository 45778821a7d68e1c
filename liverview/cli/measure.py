"""``liverview measure``: volumes and lesions of a label map."""

from __future__ import annotations

import argparse
from pathlib import Path

from liverview.cli.outputs import check_outputs
from liverview.cli.printing import add_labels_option, read_labels, write_json
from liverview.measurement.wording import volume_lines


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("measure", help="volumes and lesions of a label map")
    parser.add_argument("labels", type=Path, metavar="LABELS")
    add_labels_option(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from liverview.measurement.compute import measure
    from liverview.measurement.export import measurement_figures
    from liverview.measurement.recist import assess_recist

    check_outputs(options, [options.labels])
    measurement = measure(read_labels(options.labels, options.coding))
    print(*volume_lines(measurement), sep="\n")
    for lesion in measurement.lesions:
        x, y, z = lesion.centroid_mm
        print(
            f"lesion {lesion.number:<3} {lesion.volume_ml:10.2f} mL  "
            f"{lesion.longest_mm:6.1f} x {lesion.perpendicular.length_mm:.1f} mm"
            f"  at {x:.0f} {y:.0f} {z:.0f} mm"
        )
    for one in measurement.ruled_out:
        x, y, z = one.lesion.centroid_mm
        size = f"{one.lesion.volume_ml:.2f} mL at {x:.0f} {y:.0f} {z:.0f} mm"
        print(f"ruled out  {size}: {one.reason}")
    print(f"RECIST 1.1: {assess_recist(measurement).words}")
    if options.json:
        write_json(options.json, measurement_figures(measurement))
    return 0
