"""The environment of a script as lines for pip: only what it needs, in the versions that are installed here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, distributions

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trackbook.pipeline.exports.values import Lock
from trackbook.tracking.environments import Environments

OWN = "trackbook"


def lock_of(environments: Environments, names: Iterable[str], python: str, *, resolve: bool) -> Lock:
    """Return the lock of distributions with all that they need.

    Hashes come from the lock that is stored for this environment, or with `resolve` from the package index; else the
    lock has exact versions alone.  Raises LockError where the index cannot be reached.
    """
    asked = needed(names)
    asked.pop(OWN, None)
    found = environments.hashed(asked, resolve=resolve)
    if found is None:
        return Lock(tuple(f"{name}=={version}" for name, version in sorted(asked.items())), False, python)
    left_out = (f"{each.name} {each.version} ({each.reason})" for each in found.left_out)
    return Lock(tuple(sorted(found.hashed)), True, python, tuple(left_out))


def installed_with(modules: Iterable[str]) -> Iterator[str]:
    """Yield the distributions that top-level modules were installed with.

    This reads the lists of files as text: `importlib.metadata.packages_distributions` makes a path of each file.
    """
    wanted = set(modules) - sys.stdlib_module_names
    for found in distributions() if wanted else ():
        named = set((found.read_text("top_level.txt") or "").split())
        record = "\n" + (found.read_text("RECORD") or "")
        if any(top in named or f"\n{top}/" in record or f"\n{top}.py," in record for top in wanted):
            yield str(found.metadata["Name"])


def needed(names: Iterable[str]) -> dict[str, str]:
    """Return versions of the installed distributions that `names`, which may have extras, need in the end."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            here = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # not installed, so the script runs without it here
        found[key[0]] = here.version
        waiting += [each for text in here.requires or () if (each := _applies(text, wanted.extras)) is not None]
    return found


def _applies(text: str, extras: Iterable[str]) -> Requirement | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    marker = requirement.marker
    environments: list[Mapping[str, str]] = [{"extra": extra} for extra in ("", *extras)]
    if marker is not None and not any(marker.evaluate(dict(environment)) for environment in environments):
        return None
    return requirement
