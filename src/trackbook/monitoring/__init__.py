"""Watching data: has the current batch drifted from the reference, and is the evidence enough to say so?"""

from trackbook.monitoring.drift import detect_drift
from trackbook.monitoring.report import Bins, Check, ColumnDrift, DriftReport, Levels, State
from trackbook.monitoring.reports import DriftReports, ReportPage, ReportSummary

__all__ = [
    "Bins",
    "Check",
    "ColumnDrift",
    "DriftReport",
    "DriftReports",
    "Levels",
    "ReportPage",
    "ReportSummary",
    "State",
    "detect_drift",
]
