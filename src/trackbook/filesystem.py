"""The face for fsspec: ``data://NAME@VERSION`` in every library that opens its paths, for the project in use."""

from __future__ import annotations

from typing import Any

from trackbook.data import DatasetVersion
from trackbook.data.filesystem import DataFileSystem
from trackbook.project import current


class ProjectFileSystem(DataFileSystem):
    """The dataset versions of the project of the notebook, else of the working directory."""

    def __init__(self, **options: Any) -> None:
        super().__init__(lambda: current.get().data, **options)

    def opened(self, version: DatasetVersion) -> None:
        """Note the version as an input of the active run."""
        current.get().note_use(version)
