"""The view of `%models`: the versions of all models, as text, as a table, and as a widget to look into and decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trackbook.registry import Registry
from trackbook.widgets import html, text
from trackbook.widgets.display import View
from trackbook.widgets.model_table import models_table, read_rows

if TYPE_CHECKING:
    import pandas as pd

NO_MODELS = "No models yet. `%register VARIABLE NAME` registers one."
NO_SUCH_MODELS = "No such models."
MOST = 50
"""Rows of the table that stays in the file."""


class ModelsView(View):
    """The versions that `filter` lets through, read when the view was made; nothing of a stored model is built."""

    def __init__(self, open_registry: Callable[[], Registry], filter: str = "") -> None:
        """Read from `open_registry()`, which is asked anew for every change: under the policy of that moment."""
        self._open = open_registry
        self.filter = filter
        self.rows, self.unread = read_rows(open_registry(), filter)

    def frame(self) -> pd.DataFrame:
        """Return the versions as a DataFrame, metrics as columns of their own."""
        import pandas as pd

        columns = ["model", "version", "stage", "aliases", "metrics", "digest"]
        rows = [
            {
                "model": version.name,
                "version": version.version,
                "stage": version.stage,
                "aliases": ", ".join(version.aliases),
                "digest": version.digest[:12],
                **{f"metrics.{name}": value for name, value in version.metrics.items()},
            }
            for version in (row.version for row in self.rows)
        ]
        return pd.DataFrame(rows, columns=None if rows else columns)

    def text(self) -> str:
        """Return the versions as a table of plain text."""
        if not self.rows:
            return self._nothing()
        found = models_table(self.rows[:MOST])
        return text.table([column.title for column in found.columns], found.rows) + self._hidden(found.hidden)

    def html(self) -> str:
        """Return the versions as an HTML table."""
        if not self.rows:
            return f"<p>{html.text(self._nothing())}</p>"
        found = models_table(self.rows[:MOST])
        heads = [html.text(column.title, 40) for column in found.columns]
        hidden = self._hidden(found.hidden).strip()
        return html.table(heads, found.rows, caption="Models") + (f"<p>{html.text(hidden)}</p>" if hidden else "")

    def widget(self) -> Any:
        """Return the widget: filter, order, pages, a version with its card, two compared, and what may be decided."""
        from trackbook.widgets.model_browser import ModelBrowser

        return ModelBrowser(self._open, self.filter).box

    def _nothing(self) -> str:
        return NO_SUCH_MODELS if self.filter.strip() else NO_MODELS

    def _hidden(self, metrics: int) -> str:
        more = [(len(self.rows) - MOST, "versions"), (self.unread, "models"), (metrics, "metrics")]
        parts = [f"{count} more {what}" for count, what in more if count > 0]
        return f"\n… and {', '.join(parts)}; `trackbook models list` has them all" if parts else ""
