"""A reproduction in words, the same for the command line, the notebook and Python.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from trackbook.tracking.values import CANNOT_RUN, DIFFERS, REPRODUCED, Difference, Reproduction

SIGNS = {REPRODUCED: "✓", DIFFERS: "✗", CANNOT_RUN: "■"}
MAX_SHOWN = 10
_LONGEST = 300


def headline(found: Reproduction) -> str:
    """Return the verdict as one sentence."""
    return f"{SIGNS.get(found.verdict, '?')} {found.verdict.replace('_', ' ')}: {found.reason}"


def facts(found: Reproduction) -> dict[str, list[str]]:
    """Return what stands behind the verdict by title, without the titles that have nothing to say."""
    shown = [difference_line(each) for each in found.differences[:MAX_SHOWN]]
    if len(found.differences) > MAX_SHOWN:
        shown.append(f"… and {len(found.differences) - MAX_SHOWN} more")
    every = {
        "differences": shown,
        "likely causes" if len(found.causes) > 1 else "likely cause": list(found.causes),
        "what to do": list(advice(found)),
        "notes": list(found.notes),
        "repeated": [f"in the {found.environment} environment, {(found.end_time - found.start_time) / 1000:.1f} s"],
    }
    return {title: lines for title, lines in every.items() if lines}


def text(found: Reproduction) -> str:
    """Return everything as plain text."""
    lines = [f"run {found.run_id[:8]} {headline(found)}"]
    for title, entries in facts(found).items():
        lines.append(f"  {title}")
        lines += [f"    {entry}" for entry in entries]
    return "\n".join(lines)


def difference_line(difference: Difference) -> str:
    """Return one difference as a line: what it was, and what it is now."""
    values = " → ".join(_cut(value) for value in (difference.original, difference.repeated))
    detail = f" ({difference.detail})" if difference.detail else ""
    return f"{difference.what} {difference.name}: {values}{detail}"


def advice(found: Reproduction) -> Iterator[str]:
    """Yield what a user may do about a verdict other than `reproduced`."""
    if found.verdict == REPRODUCED:
        return
    causes = " ".join(found.causes)
    if found.environment == "current" and "another version of" in causes:
        yield f"repeat it with the versions that it ran with: trackbook reproduce {found.run_id[:8]} --env locked"
    if "without a seed" in causes:
        yield "set a seed (%%track --seed 0, or random_state=0), and track the cell again"
    if "was not kept" in causes + found.reason:
        yield "bring the file back as it was, or keep larger inputs: `max_input_mb` under [capture] in trackbook.toml"
    if "held a secret" in causes:
        yield "read the secret from an environment variable, so that a repeat can too"


def _cut(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
