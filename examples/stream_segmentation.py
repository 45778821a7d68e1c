"""Show a segmentation as it comes: progress, messages and slabs, from a voxel outward.

    python examples/stream_segmentation.py SCAN

Without arguments, a small phantom is segmented.
"""

from __future__ import annotations

import sys

import numpy as np

import liverview as lv


def main(arguments: list[str]) -> None:
    if arguments:
        scan = lv.read(arguments[0])
    else:
        scan = lv.phantom(seed=3, shape=(96, 84, 40), spacing=(4, 4, 5)).volume
    labels = np.zeros(scan.shape, np.uint8)
    i, j, k = (n // 2 for n in scan.shape)
    for item in lv.iter_segment(scan, start=(i, j, k)):
        if isinstance(item, lv.Slab):
            labels[:, :, item.start : item.stop] = item.labels  # the last slab of a slice counts
            ml = np.count_nonzero(labels) * scan.voxel_ml
            print(f"slices {item.start} to {item.stop - 1}: {ml:.0f} mL so far")
        elif isinstance(item, lv.Message):
            print(item.text)
        elif isinstance(item, lv.LesionCandidates):
            print(f"{len(item.parts)} parts may be lesions")
        else:
            print(f"{item.phase}: {item.fraction:.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
