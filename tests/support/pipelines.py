"""A project folder with a small pipeline script, run by the real runner."""

from pathlib import Path
from typing import Any

from trackbook.pipeline import PipelineResult
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.running.runner import Runner
from trackbook.store import Store
from trackbook.tracking import Tracker

HEAD = """
import dataclasses

@dataclasses.dataclass(frozen=True)
class Params:
    size: int = 3
    factor: float = 2.0
    label: str | None = None


"""


class Bench:
    """A project folder with a script, and its runner."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.script = folder, folder / "p.py"
        self.store = Store.open(folder / ".trackbook")
        self.tracker = Tracker(self.store, root=folder, experiment="default", user="u")
        self.output: list[tuple[str, str]] = []

    def write(self, body: str, main: str) -> None:
        lines = "".join(f"    {line}\n" for line in main.splitlines())
        self.script.write_text(f"{HEAD}{body}\n\ndef main(params: Params) -> None:\n{lines}")

    def run(self, **params: Any) -> PipelineResult:
        self.output.clear()
        runner = Runner(self.store, self.tracker)
        return runner.run(read_plan(self.script), params, on_output=lambda *item: self.output.append(item))

    def statuses(self, **params: Any) -> list[str]:
        result = self.run(**params)
        return [step.status for step in result.steps]

    def printed(self) -> str:
        return "".join(text for stream, text in self.output if stream == "stdout")
