"""Places that stores are exchanged through: a folder, and a bucket on a real S3 server."""

from __future__ import annotations

import pytest

from trackbook.store.remote import Remote


@pytest.fixture(params=["folder", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path) -> Remote:
    if request.param == "folder":
        return Remote(str(tmp_path / "shared"))
    return Remote(*request.getfixturevalue("bucket"))
