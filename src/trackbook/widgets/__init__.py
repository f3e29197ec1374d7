"""Runs and models as widgets in a notebook: the face behind `%runs`, `%compare` and `%models`.

The loader of the extension hands this room to the magics, which know nothing of it but the functions here.  They
return views, which show themselves in every frontend; ipywidgets and Altair are loaded when a kernel shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackbook.registry import Registry
    from trackbook.tracking import Runs
    from trackbook.widgets.comparison import ComparisonView
    from trackbook.widgets.models import ModelsView
    from trackbook.widgets.runs import RunsView


def show_runs(service: Runs, filter: str = "", order_by: Sequence[str] = (), limit: int = 20) -> RunsView:
    """Return the view of the runs that `filter` lets through, `limit` to a page; raises UsageError for the filter."""
    from trackbook.widgets.runs import RunsView

    return RunsView(service, filter, tuple(order_by), limit)


def show_comparison(service: Runs, run_ids: Sequence[str]) -> ComparisonView:
    """Return the view that compares runs, given by the first characters of their ids; raises NotFoundError."""
    from trackbook.widgets.comparison import ComparisonView

    return ComparisonView(service, run_ids)


def show_models(open_registry: Callable[[], Registry], filter: str = "") -> ModelsView:
    """Return the view of the model versions whose name, stage, alias, owner, format or tags hold words of `filter`."""
    from trackbook.widgets.models import ModelsView

    return ModelsView(open_registry, filter)
