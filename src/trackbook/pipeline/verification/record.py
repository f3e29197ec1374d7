"""Notes what names stand for at chosen moments, in a kernel or in a process that runs a script.

A value is noted by its fingerprint and, as far as it is made of numbers, by these numbers, so that two
processes can be compared exactly first and within a tolerance second.  Nothing is unpickled for that.
"""

from __future__ import annotations

import json
import re
import sys
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trackbook.capture.fingerprint.values import fingerprint, kind_of
from trackbook.pipeline.verification.failures import note_failure
from trackbook.pipeline.verification.figures import FigureWatch
from trackbook.pipeline.verification.leaves import CODE, as_numbers, class_name, is_code, is_drawing, leaves_of
from trackbook.pipeline.worker.signature import UnsignedError, signature

MAX_NUMBERS = 5_000_000


class Noted(msgspec.Struct, frozen=True):
    """What `name` stood for after the step with the place `step`; place -1 is the end of everything.

    `numbers` names the file with the value's numbers, `parts` are the digests of what is no number in it, and the
    types and shapes of what is; of functions and classes inside a value only the name counts, as what they do is
    seen in what they return.
    """

    step: int
    name: str
    type: str
    text: str
    digest: str | None
    reason: str = ""
    columns: dict[str, str] | None = None
    numbers: str = ""
    parts: dict[str, str] = {}
    kind: str = "value"


class Moment(msgspec.Struct, frozen=True):
    """When a step began and ended, in seconds since the epoch."""

    step: int
    began: float
    ended: float


class Recorder:
    """Writes notes into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def note(self, step: int, values: Mapping[str, Any]) -> None:
        """Note every value that is no function, class or module, and no figure, which is noted as it looks."""
        with warnings.catch_warnings(), (self._folder / "notes.jsonl").open("ab") as file:
            warnings.simplefilter("ignore")
            for name, value in values.items():
                if not isinstance(value, CODE) and not is_drawing(value):
                    file.write(msgspec.json.encode(self._noted(step, name, value)) + b"\n")

    def moment(self, step: int, began: float, ended: float) -> None:
        with (self._folder / "moments.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(Moment(step, began, ended)) + b"\n")

    def _noted(self, step: int, name: str, value: Any) -> Noted:
        cls = class_name(value)
        found = fingerprint(value)
        digest, reason = found.digest, found.reason or ""
        if digest is None:
            digest = _other_digest(value)
        numbers, parts = self._numbers(value)
        kind = "estimator" if kind_of(value) == "estimator" else "value"
        return Noted(step, name, cls, summary(value), digest, reason, found.columns, numbers, parts, kind)

    def _numbers(self, value: Any) -> tuple[str, dict[str, str]]:
        """Write the numbers of `value` and return the file's name and the digests of the rest."""
        import numpy

        arrays: dict[str, Any] = {}
        parts: dict[str, str] = {}
        size = 0
        for path, leaf in leaves_of(value, "", 0):
            if is_code(leaf):
                parts[path] = f"code named {getattr(leaf, '__name__', type(leaf).__name__)}"
                continue
            array = as_numbers(leaf, numpy)
            if dtype := getattr(leaf, "dtype", None):
                parts[f"{path} (type)"] = str(dtype)
            if array is None:
                parts[path] = fingerprint(leaf).digest or ""
                continue
            arrays[path], size = array, size + array.size
            container = type(leaf).__name__ if isinstance(leaf, list | tuple) else ""
            parts[f"{path} (type)"] = f"{container} {array.dtype} {array.shape}".strip()
            if size > MAX_NUMBERS or len(arrays) > 10_000:
                return "", {}
        if "" in parts.values():
            return "", {}
        if not arrays:
            return "", parts
        self._count += 1
        name = f"{self._count}.npz"
        names = json.dumps(list(arrays))
        numpy.savez(
            self._folder / name, names=numpy.array(names), **{f"n{i}": a for i, a in enumerate(arrays.values())}
        )
        return name, parts


def read_notes(folder: Path) -> list[Noted]:
    """Return the notes in `folder`, of each step and name the last one."""
    path = folder / "notes.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    notes = [msgspec.json.decode(line, type=Noted) for line in lines]
    return list({(note.step, note.name): note for note in notes}.values())


def read_moments(folder: Path) -> list[Moment]:
    """Return the moments in `folder`."""
    path = folder / "moments.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Moment) for line in lines]


def read_numbers(folder: Path, note: Noted) -> dict[str, Any]:
    """Return the numbers of a noted value by the path inside it."""
    import numpy

    if not note.numbers:
        return {}

    with numpy.load(folder / note.numbers, allow_pickle=False) as file:
        names = json.loads(str(file["names"]))
        return {name: file[f"n{place}"] for place, name in enumerate(names)}


def printed_lines(text: str, steps: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines that an instrumented script printed, each with the name of the step that began it."""
    found: list[tuple[str, str]] = []
    step, unfinished = "", False
    for place, part in enumerate(re.split(r"\0(\d+)\0", text)):
        if place % 2:
            step = steps[int(part)]
            continue
        lines = part.splitlines()
        if lines and unfinished:
            found[-1] = (found[-1][0] + lines.pop(0), found[-1][1])
        found += [(line, step) for line in lines]
        unfinished = not part.endswith("\n") if part else unfinished
    return found


def summary(value: Any) -> str:
    """Return a line that lets a person recognise `value`."""
    shape = getattr(value, "shape", None)
    if kind_of(value) in ("frame", "series", "index") and shape is not None:
        return f"{type(value).__name__} with {' x '.join(map(str, shape))}"
    try:
        text = " ".join(repr(value).split())
    except Exception as error:  # noqa: BLE001 - the __repr__ of the user's objects may raise anything
        text = f"{type(value).__name__} whose repr raises {type(error).__name__}"
    return text if len(text) <= 120 else text[:119] + "…"


def watch(config: str) -> None:
    """Note values after the cells that a JSON file names, figures and an exception; called before the first cell.

    The file holds `folder`, where notes go, `after`, the steps by the id of their last cell as pairs of
    place and names, `owners`, the places of the steps by the ids of their cells, and `last`, the id of the last
    cell with the names that count in the end.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    assert shell is not None
    settings = json.loads(Path(config).read_text(encoding="utf-8"))
    folder, owners = Path(settings["folder"]), settings["owners"]
    recorder, figures = Recorder(folder), FigureWatch(folder)
    last_cell, last_names = settings["last"]

    def before_cell(info: Any) -> None:
        figures.step = owners.get(info.cell_id, -1)

    def after_cell(result: Any) -> None:
        cell = result.info.cell_id
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            note_failure(folder, error, owners.get(cell, -1), lambda code: not code.startswith("<"))
        for step, names in () if error else settings["after"].get(cell, ()):
            recorder.note(step, present(names, shell.user_ns))
        if cell == last_cell or error is not None:
            figures.finish()
            recorder.note(-1, present(last_names, shell.user_ns))

    shell.events.register("pre_run_cell", before_cell)
    shell.events.register("post_run_cell", after_cell)


def present(names: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of those `names` that exist."""
    return {name: namespace[name] for name in names if name in namespace}


class Steps:
    """What an instrumented script tells: which step of main begins, and what a function had when it returned."""

    def __init__(self, folder: Path, steps: list[tuple[str, list[str], list[str], bool]]) -> None:
        """`steps` are function, names, outputs and whether the outputs are unpacked, in the order of main."""
        self._recorder, self._steps = Recorder(folder), steps
        self.figures = FigureWatch(folder)
        self.current, self._began = -1, 0.0

    def enter(self, step: int) -> None:
        """Note that a step begins, among what is printed as well (`printed_lines` reads that)."""
        self.current, self._began = step, time.time()
        self.figures.step = step
        if sys.__stdout__ is not None:
            sys.__stdout__.write(f"\0{step}\0")
            sys.__stdout__.flush()

    def leave(self, function: str, namespace: Mapping[str, Any], value: Any) -> Any:
        """Note the values at the return of the current step, and return `value` as it is."""
        if self.current >= 0 and self._steps[self.current][0] == function:
            _, names, outputs, unpacked = self._steps[self.current]
            found = present(names, namespace)
            found.update(zip(outputs, value if unpacked else [value], strict=False))
            self._recorder.note(self.current, found)
            self._recorder.moment(self.current, self._began, time.time())
        return value

    def finish(self, namespace: Mapping[str, Any]) -> None:
        """Note the last values of main."""
        outputs = [name for _, _, names, _ in self._steps for name in names]
        self._recorder.note(-1, present(outputs, namespace))


def _other_digest(value: Any) -> str | None:
    """Return a digest for a value without fingerprint: of its attributes, else of its pickle."""
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and attributes and (found := fingerprint(attributes)).digest:
        return f"{class_name(value)}:{found.digest}"
    try:
        return signature(value)
    except UnsignedError:
        return None
