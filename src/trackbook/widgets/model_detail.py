"""One version of a model as a widget: what its gates said, its card, its lineage, and what may be decided of it."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as ipw

from trackbook.registry import Registry
from trackbook.registry.card import ModelCard, picture
from trackbook.registry.card.html import STYLE, card_fragment, sections_html
from trackbook.registry.card.sections import stage_of, title
from trackbook.widgets import grid, html
from trackbook.widgets.model_decisions import Decisions

TALL = "560px"
LOOK = "--tb-paper:var(--jp-layout-color0,Canvas);max-width:none"
"""The ground that boxes of pictures stand on, and all the room there is."""


class ModelDetail:
    """Shows a version, and reads it again after each change; `changed` is called then.  `box` is the widget."""

    def __init__(
        self, open_registry: Callable[[], Registry], name: str, version: int, changed: Callable[[], None]
    ) -> None:
        self._open, self._name, self._version = open_registry, name, version
        self._changed = changed
        self._head = ipw.HTML()
        self._judged, self._card, self._lineage = (ipw.HTML(layout=_scrolled()) for _ in range(3))
        self._decisions = Decisions(open_registry, name, version, self._after_change)
        self._words = CardWords(open_registry, name, self._after_change)
        parts = {
            "Gates and approvals": self._judged,
            "Card": ipw.VBox([self._words.box, self._card]),
            "Lineage": self._lineage,
            "Decide": self._decisions.box,
        }
        tabs = ipw.Tab(list(parts.values()), titles=list(parts), selected_index=0)
        self.box = ipw.VBox([self._head, tabs])
        self._draw()

    def _after_change(self) -> None:
        self._draw()
        self._changed()

    def _draw(self) -> None:
        card = self._open().card(self._name, self._version)
        self._head.value = html.view(_head(card))
        self._judged.value = _framed(sections_html(card, ("Gates", "Metrics", "Fairness", "Approvals", "History")))
        self._card.value = _framed(card_fragment(card))
        self._lineage.value = _framed(picture.lineage_picture(card.lineage))
        self._words.show(card)
        self._decisions.show()


class CardWords:
    """Asks for the intended use and the limits of a model, once: the fields are gone when both are stated."""

    def __init__(self, open_registry: Callable[[], Registry], name: str, changed: Callable[[], None]) -> None:
        self._open, self._name, self._changed = open_registry, name, changed
        wide = ipw.Layout(width="auto", min_width="0", height="54px")
        self._use = ipw.Textarea(placeholder="Who may use this model, and for what?", layout=wide)
        self._limits = ipw.Textarea(placeholder="For whom or what must it not be used? Where is it wrong?", layout=wide)
        keep = grid.button("Keep with the model", "Keep both texts with the model, for all its versions", self._keep)
        keep.layout.align_self = "flex-start"
        self._error = ipw.HTML()
        labels = (ipw.Label("Intended use"), self._use), (ipw.Label("Limits"), self._limits)
        self._asked = [ipw.VBox(list(each)) for each in labels]
        self.box = ipw.VBox([*self._asked, keep, self._error])
        self._use.tooltip, self._limits.tooltip = "Intended use", "Limits"

    def show(self, card: ModelCard) -> None:
        """Ask for what `card` lacks."""
        lacking = [not card.intended_use, not card.limits]
        for box, asked in zip(self._asked, lacking, strict=True):
            box.layout.display = None if asked else "none"
        self.box.layout.display = None if any(lacking) else "none"

    def _keep(self) -> None:
        given = {"intended_use": self._use.value.strip(), "limits": self._limits.value.strip()}
        if grid.tried(
            self._error, lambda: self._open().edit(self._name, **{key: text for key, text in given.items() if text})
        ):
            self._changed()


def _head(card: ModelCard) -> str:
    red = "".join(f'<p class="tb-red" role="alert">⚠ {html.text(warning, 400)}</p>' for warning in card.warnings)
    return f'<h4>{html.text(title(card))} <span class="tb-quiet">{html.text(stage_of(card))}</span></h4>{red}'


def _framed(content: str) -> str:
    return f'<div class="tb-card" style="{LOOK}"><style>{STYLE}</style>{content}</div>'


def _scrolled() -> ipw.Layout:
    return ipw.Layout(overflow="auto", max_height=TALL)
