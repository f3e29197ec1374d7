"""A model as bytes in the store, with its signature and a few rows of its input."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from secrets import token_hex
from shutil import rmtree
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import RegistryError, UsageError
from trackbook.registry.loading import OPAQUE, Loader, Resolved
from trackbook.store import Objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trackbook.registry.formats.contract import Format


class Kept(msgspec.Struct, frozen=True):
    """What is known of a model from itself; `digest` and `example` are objects, `size` is in bytes."""

    digest: str
    format: str
    size: int
    signature: dict[str, Any] | None
    example: str | None
    libraries: Mapping[str, str]


class Keeper:
    """Keeps models in their formats."""

    def __init__(self, objects: Objects, loader: Loader) -> None:
        """Write to `objects`; `loader` builds what is kept already."""
        self._objects = objects
        self._loader = loader

    def keep(self, model: Any, format: str | None, example: Any) -> Kept:
        """Keep a fitted estimator, a module, or the file or folder at a path; see `Registry.register`."""
        from trackbook.capture.estimators.examples import examples
        from trackbook.registry.formats import table

        chosen = table.choose(model, format)
        rows = examples.of(model) if example is None else example
        content, again = chosen.dump(model, self._loader.policy, rows)
        try:
            signature = _signature(model, again, rows, chosen, is_given=example is not None)
            digest = self._objects.put(content)
            size = content.stat().st_size if isinstance(content, Path) else len(content)
        finally:
            if isinstance(content, Path):
                content.unlink()
        return Kept(digest, chosen.name, size, signature, self._example(rows), table.versions(chosen))

    def again(self, resolved: Resolved, format: str | None, example: Any) -> Kept:
        """Keep what is stored already, as it is: a version of a model, or an artifact of a run."""
        from trackbook.registry.formats import table

        if format == OPAQUE and resolved.format != format:
            with self._copy(resolved) as path:
                return self.keep(path, format, example)
        if format not in (None, resolved.format):
            raise UsageError(
                f"{resolved.uri} is stored in the format {resolved.format!r}; load it and register the model to keep "
                f"it in the format {format!r}"
            )
        chosen = table.stored(resolved.format)
        size = self._objects.size(resolved.digest)
        version = resolved.version
        if version is not None and example is None:
            return Kept(version.digest, chosen.name, size, version.signature, version.example, version.libraries)
        rows = self._loader.example(resolved) if example is None else example
        model = self._loader.build(resolved)
        signature = _signature(model, model, rows, chosen, is_given=example is not None)
        return Kept(resolved.digest, chosen.name, size, signature, self._example(rows), table.versions(chosen))

    def _example(self, rows: Any) -> str | None:
        if rows is None:
            return None
        from trackbook.data.examples import write_example

        content = write_example(rows)
        return None if content is None else self._objects.put(content)

    @contextmanager
    def _copy(self, resolved: Resolved) -> Iterator[Path]:
        """Give the artifact of a run as a file of its own name."""
        folder = self._loader.policy.folder / token_hex(8)
        folder.mkdir(mode=0o700, parents=True)
        try:
            path = folder / PurePosixPath(resolved.uri).name
            with path.open("xb") as file:
                self._objects.copy_to(resolved.digest, file)
            yield path
        finally:
            rmtree(folder)


def _signature(model: Any, again: Any, rows: Any, format: Format, *, is_given: bool) -> dict[str, Any] | None:
    from trackbook.registry.signature import check_predictions, predictions, signature_of

    signature = signature_of(model, rows)
    if rows is None or again is None:
        return signature
    try:
        expected = predictions(model, again, rows)
    except RegistryError:
        if is_given:
            raise
        return signature  # some models take at `predict` what they were not fitted on
    if expected is None:
        return signature
    outputs = check_predictions(expected, again, rows, exact=format.exact)
    return signature if outputs is None else {**(signature or {}), "outputs": outputs}
