"""DICOM structured reports in one call."""

from __future__ import annotations

from liverview.core.checks import require_labels, require_volume
from liverview.core.stream import ProgressCallback, drain
from liverview.core.volume import LabelMap, Volume
from liverview.files.opening import PathLike, as_path


def write_structured_report(
    path: PathLike,
    scan: Volume,
    labels: LabelMap,
    *,
    segmentation: PathLike | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> None:
    """Write the figures of a case as a DICOM structured report (TID 1500), verified.

    Parameters
    ----------
    path : the file, such as ``sr.dcm``.
    scan : read from DICOM: a report goes into the study of its series.
    labels : of it.
    segmentation : the DICOM segmentation of these labels, to whose segments the figures refer;
        without one they refer to the images of the scan.
    overwrite : replace a file that is there.
    progress : is called with a `Progress` from time to time.

    Raises
    ------
    ImageFileError : where the scan was no DICOM series, or the segmentation is not one of it.
    GridMismatchError : where scan and labels do not lie on the same voxels.
    TargetError : where the target exists and may not be replaced, or cannot be written.

    Examples
    --------
    >>> import liverview as lv
    >>> lv.write_series("series", lv.read("ct.nii.gz"))
    >>> scan, labels = lv.read("series"), lv.read_labels("labels.nii.gz")
    >>> lv.write_labels("seg.dcm", labels, scan)
    >>> lv.write_structured_report("sr.dcm", scan, labels, segmentation="seg.dcm")
    >>> lv.write_structured_report("no.dcm", lv.read("ct.nii.gz"), labels)
    Traceback (most recent call last):
    liverview.files.opening.ImageFileError: A structured report ...
    """
    from liverview.report.structured_report import iter_write_structured_report

    require_volume(scan)
    require_labels(labels)
    work = iter_write_structured_report(
        as_path(path),
        scan,
        labels,
        segmentation=None if segmentation is None else as_path(segmentation),
        overwrite=overwrite,
    )
    drain(work, progress)
