"""Two versions of a model beside each other: what was gained, and what is another now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.environment import Environment
from trackbook.registry.approvals.standing import Standing
from trackbook.registry.card import evidence
from trackbook.registry.card.making import data_read, judgements, newest
from trackbook.registry.card.reading import read_program, source_run
from trackbook.registry.card.values import DataRead, Judged, Measure, MetricPair
from trackbook.registry.lineage import read_held
from trackbook.tracking.differences import CodeDifference, text_difference
from trackbook.tracking.words import local_time, with_named_numbers

if TYPE_CHECKING:
    from trackbook.registry.values import ModelVersion
    from trackbook.store import Store
    from trackbook.tracking import Run, Runs

Pair = tuple[str | None, str | None]


class GatePair(msgspec.Struct, frozen=True):
    """The newest results of one gate; None for a version that it has not judged."""

    stage: str
    gate: str
    one: Judged | None
    other: Judged | None


class VersionComparison(msgspec.Struct, frozen=True):
    """Two versions of the model `name`; what stands in pairs is that of the first and of the second.

    `facts` hold all, `params`, `signature`, `data` and `environment` what differs; `same` counts what does not, by
    the names of these fields.
    """

    name: str
    versions: tuple[int, int]
    stages: tuple[str, str]
    facts: dict[str, Pair]
    metrics: tuple[MetricPair, ...]
    params: dict[str, Pair]
    signature: dict[str, Pair]
    data: dict[str, Pair]
    environment: dict[str, Pair]
    gates: tuple[GatePair, ...]
    code: CodeDifference
    same: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values, numbers that are not finite as text."""
        plain: dict[str, Any] = with_named_numbers(msgspec.to_builtins(self))
        return plain


class Side(msgspec.Struct, frozen=True):
    """One version, with what the store knows of its run."""

    version: ModelVersion
    run: Run | None = None
    program: str = ""
    data: tuple[DataRead, ...] = ()
    standings: tuple[Standing, ...] = ()
    environment: Environment | None = None


def read_side(store: Store, runs: Runs, version: ModelVersion, standings: Iterable[Standing]) -> Side:
    """Return a version for a comparison, from what the store knows; no stored model is opened for it."""
    run = source_run(runs, version)
    with store.read() as db:
        row = db.execute("SELECT content FROM environment WHERE digest = ?", [version.environment]).fetchone()
    environment = None if row is None else Environment.from_json(row[0])
    return Side(
        version=version,
        run=run,
        program=read_program(store, version, run),
        data=data_read(version, run, read_held(store, run)),
        standings=tuple(standings),
        environment=environment,
    )


def compare(one: Side, other: Side) -> VersionComparison:
    """Return what `other` has in place of what `one` has."""
    sides = (one, other)
    params, same_params = _differing(one.version.params, other.version.params)
    signature, same_columns = _differing(*(_columns(side.version) for side in sides))
    data, same_data = _differing(*(_data(side.data) for side in sides))
    rows = ({} if side.environment is None else side.environment.rows() for side in sides)
    environment, same_rows = _differing(*rows)
    return VersionComparison(
        name=one.version.name,
        versions=(one.version.version, other.version.version),
        stages=(one.version.stage, other.version.stage),
        facts=_facts(one.version, other.version),
        metrics=_metrics(one.version, other.version),
        params=params,
        signature=signature,
        data=data,
        environment=environment,
        gates=_gates(one, other),
        code=text_difference(one.program, other.program),
        same={"params": same_params, "signature": same_columns, "data": same_data, "environment": same_rows},
    )


def _differing(one: Mapping[str, str | None], other: Mapping[str, str | None]) -> tuple[dict[str, Pair], int]:
    pairs = {name: (one.get(name), other.get(name)) for name in {**one, **other}}
    found = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return found, len(pairs) - len(found)


def _facts(one: ModelVersion, other: ModelVersion) -> dict[str, Pair]:
    facts = [
        {
            "stage": each.stage,
            "aliases": ", ".join(f"@{alias}" for alias in each.aliases) or None,
            "format": each.format,
            "size": f"{each.size:,} bytes",
            "registered": f"{local_time(each.created_time)} by {each.created_by}",
            "description": each.description or None,
            "run": (each.run_id or "")[:8] or None,
            "digest": each.digest[:12],
            "override": each.override,
            "deprecated": each.deprecated,
        }
        for each in (one, other)
    ]
    pairs = {name: (facts[0][name], facts[1][name]) for name in facts[0]}
    return {name: pair for name, pair in pairs.items() if pair != (None, None)}


def _columns(version: ModelVersion) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for side, columns in (version.signature or {}).items():
        for place, column in enumerate(columns if isinstance(columns, list) else ()):
            if isinstance(column, dict):
                name = column.get("name")
                key = f"{side.removesuffix('s')} {place if name is None else name}"
                found[key] = str(column.get("type") or "type not known")
    return found


def _data(read: Iterable[DataRead]) -> dict[str, str | None]:
    return {
        each.uri.partition("@")[0] if each.uri else each.name: " ".join(
            part
            for part in (
                each.uri or (each.fingerprint or "not known")[:12],
                "" if each.rows is None else f"({each.rows:,} rows)",
            )
            if part
        )
        for each in read
    }


def _metrics(one: ModelVersion, other: ModelVersion) -> tuple[MetricPair, ...]:
    """Return the metrics of the runs, then those that gates measured; on the same rows where they did it for both."""
    recorded = [{name: Measure(name, value) for name, value in each.metrics.items()} for each in (one, other)]
    pairs = [_pair(name, None, recorded[0].get(name), recorded[1].get(name)) for name in {**recorded[0], **recorded[1]}]
    measured = [
        {
            (each.metric, each.slice, each.data): each
            for each in evidence.measures(newest(version.gates), version.digest)
        }
        for version in (one, other)
    ]
    bounds = evidence.changes(newest(other.gates), other.digest, one.digest)
    for key in {**measured[0], **measured[1]}:
        pair = _pair(key[0], key[1], measured[0].get(key), measured[1].get(key))
        pairs.append(bounds.pop(key, pair))
    return (*pairs, *bounds.values())


def _pair(metric: str, slice: str | None, one: Measure | None, other: Measure | None) -> MetricPair:
    here = next(each for each in (one, other) if each is not None)
    values = [None if each is None else each.value for each in (one, other)]
    change = None if values[0] is None or values[1] is None else values[1] - values[0]
    return MetricPair(metric, one, other, slice, change, source=here.source, data=here.data)


def _gates(one: Side, other: Side) -> tuple[GatePair, ...]:
    results = [
        {
            (each.stage, each.gate): each
            for each in judgements(side.version, [each for one in side.standings for each in one.gates])
        }
        for side in (one, other)
    ]
    keys = {**results[0], **results[1]}
    return tuple(GatePair(*key, results[0].get(key), results[1].get(key)) for key in keys)
