"""The view of `%runs`: the runs that a filter lets through, as text, as a table, and as a widget to search further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackbook.tracking import Runs, RunSummary
from trackbook.widgets import html, text
from trackbook.widgets.display import View
from trackbook.widgets.table import Table, runs_table

if TYPE_CHECKING:
    import pandas as pd

NO_RUNS = "No runs yet. Put %%track on the first line of a cell and run it."
NO_SUCH_RUNS = "No such runs."


class RunsView(View):
    """What one search found; `runs` are the summaries of its first page."""

    def __init__(self, service: Runs, filter: str, order_by: tuple[str, ...], limit: int) -> None:
        self._service = service
        self.filter, self.order_by, self.limit = filter, order_by, limit
        self.runs: list[RunSummary] = service.search(filter, order_by, limit)

    def frame(self) -> pd.DataFrame:
        """Return the runs as a DataFrame, as `tb.search_runs` does."""
        from trackbook.tracking.table import runs_frame

        return runs_frame(self.runs)

    def text(self) -> str:
        """Return the runs as a table of plain text, each with the first characters of its id."""
        if not self.runs:
            return self._nothing()
        found = runs_table(self.runs)
        rows = [(run.run_id[:8], *row) for run, row in zip(self.runs, found.rows, strict=True)]
        return text.table(["run", *(column.title for column in found.columns)], rows) + _hidden(found)

    def html(self) -> str:
        """Return the runs as an HTML table."""
        if not self.runs:
            return f"<p>{html.text(self._nothing())}</p>"
        found = runs_table(self.runs)
        rows = [(run.run_id[:8], *row) for run, row in zip(self.runs, found.rows, strict=True)]
        heads = ["run", *(html.text(column.title, 40) for column in found.columns)]
        note = f"<p>{html.text(_hidden(found).strip())}</p>" if found.hidden else ""
        return html.table(heads, rows, caption="Runs") + note

    def widget(self) -> Any:
        """Return the widget: filter, order, pages, and the comparison of the runs that are picked."""
        from trackbook.widgets.browser import RunBrowser

        return RunBrowser(self._service, self.filter, self.order_by, self.limit).box

    def _nothing(self) -> str:
        return NO_SUCH_RUNS if self.filter else NO_RUNS


def _hidden(found: Table) -> str:
    return f"\n… and {found.hidden} more metrics and params; tb.search_runs() has them all" if found.hidden else ""
