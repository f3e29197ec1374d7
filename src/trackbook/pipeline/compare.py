"""Compares what a notebook and its script did: named values, printed lines, files written.  Pure but for reading."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from difflib import SequenceMatcher
from pathlib import Path

import msgspec

from trackbook.pipeline.record import Noted, read_numbers
from trackbook.tracking.reproduction.texts import NUMBER, same_line, settled, text_difference

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far numbers of values may be apart; sums in another order differ in the last digits."""

_TEXT = frozenset({".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".log", ".py"})


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same: `what` is value, output, file or error; `step` is empty where unknown."""

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
    """What one run left: notes with the folder of their numbers, printed lines, displayed lines, files by step."""

    folder: Path
    notes: list[Noted]
    printed: list[Line]
    displayed: list[str]
    files: dict[str, str]
    place: Path


class Comparison(msgspec.Struct, frozen=True):
    """Differences, how many things were compared, and what could not be with the reason.

    `places` tells for a value that differs, by its name and step, which parts of it do.
    """

    differences: list[Difference]
    compared: int
    not_compared: dict[str, str]
    places: dict[tuple[str, str], frozenset[str]] = {}


def compare(notebook: Outcome, script: Outcome, steps: Sequence[tuple[str, Sequence[str]]]) -> Comparison:
    """Compare two runs; `steps` are the names of the steps and what each hands on, in the order of main."""
    missed: dict[str, str] = {}
    places: dict[tuple[str, str], frozenset[str]] = {}
    values, compared = _values(notebook, script, steps, missed, places)
    output = list(_output(notebook, script))
    files = list(_files(notebook, script, missed))
    return Comparison(values + output + files, compared + len(notebook.printed) + len(notebook.files), missed, places)


def _values(
    notebook: Outcome,
    script: Outcome,
    steps: Sequence[tuple[str, Sequence[str]]],
    missed: dict[str, str],
    places: dict[tuple[str, str], frozenset[str]],
) -> tuple[list[Difference], int]:
    mine = {(note.step, note.name): note for note in notebook.notes}
    theirs = {(note.step, note.name): note for note in script.notes}
    handed = {(place, name) for place, (_, names) in enumerate(steps) for name in names}
    differences: list[Difference] = []
    compared = 0
    for key in _in_order(mine.keys() | theirs.keys()):
        step, name = key
        label = steps[step][0] if step >= 0 else "the end"
        first, second = mine.get(key), theirs.get(key)
        if first is None or second is None:
            if key in handed:
                there, gone = "not there", "not there"
                pair = (first.text if first else there, second.text if second else gone)
                differences.append(Difference("value", name, label, *pair))
            continue
        changed = _changed_parts(first, notebook.folder, second, script.folder)
        if changed is None:
            missed[f"{name} after {label}"] = first.reason or second.reason or "it has no canonical form"
            continue
        compared += 1
        if changed:
            places[name, label] = frozenset(changed)
            pair = (f"{first.text}{_where(first, second, changed)}", second.text)
            differences.append(Difference("value", name, label, *pair))
    return differences, compared


def _in_order(keys: set[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(keys, key=lambda key: (key[0] < 0, key))


def _changed_parts(first: Noted, mine: Path, second: Noted, theirs: Path) -> set[str] | None:
    """Return which parts of a value differ ('' is the value as a whole), or None when that cannot be told."""
    if first.type != second.type:
        return {""}
    if first.digest is not None and first.digest == second.digest:
        return set()
    if first.parts and second.parts:
        return _apart(first, mine, second, theirs)
    if first.reason and second.reason:
        return None
    return _changed(first.columns or {}, second.columns or {}) or {""}


def _apart(first: Noted, mine: Path, second: Noted, theirs: Path) -> set[str]:
    import numpy

    left, right = read_numbers(mine, first), read_numbers(theirs, second)
    changed = _changed(first.parts, second.parts) | (left.keys() ^ right.keys())
    for path in left.keys() & right.keys():
        a, b = left[path], right[path]
        if a.shape != b.shape or not numpy.allclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True):
            changed.add(path)
    return changed


def _where(first: Noted, second: Noted, changed: AbstractSet[str]) -> str:
    """Return words for what differs in a value."""
    if first.type != second.type:
        return f" (a {first.type}, not a {second.type})"
    shown = [path for path in sorted(changed) if path]
    if shown and first.parts and second.parts:
        return f" (in {', '.join(shown[:3])}{' …' if len(shown) > 3 else ''})"
    if shown:
        return f" (column {', '.join(shown[:5])})"
    return " (other numbers)" if first.numbers and second.numbers else " (other content)"


def _changed(first: Mapping[str, str], second: Mapping[str, str]) -> set[str]:
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


def _output(notebook: Outcome, script: Outcome) -> Iterator[Difference]:
    """Yield the printed lines that differ; the script may print what the notebook displays, or not."""
    mine = [line for line in notebook.printed if line.text.strip()]
    theirs = [line for line in script.printed if line.text.strip()]
    spare = {_key(text) for text in notebook.displayed}
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
                yield Difference("output", "stdout", line.step, line.text, other.text if other else "not printed")
        for other in extra:
            yield Difference("output", "stdout", other.step, "not printed", other.text)


def _files(notebook: Outcome, script: Outcome, missed: dict[str, str]) -> Iterator[Difference]:
    for name in sorted(notebook.files.keys() | script.files.keys()):
        step = notebook.files.get(name, script.files.get(name, ""))
        if name not in script.files:
            yield Difference("file", name, step, "written", "not written")
        elif name not in notebook.files:
            yield Difference("file", name, step, "not written", "written")
        else:
            first, second = (notebook.place / name).read_bytes(), (script.place / name).read_bytes()
            if first == second:
                continue
            if Path(name).suffix.lower() not in _TEXT:
                missed[f"the file {name}"] = (
                    "its bytes differ, as those of pictures and archives do; both runs wrote it"
                )
            elif (where := text_difference(first, second)) is not None:
                yield Difference("file", name, step, *where)


def _key(text: str) -> str:
    """Return a line with its numbers cut to six digits, so that equal lines can be paired quickly."""
    cut: Callable[[re.Match[str]], str] = lambda match: f"{float(match.group()):.6g}"  # noqa: E731
    return NUMBER.sub(cut, settled(text))
