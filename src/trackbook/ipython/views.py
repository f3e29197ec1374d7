"""What the magics need from whoever shows runs; the loader of the extension hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trackbook.tracking import Runs


class RunViews(Protocol):
    """Makes the values of `%runs` and `%compare`, which show themselves in any frontend."""

    def show_runs(self, service: Runs, filter: str, order_by: Sequence[str], limit: int) -> object:
        """Return the view of the runs that `filter` lets through; raises UsageError for a filter that is none."""

    def show_comparison(self, service: Runs, run_ids: Sequence[str]) -> object:
        """Return the view that compares runs; raises NotFoundError for an id that is none."""
