"""Pictures: Vega-Lite specifications, one function a picture, and the objects that show themselves with them.

Import what draws from its module, such as `trackbook.charts.curves`: that loads Altair, which everything else here does
without.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackbook.charts.report import DriftReport

__all__ = ["DriftReport"]


def __getattr__(name: str) -> Any:
    # On first use: who draws runs needs no statistics of drift.
    if name == "DriftReport":
        from trackbook.charts.report import DriftReport

        return DriftReport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
