"""What one tracked cell did: the data it read, made and changed, and what it showed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import msgspec

from trackbook.capture.estimators.observer import EstimatorSink, as_number, observer
from trackbook.capture.files.opened import UsedFile
from trackbook.capture.fingerprint.values import Fingerprint, Fingerprinter
from trackbook.capture.outputs import Output, OutputWatcher
from trackbook.capture.resources import Resources, ResourceSampler
from trackbook.cells import CellNames

READ, WRITTEN, MUTATED = "read", "written", "mutated"

_CODE = (ModuleType, type, FunctionType, BuiltinFunctionType, MethodType)


class UsedData(msgspec.Struct, frozen=True):
    """A variable or file that went into the cell (`read`), was made by it (`written`) or changed (`mutated`)."""

    role: str
    name: str
    fingerprint: Fingerprint


class Observation(msgspec.Struct, frozen=True):
    """All that was seen, complete when the cell has ended; `changed` are the variables that changed in place."""

    params: dict[str, str]
    data: tuple[UsedData, ...]
    changed: frozenset[str]
    resources: Resources | None
    outputs: tuple[Output, ...]


class CellCapture:
    """Watches one tracked cell at a time; made once a project.  `max_text` bounds each printed text, in characters."""

    def __init__(self, max_text: int) -> None:
        self._max_text = max_text
        self._sampler = ResourceSampler()
        self._fingerprinter = Fingerprinter()

    def begin(
        self, names: CellNames, namespace: Mapping[str, Any], sink: EstimatorSink | None = None, shell: Any = None
    ) -> CellWatch:
        """Fingerprint what the cell is about to read and start to watch it; `names` says what its text will do.

        `sink` receives what scikit-learn does meanwhile.
        """
        outputs = None if shell is None else OutputWatcher(shell, self._max_text)
        watch = CellWatch(names, namespace, sink, outputs, self._fingerprinter)
        if sink is not None:
            observer.start(sink)
        if outputs is not None:
            outputs.start()
        self._sampler.start()
        return watch

    def end(
        self, watch: CellWatch, namespace: Mapping[str, Any], files: Iterable[UsedFile] = (), value: Any = None
    ) -> Observation:
        """Stop watching and say what was seen; `files` are those that the cell opened, `value` its last value."""
        resources = self._sampler.stop()
        if watch.outputs is not None:
            watch.outputs.stop()
        if watch.sink is not None:
            observer.stop(watch.sink)
        return watch.observation(namespace, files, resources, value)


class CellWatch:
    """The cell that is running."""

    def __init__(
        self,
        names: CellNames,
        namespace: Mapping[str, Any],
        sink: EstimatorSink | None,
        outputs: OutputWatcher | None,
        fingerprinter: Fingerprinter,
    ) -> None:
        self.outputs = outputs
        self.sink = sink
        self._names = names
        self._fingerprinter = fingerprinter
        self._identities = {name: id(namespace[name]) for name in names.reads | names.mutates if name in namespace}
        self._before = self._fingerprints(names.reads | names.mutates, namespace)

    @property
    def before(self) -> Mapping[str, Fingerprint]:
        """The data that the cell is about to read, by variable."""
        return self._before

    def observation(
        self, namespace: Mapping[str, Any], files: Iterable[UsedFile], resources: Resources | None, value: Any
    ) -> Observation:
        """Fingerprint what the cell left behind and return everything."""
        after = self._fingerprints(self._names.reads | self._names.writes | self._names.mutates, namespace)
        changed = frozenset(name for name, now in after.items() if self._changed_in_place(name, now, namespace))
        return Observation(
            params=literal_params(self._names),
            data=(*self._data(after, changed), *map(used_file, files)),
            changed=changed,
            resources=resources,
            outputs=() if self.outputs is None else self.outputs.outputs(value),
        )

    def _data(self, after: Mapping[str, Fingerprint], changed: frozenset[str]) -> Iterator[UsedData]:
        yield from (UsedData(READ, name, before) for name, before in self._before.items())
        for name, now in after.items():
            if name in changed:
                yield UsedData(MUTATED, name, now)
            elif name in self._names.writes and (now.digest is None or self._before.get(name) != now):
                yield UsedData(WRITTEN, name, now)

    def _changed_in_place(self, name: str, now: Fingerprint, namespace: Mapping[str, Any]) -> bool:
        before = self._before.get(name)
        return before is not None and before != now and self._identities.get(name) == id(namespace[name])

    def _fingerprints(self, names: frozenset[str], namespace: Mapping[str, Any]) -> dict[str, Fingerprint]:
        present = {name: namespace[name] for name in sorted(names) if name in namespace and not name.startswith("__")}
        return {name: self._fingerprinter.of(value) for name, value in present.items() if _is_data(value)}


def literal_params(names: CellNames) -> dict[str, str]:
    """Return the literals assigned in a cell, which are params of its run."""
    return {name: str(value) for name, value in names.literals.items() if not name.startswith("_")}


def _is_data(value: Any) -> bool:
    """Say whether a variable holds data: code is in the program of the run, as text."""
    return not issubclass(type(value), _CODE)  # `isinstance` would ask a hostile object for its class


def used_file(file: UsedFile) -> UsedData:
    """Return a file, folder or URL that a cell opened as data that it used."""
    return UsedData(file.role, file.name, file.fingerprint)


def named_values(names: list[str], namespace: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the variables `names` that exist, and the names of those that do not."""
    found = {name: namespace[name] for name in names if name in namespace}
    return found, [name for name in names if name not in namespace]


__all__ = ["CellCapture", "CellWatch", "Observation", "UsedData", "as_number", "named_values"]
