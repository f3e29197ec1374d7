"""Names for several estimators in one run: the first has the bare names, the others a prefix that says whose it is."""

from __future__ import annotations

from collections.abc import Mapping


class Labels:
    """Gives names in the order of the fits, the same for the same code."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str | None, str], str] = {}
        self._main: str | None = None
        self._params: dict[str, str] = {}

    def reserve(self, params: Mapping[str, str]) -> None:
        """Take names of params that are not an estimator's."""
        self._params |= params

    def label(self, variable: str | None, kind: str) -> str:
        """Return what an estimator is called: its variable if that means no other class, else its class."""
        found = self._labels.get((variable, kind))
        if found is None:
            taken = set(self._labels.values())
            wanted = (variable, kind, *(f"{kind}_{number}" for number in range(2, len(taken) + 3)))
            found = next(name for name in wanted if name and name not in taken)
            self._labels[variable, kind] = found
        return found

    def metric_prefix(self, label: str) -> str:
        """Return what stands before the metrics of an estimator: nothing for the run's first."""
        if self._main is None:
            self._main = label
        return "" if label == self._main else f"{label}."

    def params(self, label: str, params: Mapping[str, str]) -> dict[str, str]:
        """Return the params that are new, under the first name where they do not clash with another value."""
        new: dict[str, str] = {}
        for name, value in params.items():
            key, number = name, 1
            while self._params.get(key, value) != value:
                key = f"{label}.{name}" if number == 1 else f"{label}_{number}.{name}"
                number += 1
            if key not in self._params:
                self._params[key] = new[key] = value
        return new
