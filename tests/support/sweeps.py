"""A project folder with a small pipeline script, swept for real."""

from pathlib import Path
from typing import Any

from support.pipelines import Bench
from trackbook.pipeline import Pipelines
from trackbook.pipeline.outcome import OutputPrinted
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.sweeps.outcome import Goal, InTrial, SweepEvent, SweepResult
from trackbook.tracking import Runs

STEPS = """
# %% [step:load]
def load():
    print("loading")
    open("loads.txt", "a").write("x")
    return [1, 2, 3]

# %% [step:train]
def train(data, size):
    if size == 13:
        raise ValueError("thirteen")
    return sum(data) * size
"""
MAIN = "data = load()\ntotal = train(data, params.size)"


class SweepBench(Bench):
    """A bench that can sweep its script."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.heard: list[SweepEvent] = []
        self.runs = Runs(self.store)

    @property
    def pipelines(self) -> Pipelines:
        return Pipelines(self.store, self.tracker, self.folder, self.settings)

    def sweep(self, jobs: int = 1, goal: Goal | None = None, **given: list[Any]) -> SweepResult:
        self.heard.clear()
        grid = self.pipelines.grid(self.script, given)
        return self.pipelines.sweep(self.script, grid, RunOptions(jobs=jobs), goal=goal, on_event=self.heard.append)

    def printed_in_trials(self) -> list[int]:
        """Return the numbers of the trials in which a step printed, sorted."""
        inside = [event for event in self.heard if isinstance(event, InTrial)]
        return sorted(event.number for event in inside if isinstance(event.happened, OutputPrinted))
