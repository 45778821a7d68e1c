"""List the lesions of a label map: size, density, place.

    python examples/measure_lesions.py SCAN LABELS

Without arguments, the lesions of a small phantom are measured.
"""

from __future__ import annotations

import sys

import liverview as lv


def main(arguments: list[str]) -> None:
    if arguments:
        scan, labels = lv.read(arguments[0]), lv.read_labels(arguments[1])
    else:
        made = lv.phantom(seed=3, shape=(96, 84, 40), spacing=(4, 4, 5))
        scan, labels = made.volume, made.labels
    measurement = lv.measure(labels, scan)
    print(measurement)
    for lesion in measurement.lesions:
        x, y, z = lesion.centroid_mm
        print(
            f"{lesion.number}: {lesion.volume_ml:.2f} mL, "
            f"{lesion.longest_mm:.1f} x {lesion.perpendicular.length_mm:.1f} mm, "
            f"{lesion.mean_hu:.0f} HU at {x:.0f} {y:.0f} {z:.0f} mm"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
