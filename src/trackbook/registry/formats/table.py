"""The formats there are, and which one a model is kept in: the one that is asked for, else the one of its type."""

from __future__ import annotations

from importlib import metadata
from pathlib import PurePosixPath
from typing import Any

from trackbook.errors import RegistryError, UsageError, nearest
from trackbook.registry.formats import lightgbm, onnx, opaque, pickle, skops, torch, xgboost
from trackbook.registry.formats.contract import Format

FORMATS = {
    each.name: each
    for each in (
        opaque.FORMAT,
        xgboost.FORMAT,
        lightgbm.FORMAT,
        torch.FORMAT,
        onnx.FORMAT,
        pickle.FORMAT,
        skops.FORMAT,
    )
}


def choose(model: Any, name: str | None = None) -> Format:
    """Return the format called `name`, else the one that takes `model`; raises UsageError for an unknown name."""
    if name is None:
        return next((each for each in FORMATS.values() if each.takes(model)), skops.FORMAT)
    if name not in FORMATS:
        raise UsageError(f"{name!r:.60} is no format of models{nearest(str(name), FORMATS)}; use {', '.join(FORMATS)}")
    return FORMATS[name]


def stored(name: str) -> Format:
    """Return the format that a model was stored in; raises RegistryError for one that only a newer Trackbook has."""
    if name not in FORMATS:
        raise RegistryError(
            f"the model is stored in the format {name!r:.60}, which this Trackbook cannot load; "
            "update with `pip install -U trackbook`"
        )
    return FORMATS[name]


def by_suffix(path: str) -> Format | None:
    """Return the format of the models whose files end as `path` does, if there is one."""
    suffix = PurePosixPath(path).suffix
    return next((each for each in FORMATS.values() if each.suffix == suffix and each is not opaque.FORMAT), None)


def suffixes() -> list[str]:
    """Return the suffixes that `by_suffix` knows."""
    return [each.suffix for each in FORMATS.values() if each is not opaque.FORMAT]


def versions(format: Format) -> dict[str, str]:
    """Return the versions of the libraries that the format depends on, as they are installed."""
    found = {}
    for library in format.libraries:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found
