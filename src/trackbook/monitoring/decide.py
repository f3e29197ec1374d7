"""From a test and an effect to a state and a sentence that says why.

::

                        low end above floor    otherwise, high end below `relevant`    otherwise
    p_adjusted < alpha  drift                  negligible                              cannot_tell
    p_adjusted >= alpha cannot_tell            none                                    cannot_tell

So `none` and `negligible` are claims, made only when the data rule out a change that matters; silence of a test on
few rows is not one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trackbook.monitoring.effects import NOTHING_KNOWN, Effect
from trackbook.monitoring.report import LOUDNESS, Check, CheckName, State
from trackbook.monitoring.statistics import Test

NOT_TESTED: Final = Test("not_tested", 0.0, 1.0)


@dataclass(frozen=True)
class Finding:
    """A test with its effect, before the p-values of all findings are adjusted.

    `fact` says what changed and `measure` what the effect is a difference of, as parts of a sentence.
    """

    name: CheckName
    test: Test
    effect: Effect
    fact: str
    floor: float
    measure: str = "a difference of"

    @property
    def tested(self) -> bool:
        return self.test.method != NOT_TESTED.method


def untestable(reason: str) -> Finding:
    """Return the finding that the values of a column could not be compared, and why."""
    return Finding("values", NOT_TESTED, NOTHING_KNOWN, reason, 1.0)


def decide(finding: Finding, p_adjusted: float, alpha: float, relevant: float) -> Check:
    """Judge one finding; `relevant` is the effect that must be ruled out before a change is denied."""
    state = _state(finding, p_adjusted, alpha, relevant)
    return Check(
        name=finding.name,
        state=state,
        method=finding.test.method,
        statistic=finding.test.statistic,
        effect=finding.effect.value,
        effect_low=finding.effect.low,
        effect_high=finding.effect.high,
        p_value=finding.test.p_value,
        p_adjusted=p_adjusted,
        reason=_reason(finding, state, p_adjusted, p_adjusted < alpha, relevant),
    )


def loudest(checks: tuple[Check, ...]) -> Check:
    """Return the check that speaks for its column; among equals the first, which is about the values."""
    return max(checks, key=lambda check: LOUDNESS.index(check.state))


def _state(finding: Finding, p_adjusted: float, alpha: float, relevant: float) -> State:
    significant = p_adjusted < alpha
    if significant and finding.effect.low > finding.floor:
        return "drift"
    if not finding.tested or finding.effect.high > relevant or finding.effect.low > finding.floor:
        return "cannot_tell"
    return "negligible" if significant else "none"


def _reason(finding: Finding, state: State, p_adjusted: float, significant: bool, relevant: float) -> str:
    if not finding.tested:
        return finding.fact
    chance = f"adjusted p {_p(p_adjusted)}"
    size = f"{finding.measure} {_percent(finding.effect.value)} ({_interval(finding.effect)}), {chance}"
    if state == "drift":
        return f"{finding.fact}: {size}."
    if state == "negligible":
        return f"{finding.fact}: {size}. The change is real, but not shown to exceed {_percent(finding.floor)}."
    if state == "none":
        return f"No change found ({chance}); one of more than {_percent(finding.effect.high)} of the rows is ruled out."
    found = "A change was found" if significant else "No change was found"
    return (
        f"{found} ({chance}), but its size may be anything from {_percent(finding.effect.low)} to "
        f"{_percent(finding.effect.high)} of the rows; too few rows to rule out {_percent(relevant)}."
    )


def _interval(effect: Effect) -> str:
    return f"95% interval {_percent(effect.low)} to {_percent(effect.high)}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
