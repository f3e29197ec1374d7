"""One machine goes on where another ended: all that they share is a storage."""

from pathlib import Path

import pytest

from support.pipelines import Bench
from support.s3 import Bucket
from trackbook.errors import RemoteError
from trackbook.pipeline.running.options import RunOptions
from trackbook.settings import PipelineSettings, Settings

BODY = """
import json
import random
from pathlib import Path

def load():
    print("loads")
    random.seed(0)
    return [float(line) for line in Path("numbers.txt").read_text().split()]

def train(values):
    mean = sum(values) / len(values)
    Path("model.json").write_text(json.dumps({"mean": mean, "root": random.random()}))

def report(values):
    model = json.loads(Path("model.json").read_text())
    print("error", max(abs(value - model["mean"]) for value in values))
"""
MAIN = "values = load()\ntrain(values)\nreport(values)"


@pytest.fixture
def machines(tmp_path: Path) -> list[Bench]:
    """Three projects of the same files in folders of other names, each with a store of its own."""
    made = []
    for name in ("one", "two", "three/deeper"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        made.append(Bench(folder))
        made[-1].write(BODY, MAIN)
        (folder / "numbers.txt").write_text("1\n2\n6\n")
    return made


def only(step: str, storage: str) -> RunOptions:
    return RunOptions(only=(step,), storage=storage)


def test_three_machines_run_one_step_each(machines: list[Bench], tmp_path: Path) -> None:
    """Values and files that earlier steps made elsewhere are there for the step that runs here."""
    url = str(tmp_path / "storage")
    results = [bench.run(only(step, url)) for bench, step in zip(machines, ("load", "train", "report"), strict=True)]
    assert [[step.status for step in result.steps] for result in results] == [
        ["executed", "skipped", "skipped"],
        ["cached", "executed", "skipped"],
        ["cached", "cached", "executed"],
    ]
    assert machines[2].printed() == "loads\nerror 3.0\n"
    assert (machines[2].folder / "model.json").read_bytes() == (machines[1].folder / "model.json").read_bytes()
    assert [step.status for step in machines[0].run(RunOptions(storage=url)).steps] == ["cached"] * 3
    assert machines[0].statuses() == ["cached"] * 3, "what came from the storage is kept here as well"


def test_what_was_kept_before_there_was_a_storage_is_put_there_too(machines: list[Bench], tmp_path: Path) -> None:
    """A run of nothing new makes all its results known to others."""
    url = str(tmp_path / "storage")
    machines[0].run()
    machines[0].run(RunOptions(storage=url))
    assert [step.status for step in machines[1].run(RunOptions(storage=url)).steps] == ["cached"] * 3


def test_a_result_from_elsewhere_counts_only_for_the_same_data_and_whole(machines: list[Bench], tmp_path: Path) -> None:
    """Other content of a file that was read, or damaged bytes in the storage, make the step run."""
    url = tmp_path / "storage"
    machines[0].run(RunOptions(storage=str(url)))
    (machines[1].folder / "numbers.txt").write_text("1\n2\n7\n")
    result = machines[1].run(RunOptions(storage=str(url)))
    assert (result.steps[0].status, result.steps[0].why) == ("executed", "numbers.txt changed")
    for path in (url / "objects").glob("??/*"):
        path.write_bytes(b"damaged")
    (url / "steps" / "nothing").write_bytes(b"no record")
    result = machines[2].run(RunOptions(storage=str(url)))
    assert [step.status for step in result.steps] == ["executed"] * 3


def test_a_storage_that_cannot_be_reached_is_named_at_once(machines: list[Bench], tmp_path: Path) -> None:
    """The error says which place, before any step has run."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RemoteError, match="/file cannot read"):
        machines[0].run(RunOptions(storage=str(tmp_path / "file")))
    assert not machines[0].steps("executed")


def test_steps_meet_in_s3(machines: list[Bench], bucket: Bucket) -> None:
    """A real S3 server does as a folder does; the URL and its options may stand in trackbook.toml."""
    for bench, step in zip(machines, ("load", "train", "report"), strict=True):
        settings = Settings(pipeline=PipelineSettings(storage=f"{bucket.url}/steps", storage_options=bucket.options))
        bench.settings = settings
        assert bench.run(RunOptions(only=(step,))).status == "FINISHED"
    assert machines[2].printed() == "loads\nerror 3.0\n"
