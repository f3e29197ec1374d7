"""A table with a box to tick in each row: names and boxes stand still on the left, the other columns scroll.

ipywidgets has no table.  The boxes are real checkboxes with the run's name as their label, the heads real buttons, so
that both work with the keyboard alone; what they belong to is one HTML table of the same row height.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

import ipywidgets as ipw

from trackbook.errors import TrackbookError
from trackbook.tracking.words import number
from trackbook.widgets import html
from trackbook.widgets.table import MAX_COLUMNS, Column, Table, Value

ROW = "28px"
CHARACTER = 7.6
"""Pixels that a character takes, a little more than the mean of the font."""
NARROWEST, WIDEST = 64, 210
NAMES = "240px"


class Grid:
    """Shows one page of runs; `sort` is called with the key of a column, `pick` with a row and whether it is ticked."""

    def __init__(self, rows: int, sort: Callable[[str], None], pick: Callable[[int, bool], None]) -> None:
        self._sort, self._pick = sort, pick
        self._quiet = False
        row = ipw.Layout(height=ROW, width="auto", margin="0", min_height=ROW)
        hidden = ipw.Layout(display="none")
        self._shown, self._hidden = row, hidden
        self._boxes = [ipw.Checkbox(indent=False, layout=hidden) for _ in range(rows)]
        for place, box in enumerate(self._boxes):
            box.observe(partial(self._ticked, place), "value")
        self._columns: tuple[Column, ...] = ()
        self._name_head, self._head = (ipw.HBox([], layout=ipw.Layout(height=ROW, margin="0")) for _ in range(2))
        self._heads = [self._button(place) for place in range(MAX_COLUMNS + 4)]
        self._name_head.children, self._head.children = self._heads[:1], self._heads[1:]
        for head in (self._name_head, self._head):
            head.add_class("tb-head")
        self._table = ipw.HTML(layout=ipw.Layout(margin="0"))
        names = ipw.VBox([self._name_head, *self._boxes], layout=ipw.Layout(width=NAMES, flex=f"0 0 {NAMES}"))
        names.add_class("tb-names")
        right = ipw.VBox([self._head, self._table], layout=ipw.Layout(overflow="auto hidden", padding="0 0 0 10px"))
        right.add_class("tb-grid")
        self.box = ipw.HBox([names, right], layout=ipw.Layout(margin="6px 0"))

    def show(self, table: Table, names: Sequence[str], picked: Sequence[bool], order: Sequence[str]) -> None:
        """Show the rows of `table`; their first column, the name, is the label of the box."""
        self._quiet = True  # what is ticked here was ticked before
        for place, box in enumerate(self._boxes):
            there = place < len(names)
            box.layout = self._shown if there else self._hidden
            box.description = html.shown(names[place]) if there else ""
            box.value = there and picked[place]
        self._quiet = False
        columns, rows = table.columns[1:], [row[1:] for row in table.rows]
        widths = [_width(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
        right = html.numeric_columns(rows) or [False] * len(columns)
        self._columns = table.columns
        looks = [("100%", False), *zip((f"{width}px" for width in widths), right, strict=True)]
        for head, column, look in zip_longest(self._heads, table.columns, looks):
            _show_head(head, column, order, *(look or ("0", False)))
        self._table.value = _rows(rows, widths, right)

    def _ticked(self, place: int, change: Any) -> None:
        if not self._quiet:
            self._pick(place, bool(change["new"]))

    def _button(self, place: int) -> ipw.Button:
        button = ipw.Button(layout=ipw.Layout(margin="0", height=ROW))
        button.on_click(lambda _: self._sort(self._columns[place].key))
        return button


def button(description: str, tooltip: str, act: Callable[[], object]) -> ipw.Button:
    """Return a button that calls `act`, as wide as its text."""
    button = ipw.Button(description=description, tooltip=tooltip, layout=ipw.Layout(width="auto"))
    button.on_click(lambda _: act())
    return button


def tried(error: ipw.HTML, act: Callable[[], object]) -> bool:
    """Call `act` and say whether it was done; in `error` stands why it was not."""
    try:
        act()
    except TrackbookError as problem:
        error.value = f'<p class="tb-red" role="alert">{html.text(problem)}</p>'
        return False
    error.value = ""
    return True


def _show_head(head: ipw.Button, column: Column | None, order: Sequence[str], width: str, numeric: bool) -> None:
    """Make a head that of a column, with an arrow where it sorts the table, or hide it."""
    if column is None:
        head.layout.display = "none"
        return
    arrow = {f"{column.key} DESC": " ▼", f"{column.key} ASC": " ▲"}.get(", ".join(order), "")
    head.description = html.shown(column.title, 40) + arrow
    head.tooltip = f"Sort by {html.shown(column.key, 200)}"
    head.layout.display, head.layout.width, head.layout.flex = None, width, f"0 0 {width}"
    head.remove_class("tb-right")
    if numeric:
        head.add_class("tb-right")


def _rows(rows: Sequence[Sequence[Value]], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    columns = "".join(f'<col style="width:{width}px">' for width in widths)
    body = "".join(f"<tr>{html.row(row, numeric)}</tr>" for row in rows)
    style = f"width:{sum(widths)}px"
    return f'<table class="tb-table" style="{style}"><colgroup>{columns}</colgroup><tbody>{body}</tbody></table>'


def _width(column: Column, values: Sequence[Value]) -> int:
    """Return how many pixels a column takes: its longest text and room for the arrow, within bounds."""
    texts = [number(value) if isinstance(value, float) else value or "–" for value in values]
    bold = 2 * any(isinstance(value, html.Red) for value in values)
    longest = max([len(column.title) + 3, *map(len, texts)]) + bold
    return round(min(max(longest * CHARACTER + 22, NARROWEST), WIDEST))
