#!/bin/sh
# SimpleITK decides between sform and qform by whether they are "very similar", and does so by
# singular vectors that have no sign: an sform that is the qform mirrored along an axis counts as the
# same, and is used, where any other sform of code 2 that differs from the qform is passed over.
#
# Seen with SimpleITK 2.5.7, beside nibabel 5.4.2, on a file with sform_code 2 and qform_code 1. It
# matters where left and right are told by the one and used by the other: of two scans that differ
# in the sform alone, the one turned by 20 degrees is placed by its qform, the mirrored one by its
# sform.
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
qform = np.diag([1.0, 1.0, 2.0, 1.0])
turn = np.radians(20)
turned, mirrored = qform.copy(), np.diag([-1.0, 1.0, 2.0, 1.0])
turned[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]


def first_axis(sform):
    """Where the first axis runs, RAS, as SimpleITK has it."""
    image = nib.Nifti1Image(np.zeros((4, 5, 6), np.int16), sform)
    image.header.set_xyzt_units("mm")
    image.set_sform(sform, code=2)
    image.set_qform(qform, code=1)
    nib.save(image, "scan.nii.gz")
    direction = np.array(sitk.ReadImage("scan.nii.gz").GetDirection()).reshape(3, 3)
    return np.round(direction[:, 0] * [-1, -1, 1], 3) + 0.0


by_turned, by_mirrored = first_axis(turned), first_axis(mirrored)
print("sform turned by 20 degrees: the first axis runs to", by_turned, "(the qform's)")
print("sform mirrored:             the first axis runs to", by_mirrored, "(the sform's)")
as_described = by_turned.tolist() == [1, 0, 0] and by_mirrored.tolist() == [-1, 0, 0]
print("as described" if as_described else "it has changed")
sys.exit(not as_described)
PYTHON
