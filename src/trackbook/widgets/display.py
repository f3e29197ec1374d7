"""How a view shows itself: a table that stays in the notebook's file, and the widget where there is a kernel for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from trackbook.widgets import html, style

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class View:
    """Base of what `%runs` and `%compare` return; a view is made of stored values, its widget when one is shown."""

    def text(self) -> str:
        """Return the view as plain text."""
        raise NotImplementedError

    def html(self) -> str:
        """Return the view as HTML that works without a kernel and runs nothing."""
        raise NotImplementedError

    def widget(self) -> Any:
        """Return the view as a new ipywidget."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return html.view(self.html())

    def _ipython_display_(self) -> None:
        """Publish the table, then the widget, which hides the table for as long as it is alive.

        Two outputs, not one of two kinds: JupyterLab prefers a widget's view to HTML even where its kernel is gone,
        and then shows neither.
        """
        from IPython import display, get_ipython

        publish: Callable[[dict[str, Any]], None] = display.publish_display_data
        shell = get_ipython()
        mark = f"tb-kept-{secrets.token_hex(4)}"
        publish({"text/plain": self.text(), "text/html": html.view(self.html(), extra_class=mark) + _unhidden(mark)})
        if shell is not None and "text/html" in shell.display_formatter.active_types:
            publish({WIDGET_VIEW: _with_style(self.widget(), mark)._repr_mimebundle_()[WIDGET_VIEW]})


def _with_style(widget: Any, mark: str) -> Any:
    """Return the widget with the style sheet, and with the rule that hides the table which stands in for it."""
    from ipywidgets import HTML, Layout, VBox

    rules = f"<style>{style.TABLES}{style.WIDGETS}.{mark}{{display:none}}</style>"
    return VBox([HTML(rules, layout=Layout(display="none")), widget])


def _unhidden(mark: str) -> str:
    """Return the rule that hides what JupyterLab says in the place of a widget whose kernel is gone."""
    said = ".jp-OutputArea-child .jp-OutputArea-output.jupyter-widgets:not(:has(*))"
    return f"<style>.jp-OutputArea-child:has(.{mark}) + {said}{{display:none}}</style>"
