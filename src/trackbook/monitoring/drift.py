"""Drift between two frames, column by column."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from trackbook.errors import UsageError, nearest
from trackbook.monitoring import columns as reading
from trackbook.monitoring import effects, statistics, summaries, words
from trackbook.monitoring.columns import Column
from trackbook.monitoring.counts import Floats, LevelCounts, OrderedCounts, count_ordered
from trackbook.monitoring.decide import Finding, decide, loudest, untestable
from trackbook.monitoring.report import LOUDNESS, Bins, Check, ColumnDrift, DriftReport, Levels, State
from trackbook.settings import DriftSettings

THREADED_ROWS = 50_000
COUNTER_ROWS = 10


@dataclass(frozen=True)
class _Compared:
    """One column on both sides, tested but not yet judged."""

    name: str
    kind: str
    rows: tuple[int, int]
    missing: tuple[int, int]
    findings: tuple[Finding, ...]
    summary: Bins | Levels | None = None


def detect_drift(
    reference: object,
    current: object,
    *,
    columns: Sequence[str] | None = None,
    alpha: float | None = None,
    settings: DriftSettings | None = None,
    names: tuple[str, str] = ("reference", "current"),
) -> DriftReport:
    """Compare `current` with `reference` and say, column by column, whether its distribution has changed.

    `alpha` is the false-discovery rate over all tests of the report (default: `settings.alpha`), `names` what the two
    sides are called in the report.  Neither frame is modified.  Raises DataError for something that is no table or has
    no rows, UsageError for an unknown column or an alpha that is no probability; never for what a column holds.
    """
    settings = settings or DriftSettings()
    level = settings.alpha if alpha is None else alpha
    if not 0 < level < 1:
        raise UsageError(f"alpha lies between 0 and 1, not at {level}; 0.05 is usual")
    frames = reading.read_frame(reference, "reference"), reading.read_frame(current, "current")
    pairs = _pairs(*frames, columns)
    work = [partial(_compare, name, *pair, settings) for name, pair in pairs.items()]
    compared = _run(work, max(map(len, frames)))
    judged = _judge(compared, level, settings.relevant)
    return DriftReport(
        state=_worst(judged),
        reason=_summary(judged),
        reference=names[0],
        current=names[1],
        n_reference=len(frames[0]),
        n_current=len(frames[1]),
        alpha=level,
        columns={column.name: column for column in judged},
    )


def _pairs(
    reference: pd.DataFrame, current: pd.DataFrame, wanted: Sequence[str] | None
) -> dict[str, tuple[pd.Series[Any] | None, pd.Series[Any] | None]]:
    """Return both sides of every column by name, in the order of the reference; a side may lack it."""
    sides = [dict(zip(reading.unique_names(f.columns), range(f.shape[1]), strict=True)) for f in (reference, current)]
    names = list(sides[0] | sides[1])
    if wanted is not None:
        wanted = [wanted] if isinstance(wanted, str) else [str(name) for name in wanted]
        for name in wanted:
            if name not in names:
                raise UsageError(f"neither frame has a column {name!r}{nearest(name, names)}")
        names = list(dict.fromkeys(wanted))
    frames = (reference, current)
    found = {n: [f.iloc[:, s[n]] if n in s else None for f, s in zip(frames, sides, strict=True)] for n in names}
    return {name: (pair[0], pair[1]) for name, pair in found.items()}


def _run(work: Sequence[Callable[[], _Compared]], rows: int) -> list[_Compared]:
    """Do the work, on all cores when there is enough of it: sorting and counting release the interpreter."""
    if rows < THREADED_ROWS or len(work) < 2:
        return [each() for each in work]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda each: each(), work))


def _compare(
    name: str, reference: pd.Series[Any] | None, current: pd.Series[Any] | None, settings: DriftSettings
) -> _Compared:
    if reference is None or current is None:
        return _one_sided(name, reference, current)
    sides = reading.read_column(reference), reading.read_column(current)
    kind, findings, summary = _compare_values(*sides, settings)
    missing = sides[0].missing, sides[1].missing
    if any(missing):
        rows = sides[0].rows, sides[1].rows
        findings = (*findings, _missing_finding(missing, rows, settings.missing_floor))
    return _Compared(name, kind, (sides[0].present, sides[1].present), missing, findings, summary)


def _one_sided(name: str, reference: pd.Series[Any] | None, current: pd.Series[Any] | None) -> _Compared:
    there, other, side = (reference, "current", 0) if current is None else (current, "reference", 1)
    column = reading.read_column(there) if there is not None else None
    rows, missing = (column.present, column.missing) if column else (0, 0)
    finding = untestable(f"The {other} frame has no such column; it was renamed, removed or is new.")
    counts = [(rows, 0), (missing, 0)]
    present, absent = [pair if side == 0 else pair[::-1] for pair in counts]
    return _Compared(name, column.kind if column else "empty", present, absent, (finding,))


def _compare_values(
    reference: Column, current: Column, settings: DriftSettings
) -> tuple[str, tuple[Finding, ...], Bins | Levels | None]:
    kinds = {reference.kind, current.kind}
    if "empty" in kinds:
        return _nothing_to_compare(reference, current)
    if "nested" in kinds:
        reason = "The column holds nested values (lists, dicts, arrays); compare their parts as columns of their own."
        return "nested", (untestable(reason),), None
    if kinds <= {"number", "truth"} and kinds != {"truth"}:
        return _compare_numbers(reading.sorted_numbers(reference), reading.sorted_numbers(current), settings)
    if kinds == {"time"}:
        return _compare_times(reference, current, settings)
    if kinds <= {"level", "truth"} or _numbered_levels(reference, current):
        return _compare_levels(reference, current, settings)
    reason = f"The reference holds a {reference.kind}, the current data a {current.kind}; give both one type."
    return "mixed", (untestable(reason),), None


def _nothing_to_compare(reference: Column, current: Column) -> tuple[str, tuple[Finding, ...], Bins | Levels | None]:
    where = [name for name, side in (("reference", reference), ("current", current)) if side.kind == "empty"]
    reason = f"Every {' and every '.join(where)} row is missing, so there are no values to compare."
    kind = current.kind if reference.kind == "empty" else reference.kind
    return kind, (untestable(reason),), None


def _numbered_levels(reference: Column, current: Column) -> bool:
    """Say whether one side is a pandas categorical and the other the same values as plain numbers."""
    sides = [side for side in (reference, current) if side.kind != "number"]
    return len(sides) == 1 and isinstance(sides[0].series.dtype, pd.CategoricalDtype)


def _compare_numbers(
    reference: Floats, current: Floats, settings: DriftSettings
) -> tuple[str, tuple[Finding, ...], Bins | Levels | None]:
    counts = count_ordered(reference, current)
    summary = summaries.summarize_numbers(counts, reference, current)
    if _is_counter(reference) and _is_counter(current):
        reason = "The values are a running number, another in every row: an identifier has no distribution to compare."
        return "number", (untestable(reason),), summary
    return "number", (_number_finding(counts, settings.numeric_floor),), summary


def _is_counter(values: Floats) -> bool:
    """Say whether sorted values are whole numbers without repeats and almost without gaps."""
    if len(values) < COUNTER_ROWS or not np.isfinite(values[[0, -1]]).all():
        return False
    steps = np.diff(values)
    gaps = (values[-1] - values[0]) - (len(values) - 1)
    return bool(steps.min() >= 1 and gaps <= len(values) and (values == np.floor(values)).all())


def _compare_times(
    reference: Column, current: Column, settings: DriftSettings
) -> tuple[str, tuple[Finding, ...], Bins | Levels | None]:
    fact, counts, order = reading.derived_times(reference, current)
    if not counts.n_smaller:
        return "time", (untestable("The dates lie beyond what pandas can hold, so they were not compared."),), None
    finding = _level_finding(counts, settings.categorical_floor, fact)
    return f"time ({fact})", (finding,), summaries.summarize_levels(counts, in_order=order)


def _compare_levels(
    reference: Column, current: Column, settings: DriftSettings
) -> tuple[str, tuple[Finding, ...], Bins | Levels | None]:
    sides = reading.level_counts(reference), reading.level_counts(current)
    if all(len(side) == column.present > 1 for side, column in zip(sides, (reference, current), strict=True)):
        reason = "Every value occurs once: an identifier or a free text has no distribution to compare."
        return "level", (untestable(reason),), None
    counts = reading.align_levels(*sides)
    findings = [_level_finding(counts, settings.categorical_floor)]
    if (counts.reference == 0).any():
        floor = settings.unseen_floor
        test, effect = statistics.unseen_levels(counts), effects.unseen_share(counts)
        findings.append(Finding("unseen", test, effect, words.about_unseen(counts), floor))
    return "level", tuple(findings), summaries.summarize_levels(counts)


def _number_finding(counts: OrderedCounts, floor: float) -> Finding:
    test, effect = statistics.anderson_darling(counts), effects.range_distance(counts)
    return Finding("values", test, effect, words.about_range(counts), floor)


def _level_finding(counts: LevelCounts, floor: float, noun: str = "") -> Finding:
    test, effect = statistics.chi_square(counts), effects.level_distance(counts)
    return Finding("values", test, effect, words.about_levels(counts, noun), floor, "over all levels a difference of")


def _missing_finding(missing: tuple[int, int], rows: tuple[int, int], floor: float) -> Finding:
    test, effect = statistics.two_shares(missing, rows), effects.share_difference(missing, rows)
    return Finding("missing", test, effect, words.about_missing(missing[0] / rows[0], missing[1] / rows[1]), floor)


def _judge(compared: list[_Compared], alpha: float, relevant: float) -> list[ColumnDrift]:
    """Adjust the p-values of everything that was tested together, then decide."""
    findings = [finding for column in compared for finding in column.findings]
    tested = [finding for finding in findings if finding.tested]
    adjusted = iter(statistics.benjamini_hochberg([finding.test.p_value for finding in tested]))
    checks = iter([decide(each, next(adjusted) if each.tested else 1.0, alpha, relevant) for each in findings])
    return [_column(column, tuple(next(checks) for _ in column.findings)) for column in compared]


def _column(compared: _Compared, checks: tuple[Check, ...]) -> ColumnDrift:
    speaker = loudest(checks)
    return ColumnDrift(
        name=compared.name,
        kind=compared.kind,
        state=speaker.state,
        method=speaker.method,
        statistic=speaker.statistic,
        effect=speaker.effect,
        effect_low=speaker.effect_low,
        effect_high=speaker.effect_high,
        p_value=speaker.p_value,
        p_adjusted=speaker.p_adjusted,
        n_reference=compared.rows[0],
        n_current=compared.rows[1],
        missing_reference=compared.missing[0],
        missing_current=compared.missing[1],
        reason=speaker.reason,
        checks=checks,
        summary=compared.summary,
    )


def _worst(columns: list[ColumnDrift]) -> State:
    states: list[State] = [column.state for column in columns]
    return max(states, key=LOUDNESS.index, default="cannot_tell")


def _summary(columns: list[ColumnDrift]) -> str:
    """Say in one sentence how many columns are in which state."""
    if not columns:
        return "The frames have no columns, so nothing can be told."
    verbs = {
        "drift": "{} of {} columns drifted: {}",
        "cannot_tell": "{} of {} cannot be told: {}",
        "negligible": "{} of {} changed by little: {}",
    }
    parts = []
    for state, text in verbs.items():
        names = [column.name for column in columns if column.state == state]
        if names:
            shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            parts.append(text.format(len(names), len(columns), shown))
    return ("; ".join(parts) if parts else f"No drift in any of the {len(columns)} columns") + "."
