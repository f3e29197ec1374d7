"""How states, shares and probabilities are written, the same in every picture and table."""

from __future__ import annotations

from trackbook.monitoring import ColumnDrift, DriftReport, State
from trackbook.monitoring.report import LOUDNESS

#: A sign a state, so that no meaning hangs on colour alone.
SIGNS: dict[State, str] = {"drift": "▲", "cannot_tell": "?", "negligible": "≈", "none": "✓"}
STATES: dict[State, str] = {
    "drift": "drift",
    "cannot_tell": "cannot tell",
    "negligible": "negligible",
    "none": "no drift",
}


def state(value: State) -> str:
    """Return a state as a sign and a word."""
    return f"{SIGNS[value]} {STATES[value]}"


def percent(share: float) -> str:
    """Return a share as a percentage with two significant digits where it is small."""
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def interval(column: ColumnDrift) -> str:
    """Return the interval of the effect, or an empty text when nothing was tested."""
    if column.method == "not_tested":
        return ""
    return f"{percent(column.effect_low)} to {percent(column.effect_high)}"


def effect(column: ColumnDrift) -> str:
    """Return the effect, or a dash when nothing was tested."""
    return "-" if column.method == "not_tested" else percent(column.effect)


def probability(column: ColumnDrift) -> str:
    """Return the adjusted p-value, or a dash when nothing was tested."""
    if column.method == "not_tested":
        return "-"
    return "< 0.001" if column.p_adjusted < 0.001 else f"{column.p_adjusted:.3f}"


def missing_shares(column: ColumnDrift) -> tuple[float, float]:
    """Return the shares of missing rows in the reference and the current data."""
    counts = [(column.missing_reference, column.n_reference), (column.missing_current, column.n_current)]
    shares = [missing / (missing + present) if missing + present else 0.0 for missing, present in counts]
    return shares[0], shares[1]


def notes(column: ColumnDrift) -> list[str]:
    """Return what a picture of the column does not show: missing rows, rows beyond its edges, the derived fact."""
    found = []
    if column.kind.startswith("time ("):
        found.append(f"compared by {column.kind[6:-1]}")
    if column.missing_reference or column.missing_current:
        before, after = missing_shares(column)
        found.append(f"missing: {percent(before)} → {percent(after)}")
    ends = [(name, getattr(column.summary, name, (0.0, 0.0))) for name in ("below", "above")]
    found += [f"{name} the edges: {percent(a)} → {percent(b)}" for name, (a, b) in ends if max(a, b) >= 0.0005]
    return found


def gravest_first(report: DriftReport) -> list[ColumnDrift]:
    """Return the columns of a report by state, then by effect."""
    return sorted(report.columns.values(), key=lambda each: (-LOUDNESS.index(each.state), -each.effect))
