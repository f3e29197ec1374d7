"""What a format of models is: a name, and two functions that make bytes of a model and a model of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

DANGEROUS = frozenset({"pickle"})
"""The formats that run code of their author's when they are loaded."""

Content = bytes | Path
"""The bytes of a model, or a file of them that is the caller's from now on."""


class Policy(msgspec.Struct, frozen=True):
    """What the project lets stored models do: types that it trusts, and whether pickles are loaded.

    `folder` is where files may be written that live as long as the process.
    """

    folder: Path
    trusted: tuple[str, ...] = ()
    allow_pickle: bool = False


class Dump(Protocol):
    """Returns a model's bytes, and what they were proved by: the model that they give again.

    `example` are rows of the model's input, for formats that need them.  Raises RegistryError that says what cannot be
    kept.
    """

    def __call__(self, model: Any, policy: Policy, example: Any = None) -> tuple[Content, Any]: ...


class Load(Protocol):
    """Builds the model of the bytes that come in `pieces`, of which only the end of the last proves all.

    Raises RegistryError for bytes that are damaged, crafted, or not allowed by the policy.
    """

    def __call__(self, pieces: Iterable[bytes], policy: Policy) -> Any: ...


@dataclass(frozen=True)
class Format:
    """One way to keep models; `suffix` ends the names of its files, `libraries` are the distributions it depends on.

    `takes` says for which models it is chosen unless another is asked for; it imports nothing.  A model of an `exact`
    format predicts what the original does bit by bit, of others up to rounding.
    """

    name: str
    suffix: str
    libraries: tuple[str, ...]
    takes: Callable[[Any], bool]
    dump: Dump
    load: Load
    exact: bool = True


def library_of(model: Any) -> str:
    """Return the name of the package that defines the type of `model`."""
    return type(model).__module__.partition(".")[0]
