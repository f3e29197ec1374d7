"""From the name of a model to its bytes, and to the model itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, clip
from trackbook.errors import IntegrityError, ModelWarning, NotFoundError, RegistryError, UsageError, nearest
from trackbook.registry import lookup, projection, values
from trackbook.registry.formats.contract import Policy
from trackbook.registry.values import ModelVersion, Reference
from trackbook.settings import ModelSettings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.tracking import Runs


RESTORED = "restored"
"""The store's folder of files that models were restored to, for as long as the process lives."""

EXAMPLE = ".example.parquet"
"""How the file of a few rows ends that lies beside the model of a run."""

OPAQUE = "opaque"
FILE = "file"
"""The format of an artifact that is no model by its name; it can be registered as an opaque one."""


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

    def resolve(self, uri: str, *, any_file: bool = False) -> Resolved:
        """Return the bytes that ``models:/NAME/VERSION``, ``…@ALIAS``, ``…/STAGE`` or ``runs:/RUN/PATH`` names.

        A registered model's rows are proved against its audit events on the way.  With `any_file` the artifact of a run
        may be what is no model by its name; its format is then `FILE`.
        """
        reference = values.parse(uri)
        if reference.scheme == "runs":
            return self._resolve_run(uri, reference, any_file)
        check_name(reference.name, "model")
        with self._store.read() as db:
            model = lookup.model_of(db, reference.name)
            projection.prove(db, reference.name)
        version = lookup.pick(model, reference)
        return Resolved(version.uri, version.digest, version.format, version.run_id, version)

    @property
    def policy(self) -> Policy:
        """What stored models may do in this project."""
        return Policy(self._store.root / RESTORED, self._settings.trusted, self._settings.allow_pickle)

    def load(self, uri: str, into: Any = None) -> Any:
        """Return the model that `uri` names, built from proved bytes under the project's policy.

        It is the plain model, which checks at its calls that the rows have the columns and types that it was made for.
        Warns of libraries whose versions differ.  The state of a PyTorch module is put `into` a module that is given.
        """
        resolved = self.resolve(uri)
        self._compare_libraries(resolved)
        _warn_of_use(resolved)
        model = self.build(resolved)
        if into is not None:
            return _filled(into, model, resolved)
        self._guard(model, resolved)
        return model

    def _guard(self, model: Any, resolved: Resolved) -> None:
        from trackbook.registry.guard import guard
        from trackbook.registry.signature import inputs_of

        inputs = inputs_of(resolved.version.signature) if resolved.version else None
        if inputs is not None:
            guard(model, inputs, resolved.uri)

    def build(self, resolved: Resolved) -> Any:
        """Return the model made of these bytes, which checks nothing at its calls."""
        from trackbook.registry.formats import table

        return table.stored(resolved.format).load(self._store.objects.pieces(resolved.digest), self.policy)

    def example(self, resolved: Resolved) -> Any:
        """Return the rows that are kept with a model as an example of its input; None without any."""
        from trackbook.data.examples import read_example

        digest = resolved.version.example if resolved.version else self._example_beside(resolved)
        return None if digest is None else read_example(self._store.objects.get(digest))

    def check_bytes(self, version: ModelVersion) -> None:
        """Raise IntegrityError unless the bytes of `version` are there and what they were."""
        try:
            self._store.objects.check(version.digest)
        except NotFoundError as error:
            raise IntegrityError(f"the bytes of {version.uri} are gone: {error}") from error

    def _compare_libraries(self, resolved: Resolved) -> None:
        if resolved.version is None:
            return
        from trackbook.registry.formats import table

        here = table.versions(table.stored(resolved.format))
        before = resolved.version.libraries or self._environment(resolved.version, here)
        changed = [f"{name} {version} (here {here.get(name, 'none')})" for name, version in before.items()
                   if here.get(name) != version]  # fmt: skip
        if changed:
            warnings.warn(
                f"{resolved.uri} was made with {', '.join(changed)}; it may predict otherwise here. Compare it on "
                "known rows, or install those versions",
                ModelWarning,
                stacklevel=5,
            )

    def _environment(self, version: ModelVersion, names: Mapping[str, str]) -> dict[str, str]:
        """Return the versions of libraries in the environment that a model was made in."""
        from trackbook.capture.environment import Environment

        with self._store.read() as db:
            row = db.execute("SELECT content FROM environment WHERE digest = ?", [version.environment]).fetchone()
        known = Environment.from_json(row[0]).distributions if row else {}
        return {name: known[name] for name in names if name in known}

    def _example_beside(self, resolved: Resolved) -> str | None:
        """Return the digest of the example that was kept with a model of a run."""
        reference = values.parse(resolved.uri)
        path = str(PurePosixPath(reference.path or "").with_suffix(EXAMPLE))
        artifacts = self._runs.get(reference.name).artifacts
        return next((artifact.digest for artifact in artifacts if artifact.path == path), None)

    def _resolve_run(self, uri: str, reference: Reference, any_file: bool) -> Resolved:
        run = self._runs.get(reference.name)
        known = {artifact.path: artifact.digest for artifact in run.artifacts}
        path = reference.path or ""
        if path not in known:
            raise NotFoundError(f"run {run.run_id[:8]} has no artifact {clip(path)}{nearest(path, known)}")
        from trackbook.registry.formats import table

        format = table.by_suffix(path)
        if format is None and not any_file:
            raise RegistryError(
                f"{clip(uri)} is no model that Trackbook loads; log models with the suffix "
                f"{', '.join(table.suffixes())}, use register_model, or register it as a file with format='opaque'"
            )
        return Resolved(uri, known[path], FILE if format is None else format.name, run.run_id)


def _warn_of_use(resolved: Resolved) -> None:
    """Warn of a version that is deprecated, or in its stage against its gates or approvals."""
    version = resolved.version
    if version is not None and (version.deprecated is not None or version.override is not None):
        warnings.warn(f"{resolved.uri} is {', and '.join(version.warnings)}", ModelWarning, stacklevel=5)


def _filled(module: Any, state: Any, resolved: Resolved) -> Any:
    from trackbook.registry.formats import torch

    if resolved.format != torch.TORCH:
        raise UsageError(f"{resolved.uri} is stored in the format {resolved.format!r}; `into` is for PyTorch's modules")
    return torch.fill(module, state)
