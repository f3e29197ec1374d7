"""A project folder in which sweeps run."""

from pathlib import Path

import pytest

from support.sweeps import SweepBench


@pytest.fixture
def bench(tmp_path: Path) -> SweepBench:
    return SweepBench(tmp_path)
