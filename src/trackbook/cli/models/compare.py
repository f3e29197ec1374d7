"""`trackbook models compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from trackbook.cli.output import exits_with_status, json_option, print_json, print_table, print_text
from trackbook.project import Project
from trackbook.tracking.words import number

if TYPE_CHECKING:
    from trackbook.registry.card.values import Judged, MetricPair
    from trackbook.registry.compare import Pair, VersionComparison


@click.command("compare")
@click.argument("name")
@click.argument("one", type=int, metavar="A")
@click.argument("other", type=int, metavar="B")
@json_option
@exits_with_status
def compare_command(name: str, one: int, other: int, as_json: bool) -> None:
    """Compare version A of a model with version B: metrics, params, signature, data, environment, gates and code.

    Where a gate measured both on the same rows, the difference has an interval.
    """
    found = Project.open(create=False).registry.compare(name, one, other)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)


def _print(found: VersionComparison) -> None:
    heads = [f"{found.name} {version}" for version in found.versions]
    _print_pairs("", heads, found.facts)
    print_text("\nmetrics")
    columns = ["metric", "slice", *heads, "change", "interval", "measured by"]
    print_table(columns, map(_metric, found.metrics), empty="no metrics")
    for title in ("params", "signature", "data", "environment"):
        _print_pairs(title, heads, getattr(found, title), found.same[title])
    print_text("\ngates")
    gates = [[f"{each.stage}: {each.gate}", _verdict(each.one), _verdict(each.other)] for each in found.gates]
    print_table(["", *heads], gates, empty="no gate has judged one of them")
    if found.code:
        print_text(f"\ncode\n{found.code}")


def _print_pairs(title: str, heads: list[str], pairs: Mapping[str, Pair], same: int = 0) -> None:
    if title:
        print_text(f"\n{title}" + (f" ({same} the same)" if same else ""))
    print_table(["", *heads], [[name, *pair] for name, pair in pairs.items()], empty="no difference")


def _metric(pair: MetricPair) -> list[Any]:
    change = None if pair.change is None else f"{pair.change:+.4g}"
    bounds = "" if pair.low is None or pair.high is None else f"{number(pair.low)} to {number(pair.high)}"
    values = [None if each is None else each.value for each in (pair.one, pair.other)]
    measured = pair.source if pair.data is None else f"{pair.source} on {pair.data}"
    return [pair.metric, pair.slice or "all", *values, change, bounds, measured]


def _verdict(judged: Judged | None) -> str:
    return "not judged" if judged is None else f"{judged.verdict}: {judged.reason}"
