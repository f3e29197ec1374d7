"""Which values the command line gives a parameter: one, or several that make a sweep.

A text that is a value of the parameter's type is that one value, whatever commas it holds.  Only where it is none, and
every part between its commas is one, it stands for several: `3,5,7` for an int, never `a,b.csv` for a path or `[1,2]`
for a list.  A parameter that is given more than once has all the values given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trackbook.errors import PipelineError
from trackbook.pipeline.params import read_value
from trackbook.pipeline.plan import ParamField, Plan

SEPARATOR = ","


def may_vary(texts: Mapping[str, Sequence[Any]]) -> bool:
    """Tell whether a parameter might have several values, without looking at the script."""
    return any(len(given) > 1 or SEPARATOR in str(given[0]) for given in texts.values())


def values_of(plan: Plan, given: Mapping[str, Sequence[Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the values of each parameter as they were written, without those that say the same again.

    Raises PipelineError for a part that is no value of the type.  Parameters that the script does not have are
    handed on, to be refused with the others' mistakes.
    """
    fields = {field.name: field for field in plan.params}
    return {
        name: _distinct(fields[name], texts) if name in fields else tuple(texts)[:1] for name, texts in given.items()
    }


def _distinct(field: ParamField, texts: Iterable[Any]) -> tuple[Any, ...]:
    found: dict[str, Any] = {}
    for text in texts:
        for part in _parts(field, text):
            found.setdefault(repr(read_value(field, part)), part)
    return tuple(found.values())


def _parts(field: ParamField, text: Any) -> Sequence[Any]:
    """Return a text as one value if it can be one, else its parts."""
    if not isinstance(text, str) or SEPARATOR not in text or _fits(field, text):
        return [text]
    parts = [part.strip() for part in text.split(SEPARATOR)]
    wrong = next((part for part in parts if not _fits(field, part)), None)
    if wrong is not None:
        raise PipelineError(
            f"the parameter {field.name!r} is of type {field.annotation}; {text!r} is not, nor is its part {wrong!r}"
        )
    return parts


def _fits(field: ParamField, text: str) -> bool:
    try:
        read_value(field, text)
    except PipelineError:
        return False
    return True
