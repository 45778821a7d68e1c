"""Smooth a scan with SimpleITK, segment it, and hand the labels back to SimpleITK.

    python examples/simpleitk_roundtrip.py SCAN LABELS.nrrd

SCAN is any file that SimpleITK reads. Without arguments, a small phantom is taken and nothing is
written. Needs SimpleITK.
"""

from __future__ import annotations

import sys

import SimpleITK as sitk  # noqa: N813  # as everybody calls it

import liverview as lv


def main(arguments: list[str]) -> None:
    if arguments:
        image = sitk.ReadImage(arguments[0])
    else:
        made = lv.phantom(seed=3, shape=(96, 84, 40), spacing=(4, 4, 5))
        image = lv.to_sitk(made.volume)
    smooth = sitk.CurvatureFlow(sitk.Cast(image, sitk.sitkFloat32), 0.05, 3)
    labels = lv.segment(lv.volume_from_sitk(smooth, name="smoothed"))
    print(labels)
    found = lv.to_sitk(labels)  # on the voxels of the image
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(sitk.Cast(found > 0, sitk.sitkUInt8))
    print(f"SimpleITK finds {shape.GetPhysicalSize(1) / 1000:.1f} mL of liver")
    assert found.GetSize() == image.GetSize()
    if arguments:
        sitk.WriteImage(found, arguments[1], useCompression=True)


if __name__ == "__main__":
    main(sys.argv[1:])
