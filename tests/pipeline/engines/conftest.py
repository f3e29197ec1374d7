"""One cluster for all tests of a process: two workers with folders of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clusters import Cluster
from support.pipelines import Bench
from trackbook.pipeline.running.options import RunOptions


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for _ in range(2):
            made.add_worker()
        yield made
    finally:
        made.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "project"
    folder.mkdir()
    return Bench(folder)


@pytest.fixture
def options(cluster: Cluster, tmp_path: Path) -> RunOptions:
    """Run on the cluster, with nothing between here and its workers but a storage."""
    return RunOptions(engine="dask", scheduler=cluster.address, storage=str(tmp_path / "storage"))
