#!/bin/sh
# A NIfTI file whose sform_code and qform_code are both 0 ("method 1" of the standard) is read front
# to back by SimpleITK and back to front by nibabel: one file, two patients, no message from either.
#
# Seen with SimpleITK 2.5.7 and nibabel 5.4.2. Both let x run to the left; nibabel lets y run to the
# front and puts the origin into the middle, ITK lets y run to the back from the origin 0. It
# matters since a label map made by an ITK tool for such a scan says another orientation than the scan
# as nibabel-based tools see it: it must be matched by voxels, not by its affine.
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
image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), None)
image.header.set_zooms((1.0, 1.0, 2.0))
image.header.set_xyzt_units("mm")
nib.save(image, "scan.nii.gz")
header = nib.load("scan.nii.gz").header
print("sform_code", int(header["sform_code"]), "qform_code", int(header["qform_code"]))
by_nibabel = "".join(nib.aff2axcodes(nib.load("scan.nii.gz").affine))
found = sitk.ReadImage("scan.nii.gz")
direction = np.array(found.GetDirection()).reshape(3, 3)
to_ras = np.eye(4)
to_ras[:3, :3] = np.diag([-1, -1, 1]) @ direction @ np.diag(found.GetSpacing())
by_itk = "".join(nib.aff2axcodes(to_ras))
print(f"the axes run to {by_nibabel} by nibabel, to {by_itk} by SimpleITK")
as_described = (by_nibabel, by_itk) == ("LAS", "LPS")
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
