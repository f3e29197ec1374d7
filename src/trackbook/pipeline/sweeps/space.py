"""The space of a search: which values each parameter may have, and how the search goes, from a TOML file.

::

    [search]
    metric = "rmse"
    direction = "minimize"      # or maximize
    sampler = "tpe"             # or random
    seed = 0                    # without one, each search is another
    pruner = "median"           # or hyperband, halving, none
    startup = 5                 # trials before the first is pruned

    [depth]
    low = 2
    high = 10
    step = 2

    [rate]
    low = 1e-4
    high = 0.1
    log = true

    [kind]
    choices = ["linear", "rbf"]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trackbook.errors import PipelineError, UsageError, nearest
from trackbook.pipeline.params import read_value
from trackbook.pipeline.plan import ParamField, Plan
from trackbook.pipeline.sweeps.outcome import Goal

SEARCH = "search"
DIRECTIONS = ("minimize", "maximize")
SAMPLERS = ("tpe", "random")
PRUNERS = ("none", "median", "hyperband", "halving")
_KEYS = ("low", "high", "step", "log", "choices")


class Span(msgspec.Struct, frozen=True):
    """The values from `low` to `high`, both among them; `step` apart, or even in their logarithms.

    With `whole`, they are whole numbers.
    """

    low: float
    high: float
    whole: bool
    step: float | None = None
    log: bool = False


class Choices(msgspec.Struct, frozen=True):
    """The values themselves, in no order, and the `texts` that they become as params of runs."""

    values: tuple[str | int | float | bool, ...]
    texts: tuple[str, ...] = ()


class SearchSettings(msgspec.Struct, frozen=True):
    """How a search goes, see the module."""

    metric: str
    direction: str = "minimize"
    sampler: str = "tpe"
    seed: int | None = None
    pruner: str = "none"
    startup: int = 5


class Space(msgspec.Struct, frozen=True):
    """What a search may try: the values of each parameter, and how it goes."""

    search: SearchSettings
    values: dict[str, Span | Choices]


def read_space(path: Path, plan: Plan) -> Space:
    """Return the space in the file at `path`, for the parameters of `plan`.

    Raises UsageError that names file, table and key for all that is wrong there.
    """
    try:
        found = msgspec.toml.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"the space {path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the space {path} is no TOML: {error}") from error
    read = _Reader(path, {field.name: field for field in plan.params}, plan.path.name)
    search = read.search(found.pop(SEARCH, None))
    values = {name: read.values(name, table) for name, table in found.items()}
    if not values:
        raise UsageError(f"{path} names no parameter: write a table for each that varies, as [depth] low = 2 high = 8")
    return Space(search, values)


def goal_of(space: Space) -> Goal:
    """Return which trial of a search is the best."""
    return Goal(space.search.metric, largest=space.search.direction == "maximize")


class _Reader:
    """Reads the tables of one file."""

    def __init__(self, path: Path, fields: Mapping[str, ParamField], script: str) -> None:
        self._path, self._fields, self._script = path, fields, script

    def search(self, table: Any) -> SearchSettings:
        if table is None:
            raise self._wrong(SEARCH, "", 'is not there: it names the metric, as metric = "rmse"')
        self._known(SEARCH, table, SearchSettings.__struct_fields__)
        if "metric" not in table:
            raise self._wrong(SEARCH, "metric", "is not there: the name that a step gives what it logs")
        try:
            read = msgspec.convert(table, SearchSettings)
        except msgspec.ValidationError as error:
            raise self._wrong(SEARCH, "", f"is not what it should be: {error}") from error
        for key, known in (("direction", DIRECTIONS), ("sampler", SAMPLERS), ("pruner", PRUNERS)):
            if (value := getattr(read, key)) not in known:
                raise self._wrong(SEARCH, key, f"is {value!r}; it is one of {', '.join(known)}{nearest(value, known)}")
        if not read.metric or read.startup < 0 or (read.seed is not None and read.seed < 0):
            raise self._wrong(SEARCH, "", "has an empty metric, or a negative number")
        return read

    def values(self, name: str, table: Any) -> Span | Choices:
        if name not in self._fields:
            known = ", ".join(self._fields) or "none"
            hint = nearest(name, [*self._fields, SEARCH])
            raise self._wrong(name, "", f"is no parameter of {self._script}{hint} (it has: {known})")
        self._known(name, table, _KEYS)
        field = self._fields[name]
        if "choices" in table:
            return self._choices(field, table)
        for key in ("low", "high"):
            if key not in table:
                raise self._wrong(name, key, "is not there: give low and high, or choices")
        return self._span(field, table)

    def _choices(self, field: ParamField, table: Mapping[str, Any]) -> Choices:
        values = table["choices"]
        if len(table) > 1:
            raise self._wrong(field.name, "choices", "stands beside low, high, step or log; it stands alone")
        if not isinstance(values, list) or not values:
            raise self._wrong(field.name, "choices", "is a list of values")
        for value in values:
            self._fits(field, "choices", value)
            if not isinstance(value, str | int | float | bool):
                raise self._wrong(field.name, "choices", f"holds {value!r}, no text, number or boolean")
        return Choices(tuple(values), tuple(str(read_value(field, value)) for value in values))

    def _span(self, field: ParamField, table: Mapping[str, Any]) -> Span:
        numbers = {key: table[key] for key in ("low", "high", "step") if key in table}
        for key, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise self._wrong(field.name, key, f"is a number, not {value!r}")
            self._fits(field, key, value)
        log = table.get("log", False)
        if not isinstance(log, bool):
            raise self._wrong(field.name, "log", f"is true or false, not {log!r}")
        low, high, step = numbers["low"], numbers["high"], numbers.get("step")
        if low > high:
            raise self._wrong(field.name, "low", f"is {low}, which is more than high = {high}")
        if step is not None and (step <= 0 or log):
            raise self._wrong(field.name, "step", "is more than 0, and does not go with log")
        if log and low <= 0:
            raise self._wrong(field.name, "low", f"is {low}; with log it is more than 0")
        whole = field.annotation != "float" and all(isinstance(value, int) for value in numbers.values())
        return Span(low, high, whole, step, log)

    def _fits(self, field: ParamField, key: str, value: Any) -> None:
        try:
            read_value(field, value)
        except PipelineError as error:
            raise self._wrong(
                field.name, key, f"has {value!r}, and the parameter is of type {field.annotation}"
            ) from error

    def _known(self, name: str, table: Any, known: Iterable[str]) -> None:
        if not isinstance(table, dict):
            raise self._wrong(name, "", f"is a table, not {table!r}: write [{name}] on a line of its own")
        known = list(known)
        for key in table:
            if key not in known:
                raise self._wrong(name, key, f"is no key{nearest(key, known)}; there are {', '.join(known)}")

    def _wrong(self, name: str, key: str, what: str) -> UsageError:
        return UsageError(f"{self._path}: {f'`{key}` of ' if key else ''}[{name}] {what}")
