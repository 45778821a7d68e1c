"""Make a phantom as a training pair: an image of 0..1 and a one-hot target, as NumPy arrays.

    python examples/phantom_pair.py OUT.npz [SEED]

Without arguments, the pair is described only.
"""

from __future__ import annotations

import sys

import numpy as np

import liverview as lv


def main(arguments: list[str]) -> None:
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    made = lv.phantom(seed=seed, shape=(96, 84, 40), spacing=(4, 4, 5), phase="portal")
    level, width = 60, 400
    hu = np.asarray(made.volume, np.float32)
    image = np.clip((hu - level) / width + 0.5, 0, 1)
    target = np.stack([made.labels.voxels == label for label in lv.Label])
    print(f"image {image.shape} {image.dtype}, {image.min():.2f} to {image.max():.2f}")
    for label, mask in zip(lv.Label, target, strict=True):
        print(f"{label.name.lower()}: {mask.sum() * made.labels.voxel_ml:.1f} mL")
    if arguments:
        np.savez_compressed(arguments[0], image=image, target=target, affine=made.volume.affine)


if __name__ == "__main__":
    main(sys.argv[1:])
