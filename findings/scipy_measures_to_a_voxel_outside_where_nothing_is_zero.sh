#!/bin/sh
# scipy.ndimage.distance_transform_edt gives finite distances for an array without a single zero: those
# to a voxel that is not there, one step before the first one. They differ from voxel to voxel, and
# the indices of the nearest zero that it returns name that voxel.
#
# Seen with scipy 1.17.1 and numpy 2.3.5. It matters where a label that fills its box, or a whole
# scan, is shrunk or measured from its border: it is eaten away from one corner, and nothing says so.
# Pad the mask, or ask first whether there is any background.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 scipy==1.17.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import scipy
from scipy import ndimage

print("scipy", scipy.__version__, "numpy", np.__version__)
full = np.ones((2, 3, 3), bool)
far, nearest = ndimage.distance_transform_edt(full, return_indices=True)
print("distances of the first plane:", far[0].round(2).tolist())
print("nearest zeros:", np.unique(nearest.reshape(3, -1), axis=1).T.tolist())
i, j, k = np.indices(full.shape)
outside = np.sqrt((i + 1) ** 2 + j**2 + k**2)
as_described = np.allclose(far, outside)
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
