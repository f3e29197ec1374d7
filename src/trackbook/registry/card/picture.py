"""The pictures of a model card as small static SVG, for pages that must work without scripts and print well.

Texts and lines take the colour of the surrounding text; boxes are filled with `--tb-paper`, the ground they stand on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from trackbook.registry.card.values import Measure
from trackbook.tracking.lineage import Lineage, Node
from trackbook.tracking.words import printable

WIDE, HIGH = 172, 42
GAP_X, GAP_Y = 64, 12
HEAD = 24
BESIDE = 44
"""Room for lines that run beside the first column."""
MOST = 7
"""Things that a column shows; the last place then says how many more there are."""
RUN_STAGE = 2
TITLES = ("Data", "Program", "Run", "Version", "Used as")

PLOT, NAME, NUMBERS, ROW = 260, 236, 170, 20

STYLE = """
.tb-picture{display:block;max-width:100%;height:auto;overflow:visible}
.tb-picture text{font:12px system-ui,sans-serif;fill:currentColor}
.tb-picture .tb-faint{font-size:10.5px;fill-opacity:.7}
.tb-picture .tb-box{fill:var(--tb-paper,Canvas);stroke:currentColor;stroke-opacity:.4}
.tb-picture .tb-own{stroke:#2f7fc1;stroke-opacity:1;stroke-width:2}
.tb-picture .tb-way{fill:none;stroke:currentColor;stroke-opacity:.4;stroke-width:1.3}
.tb-picture .tb-tip{fill:currentColor;fill-opacity:.5}
.tb-picture .tb-scale{stroke:currentColor;stroke-opacity:.2}
.tb-picture .tb-zero{stroke:currentColor;stroke-opacity:.5;stroke-dasharray:2 2}
.tb-picture .tb-span{stroke:#2f7fc1;stroke-width:2}.tb-picture .tb-dot{fill:#2f7fc1}
"""


class _Box(NamedTuple):
    node: Node
    x: float
    y: float


def lineage_picture(graph: Lineage) -> str:
    """Return the lineage as an `<svg>` element: a column a step, from data to what the version is used as."""
    columns = _columns(graph)
    first = {node.id for node in next(iter(columns.values()), ())}
    left = BESIDE if any({link.source, link.target} <= first for link in graph.links) else 2
    boxes = {box.node.id: box for box in _placed(list(columns.values()), left)}
    shown_for = {node.id: _cut(column)[-1].id for column in columns.values() for node in column[MOST - 1 :]}
    shown_for |= {node: node for node in boxes}
    ways = dict.fromkeys((shown_for[link.source], shown_for[link.target]) for link in graph.links)
    width = left + len(columns) * (WIDE + GAP_X) - GAP_X + 2
    height = max((box.y + HIGH for box in boxes.values()), default=HEAD) + 4
    heads = "".join(
        f'<text class="tb-faint" x="{left + place * (WIDE + GAP_X)}" y="12">{name}</text>'
        for place, name in enumerate(columns)
    )
    drawn = "".join(_way(boxes[source], boxes[target]) for source, target in ways if source != target)
    things = "".join(_thing(box) for box in boxes.values())
    title = f"Lineage: {', '.join(f'{name.lower()} {len(column)}' for name, column in columns.items())}"
    return _svg(title, width, height, heads + drawn + things)


def _columns(graph: Lineage) -> dict[str, list[Node]]:
    """Return the things under the titles of their columns.

    What the run reads itself stands above the cells of its program, so that no line runs behind a cell.
    """
    stages = {node.id: node.stage for node in graph.nodes}
    found: dict[int, list[Node]] = {stage: [] for stage in sorted(set(stages.values()))}
    direct = {link.source for link in graph.links if stages[link.source] == 0 and stages[link.target] == RUN_STAGE}
    for node in graph.nodes:
        found[1 if node.id in direct and 1 in found else node.stage].append(node)
    for column in found.values():
        column.sort(key=lambda node: node.stage)
    return {
        "Data and program" if stage == 1 and direct else TITLES[stage]: column
        for stage, column in found.items()
        if column
    }


def _cut(column: list[Node]) -> list[Node]:
    """Return what of a column is shown: the last place says how many more there are."""
    if len(column) <= MOST:
        return column
    # No thing has this id: theirs begin with a kind, or are those of runs.
    more = Node(f"more {column[0].stage}", "more", f"{len(column) - MOST + 1} more", "", column[0].stage)
    return [*column[: MOST - 1], more]


def _placed(columns: Sequence[list[Node]], left: float) -> Iterator[_Box]:
    shown = [_cut(column) for column in columns]
    tallest = max((len(column) for column in shown), default=0)
    for place, column in enumerate(shown):
        first = HEAD + (tallest - len(column)) * (HIGH + GAP_Y) / 2
        for row, node in enumerate(column):
            yield _Box(node, left + place * (WIDE + GAP_X), first + row * (HIGH + GAP_Y))


def _way(source: _Box, target: _Box) -> str:
    """Return the line from one box to another; within a column it runs along the left side."""
    y, to_y = source.y + HIGH / 2, target.y + HIGH / 2
    if source.x == target.x:
        x, bend = source.x, source.x - min(18 + abs(to_y - y) / 12, BESIDE)
        path = f"M{x:.0f} {y + 6:.0f}C{bend:.0f} {y + 6:.0f} {bend:.0f} {to_y - 6:.0f} {x - 6:.0f} {to_y - 6:.0f}"
        return f'<path class="tb-way" d="{path}"/>{_tip(x, to_y - 6)}'
    x, to_x = source.x + WIDE, target.x
    half = (to_x - x) / 2
    path = f"M{x:.0f} {y:.0f}C{x + half:.0f} {y:.0f} {to_x - half:.0f} {to_y:.0f} {to_x - 6:.0f} {to_y:.0f}"
    return f'<path class="tb-way" d="{path}"/>{_tip(to_x, to_y)}'


def _tip(x: float, y: float) -> str:
    return f'<path class="tb-tip" d="M{x - 7:.0f} {y - 3.5:.1f}L{x:.0f} {y:.0f}L{x - 7:.0f} {y + 3.5:.1f}Z"/>'


def _thing(box: _Box) -> str:
    node = box.node
    own = " tb-own" if node.kind == "model_version" else ""
    label, detail = _clipped(node.label, 22), _clipped(node.detail, 27)
    said = "\n".join(part for part in (node.label, node.detail, node.path or "") if part)
    return (
        f'<g transform="translate({box.x:.0f},{box.y:.0f})"><title>{_text(said)}</title>'
        f'<rect class="tb-box{own}" width="{WIDE}" height="{HIGH}" rx="4"/>'
        f'<text x="10" y="{18 if detail else 26}">{_text(label)}</text>'
        f'<text class="tb-faint" x="10" y="33">{_text(detail)}</text></g>'
    )


def interval_picture(measures: Sequence[Measure], *, nought: bool = False) -> str:
    """Return metrics with their intervals as an `<svg>` element: a row a measure, a scale a metric.

    With `nought` they are differences, whose scales reach to 0.
    """
    rows = sorted((each for each in measures if _drawable(each)), key=lambda each: each.metric)
    names = dict.fromkeys(each.metric for each in rows)
    scales = {name: _scale([each for each in rows if each.metric == name], nought) for name in names}
    parts, y = [], 0
    for place, measure in enumerate(rows):
        if place == 0 or rows[place - 1].metric != measure.metric:
            parts.append(_scale_of(measure.metric, scales[measure.metric], y))
            y += ROW
        parts.append(_interval(measure, scales[measure.metric], y))
        y += ROW
    return _svg("Metrics with their intervals", NAME + PLOT + NUMBERS, max(y, 1) + 4, "".join(parts))


def _drawable(measure: Measure) -> bool:
    numbers = (measure.low, measure.value, measure.high)
    return all(each is not None and math.isfinite(each) for each in numbers)


def _scale(measures: Sequence[Measure], nought: bool) -> tuple[float, float]:
    ends = [end for each in measures for end in (each.low, each.high) if end is not None] + [0.0] * nought
    low, high = min(ends), max(ends)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _scale_of(metric: str, scale: tuple[float, float], y: int) -> str:
    ends = ((NAME, "start", scale[0]), (NAME + PLOT, "end", scale[1]))
    marks = "".join(
        f'<text class="tb-faint" x="{x}" y="{y + 14}" text-anchor="{anchor}">{f"{value:.4g}"}</text>'
        for x, anchor, value in ends
    )
    return f'<text x="0" y="{y + 14}" font-weight="600">{_text(_clipped(metric, 36))}</text>{marks}'


def _interval(measure: Measure, scale: tuple[float, float], y: int) -> str:
    low, value, high = (
        NAME + (float(each or 0.0) - scale[0]) / (scale[1] - scale[0]) * PLOT
        for each in (measure.low, measure.value, measure.high)
    )
    at = y + ROW / 2
    said = f"{measure.value:.4g}  ({measure.low:.4g} to {measure.high:.4g})"
    zero = NAME - scale[0] / (scale[1] - scale[0]) * PLOT
    nought = f'<path class="tb-zero" d="M{zero:.1f} {y}V{y + ROW}"/>' if scale[0] <= 0 <= scale[1] else ""
    return (
        f'<text class="tb-faint" x="8" y="{at + 4}">{_text(_clipped(measure.slice or "all", 36))}</text>'
        f'<path class="tb-scale" d="M{NAME} {at}H{NAME + PLOT}"/>{nought}'
        f'<path class="tb-span" d="M{low:.1f} {at}H{high:.1f}"/>'
        f'<circle class="tb-dot" cx="{value:.1f}" cy="{at}" r="4"/>'
        f'<text class="tb-faint" x="{NAME + PLOT + 12}" y="{at + 4}">{escape(said)}</text>'
    )


def _svg(title: str, width: float, height: float, body: str) -> str:
    return (
        f'<svg class="tb-picture" role="img" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}"><title>{escape(title)}</title>{body}</svg>'
    )


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _text(text: str) -> str:
    return escape(printable(text).encode("utf-8", "replace").decode())
