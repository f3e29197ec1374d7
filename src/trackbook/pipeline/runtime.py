"""Functions that a pipeline script takes along, to print and draw as its notebook did.

Conversion copies the text of those that a script needs with the imports that they need (`helpers`), so none of
them knows Trackbook or IPython, and ruff lays their text out.
"""

import argparse
import ast
import collections
import contextlib
import inspect
import json
import tomllib
import types
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt


class Output:
    """The folder given with `--out`: its files are numbered as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0

    def path(self, suffix: str) -> Path:
        """Return the path of the next file."""
        self.number += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{self.number:03}{suffix}"


OUT: Output | None = None


def show(value: Any) -> None:
    """Print a value as the notebook showed it; with `--out` its HTML is saved too."""
    if value is None:
        return
    text = pretty(value)
    # What stands for a picture in a notebook is no text to read.
    if not text.startswith(("<Axes", "<Figure size", "<matplotlib.", "<IPython.core.display")):
        print(text)
    rich = hasattr(value, "_repr_html_") and not isinstance(value, type)
    if OUT is not None and rich and (html := value._repr_html_()):
        OUT.path(".html").write_text(html, encoding="utf-8")


def display(*values: Any, **options: Any) -> None:
    """Print values as the notebook displayed them."""
    for value in values:
        print(value) if value is None else show(value)


def pretty(value: Any, column: int = 0, indent: int = 0, after: int = 0) -> str:
    """Return the text of a value as a notebook lays it out: 79 columns wide, sets in order."""
    found = parts_of(value)
    if found is None:
        return text_of(value).replace("\n", "\n" + " " * indent)
    start, parts, end = found
    if len(parts) < 40:
        line = start + ", ".join(key + pretty(part, -10_000) for key, part in parts) + end
        if "\n" not in line and column + len(line) + after <= 79:
            return line
    indent += len(start)
    lines = []
    for number, (key, part) in enumerate(parts[:1000], start=1):
        place = (column + len(start) if number == 1 else indent) + len(key)
        rest = len(end) + after if number == len(parts) else 1
        lines.append(key + pretty(part, place, indent, rest))
    lines += ["..."] if len(parts) > 1000 else []
    return start + (",\n" + " " * indent).join(lines) + end


def parts_of(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    """Return how a container begins, its parts behind what stands before them, and how it ends."""
    name = type(value).__name__ + "("
    for kind in type(value).__mro__:
        if kind in (list, tuple):
            end = "]" if kind is list else ",)" if len(value) == 1 else ")"
            return "[" if kind is list else "(", [("", part) for part in value], end
        if kind is dict:
            return "{", [(pretty(key) + ": ", part) for key, part in value.items()], "}"
        if kind in (set, frozenset) and value:
            start, end = ("{", "}") if kind is set else ("frozenset({", "})")
            return start, [("", part) for part in in_order(value)], end
        if kind is collections.defaultdict:
            return name, [("", value.default_factory), ("", dict(value))], ")"
        if kind is collections.Counter:
            return name, [("", dict(value.most_common()))] if value else [], ")"
        if kind is collections.OrderedDict:
            return name, [("", list(value.items()))] if value else [], ")"
        if kind is collections.deque:
            size = [] if value.maxlen is None else [("maxlen=", value.maxlen)]
            return name, [("", list(value)), *size], ")"
        if "__repr__" in vars(kind):
            return None
    return None


def in_order(values: Any) -> list[Any]:
    """Return the members of a set sorted, by their text where they cannot be compared."""
    if len(values) >= 1000:
        return list(values)
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)


def text_of(value: Any) -> str:
    """Return the text of a value without parts; classes and functions are named as in a notebook."""
    kind: Any = type(value)
    if isinstance(value, type) and kind.__repr__ is type.__repr__:
        module = "" if value.__module__ in (None, "builtins") else f"{value.__module__}."
        return f"{module}{value.__qualname__}"
    if kind in (types.FunctionType, types.BuiltinFunctionType):
        module = "" if value.__module__ in (None, "builtins") else f"{value.__module__}."
        with contextlib.suppress(ValueError):
            return f"<function {module}{value.__qualname__}{inspect.signature(value)}>"
        return f"<function {module}{value.__qualname__}>"
    if kind.__repr__ is object.__repr__:
        return f"<{text_of(kind)} at {id(value):#x}>"
    return "\n".join(repr(value).splitlines())


def save_figures(*arguments: Any, **options: Any) -> None:
    """Close the open figures, as a notebook does when it shows them; `--out` saves them before."""
    for number in plt.get_fignums():
        if OUT is not None:
            plt.figure(number).savefig(OUT.path(".png"), bbox_inches="tight")
        plt.close(number)


def options_in(file: Path, names: Iterable[str], parser: argparse.ArgumentParser) -> list[str]:
    """Return the values in a TOML or JSON file as options of the command line."""
    try:
        text = file.read_text(encoding="utf-8")
        values = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        parser.error(f"cannot read --params {file}: {error}")
    known, options = set(names), []
    for name, value in values.items():
        if name not in known:
            parser.error(f"{file}: no parameter is called {name!r}; write one of {sorted(known)}")
        option = name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{option}" if value else f"--no-{option}")
        else:
            options.append(f"--{option}={value}")
    return options


def literal(kind: type) -> Callable[[str], Any]:
    """Return a reader of values such as lists, written as Python writes them."""

    def read(text: str) -> Any:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = None
        value = tuple(value) if kind is tuple and isinstance(value, list) else value
        if not isinstance(value, kind):
            what = f"{text!r} is no {kind.__name__}; write it like the default, in quotes"
            raise argparse.ArgumentTypeError(what)
        return value

    return read


def optional(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader that takes `None` as well."""

    def read(text: str) -> Any:
        return None if text == "None" else kind(text)

    return read


def read_date(text: str) -> date:
    """Read a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it like 2026-12-31") from None


def read_datetime(text: str) -> datetime:
    """Read a date with a time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time; write it like 2026-12-31T23:59:59"
        raise argparse.ArgumentTypeError(what) from None
