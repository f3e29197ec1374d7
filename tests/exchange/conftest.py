"""Two people with a store each, and a place that both can reach: a folder, or a bucket on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.people import person
from support.s3 import CREDENTIALS, Bucket, make_bucket, s3_server
from trackbook.project import Project


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return make_bucket(s3_endpoint)


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Project]:
    """Ada's project and Bob's, which share the folder `shared`."""
    for name in ("TRACKBOOK_DIR", "TRACKBOOK_NOTEBOOK", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    return person(tmp_path / "ada", str(tmp_path / "shared")), person(tmp_path / "bob", str(tmp_path / "shared"))
