"""What every target is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Kind = Literal["int", "float", "bool", "str", "other"]

Files = dict[str, str]
"""Texts by their paths, which count from the folder that the target belongs to."""


@dataclass(frozen=True)
class Param:
    """A parameter of the script: `name` is the field of Params, `clean` is ASCII and differs from all others.

    `default` is a value, and what `-p NAME=VALUE` takes is its text; where `known` is false, only the script can tell
    its default, and `required` says that it has none.
    """

    name: str
    clean: str
    kind: Kind
    annotation: str
    default: object = None
    known: bool = False
    required: bool = False
    choices: tuple[object, ...] = ()

    @property
    def text(self) -> str:
        """The default as `-p` takes it, empty where there is none that can be told."""
        return str(self.default) if self.known else ""

    @property
    def variable(self) -> str:
        """The environment variable that carries the parameter's value to a command."""
        return f"PARAM_{self.clean.upper()}"


@dataclass(frozen=True)
class Task:
    """Steps that run in one process, as one task of the orchestrator; `after` are `clean` names of other tasks.

    `params` are names of the parameters that its steps are handed, `given` these and those of all tasks before it:
    what these have kept is only found with the same parameters.  `reads` are files that its steps read and none writes,
    below the project's root, where a target asks for them.
    """

    clean: str
    steps: tuple[str, ...]
    after: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The names of its steps, on one line."""
        return " + ".join(" ".join(step.split()) for step in self.steps)


@dataclass(frozen=True)
class Lock:
    """The locked environment: requirements with hashes, or exact versions where no hash is known here."""

    lines: tuple[str, ...]
    hashed: bool
    python: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """A pipeline script, ready for any target; `script` and `sources` are paths below the project's root.

    `clean` names the pipeline in ASCII; `subfolder` leads from the repository's root to the project's, `python` is a
    minor version, `requirements` are what CI installs: options of `pip install`.  `present` holds texts of files that
    are there already, where a target goes on from them.  `lock` is only there for the targets that ask for it.
    """

    script: str
    clean: str
    command: str
    tasks: tuple[Task, ...]
    params: tuple[Param, ...]
    python: str
    requirements: tuple[str, ...]
    sources: tuple[str, ...] = ()
    output: str = ""
    image: str = ""
    storage: str = ""
    model: str = ""
    has_remote: bool = False
    subfolder: str = ""
    present: Mapping[str, str] | None = None
    lock: Lock | None = None

    @property
    def path(self) -> PurePosixPath:
        """Where the main file of the target goes."""
        return PurePosixPath(self.output)

    def beside(self, name: str) -> str:
        """Return the path of a file in the same folder as the main file."""
        return str(self.path.with_name(name))
