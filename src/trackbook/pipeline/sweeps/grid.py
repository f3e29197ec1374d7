"""Grids: every combination of the values that the params of a pipeline are given."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trackbook.pipeline.params import override
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.sweeps.outcome import Trial
from trackbook.pipeline.sweeps.values import values_of


@dataclass(frozen=True)
class Grid:
    """The values of each parameter that is given, as values or texts; the last one varies fastest."""

    values: Mapping[str, tuple[Any, ...]]

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.values.values())

    @property
    def varied(self) -> tuple[str, ...]:
        """The names of the params that have several values."""
        return tuple(name for name, values in self.values.items() if len(values) > 1)

    def trials(self) -> Iterator[Trial]:
        """Yield the trials, counted from 1."""
        for number, chosen in enumerate(itertools.product(*self.values.values()), start=1):
            yield Trial(number, dict(zip(self.values, chosen, strict=True)))


def read_grid(plan: Plan, given: Mapping[str, Sequence[Any]]) -> Grid:
    """Return the grid of the values that `given` has, each written as on the command line.

    Raises PipelineError for a parameter that the script does not have, and for a value of another type.
    """
    grid = Grid(values_of(plan, given))
    override(plan, {name: values[0] for name, values in grid.values.items()})
    return grid
