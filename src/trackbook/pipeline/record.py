"""Notes what names stand for at chosen moments, in a kernel or in a process that runs a script.

A value is noted by its fingerprint and, as far as it is made of numbers, by these numbers, so that two
processes can be compared exactly first and within a tolerance second.  Nothing is unpickled for that.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import time
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trackbook.capture.fingerprint.values import fingerprint, kind_of
from trackbook.pipeline.signature import UnsignedError, signature

MAX_NUMBERS = 5_000_000
_CODE = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type)


class Noted(msgspec.Struct, frozen=True):
    """What `name` stood for after the step with the place `step`; place -1 is the end of everything.

    `numbers` names the file with the value's numbers, `parts` are the digests of what is no number in it;
    of functions and classes inside a value only the name counts, as what they do is seen in what they return.
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
        """Note every value that is no function, class or module."""
        with warnings.catch_warnings(), (self._folder / "notes.jsonl").open("ab") as file:
            warnings.simplefilter("ignore")
            for name, value in values.items():
                if not isinstance(value, _CODE):
                    file.write(msgspec.json.encode(self._noted(step, name, value)) + b"\n")

    def moment(self, step: int, began: float, ended: float) -> None:
        with (self._folder / "moments.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(Moment(step, began, ended)) + b"\n")

    def _noted(self, step: int, name: str, value: Any) -> Noted:
        cls = _class_name(value)
        found = fingerprint(value)
        digest, reason = found.digest, found.reason or ""
        if digest is None:
            digest = _other_digest(value)
        numbers, parts = self._numbers(value)
        return Noted(step, name, cls, summary(value), digest, reason, found.columns, numbers, parts)

    def _numbers(self, value: Any) -> tuple[str, dict[str, str]]:
        """Write the numbers of `value` and return the file's name and the digests of the rest."""
        import numpy

        arrays: dict[str, Any] = {}
        parts: dict[str, str] = {}
        size = 0
        for path, leaf in _leaves(value, "", 0):
            if _is_code(leaf):
                parts[path] = f"code named {getattr(leaf, '__name__', type(leaf).__name__)}"
                continue
            array = _as_numbers(leaf, numpy)
            if array is None:
                parts[path] = fingerprint(leaf).digest or ""
                continue
            arrays[path], size = array, size + array.size
            container = type(leaf).__name__ if isinstance(leaf, list | tuple) else ""
            parts[f"{path} (type)"] = container + array.dtype.kind
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
    """Note values after the cells that a JSON file names; called in a kernel before its first cell.

    The file holds `folder`, where notes go, `after`, the steps by the id of their last cell as pairs of
    place and names, and `last`, the id of the last cell with the names that count in the end.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    assert shell is not None
    settings = json.loads(Path(config).read_text(encoding="utf-8"))
    recorder = Recorder(Path(settings["folder"]))
    last_cell, last_names = settings["last"]

    def after_cell(result: Any) -> None:
        cell = result.info.cell_id
        if result.success:
            for step, names in settings["after"].get(cell, ()):
                recorder.note(step, present(names, shell.user_ns))
            if cell == last_cell:
                recorder.note(-1, present(last_names, shell.user_ns))

    shell.events.register("post_run_cell", after_cell)


def present(names: Iterable[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of those `names` that exist."""
    return {name: namespace[name] for name in names if name in namespace}


class Steps:
    """What an instrumented script tells: which step of main begins, and what a function had when it returned."""

    def __init__(self, recorder: Recorder, steps: list[tuple[str, list[str], list[str], bool]]) -> None:
        """`steps` are function, names, outputs and whether the outputs are unpacked, in the order of main."""
        self._recorder, self._steps = recorder, steps
        self.current, self._began = -1, 0.0

    def enter(self, step: int) -> None:
        """Note that a step begins, among what is printed as well (`printed_lines` reads that)."""
        self.current, self._began = step, time.time()
        if sys.__stdout__ is not None:
            sys.__stdout__.write(f"\0{step}\0")

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
        return f"{_class_name(value)}:{found.digest}"
    try:
        return signature(value)
    except UnsignedError:
        return None


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the parts of containers, frames and estimators by their path."""
    kind = kind_of(value)
    if depth > 20:
        yield path, value
    elif kind == "frame":
        yield f"{path} (index)", value.index
        for place, name in enumerate(value.columns):
            yield f"{path}[{name!r}]", value.iloc[:, place]
    elif (inner := _inside(value, kind, path)) is not None:
        for below, item in inner:
            yield from _leaves(item, below, depth + 1)
    else:
        yield path, value


def _inside(value: Any, kind: str, path: str) -> list[tuple[str, Any]] | None:
    """Return the parts of an object or container with their paths, None for a value that is taken as a whole."""
    if kind == "estimator" or (kind == "value" and _own_object(value)):
        return [(f"{path}.{name}", item) for name, item in sorted(vars(value).items())]
    if isinstance(value, dict):
        return [(f"{path}[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, functools.partial):
        return [(f"{path}.{name}", getattr(value, name)) for name in ("func", "args", "keywords")]
    if isinstance(value, list | tuple) and not _flat(value):
        return [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    return None


def _class_name(value: Any) -> str:
    """Return the dotted name of a value's class; one that a step defines is named as in the notebook."""
    name = type(value).__qualname__.rpartition("<locals>.")[2]
    return f"{type(value).__module__}.{name}".removeprefix("builtins.")


def _is_code(value: Any) -> bool:
    """Tell whether a part of a value is a function or class, a cached function included."""
    return isinstance(value, _CODE) or hasattr(value, "__wrapped__")


def _own_object(value: Any) -> bool:
    return bool(getattr(value, "__dict__", None)) and not _is_code(value)


def _flat(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(type(item) in (int, float) for item in value)


def _as_numbers(leaf: Any, numpy: Any) -> Any | None:
    """Return a leaf as an array of numbers, or None for one that is no number."""
    if isinstance(leaf, bool | str | bytes) or leaf is None:
        return None
    if isinstance(leaf, list | tuple) and not _flat(leaf):
        return None
    try:
        if kind_of(leaf) in ("series", "index"):
            if getattr(leaf.dtype, "kind", "") not in "iufc":
                return None
            return numpy.asarray(leaf.to_numpy())
        array = numpy.asarray(leaf)
    except (TypeError, ValueError, OverflowError):
        return None
    return array if array.dtype.kind in "iufc" else None
