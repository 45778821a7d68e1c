"""A case as a report to read: what is in it, its pictures, its HTML page, its files."""

from liverview.report.making import Reported, ReportPaths, report_paths, reporting
from liverview.report.origin import Origin

__all__ = ["Origin", "ReportPaths", "Reported", "report_paths", "reporting"]
