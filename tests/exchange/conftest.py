"""Two people with a store each, and a place that both can reach: a folder, or a bucket on a real S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.people import person
from trackbook.project import Project


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Project]:
    """Ada's project and Bob's, which share the folder `shared`."""
    for name in ("TRACKBOOK_DIR", "TRACKBOOK_NOTEBOOK", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    return person(tmp_path / "ada", str(tmp_path / "shared")), person(tmp_path / "bob", str(tmp_path / "shared"))
