#!/bin/sh
# scikit-image's skeletonize (Lee's thinning, in 3D) leaves no voxel of a straight tube that is 2, 4, 6
# or 8 voxels wide, and a line of one that is 3, 5, 7 or 9 wide; it is so along each axis.
#
# Seen with scikit-image 0.26.0 and 0.25.2, numpy 2.3.5. It matters wherever centerlines of vessels are
# counted: clDice then misses whole branches, and a mask resampled to another spacing has other ones.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
cat > "$folder/tubes.py" <<'PYTHON'
import sys

import numpy as np
import skimage
from skimage.morphology import skeletonize

print("scikit-image", skimage.__version__)
as_described = True
for axis in range(3):
    left = []
    for width in range(2, 10):
        tube = np.zeros((24, 24, 24), bool)
        box = [slice(6, 6 + width)] * 3
        box[axis] = slice(2, 22)
        tube[tuple(box)] = True
        left.append(int(skeletonize(tube).sum()))
    print("along axis", axis, "voxels left of tubes 2 to 9 wide:", left)
    as_described &= not any(left[::2]) and all(count > 5 for count in left[1::2])
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
for version in 0.25.2 0.26.0; do
  pip numpy==2.3.5 scikit-image==$version
  "$folder/venv/bin/python" "$folder/tubes.py"
done
