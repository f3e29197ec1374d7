"""Importing the script and the project's modules from their source.

Python takes compiled code of an earlier version for that of a source of the same size and second.  A person who
runs it again is served then; a result that was kept under the key of the new source would stay wrong.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from trackbook.capture.files.paths import is_library
from trackbook.tracking.reproduction.workspace import LEFT_OUT

MODULE = "trackbook_pipeline_script"
"""The name under which every script is imported, so that pickles of its classes do not depend on its file."""

_imported_from: set[str] = set()


class SourceLoader(SourceFileLoader):
    """Loads a module from its source alone."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source, whatever lies in `__pycache__`."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def import_script(path: Path) -> ModuleType:
    """Import the script at `path` under the fixed name, without running its main."""
    spec = importlib.util.spec_from_file_location(MODULE, path, loader=SourceLoader(MODULE, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


def give_by_value(module: ModuleType) -> None:
    """Let the processes that joblib starts have what a script defines: they cannot import it by its fixed name."""
    if "joblib" in sys.modules:
        try:
            from joblib.externals import cloudpickle
        except ImportError:  # joblib brings none along since 1.6
            import cloudpickle

        cloudpickle.register_pickle_by_value(module)


def import_from(folder: str) -> None:
    """Let modules be imported from `folder`, before all others and from their source.

    Asked again, it forgets those that were: for the next run they begin anew.
    """
    if folder in _imported_from:
        _forget(folder)
        return
    _imported_from.add(folder)
    finder = FileFinder.path_hook((ExtensionFileLoader, EXTENSION_SUFFIXES), (SourceLoader, SOURCE_SUFFIXES))

    def hook(path: str) -> object:
        inside = os.path.join(path, "")  # noqa: PTH118 - text in, text out
        if not inside.startswith(os.path.join(folder, "")) or not LEFT_OUT.isdisjoint(inside.split(os.sep)):  # noqa: PTH118, PTH206
            raise ImportError(f"{path} is not in the project's folder")
        if is_library(inside):
            raise ImportError(f"{path} belongs to a library")
        return finder(path)

    sys.path_hooks.insert(0, hook)  # type: ignore[arg-type]
    sys.path.insert(0, folder)
    sys.path_importer_cache.clear()


def _forget(folder: str) -> None:
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(os.path.join(folder, "")) and not is_library(path):  # noqa: PTH118 - text in, text out
            del sys.modules[name]
    sys.path_importer_cache.clear()
