"""The rows that a model was trained on, as a sketch that is kept with its version: seen at the fit, or declared."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import RegistryError
from trackbook.registry.loading import Resolved
from trackbook.store import Objects
from trackbook.tracking.names import ROWS_SUFFIX

if TYPE_CHECKING:
    from trackbook.capture.rows import RowSketch
    from trackbook.tracking import Run


def keep_training(objects: Objects, model: Any, given: Any, stored: str | None) -> str | None:
    """Keep the sketch of the rows that `model` was trained on, and return its digest; None where nobody knows them.

    `given` are rows that the author declares: a frame, or a tuple of features and target.  They are added to those of
    the tracked fit, and never replace them.  `stored` is the digest of a sketch that the model has already.
    """
    from trackbook.capture.estimators.rows import training_rows
    from trackbook.capture.rows import decode_sketch, merged

    seen = decode_sketch(objects.get(stored)) if stored is not None else training_rows.sketch(model)
    if given is None:
        return None if seen is None else objects.put(seen.encode())
    declared = _declared(model, given)
    try:
        return objects.put((declared if seen is None else merged(seen, declared)).encode())
    except ValueError as error:
        raise RegistryError(f"`training` does not fit what the tracked fit saw: {error}; leave it out") from error


def _declared(model: Any, given: Any) -> RowSketch:
    from trackbook.capture.rows import sketch_of

    features, target = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    names = getattr(model, "feature_names_in_", None)
    try:
        if names is not None and hasattr(features, "columns"):
            features = features[list(names)]
        return msgspec.structs.replace(sketch_of(features, target), declared=True)
    except Exception as error:
        raise RegistryError(
            f"`training` is no table of the rows that the model was fitted on ({str(error)[:200]}); give the frame or "
            "array of its features, or a tuple of it and the target"
        ) from error


def training_of(run: Run | None, resolved: Resolved) -> str | None:
    """Return the digest of the sketch that a version has, or that was kept beside a model in its run; None without."""
    if resolved.version is not None:
        return resolved.version.training
    if run is None:
        return None
    kept = {artifact.path: artifact.digest for artifact in run.artifacts}
    paths = (path for path, digest in kept.items() if digest == resolved.digest and resolved.uri.endswith(f"/{path}"))
    return next((kept.get(str(PurePosixPath(path).with_suffix(ROWS_SUFFIX))) for path in paths), None)
