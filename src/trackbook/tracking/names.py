"""Names of runs, experiments, params, metrics, tags and artifacts: what is allowed, and names for those without."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from trackbook.errors import UsageError, a, shown

MAX_LENGTH = 250

_ADJECTIVES = (
    "amber", "bold", "brave", "bright", "brisk", "calm", "clear", "crisp", "deft", "eager", "fair", "fresh", "gentle",
    "golden", "keen", "lively", "lucid", "merry", "neat", "nimble", "patient", "proud", "quick", "quiet", "rapid",
    "ready", "sharp", "silver", "smooth", "solid", "steady", "sunny", "swift", "tidy", "warm", "wise", "witty", "young",
)  # fmt: skip
_NOUNS = (
    "acorn", "badger", "beacon", "birch", "brook", "canyon", "cedar", "comet", "coral", "crane", "delta", "dune",
    "falcon", "fern", "finch", "fjord", "glacier", "grove", "harbor", "hazel", "heron", "island", "jasper", "kestrel",
    "lagoon", "lark", "lynx", "maple", "marten", "meadow", "otter", "pebble", "plover", "reef", "river", "wren",
)  # fmt: skip


def random_name() -> str:
    """Return a name that people can say, such as `quiet-heron-42`."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(1000)}"


FIT_TIME = "fit_time"
TRAINING_SCORE = "training_score"

ROWS_SUFFIX = ".rows"
"""The ending of the sketch of training rows that is kept beside a model in a run, in place of the model's."""


@lru_cache(maxsize=1000)
def is_automatic(metric: str) -> bool:
    """Say whether a metric is one that every fit leaves, rather than one that the user measured."""
    return metric.rpartition(".")[2] in (FIT_TIME, TRAINING_SCORE)


def checked_name(what: str, name: object) -> str:
    """Return `name` if it can name a `what`: 1 to 250 printable characters; else raise UsageError."""
    if not isinstance(name, str):
        raise UsageError(f"the name of {a(what)} is a text, not {shown(name)}")
    if not name.strip() or len(name) > MAX_LENGTH or not name.isprintable():
        raise UsageError(f"{name!r:.80} cannot name {a(what)}: use 1 to {MAX_LENGTH} printable characters")
    return str.__str__(name)  # of a subclass, such as NumPy's, the plain text


def checked_items(what: str, values: Any) -> Iterable[tuple[Any, Any]]:
    """Return the names and values of a mapping of `what` (a plural); raises UsageError for anything else."""
    items = getattr(values, "items", None)
    if not callable(items) or isinstance(values, type):
        raise UsageError(f"{what} are a mapping such as {{'name': 1}}, not {shown(values)}")
    pairs: Iterable[tuple[Any, Any]] = items()
    return pairs


def checked_text(what: str, key: object, value: object) -> str:
    """Return the text of a param's or tag's value; raises UsageError, naming `key`, for a value that has none."""
    try:
        return str(value)
    except Exception as fault:
        raise UsageError(f"{what} {key!r}: {a(type(value).__name__)} has no text ({shown(fault)})") from fault


def artifact_path(path: str) -> str:
    """Return `path` if it stays inside the run: relative, forward slashes, no `..`; else raise UsageError."""
    if not isinstance(path, str):
        raise UsageError(f"the path of an artifact is a text, not {shown(path)}")
    pure = PurePosixPath(path)
    bad = not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or not path.isprintable()
    if bad or len(path) > 4 * MAX_LENGTH:
        raise UsageError(f"{path!r:.80} cannot name an artifact: use a relative path without '..'")
    return str(pure)
