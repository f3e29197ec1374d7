"""What the magics need from whoever shows runs and models; the loader of the extension hands it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from trackbook.tracking import Runs

if TYPE_CHECKING:
    from trackbook.registry import Registry


class RunViews(Protocol):
    """Makes the values of `%runs`, `%compare` and `%models`, which show themselves in any frontend."""

    def show_runs(self, service: Runs, filter: str, order_by: Sequence[str], limit: int) -> object:
        """Return the view of the runs that `filter` lets through; raises UsageError for a filter that is none."""

    def show_comparison(self, service: Runs, run_ids: Sequence[str]) -> object:
        """Return the view that compares runs; raises NotFoundError for an id that is none."""

    def show_models(self, open_registry: Callable[[], Registry], filter: str) -> object:
        """Return the view of the model versions that hold the words of `filter`."""
