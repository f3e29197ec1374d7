"""What a gate may look at: the candidate, the champion, pinned data and verdicts.  Nothing in it can be changed.

Models are built, and frames read, when a gate asks for them first, once for all gates of a check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.values import DatasetVersion
from trackbook.errors import DataError, nearest
from trackbook.tracking.values import Reproduction

if TYPE_CHECKING:
    import pandas as pd

    from trackbook.registry.gates.replies import Replies


class Contender(msgspec.Struct, frozen=True):
    """A model as gates see it; `size` in bytes.

    `training` is the digest of the sketch of its training rows, `datasets` the versions that it was made from, as
    ``data:/NAME@VERSION``; both are empty where they are not known.
    """

    uri: str
    digest: str
    format: str
    size: int
    metrics: dict[str, float] = {}
    signature: dict[str, Any] | None = None
    run_id: str | None = None
    training: str | None = None
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """Where a context reads from; `root` is the folder of the project, in which scorers of its own lie."""

    load: Callable[[Contender], Any]
    version: Callable[[str], DatasetVersion]
    frame: Callable[[DatasetVersion], pd.DataFrame]
    reproduction: Callable[[str], Reproduction | None]
    content: Callable[[str], bytes]
    root: Path | None = None


@dataclass(frozen=True)
class GateContext:
    """The world of the gates at one check: the model's name, who wants to enter a stage, who is there, and when."""

    model: str
    candidate: Contender
    champion: Contender | None
    time: int
    sources: Sources

    @cached_property
    def built(self) -> Callable[[Contender], Any]:
        """Builds a model from its stored bytes, once."""
        return _once(self.sources.load, lambda contender: contender.digest)

    @cached_property
    def held_out(self) -> Callable[[str, str | None, tuple[str, ...]], HeldOut]:
        """Reads a pinned dataset version, with its target and features, once."""

        @cache
        def read(uri: str, target: str | None, features: tuple[str, ...]) -> HeldOut:
            version = self.sources.version(uri)
            return HeldOut(version, self.sources.frame(version), target, features, self)

        return read


@dataclass(frozen=True)
class HeldOut:
    """The rows of a dataset version that models are asked about; the target is known, the models never see it."""

    version: DatasetVersion
    frame: pd.DataFrame
    target: str | None
    features: tuple[str, ...]
    context: GateContext
    _replies: dict[str, Replies] = field(default_factory=dict)

    @cached_property
    def truth(self) -> Any:
        """The target as an array; raises DataError where it is missing in the data or in a row of it."""
        values = self.column(self.target or "")
        missing = int(values.isna().sum())
        if missing or not len(values):
            what = f"{missing} of {len(values)} rows lack it" if missing else "there is no row"
            raise DataError(f"the target {self.target!r} of {self.version.uri} cannot be compared: {what}")
        return values.to_numpy()

    def column(self, name: str) -> pd.Series[Any]:
        """Return a column of the data; raises DataError with the nearest name."""
        places = [place for place, label in enumerate(self.frame.columns) if str(label) == name]
        if len(places) != 1:
            known = [str(label) for label in self.frame.columns]
            count = "more than one column" if places else "no column"
            raise DataError(f"{self.version.uri} has {count} {name!r}{'' if places else nearest(name, known)}")
        return self.frame.iloc[:, places[0]]

    def replies(self, contender: Contender) -> Replies:
        """Return what a model says about the rows; it is asked when a gate wants to know."""
        from trackbook.registry.gates.replies import Replies

        if contender.digest not in self._replies:
            model = self.context.built(contender)
            self._replies[contender.digest] = Replies(model, self.inputs(contender, model))
        return self._replies[contender.digest]

    def inputs(self, contender: Contender, model: Any) -> Any:
        """Return what a model is asked about: the columns that it was fitted on, as a frame or, without names, array.

        Raises DataError that names the columns which the data lacks.
        """
        names = self.names(contender, model)
        lacking = [name for name in names if name not in {str(label) for label in self.frame.columns}]
        if lacking:
            raise DataError(
                f"{self.version.uri} lacks {', '.join(map(repr, lacking[:8]))}, which {contender.uri} needs"
            )
        if self.target in names:
            raise DataError(f"{contender.uri} takes the target {self.target!r} as an input, so it cannot be judged")
        frame = self.frame.loc[:, [label for name in names for label in self.frame.columns if str(label) == name]]
        return frame if fitted_names(model) is not None or _named(contender) else frame.to_numpy()

    def names(self, contender: Contender, model: Any) -> list[str]:
        """Return the columns that a model takes, in its order."""
        fitted = fitted_names(model)
        known = fitted if fitted is not None else _named(contender)
        if known:
            return known
        return list(self.features) or [str(label) for label in self.frame.columns if str(label) != self.target]


def fitted_names(model: Any) -> list[str] | None:
    """Return the names of the columns that a model was fitted on; None where it knows none."""
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _named(contender: Contender) -> list[str] | None:
    inputs = (contender.signature or {}).get("inputs") or []
    names = [each.get("name") for each in inputs]
    return [str(name) for name in names] if names and None not in names else None


def _once(function: Callable[[Contender], Any], key: Callable[[Contender], str]) -> Callable[[Contender], Any]:
    found: dict[str, Any] = {}

    def get(contender: Contender) -> Any:
        if key(contender) not in found:
            found[key(contender)] = function(contender)
        return found[key(contender)]

    return get
