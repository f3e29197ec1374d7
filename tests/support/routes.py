"""All that the REST interface takes, found by walking tornado's router and reading the handlers behind it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from tornado.web import Application

from trackbook.server.base import TrackbookHandler
from trackbook.server.routes import ROOT, add_routes

FILLINGS = {
    "([0-9a-f]{1,32})": "a1",
    "([0-9a-f]{64})": "a1" * 32,
    "([0-9a-f]{32})": "a1" * 16,
    "([0-9a-f]{16})": "a1" * 8,
    "([^/]+)": "model",
    "([0-9]{1,9})": "1",
    "([A-Za-z0-9_-]{1,64})": "a1",
    ".*": "else",
}
"""For each kind of place in a path something that fits there."""
PLACE = re.compile(r"\(.*?\)")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
_QUERIES = re.compile(r"""(?:query|get_query_arguments?)\("(\w+)\"""")
_CONTENT = re.compile(r"self\.content\((\w+)\)")


METHODS = ("get", "head", "post", "put", "patch", "delete")


def methods_of(handler: type) -> set[str]:
    """Return the methods that a handler answers, its own or inherited ones."""
    return {name for name in METHODS if getattr(handler, name) is not getattr(TrackbookHandler, name)}


class Route(NamedTuple):
    """One rule of the router: its pattern below the root of the interface, and the handler behind it."""

    pattern: str
    handler: type

    def path(self, *values: str) -> str:
        """Return a path that reaches the handler; `values` stand in its first places, in their order."""
        given = iter(values)
        filled = PLACE.sub(lambda place: next(given, FILLINGS[place[0]]), self.pattern)
        return filled.replace(".*", FILLINGS[".*"])

    @property
    def places(self) -> list[str]:
        """The kinds of the places in its path."""
        return PLACE.findall(self.pattern)

    @property
    def methods(self) -> list[str]:
        """The methods that it has, in capital letters."""
        return [name.upper() for name in METHODS if name in methods_of(self.handler)]

    @property
    def queries(self) -> set[tuple[type, str]]:
        """The names that it takes from a query, each with the class that reads it: its own, or one it is made from."""
        own = [each for each in self.handler.__mro__ if each.__module__.startswith("trackbook.")]
        return {(each, name) for each in own for name in _QUERIES.findall(inspect.getsource(each))}

    def body(self, method: str) -> type | None:
        """Return the struct that a method takes as its body, or None."""
        found = _CONTENT.search(inspect.getsource(getattr(self.handler, method.lower())))
        return vars(sys.modules[getattr(self.handler, method.lower()).__module__])[found[1]] if found else None


class _ServerApp:
    """As much of a ServerApp as adding routes needs, around a real tornado application."""

    def __init__(self, root_dir: str) -> None:
        self.root_dir = root_dir
        self.web_app = Application(base_url="/")


def routes(root: Any) -> list[Route]:
    """Return every rule of the interface that tornado's router knows."""
    app = _ServerApp(str(root))
    add_routes(app)
    found = []
    for rule in _walk(app.web_app.default_router):
        pattern = rule.matcher.regex.pattern.rstrip("$")
        if pattern.startswith(f"/{ROOT}"):
            route = Route(pattern.removeprefix(f"/{ROOT}/"), rule.target)
            assert rule.matcher.regex.match(f"/{ROOT}/{route.path()}"), f"no example path for {pattern}"
            found.append(route)
    return found


def _walk(router: Any) -> Iterator[Any]:
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from _walk(rule.target)
        else:
            yield rule


def body_of(kind: type) -> dict[str, Any]:
    """Return a body of `kind` with all that it needs, each the plainest there is."""
    hints = get_type_hints(kind)
    return {each.name: plain(hints[each.name]) for each in msgspec.structs.fields(kind) if each.required}


def bodies(kind: type, text: str) -> Iterator[dict[str, Any]]:
    """Yield, for each place in a body of `kind` that takes a text, a body with `text` there and all else plain.

    Where nothing is needed but free texts, as in an edit, one body holds it in all places.
    """
    hints, needed = get_type_hints(kind), body_of(kind)
    if kind.__name__.endswith("Edit"):
        yield {name: {text: text} if "dict" in str(hint) else text for name, hint in hints.items()}
        return
    for name, hint in hints.items():
        for value in _texts(hint, text):
            yield needed | {name: value}


def plain(hint: Any) -> Any:
    """Return the plainest value of a type."""
    origin = getattr(hint, "__origin__", None)
    if origin in (dict, tuple, list):
        return {} if origin is dict else []
    return {bool: False, int: 1, float: 1.0}.get(hint, "model")


def _texts(hint: Any, text: str) -> Iterator[Any]:
    origin = getattr(hint, "__origin__", None)
    if hint is str or hint is Any or (origin is not None and str(origin) == "typing.Literal"):
        yield text
    elif origin is dict:
        yield {text: "value"}
        yield {"key": text}
    elif origin in (tuple, list):
        yield [text]
    elif any(each is str for each in get_args(hint)):
        yield text
