"""Python modules that targets write: values by `repr`, names only those that were cleaned."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from typing import Any

from trackbook.pipeline.exports.text import comments, one_line, provenance
from trackbook.pipeline.exports.values import Export
from trackbook.pipeline.script.formatting import formatted


def module(export: Export, title: str, remarks: Iterable[str], body: str) -> str:
    """Return a module under comments; raises SyntaxError where a target has made a mistake."""
    text = comments([*provenance(export), "", *remarks]) + f'"""{title}"""\n{body}'
    ast.parse(text)
    return formatted(text)


def docstring(text: str) -> str:
    """Return a text as it can stand in a docstring in double quotes."""
    return one_line(text).replace("\\", "\\\\").replace('"', "'")


def literal(value: Any) -> str:
    """Return a value as Python reads it back: texts, numbers, None, and lists and dicts of them."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)
