"""Pictures: Vega-Lite specifications, one function a picture, and the objects that show themselves with them.

Import what draws from `trackbook.charts.drift`: it loads Altair, which a report that only prints does without.
"""

from trackbook.charts.report import DriftReport

__all__ = ["DriftReport"]
