"""Names that are clean, and still differ: what an orchestrator takes as a name is less than what a person writes."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable

_LIMIT = 40


def cleaned(names: Iterable[str], *, fallback: str, reserved: Collection[str] = ()) -> dict[str, str]:
    """Return, for each of `names`, a lower-case ASCII identifier; no two are equal, none is a keyword or `reserved`.

    Letters with accents lose them, whatever else is no letter or digit becomes one `_`, and a name that comes out as
    another has or as `reserved` gets a number.
    """
    taken = {*reserved, *keyword.kwlist, *keyword.softkwlist}
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        base = identifier(name, fallback)
        candidate, number = base, 2
        while candidate in taken:
            candidate, number = f"{base}_{number}", number + 1
        found[name] = candidate
        taken.add(candidate)
    return found


def identifier(name: str, fallback: str) -> str:
    """Return `name` as a lower-case ASCII identifier, `fallback` where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:_LIMIT].strip("_")
    if not words:
        return fallback
    return words if words[0].isalpha() else f"{fallback}_{words}"


def dashed(clean: str) -> str:
    """Return a clean name as Kubernetes and job names want it: with dashes."""
    return clean.replace("_", "-")
