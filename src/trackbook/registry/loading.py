"""From the name of a model to its bytes, and to the model itself."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, clip
from trackbook.errors import IntegrityError, NotFoundError, RegistryError, nearest
from trackbook.registry import lookup, projection, values
from trackbook.registry.formats import skops
from trackbook.registry.values import ModelVersion, Reference
from trackbook.settings import ModelSettings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.tracking import Runs


class Resolved(msgspec.Struct, frozen=True):
    """The stored bytes that a URI names, and for a registered model its version."""

    uri: str
    digest: str
    format: str
    run_id: str | None
    version: ModelVersion | None = None


class Loader:
    """Finds the bytes of models, and builds models from them under the types that the project trusts."""

    def __init__(self, store: Store, settings: ModelSettings, runs: Runs) -> None:
        """Read from `store` and `runs` under `settings`."""
        self._store = store
        self._settings = settings
        self._runs = runs

    def resolve(self, uri: str) -> Resolved:
        """Return the bytes that ``models:/NAME/VERSION``, ``…@ALIAS``, ``…/STAGE`` or ``runs:/RUN/PATH`` names.

        A registered model's rows are proved against its audit events on the way.
        """
        reference = values.parse(uri)
        if reference.scheme == "runs":
            return self._resolve_run(uri, reference)
        check_name(reference.name, "model")
        with self._store.read() as db:
            model = lookup.model_of(db, reference.name)
            projection.prove(db, reference.name)
        version = lookup.pick(model, reference)
        return Resolved(version.uri, version.digest, version.format, version.run_id, version)

    def load(self, uri: str) -> Any:
        """Return the model that `uri` names, built from proved bytes and trusted types only."""
        return self.build(self.resolve(uri))

    def build(self, resolved: Resolved) -> Any:
        """Return the model made of these bytes."""
        data = self._store.objects.get(resolved.digest)
        return skops.load_model(data, self._settings.trusted, format=resolved.format)

    def check_bytes(self, version: ModelVersion) -> None:
        """Raise IntegrityError unless the bytes of `version` are there and what they were."""
        try:
            self._store.objects.get(version.digest)
        except NotFoundError as error:
            raise IntegrityError(f"the bytes of {version.uri} are gone: {error}") from error

    def _resolve_run(self, uri: str, reference: Reference) -> Resolved:
        run = self._runs.get(reference.name)
        known = {artifact.path: artifact.digest for artifact in run.artifacts}
        path = reference.path or ""
        if path not in known:
            raise NotFoundError(f"run {run.run_id[:8]} has no artifact {clip(path)}{nearest(path, known)}")
        format = skops.SUFFIXES.get(PurePosixPath(path).suffix)
        if format is None:
            raise RegistryError(
                f"{clip(uri)} is no model that Trackbook loads; log models with the suffix "
                f"{', '.join(skops.SUFFIXES)}, or use register_model"
            )
        return Resolved(uri, known[path], format, run.run_id)
