"""The table of model versions as plain values: which columns there are, what each holds, and by what it is sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from trackbook.registry import Model, ModelVersion, Registry
from trackbook.registry.approvals.standing import StandingResult
from trackbook.registry.card.making import judgements
from trackbook.tracking.words import local_time
from trackbook.widgets.html import Red
from trackbook.widgets.table import Column, Table, Value

MAX_METRICS = 8
MOST_READ = 1000
"""Versions that are read in full at once."""
STAGE_ORDER = ("production", "staging", "none", "archived")

COLUMNS = (
    Column("version", "name"),
    Column("stage", "stage"),
    Column("aliases", "aliases"),
    Column("gates", "gates"),
    Column("beware", "beware"),
    Column("registered", "registered"),
    Column("format", "format"),
)


class Row(msgspec.Struct, frozen=True):
    """One version with its model."""

    model: Model
    version: ModelVersion

    @property
    def key(self) -> tuple[str, int]:
        """What no other row has."""
        return self.version.name, self.version.version

    @property
    def label(self) -> str:
        """What the version is called."""
        return f"{self.version.name} {self.version.version}"


def read_rows(registry: Registry, filter: str = "") -> tuple[list[Row], int]:
    """Return the versions that `filter` lets through, and how many models were not looked into.

    A registry with more than `MOST_READ` versions is read by name: models that a word of the filter names come first.
    """
    listed = registry.summaries()
    if sum(each.count for each in listed) <= MOST_READ:
        return rows_of(registry.models(), filter), 0
    words = filter.lower().split()
    named = [each for each in listed if any(word in each.name.lower() for word in words)] or list(listed)
    read: list[Model] = []
    count = 0
    for each in named:
        count += each.count
        if read and count > MOST_READ:
            break
        read.append(registry.get(each.name))
    return rows_of(read, filter), len(named) - len(read)


def rows_of(models: Iterable[Model], filter: str = "") -> list[Row]:
    """Return the versions whose name, stage, alias, owner, format or tag hold all words of `filter`."""
    words = filter.lower().split()
    rows = (Row(model, version) for model in models for version in model.versions)
    return [row for row in rows if all(word in _searched(row) for word in words)]


def _searched(row: Row) -> str:
    version = row.version
    found = [version.name, str(version.version), version.stage, version.format, version.description]
    found += [f"@{alias}" for alias in version.aliases] + [version.owner or row.model.owner, *_flags(version)]
    found += [f"{key}={value}" for key, value in {**row.model.tags, **version.tags}.items()]
    return " ".join(found).lower()


def sorted_rows(rows: Iterable[Row], order: Sequence[str]) -> list[Row]:
    """Return rows by the first of `order` ("KEY ASC" or "KEY DESC"); those without a value come last."""
    found = list(rows)
    if not order:
        return found
    key, _, direction = order[0].rpartition(" ")
    value = _keys(key)
    there = [row for row in found if value(row) is not None]
    there.sort(key=value, reverse=direction == "DESC")
    return there + [row for row in found if value(row) is None]


def _keys(key: str) -> Callable[[Row], Any]:
    named: dict[str, Callable[[Row], Any]] = {
        "name": lambda row: row.key,
        "stage": lambda row: STAGE_ORDER.index(row.version.stage),
        "aliases": lambda row: row.version.aliases or None,
        "gates": lambda row: gates_of(row.version) or None,
        "beware": lambda row: _flags(row.version) or None,
        "registered": lambda row: row.version.created_time,
        "format": lambda row: row.version.format,
    }
    return named.get(key) or (lambda row: _number(row.version.metrics.get(key.removeprefix("metrics."))))


def _number(value: float | None) -> float | None:
    return None if value is None or value != value else value


def models_table(rows: Sequence[Row], registry: Registry | None = None) -> Table:
    """Return stage, aliases, gates, what to beware of, time and format of every version, and its metrics.

    With `registry` results of gates are void where the policy or anything else that they judged is another now.
    """
    metrics = list(dict.fromkeys(name for row in rows for name in row.version.metrics))
    shown = metrics[:MAX_METRICS]
    columns = (*COLUMNS, *(Column(name, f"metrics.{name}") for name in shown))
    return Table(columns, tuple(_values(row, shown, registry) for row in rows), len(metrics) - len(shown))


def _values(row: Row, metrics: Sequence[str], registry: Registry | None) -> tuple[Value, ...]:
    version = row.version
    gates = gates_of(version, () if registry is None else registry.judged(version))
    return (
        row.label,
        version.stage,
        " ".join(f"@{alias}" for alias in version.aliases) or None,
        gates or None,
        Red(", ".join(_flags(version))) if _flags(version) else None,
        local_time(version.created_time),
        version.format,
        *(version.metrics.get(name) for name in metrics),
    )


def gates_of(version: ModelVersion, results: Iterable[StandingResult] = ()) -> str:
    """Return how many gates passed, failed and are void, in words; red where not all passed."""
    verdicts = [each.verdict for each in judgements(version, results)]
    parts = [f"{verdicts.count(each)} {each}" for each in ("failed", "void", "passed") if each in verdicts]
    said = ", ".join(parts)
    return Red(said) if set(verdicts) - {"passed"} else said


def _flags(version: ModelVersion) -> list[str]:
    """Return what must not be overlooked of a version, a word each."""
    found = [
        ("override", version.override),
        ("deprecated", version.deprecated),
        ("pickle", version.dangerous),
    ]
    return [word for word, there in found if there]
