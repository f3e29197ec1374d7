"""What one cell did: the data it read and wrote, the files it opened, the estimators it fitted, what it measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import msgspec

from trackbook.capture.calls import bound_name
from trackbook.capture.estimators import as_number, estimator_params, observer
from trackbook.capture.files import FileWatcher, Opened
from trackbook.capture.fingerprint import Fingerprint, fingerprint, kind_of
from trackbook.cells import CellNames, analyse, read_source

DATA_KINDS = frozenset({"frame", "series", "index", "array", "estimator"})

OnMetric = Callable[[str, float], None]


class UsedData(msgspec.Struct, frozen=True):
    """A variable or file that went into the cell (`read`) or came out of it (`written`)."""

    role: str
    name: str
    fingerprint: Fingerprint


class Observation(msgspec.Struct, frozen=True):
    """All that was seen, complete when the cell has ended."""

    params: dict[str, str]
    data: tuple[UsedData, ...]
    tags: dict[str, str]


class CellCapture:
    """Watches one cell at a time; made once a kernel."""

    def __init__(self) -> None:
        self._files = FileWatcher()

    def begin(self, source: str, namespace: Mapping[str, Any], on_metric: OnMetric) -> CellWatch:
        """Fingerprint what the cell is about to read and start to watch it."""
        watch = CellWatch(source, analyse(source), namespace, on_metric)
        self._files.start()
        observer.start(watch)
        return watch

    def end(self, watch: CellWatch, namespace: Mapping[str, Any]) -> Observation:
        """Stop watching and say what was seen."""
        observer.stop(watch)
        watch.opened = self._files.stop()
        return watch.observation(namespace)


class CellWatch:
    """The cell that is running; receives what scikit-learn does in it."""

    def __init__(self, source: str, names: CellNames, namespace: Mapping[str, Any], on_metric: OnMetric) -> None:
        self.opened = Opened()
        self._source = source
        self._names = names
        self._on_metric = on_metric
        self._fitted: list[tuple[str, dict[str, str]]] = []
        self._before = _fingerprints(names.reads | names.mutates, namespace)

    def fitted(self, estimator: Any) -> None:
        """Keep the params of an estimator as they were when its `fit` returned."""
        self._fitted.append((type(estimator).__name__, estimator_params(estimator)))

    def measured(self, name: str, value: float, caller: FrameType) -> None:
        """Report a metric under the user's own name for it, or the function's where it has none."""
        at_top = caller.f_code.co_name == "<module>"
        own = bound_name(caller, read_source(self._source).python) if at_top else None
        self._on_metric(own or name, value)

    def observation(self, namespace: Mapping[str, Any]) -> Observation:
        """Fingerprint what the cell left behind and return everything."""
        after = _fingerprints(self._names.writes | self._names.mutates, namespace)
        data = [UsedData("read", name, before) for name, before in self._before.items()]
        data += [UsedData("written", name, now) for name, now in after.items() if self._before.get(name) != now]
        data += self._file_data()
        return Observation(self._params(), tuple(data), self._tags())

    def _file_data(self) -> list[UsedData]:
        return [UsedData(file.role, file.name, file.fingerprint) for file in self.opened.used()]

    def _params(self) -> dict[str, str]:
        """Return literals assigned in the cell, then estimator params where the name is still free."""
        params = {name: str(value) for name, value in self._names.literals.items() if not name.startswith("_")}
        for estimator, own in self._fitted:
            for name, value in own.items():
                key = name if params.get(name, value) == value else f"{estimator}.{name}"
                params.setdefault(key, value)
        return params

    def _tags(self) -> dict[str, str]:
        names = dict.fromkeys(estimator for estimator, _ in self._fitted)
        return {"estimator": ", ".join(names)} if names else {}


def named_values(names: list[str], namespace: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the variables `names` that exist, and the names of those that do not."""
    found = {name: namespace[name] for name in names if name in namespace}
    return found, [name for name in names if name not in namespace]


def _fingerprints(names: frozenset[str], namespace: Mapping[str, Any]) -> dict[str, Fingerprint]:
    present = {name: namespace[name] for name in sorted(names) if name in namespace}
    return {name: fingerprint(value) for name, value in present.items() if kind_of(value) in DATA_KINDS}


__all__ = ["CellCapture", "CellWatch", "Observation", "UsedData", "as_number", "named_values"]
