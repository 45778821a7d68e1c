#!/bin/sh
# SimpleITK places a scan by its qform where sform_code is 2, 3 or 4 and both forms are stored;
# nibabel and the NIfTI standard's own advice take the sform. Only an sform_code of 1 is followed.
#
# Seen with SimpleITK 2.5.7 (ITK 5.4) and nibabel 5.4.2, on a file whose two forms are 100 mm apart.
# It matters since scans aligned to an atlas or another scan (codes 2 to 4) carry two forms: a label
# map that an ITK tool writes for such a scan lies elsewhere, though its voxels fit one to one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.3.5 nibabel==5.4.2 SimpleITK==2.5.7
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import nibabel as nib
import numpy as np
import SimpleITK as sitk

print("nibabel", nib.__version__, "SimpleITK", sitk.Version_VersionString())
scanner, atlas = np.diag([1.0, 1.0, 2.0, 1.0]), np.diag([1.0, 1.0, 2.0, 1.0])
atlas[:3, 3] = 100, 0, 0
seen = {}
for code in (1, 2, 3, 4):
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), atlas)
    image.header.set_xyzt_units("mm")
    image.set_sform(atlas, code=code)
    image.set_qform(scanner, code=1)
    nib.save(image, "scan.nii.gz")
    by_nibabel = nib.load("scan.nii.gz").affine[0, 3]
    by_itk = -sitk.ReadImage("scan.nii.gz").GetOrigin()[0]  # ITK counts to the left
    seen[code] = by_nibabel, by_itk
    print(f"sform_code {code}: x of the first voxel by nibabel {by_nibabel:.0f}, by ITK {by_itk:.0f} mm")
as_described = seen == {1: (100, 100), 2: (100, 0), 3: (100, 0), 4: (100, 0)}
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
