"""What a repeat is asked to do, and what it reports: msgpack frames over two pipes."""

from __future__ import annotations

import msgspec


class Cell(msgspec.Struct, frozen=True):
    """An execution to repeat; `tracked` when it is the run's own."""

    source: str
    execution_count: int | None
    cell_id: str | None
    tracked: bool


class Plan(msgspec.Struct, frozen=True):
    """What to run and where: `path` stands first among the import folders, nothing under `protected` may change.

    `moved` maps folders of the project to those of its copy, for import folders that lie in it.
    """

    cells: tuple[Cell, ...]
    cwd: str
    path: tuple[str, ...]
    protected: tuple[str, ...]
    moved: dict[str, str]


class Started(msgspec.Struct, frozen=True, tag=True):
    """The cell at `position` (from 0) begins."""

    position: int


class Ended(msgspec.Struct, frozen=True, tag=True):
    """The cell at `position` has ended, with an exception of the type `error` when it failed."""

    position: int
    error: str | None = None
    message: str = ""
    line: int | None = None


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The program was about to change a file of the user's."""

    path: str


class Asked(msgspec.Struct, frozen=True, tag=True):
    """The program asked for something to be typed."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """All cells have run; what they appended to the journal is the operating system's to write."""


Report = Started | Ended | Refused | Asked | Finished
