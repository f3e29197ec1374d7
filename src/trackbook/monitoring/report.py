"""A drift report: frozen values without raw rows, as JSON and back."""

from __future__ import annotations

from typing import Literal, Self

import msgspec

State = Literal["none", "negligible", "drift", "cannot_tell"]
CheckName = Literal["values", "missing", "unseen"]

#: From quiet to loud: a column has the state of its loudest check, a report that of its loudest column.
LOUDNESS: tuple[State, ...] = ("none", "negligible", "cannot_tell", "drift")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tested about a column: its values, its missing rows, or its new levels.

    `effect` is a difference of shares, 0 to 1, and the interval covers the true one in about 95 % of samples.
    What could not be tested has p-value 1 and the interval 0 to 1: nothing is known.
    """

    name: CheckName
    state: State
    method: str
    statistic: float
    effect: float
    effect_low: float
    effect_high: float
    p_value: float
    p_adjusted: float
    reason: str


class Bins(msgspec.Struct, frozen=True, kw_only=True, tag="bins"):
    """The picture of a numeric column: shares of rows between edges, and beyond the outermost edges."""

    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    below: tuple[float, float] = (0.0, 0.0)
    above: tuple[float, float] = (0.0, 0.0)


class Levels(msgspec.Struct, frozen=True, kw_only=True, tag="levels"):
    """The picture of a categorical column: shares of rows by level; `rest` counts the levels put into the last one."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    rest: int = 0


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one column; the fields from `state` to `reason` are those of its loudest check."""

    name: str
    kind: str
    state: State
    method: str
    statistic: float
    effect: float
    effect_low: float
    effect_high: float
    p_value: float
    p_adjusted: float
    n_reference: int
    n_current: int
    missing_reference: int
    missing_current: int
    reason: str
    checks: tuple[Check, ...]
    summary: Bins | Levels | None = None

    def check(self, name: CheckName) -> Check | None:
        """Return the check called `name`, or None when there was no occasion for it."""
        return next((check for check in self.checks if check.name == name), None)


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of a current batch with a reference: a state, a sentence, and the columns by name."""

    state: State
    reason: str
    reference: str
    current: str
    n_reference: int
    n_current: int
    alpha: float
    columns: dict[str, ColumnDrift]

    def to_json(self) -> str:
        """Return the report as JSON text; `from_json` reads it back."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a report that `to_json` wrote."""
        return msgspec.json.decode(text, type=cls)

    def with_state(self, state: State) -> list[ColumnDrift]:
        """Return the columns in `state`, the largest effects first."""
        found = [column for column in self.columns.values() if column.state == state]
        return sorted(found, key=lambda column: -column.effect)
