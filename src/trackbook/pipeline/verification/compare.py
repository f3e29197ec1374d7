"""Compares what a notebook and its script did: values, figures, metrics, printed lines and files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from trackbook.pipeline.verification.comparing import ABSOLUTE, RELATIVE, changed_parts, where
from trackbook.pipeline.verification.failures import Failure, same_failure
from trackbook.pipeline.verification.figures import DPI, LEVELS, Drawn, figure_difference
from trackbook.pipeline.verification.record import Noted
from trackbook.pipeline.verification.written import file_difference
from trackbook.tracking.reproduction.texts import NUMBER, PRINTED_RELATIVE, close, same_line, settled

TOLERANCES = {
    "numbers of values and files of numbers": f"relative {RELATIVE:g}, absolute {ABSOLUTE:g}",
    "printed numbers and those of text files": f"relative {PRINTED_RELATIVE:g}",
    "metrics": f"relative {RELATIVE:g}",
    "figures": f"{LEVELS} of 255 in each pixel, at {DPI} dpi",
}
"""How far things may be apart that count as the same; everything else is compared exactly."""

NOT_PRINTED, NOT_THERE = "not printed", "not there"
NOT_WRITTEN, NOT_DRAWN = "not written", "not drawn"


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same; `step` is empty where unknown.

    `what` is value, estimator, figure, metric, output, file or error.
    """

    what: str
    name: str
    step: str
    notebook: str
    script: str


class Line(msgspec.Struct, frozen=True):
    """A printed line and the step that printed it."""

    text: str
    step: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What one run left.

    `folder` holds the notes of values and figures with their numbers, `place` is the copy with the files that were
    written, each by its step; `metrics` are those that were tracked, `failure` is what was raised.
    """

    folder: Path
    notes: list[Noted]
    printed: list[Line]
    displayed: list[str]
    files: dict[str, str]
    place: Path
    figures: list[Drawn] = []
    metrics: dict[str, float] = {}
    failure: Failure | None = None


class Comparison(msgspec.Struct, frozen=True):
    """Differences, how many things of each kind were compared, and what could not be with the reason.

    `places` tells for a value that differs, by its name and step, which parts of it do.
    """

    differences: list[Difference]
    counts: dict[str, int]
    not_compared: dict[str, str]
    places: dict[tuple[str, str], frozenset[str]] = {}


Steps = Sequence[tuple[str, Sequence[str]]]
"""The names of the steps and what each hands on, in the order of main."""


def compare(notebook: Outcome, script: Outcome, steps: Steps) -> Comparison:
    """Compare two runs."""
    found = Comparison([], Counter(), {}, {})
    _values(notebook, script, steps, found)
    found.differences.extend(_figures(notebook, script, steps))
    found.differences.extend(_metrics(notebook, script))
    found.differences.extend(_output(notebook, script))
    found.differences.extend(_files(notebook, script, found.not_compared))
    found.differences.extend(_failures(notebook, script, steps))
    found.counts.update(
        {
            "figure": len(notebook.figures),
            "metric": len(notebook.metrics) if script.metrics else 0,
            "output": sum(bool(line.text.strip()) for line in notebook.printed),
            "file": len(notebook.files),
            "error": int(notebook.failure is not None),
        }
    )
    return msgspec.structs.replace(found, counts={kind: count for kind, count in found.counts.items() if count})


def step_name(steps: Steps, place: int) -> str:
    """Return the name of a step by its place."""
    return steps[place][0] if 0 <= place < len(steps) else ""


def _values(notebook: Outcome, script: Outcome, steps: Steps, found: Comparison) -> None:
    mine = {(note.step, note.name): note for note in notebook.notes}
    theirs = {(note.step, note.name): note for note in script.notes}
    handed = {(place, name) for place, (_, names) in enumerate(steps) for name in names}
    for key in sorted(mine.keys() | theirs.keys(), key=lambda key: (key[0] < 0, key)):
        step, name = key
        label = steps[step][0] if step >= 0 else "the end"
        first, second = mine.get(key), theirs.get(key)
        if first is None or second is None:
            # After a failure main has no last values, and the step that failed has handed on nothing.
            if key in handed:
                pair = (first.text if first else NOT_THERE, second.text if second else NOT_THERE)
                found.differences.append(Difference("value", name, label, *pair))
            continue
        changed = changed_parts(first, notebook.folder, second, script.folder)
        if changed is None:
            found.not_compared[f"{name} after {label}"] = first.reason or second.reason or "it has no canonical form"
            continue
        found.counts[first.kind] = found.counts.get(first.kind, 0) + 1
        if changed:
            found.places[name, label] = frozenset(changed)
            pair = (f"{first.text}{where(first, second, changed)}", second.text)
            found.differences.append(Difference(first.kind, name, label, *pair))


def _figures(notebook: Outcome, script: Outcome, steps: Steps) -> Iterator[Difference]:
    mine, theirs = notebook.figures, script.figures
    for place in range(max(len(mine), len(theirs))):
        name = f"figure {place + 1}"
        if place >= len(theirs):
            yield Difference("figure", name, step_name(steps, mine[place].step), _titled(mine[place]), NOT_DRAWN)
        elif place >= len(mine):
            yield Difference("figure", name, step_name(steps, theirs[place].step), NOT_DRAWN, _titled(theirs[place]))
        elif apart := figure_difference(mine[place], notebook.folder, theirs[place], script.folder):
            yield Difference("figure", name, step_name(steps, mine[place].step), *apart)


def _titled(figure: Drawn) -> str:
    return f"drawn (with {', '.join(map(repr, figure.texts[:3]))})" if figure.texts else "drawn"


def _metrics(notebook: Outcome, script: Outcome) -> Iterator[Difference]:
    """Compare what both tracked; conversion leaves out what only reports, so a script may track nothing."""
    if not script.metrics:
        return
    for name in sorted(notebook.metrics.keys() | script.metrics.keys()):
        first, second = notebook.metrics.get(name), script.metrics.get(name)
        if first is None or second is None:
            words = tuple(NOT_THERE if value is None else repr(value) for value in (first, second))
            yield Difference("metric", name, "", *words)
        elif repr(first) != repr(second) and not close(first, second, RELATIVE):
            yield Difference("metric", name, "", repr(first), repr(second))


def _failures(notebook: Outcome, script: Outcome, steps: Steps) -> Iterator[Difference]:
    first, second = notebook.failure, script.failure
    if first is None and second is None:
        return
    if first is not None and second is not None and same_failure(first, second):
        return
    raised = second or first
    assert raised is not None
    yield Difference("error", raised.ename, step_name(steps, raised.step), _raised(first), _raised(second))


def _raised(failure: Failure | None) -> str:
    if failure is None:
        return "runs to its end"
    message = next(iter(failure.evalue.splitlines()), "")
    place = f" at `{failure.statement}`" if failure.statement else ""
    return f"{failure.ename}: {message}{place}"


def _output(notebook: Outcome, script: Outcome) -> Iterator[Difference]:
    """Yield the printed lines that differ; the script may print what the notebook displays, or not."""
    mine = [line for line in notebook.printed if line.text.strip()]
    theirs = [line for line in script.printed if line.text.strip()]
    spare = {_key(text) for text in [*notebook.displayed, *script.displayed]}
    matcher = SequenceMatcher(None, [_key(line.text) for line in mine], [_key(line.text) for line in theirs], False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        extra = [line for line in theirs[c:d] if _key(line.text) not in spare]
        for line in mine[a:b]:
            near = next((other for other in extra if same_line(line.text, other.text)), None)
            other = near or (extra[0] if extra else None)
            if other is not None:
                extra.remove(other)
            if near is None:
                yield Difference("output", "stdout", line.step, line.text, other.text if other else NOT_PRINTED)
        for other in extra:
            yield Difference("output", "stdout", other.step, NOT_PRINTED, other.text)


def _files(notebook: Outcome, script: Outcome, missed: dict[str, str]) -> Iterator[Difference]:
    for name in sorted(notebook.files.keys() | script.files.keys()):
        step = notebook.files.get(name, script.files.get(name, ""))
        if name not in script.files:
            yield Difference("file", name, step, "written", NOT_WRITTEN)
        elif name not in notebook.files:
            yield Difference("file", name, step, NOT_WRITTEN, "written")
        else:
            try:
                apart = file_difference(notebook.place / name, script.place / name)
            except ValueError as error:
                missed[f"the file {name}"] = str(error)
                continue
            if apart is not None:
                yield Difference("file", name, step, *apart)


def _key(text: str) -> str:
    """Return a line with its numbers cut to six digits, so that equal lines can be paired quickly."""
    cut: Callable[[re.Match[str]], str] = lambda match: f"{float(match.group()):.6g}"  # noqa: E731
    return NUMBER.sub(cut, settled(text))
