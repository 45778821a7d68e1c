"""Segment every scan of a folder and write a table of volumes.

    python examples/segment_folder.py SCANS OUT

Without arguments, two small phantoms are segmented into a folder that is made for it.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

import liverview as lv


def main(arguments: list[str]) -> None:
    scans, out = map(Path, arguments or two_phantoms())
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in sorted(scans.glob("*.nii.gz")):
        scan = lv.read(path)
        labels = lv.segment(scan)
        lv.write_labels(out / f"{scan.name}_seg.nii.gz", labels, overwrite=True)
        measurement = lv.measure(labels, scan)
        row = {
            f"{label.name.lower()}_ml": f"{ml:.1f}" for label, ml in measurement.volume_ml.items()
        }
        rows.append({"scan": scan.name, **row, "lesions": len(measurement.lesions)})
        for warning in (*scan.warnings, *labels.warnings):
            print(f"{scan.name}: {warning}", file=sys.stderr)
    with (out / "volumes.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    print((out / "volumes.csv").read_text(), end="")


def two_phantoms() -> tuple[str, str]:
    folder = Path(tempfile.mkdtemp(prefix="liverview-"))
    for seed in (1, 2):
        made = lv.phantom(seed=seed, shape=(96, 84, 40), spacing=(4, 4, 5))
        lv.write_volume(folder / f"phantom{seed}.nii.gz", made.volume)
    return str(folder), str(folder / "found")


if __name__ == "__main__":
    main(sys.argv[1:])
