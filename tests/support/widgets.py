"""Widgets as a frontend drives them."""

from __future__ import annotations

import ipywidgets as ipw


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


class Driver:
    """Finds the parts of a widget by what users see."""

    def __init__(self, box):
        self.box = box

    def all(self, kind):
        return [each for each in walk(self.box) if type(each) is kind and each.layout.display != "none"]

    def button(self, name):
        (found,) = [each for each in self.all(ipw.Button) if each.description.rstrip(" ▲▼").startswith(name)]
        return found

    @property
    def names(self):
        return [box.description for box in self.all(ipw.Checkbox)]

    def tick(self, *names):
        for box in self.all(ipw.Checkbox):
            if box.description in names:
                box.value = True

    def filter(self, text):
        self.all(ipw.Text)[0].value = text

    def field(self, name):
        """Return the text field that is called so."""
        (found,) = [each for each in self.all(ipw.Text) if each.description == name]
        return found

    def box_of(self, part):
        """Return what holds a part directly."""
        return next(each for each in walk(self.box) if part in getattr(each, "children", ()))

    @property
    def shown(self):
        return " ".join(each.value for each in self.all(ipw.HTML))
