"""The report of a case in one call."""

from __future__ import annotations

from dataclasses import replace

from liverview.core.checks import require_labels, require_volume
from liverview.core.missing_qt import missing_qt
from liverview.core.placing import place_labels
from liverview.core.stream import ProgressCallback, result_of
from liverview.core.volume import LabelMap, Volume
from liverview.files.atomic import check_target, make_folder
from liverview.files.opening import PathLike, as_path
from liverview.report.assembly import ReportPaths, WrittenReport, iter_write_report, report_paths
from liverview.report.provenance import Provenance


def write_report(
    scan: Volume,
    labels: LabelMap,
    folder: PathLike,
    *,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> ReportPaths:
    """Write the report of a scan and its labels: HTML, PDF, JSON and two tables as CSV.

    No screen is needed. To be called on the main thread: Qt sets the PDF.

    Parameters
    ----------
    scan : its name is that of the files.
    labels : on the voxels of the scan, see `place_labels`.
    folder : where the files go; made where it is not there.
    overwrite : replace files that are there.
    progress : is called with a `Progress` from time to time.

    Returns
    -------
    paths : of the files: ``html``, ``pdf``, ``json``, ``lesions``, ``measurement``.

    Raises
    ------
    GridMismatchError : where scan and labels do not lie on the same voxels.
    TargetError : where a file exists and may not be replaced, or cannot be written.
    PdfError : where there is no font.
    MissingQtError : where Qt is not installed; `liverview report` writes the other files then.

    Examples
    --------
    >>> import liverview as lv
    >>> scan, labels = lv.read("ct.nii.gz"), lv.read_labels("labels.nii.gz")
    >>> paths = lv.write_report(scan, labels, "report")
    >>> paths.pdf.name, paths.lesions.suffix
    ('ct_report.pdf', '.csv')
    """
    require_volume(scan)
    require_labels(labels)
    told = len(labels.warnings)
    labels = place_labels(labels, scan)
    scan = replace(scan, warnings=(*scan.warnings, *labels.warnings[told:]))
    target = as_path(folder)
    try:
        from liverview.printing import pdf
    except ImportError as error:
        raise missing_qt(error, "The PDF of a report") from error
    pdf.prepare_qt()
    make_folder(target)
    for path in report_paths(target, scan.name):
        check_target(path, overwrite=overwrite)
    origin = Provenance(scan=scan.name, labels=labels.name)
    work = iter_write_report(scan, labels, target, origin, pdf.write_pdf)
    return result_of(work, WrittenReport, progress).paths
