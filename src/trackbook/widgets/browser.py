"""The widget of `%runs`: a filter, a table to sort and to pick from, pages, and the comparison of what was picked."""

from __future__ import annotations

import ipywidgets as ipw

from trackbook.errors import TrackbookError
from trackbook.tracking import RunPage, Runs, RunSummary
from trackbook.widgets import grid, html
from trackbook.widgets.table import labels, runs_table

MAX_ROWS = 100
"""Rows of a page: each is a checkbox, which a browser has to make."""
MAX_PICKED = 12
"""Runs that can be compared at once: more lines than this cannot be told apart."""


class RunBrowser:
    """Holds the search (filter, order, page) and the runs that are picked; `box` is the widget."""

    def __init__(self, service: Runs, filter: str, order_by: tuple[str, ...], limit: int) -> None:
        self._service = service
        self._limit = min(limit, MAX_ROWS)
        self._order = order_by
        self._cursors: list[str | None] = [None]  # where the pages up to this one begin
        self._page, self._total = RunPage((), None), 0
        self._picked: dict[str, RunSummary] = {}
        self._build(filter)
        self._restart()

    # -- parts

    def _build(self, filter: str) -> None:
        """Make the widgets, and say what happens when they are used."""
        wide = ipw.Layout(width="auto", min_width="0", flex="1 1 auto")
        example = "metrics.r2 > 0.4 and params.depth = 3     (Enter searches)"
        self._filter = ipw.Text(
            filter, description="Filter", placeholder=example, continuous_update=False, layout=wide,
            style={"description_width": "44px"},
        )  # fmt: skip
        self._filter.add_class("tb-filter")
        self._filter.tooltip = "Filter, in MLflow's search grammar"
        self._filter.observe(lambda _: self._restart(), "value")
        self._error = ipw.HTML(layout=ipw.Layout(display="none", margin="0"))
        self._error.add_class("tb-error")
        self._grid = grid.Grid(self._limit, self._sort, self._pick)
        self._count = ipw.HTML()
        self._newer = grid.button("Previous", "The page before", self._turn_back)
        self._older = grid.button("Next", "The page after", self._turn_on)
        self._compare = grid.button("Compare", "Compare the runs that are ticked", self._show_comparison)
        self._clear = grid.button("Untick all", "Pick no run", self._untick)
        self._below = ipw.VBox([])
        self.box = ipw.VBox(
            [
                self._filter,
                self._error,
                self._grid.box,
                ipw.HBox([self._compare, self._clear, self._newer, self._older, self._count]),
                self._below,
            ]
        )
        self.box.add_class("tb-runs")

    # -- what users do

    def _restart(self) -> None:
        self._search([None])

    def _sort(self, key: str) -> None:
        """Sort by a column: downwards, then upwards, then newest first again."""
        down, up = (f"{key} DESC",), (f"{key} ASC",)
        self._order = up if self._order == down else () if self._order == up else down
        self._restart()

    def _turn_back(self) -> None:
        self._search(self._cursors[:-1])

    def _turn_on(self) -> None:
        self._search([*self._cursors, self._page.next_cursor])

    def _pick(self, place: int, picked: bool) -> None:
        run = self._page.runs[place]
        if picked:
            self._picked[run.run_id] = run
        else:
            self._picked.pop(run.run_id, None)
        self._show_picked()

    def _untick(self) -> None:
        self._picked.clear()
        self._below.children = ()
        self._show()

    def _show_comparison(self) -> None:
        from trackbook.widgets.comparison import ComparisonView

        try:
            view = ComparisonView(self._service, list(self._picked))
        except TrackbookError as error:  # a run that was deleted meanwhile
            self._below.children = (ipw.HTML(f"<p>{html.text(error)}</p>"),)
            return
        self._below.children = (view.widget(),)

    # -- what is shown

    def _search(self, cursors: list[str | None]) -> None:
        """Read the page that begins at the last of `cursors`; a wrong filter changes nothing but says why."""
        try:
            page = self._service.page(self._filter.value, self._order, self._limit, cursors[-1])
            if len(cursors) == 1:
                self._total = self._service.count(self._filter.value)
            hints = () if page.runs else self._service.hints(self._filter.value, self._order)
        except TrackbookError as error:  # a filter that cannot be read, or a store
            self._complain(str(error))
            return
        self._cursors, self._page = cursors, page
        self._complain(*hints[:1])
        self._show()

    def _complain(self, message: str = "") -> None:
        """Show what is wrong with the filter at its token, or nothing."""
        self._error.value = _error(message, self._filter.value) if message else ""
        self._error.layout.display = "block" if message else "none"

    def _show(self) -> None:
        runs = self._page.runs
        picked = [run.run_id in self._picked for run in runs]
        self._grid.show(runs_table(runs), labels(runs), picked, self._order)
        self._newer.disabled, self._older.disabled = len(self._cursors) == 1, self._page.next_cursor is None
        self._show_picked()

    def _show_picked(self) -> None:
        count = len(self._picked)
        self._compare.description = f"Compare {count} runs" if count > 1 else "Compare"
        self._compare.disabled = not 2 <= count <= MAX_PICKED
        self._clear.disabled = not count
        self._count.value = f'<span class="tb-quiet" role="status">{self._said(count)}</span>'

    def _said(self, count: int) -> str:
        if not self._page.runs:
            return "No such runs." if self._filter.value.strip() else "No runs yet."
        before = (len(self._cursors) - 1) * self._limit
        shown = f"Runs {before + 1:,} to {before + len(self._page.runs):,} of {self._total:,}"
        ticked = f"{count} ticked" if count <= MAX_PICKED else f"{count} ticked, at most {MAX_PICKED} can be compared"
        return f"{shown} · {ticked if count else 'tick two or more to compare them'}"


def _error(message: str, filter: str) -> str:
    """Return the message of a filter under its token: the caret stands below the box where the token is in it."""
    said, *rest = message.split("\n")
    lines = [said, *rest]
    if len(rest) == 2 and rest[0][2:] == filter and len(filter) <= 80:
        lines = [rest[1][2:], said]
    text = "\n".join(lines)
    return f'<pre role="alert">{html.text(text)}</pre>'
