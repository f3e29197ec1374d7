"""Places that stores are exchanged through: a folder, and a bucket on a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.s3 import CREDENTIALS, Bucket, make_bucket, s3_server
from trackbook.store.remote import Remote


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return make_bucket(s3_endpoint)


@pytest.fixture(params=["folder", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path) -> Remote:
    if request.param == "folder":
        return Remote(str(tmp_path / "shared"))
    return Remote(*request.getfixturevalue("bucket"))
