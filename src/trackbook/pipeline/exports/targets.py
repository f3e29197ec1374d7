"""The table of targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from trackbook.errors import UsageError, nearest
from trackbook.pipeline.exports.values import Export, Files


@dataclass(frozen=True)
class Target:
    """Where pipelines can go: `output` is where the main file goes by default, with `{name}` for the pipeline's.

    `at_repository` is true where paths count from the repository's root and not from the project's.  `needs_image` and
    `needs_storage` say what must be given, `reserved` are names that the orchestrator has taken.
    """

    name: str
    output: str
    says: str
    beside: tuple[str, ...] = ()
    at_repository: bool = False
    needs_image: bool = False
    needs_storage: bool = False
    needs_lock: bool = False
    reserved: frozenset[str] = frozenset()

    @property
    def files(self) -> Callable[[Export], Files]:
        """The function that makes the files."""
        found: Callable[[Export], Files] = import_module(f"trackbook.pipeline.exports.{self.name}").files
        return found


TARGETS = {
    target.name: target
    for target in (
        Target("github", ".github/workflows/{name}.yml", "a workflow of GitHub Actions", at_repository=True),
        Target("dvc", "dvc.yaml", "stages for `dvc repro`, and params.yaml", ("params.yaml", "{name}_params.yaml")),
    )
}


def target_named(name: str) -> Target:
    """Return a target; raises UsageError with the nearest name."""
    if name not in TARGETS:
        raise UsageError(f"there is no target {name!r}{nearest(name, TARGETS)}; there is {', '.join(TARGETS)}")
    return TARGETS[name]
