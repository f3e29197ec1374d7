"""Whether workers have what this process has: Python, Trackbook, Dask and all that the script's steps import."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Mapping

import msgspec

from trackbook.errors import PipelineError

OWN = ("trackbook", "dask", "distributed", "cloudpickle")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Installed(msgspec.Struct, frozen=True):
    """A Python, as `3.11`, and the versions of some distributions, None for those that it does not have."""

    python: str
    distributions: dict[str, str | None]


def needed_by(modules: Iterable[str]) -> tuple[str, ...]:
    """Return the distributions that importing `modules` needs, with those that they need in turn, and our own."""
    providers = importlib.metadata.packages_distributions()
    tops = {module.partition(".")[0] for module in modules}
    waiting = [*OWN, *(name for top in tops - set(sys.stdlib_module_names) for name in providers.get(top, ()))]
    found: set[str] = set()
    while waiting:
        name = _normalised(waiting.pop())
        # What Trackbook itself needs beyond that decides about no result.
        if name not in found and (version_of(name) is not None or name in OWN):
            found.add(name)
            waiting += [] if name in OWN else _required(name)
    return tuple(sorted(found))


def installed(distributions: Iterable[str]) -> Installed:
    """Return what this process has of `distributions`."""
    python = ".".join(platform.python_version_tuple()[:2])
    return Installed(python, {name: version_of(name) for name in distributions})


def check_python(here: str, workers: Mapping[str, str]) -> None:
    """Raise PipelineError for a worker of another Python; all as `3.11`."""
    for address, there in workers.items():
        if there != here:
            raise _refused("Python", here, there, address)


def check(here: Installed, workers: Mapping[str, Installed]) -> None:
    """Raise PipelineError for the first difference between this process and a worker, with its name."""
    check_python(here.python, {address: there.python for address, there in workers.items()})
    for address, there in workers.items():
        for name, version in here.distributions.items():
            if there.distributions.get(name) != version:
                raise _refused(name, version, there.distributions.get(name), address)


def _refused(name: str, here: str | None, there: str | None, address: str) -> PipelineError:
    return PipelineError(
        f"{name} is {here or 'not installed'} here and {there or 'not installed'} on the worker {address}: results "
        "could differ, so nothing was run; install the same version on both"
    )


def version_of(name: str) -> str | None:
    """Return the version of a distribution; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _required(name: str) -> list[str]:
    """Return what a distribution requires, without what only its extras do."""
    required = importlib.metadata.requires(name) or []
    return [match[0] for text in required if "extra ==" not in text and (match := _NAME.match(text))]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
