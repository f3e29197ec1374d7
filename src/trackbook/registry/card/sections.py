"""A model card in words: sections of blocks, which every form of the card shows in its own way.

A section without content says so in one sentence; nothing is made up to fill it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from trackbook.registry.card.values import Column, DataRead, Measure, ModelCard, SourceRun
from trackbook.tracking.lineage import Lineage
from trackbook.tracking.words import local_time, number

PROGRAM_LINES = 400
"""Lines of a program that a card shows."""

Cell = str | float | None


class Text(msgspec.Struct, frozen=True):
    """A paragraph; `missing` says that something was not recorded, `red` that it must not be overlooked."""

    text: str
    missing: bool = False
    red: bool = False


class Table(msgspec.Struct, frozen=True):
    """Rows under heads, with a caption where the section has several tables.

    `red` are the places of rows that must not be overlooked.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    red: frozenset[int] = frozenset()


class Code(msgspec.Struct, frozen=True):
    """Text of which every line counts: Python, as it was executed, or what `label` says."""

    text: str
    label: str = "Program"


class Graph(msgspec.Struct, frozen=True):
    """The lineage, to be drawn."""

    lineage: Lineage


class Intervals(msgspec.Struct, frozen=True):
    """Metrics with their intervals, to be drawn; the numbers stand in a table beside it.

    With `nought` they are differences, and the picture shows where there is none.
    """

    measures: tuple[Measure, ...]
    nought: bool = False


Block = Text | Table | Code | Graph | Intervals


class Section(msgspec.Struct, frozen=True):
    """A title and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


def sections(card: ModelCard) -> tuple[Section, ...]:
    """Return the sections of a card in the order in which a reviewer asks."""
    edit = f"`trackbook models card {card.name} {card.version}"
    parts: list[tuple[str, Iterable[Block]]] = [
        ("Summary", _summary(card)),
        ("Intended use", _said(card.intended_use, f"The intended use was not stated; {edit} --intended-use TEXT`")),
        ("Limits", _said(card.limits, f"Limits were not stated; {edit} --limits TEXT`")),
        ("Data", _data(card)),
        ("Lineage", [Graph(card.lineage)] if card.lineage.links else [_missing("No lineage was recorded.")]),
        ("Input and output", _signature(card)),
        ("Metrics", _metrics(card)),
        ("Fairness", _fairness(card)),
        ("Gates", _gates(card)),
        ("Approvals", _approvals(card)),
        ("Params", _params(card)),
        ("Environment", _environment(card)),
        ("Program", _program(card)),
        ("History", _history(card)),
    ]
    return tuple(Section(title, tuple(blocks)) for title, blocks in parts)


def title(card: ModelCard) -> str:
    """Return what the card is called."""
    return f"{card.name}, version {card.version}"


def stage_of(card: ModelCard) -> str:
    """Return the stage and the aliases in words."""
    stage = {"none": "in no stage", "archived": "archived"}.get(card.stage, f"in {card.stage}")
    return f"{stage}, as {', '.join(f'@{alias}' for alias in card.aliases)}" if card.aliases else stage


def _missing(sentence: str) -> Text:
    return Text(sentence, missing=True)


def _said(text: str, otherwise: str) -> list[Block]:
    return [Text(text)] if text.strip() else [_missing(f"{otherwise} keeps it.")]


def _summary(card: ModelCard) -> Iterable[Block]:
    if card.model_description:
        yield Text(card.model_description)
    if card.description:
        yield Text(card.description)
    rows: list[tuple[Cell, ...]] = [
        ("stage", stage_of(card)),
        ("load with", f'tb.load_model("{card.uri}")'),
        ("format", f"{card.format}, {card.size:,} bytes"),
        ("digest", card.digest),
        ("registered", f"{local_time(card.created_time)} by {card.created_by}"),
        ("owner", card.owner or "not stated"),
        ("licence", card.licence or "not stated"),
        *((f"tag {name}", value) for name, value in card.tags.items()),
    ]
    yield Table("", ("", ""), tuple(rows))


def _data(card: ModelCard) -> Iterable[Block]:
    if not card.data:
        yield _missing(_of_run(card, "the data it was made from") or "The run read no data that was recorded.")
        return
    rows = tuple((each.uri or each.name, each.kind, _extent(each), (each.fingerprint or "")[:12]) for each in card.data)
    yield Table("", ("name", "kind", "content", "fingerprint"), rows)
    alike: dict[tuple[Column, ...], list[str]] = {}
    for each in card.data:
        if each.columns:
            alike.setdefault(each.columns, []).append(each.uri or each.name)
    for columns, names in alike.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield _columns(f"Columns of {', '.join(names[:3])}{more}", columns)


def _extent(data: DataRead) -> str:
    if data.rows is not None:
        return f"{data.rows:,} rows" + (f", {len(data.columns):,} columns" if data.columns else "")
    return "" if data.size is None else f"{data.size:,} bytes"


def _columns(caption: str, columns: Sequence[Column]) -> Table:
    if all(column.missing is None for column in columns):
        return Table(caption, ("column", "type"), tuple((each.name, each.type) for each in columns))
    rows = tuple((each.name, each.type, each.missing) for each in columns)
    return Table(caption, ("column", "type", "missing values"), rows)


def _signature(card: ModelCard) -> Iterable[Block]:
    if not card.inputs:
        yield _missing("No signature was recorded: neither an example nor the model named its columns.")
        return
    yield _columns("Input", card.inputs)
    if card.outputs:
        yield _columns("Output", card.outputs)


def _metrics(card: ModelCard) -> Iterable[Block]:
    if not card.measures:
        yield _missing("No metric was recorded.")
        return
    drawn = [(Intervals(_bounded(card.measures))), Intervals(_bounded(card.differences), nought=True)]
    yield from (each for each in drawn if each.measures)
    if not any(each.measures for each in drawn):
        yield _missing("No interval is known: no gate has measured this version on held-out rows.")
    yield measure_table("", (*card.measures, *card.differences), "slice")


def _bounded(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    return tuple(each for each in measures if each.bounded)


def measure_table(caption: str, measures: Sequence[Measure], by: str) -> Table:
    """Return metrics as a table; `by` is what their slices are called."""
    heads = ("metric", by, "value", "interval", "rows", "measured on", "measured by")
    rows = [
        (each.metric, each.slice or "all", each.value, interval(each), each.rows, each.data, each.source)
        for each in measures
    ]
    kept = [
        place for place in range(len(heads)) if place in (0, 2) or any(row[place] not in (None, "") for row in rows)
    ]
    if all(each.slice is None for each in measures):
        kept.remove(1)
    return Table(caption, tuple(heads[at] for at in kept), tuple(tuple(row[at] for at in kept) for row in rows))


def interval(measure: Measure) -> str:
    """Return an interval in words, with its confidence where that is known; empty without one."""
    if measure.low is None or measure.high is None:
        return ""
    sure = "" if measure.confidence is None else f" ({measure.confidence:.4g} confidence)"
    return f"{number(measure.low)} to {number(measure.high)}{sure}"


def _fairness(card: ModelCard) -> Iterable[Block]:
    if not card.fairness:
        yield _missing("Fairness was not measured: no gate of the type `fairness` has judged this version.")
    for each in card.fairness:
        if bounded := _bounded(each.measures):
            yield Intervals(bounded)
        yield measure_table(each.title, each.measures, "group")


def _gates(card: ModelCard) -> Iterable[Block]:
    if not card.gates:
        yield _missing("No gate has judged this version.")
        return
    rows = tuple((each.verdict, each.stage, each.gate, each.reason, local_time(each.time)) for each in card.gates)
    red = frozenset(place for place, each in enumerate(card.gates) if each.verdict != "passed")
    yield Table("", ("result", "stage", "gate", "reason", "judged"), rows, red)


def _approvals(card: ModelCard) -> Iterable[Block]:
    if not card.approvals:
        yield _missing("Nobody has approved or rejected this version.")
        return
    rows = tuple(
        (
            f"{'approved' if each.approved else 'rejected'}{f', void: {each.void}' if each.void else ''}",
            *(each.stage, each.who, each.comment, local_time(each.time)),
        )
        for each in card.approvals
    )
    red = frozenset(place for place, each in enumerate(card.approvals) if each.void or not each.approved)
    yield Table("", ("answer", "stage", "who", "comment", "when"), rows, red)


def _params(card: ModelCard) -> Iterable[Block]:
    if not card.params:
        yield _missing("No param was recorded.")
        return
    yield Table("", ("param", "value"), tuple(card.params.items()))


def _environment(card: ModelCard) -> Iterable[Block]:
    found = card.environment
    if found is None:
        yield _missing("The environment was not recorded.")
        return
    yield Table("", ("", ""), (*found.facts.items(), *found.packages.items()))
    more = found.total - len(found.packages)
    yield Text(f"{more:,} more packages are kept with the environment {found.digest[:12]}.")


def _program(card: ModelCard) -> Iterable[Block]:
    if card.run is not None:
        yield _run(card.run)
    lines = card.program.splitlines()
    if not lines:
        none = "The run has no program: it was started from Python, whose code is not kept."
        yield _missing(_of_run(card, "the program that made it") or none)
        return
    yield Code("\n".join(lines[:PROGRAM_LINES]))
    if len(lines) > PROGRAM_LINES:
        yield Text(f"These are {PROGRAM_LINES} of {len(lines):,} lines; `trackbook show RUN --program` prints all.")


def _of_run(card: ModelCard, what: str) -> str | None:
    """Return why `what` is not known, None where the run is here."""
    if card.run is not None:
        return None
    if card.run_id is None:
        return f"The version has no run, so {what} is not recorded."
    return f"The run {card.run_id[:8]} is not here, so {what} is not known."


def _run(run: SourceRun) -> Table:
    facts = [
        ("run", f"{run.name} {run.run_id[:8]}".strip()),
        ("experiment", run.experiment),
        ("who", run.user),
        ("started", local_time(run.start_time)),
        ("notebook", run.notebook),
        ("git commit", run.git_commit),
    ]
    return Table("", ("", ""), tuple((name, value) for name, value in facts if value))


def _history(card: ModelCard) -> Iterable[Block]:
    if not card.history:
        yield _missing("The audit trail holds no event on this version.")
        return
    rows = tuple((local_time(each.time), each.who, each.what, each.why) for each in card.history)
    red = frozenset(place for place, each in enumerate(card.history) if each.red)
    yield Table("", ("when", "who", "what", "why"), rows, red)
