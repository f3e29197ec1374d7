"""A project folder for the runner."""

from pathlib import Path

import pytest

from support.pipelines import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
