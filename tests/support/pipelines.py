"""A project folder with a small pipeline script, run by the real runner."""

from pathlib import Path
from typing import Any

from trackbook.pipeline import PipelineResult
from trackbook.pipeline.outcome import OutputPrinted, PipelineEvent, StepProgress
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.runner import Runner
from trackbook.settings import Settings
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

ALL = RunOptions()


class Bench:
    """A project folder with a script, and its runner."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.script = folder, folder / "p.py"
        self.store = Store.open(folder / ".trackbook")
        self.tracker = Tracker(self.store, root=folder, experiment="default", user="u")
        self.output: list[tuple[str, str]] = []
        self.events: list[PipelineEvent] = []
        self.settings = Settings()

    def write(self, body: str, main: str) -> None:
        lines = "".join(f"    {line}\n" for line in main.splitlines())
        self.script.write_text(f"{HEAD}{body}\n\ndef main(params: Params) -> None:\n{lines}")

    def run(self, options: RunOptions = ALL, **params: Any) -> PipelineResult:
        self.output.clear()
        self.events.clear()
        runner = Runner(self.store, self.tracker, self.settings)
        return runner.run(read_plan(self.script), params, options, on_event=self.hear)

    def hear(self, event: PipelineEvent) -> None:
        """Take note of an event."""
        self.events.append(event)
        if isinstance(event, OutputPrinted):
            self.output.append((event.stream, event.text))

    def steps(self, state: str) -> list[StepProgress]:
        """Return the events of the last run in which a step reached a state."""
        return [event for event in self.events if isinstance(event, StepProgress) and event.state == state]

    def statuses(self, **params: Any) -> list[str]:
        result = self.run(**params)
        return [step.status for step in result.steps]

    def printed(self) -> str:
        return "".join(text for stream, text in self.output if stream == "stdout")
