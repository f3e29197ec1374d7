"""Why a step runs although there is a cache: what differs from the last time that its result was kept."""

from __future__ import annotations

from collections.abc import Mapping

from trackbook.pipeline.cache import key
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.key import Call
from trackbook.pipeline.plan import Plan

_SAID = {
    key.CODE: "its code changed",
    key.SHAPE: "it returns another number of values",
    key.ENVIRONMENT: "the environment changed: another Python or other packages",
    key.FOLDER: "it runs in another folder, which its code asks for",
    key.STATE: "earlier steps left the process in another state",
}


def why_not(call: Call, newest: Entry | None, plan: Plan) -> str:
    """Say what `call` has that the result kept last, `newest`, was not computed with."""
    if newest is None:
        return "no result of it is kept"
    changes = list(_changes(newest.parts, call.parts(), call, plan))
    return "; ".join(changes) if changes else "the kept results are of other calls"


def _changes(before: Mapping[str, str], now: Mapping[str, str], call: Call, plan: Plan) -> list[str]:
    said: dict[str, None] = {}
    if any(before.get(part) != now.get(part) for part in (key.CODE, key.SHAPE)):
        said[_SAID[key.CODE]] = None
    before, now = _by_name(before), _by_name(now)
    for part in [*now, *(part for part in before if part not in now)]:
        if before.get(part) != now.get(part) and part not in (key.CODE, key.SHAPE):
            said[_said(part, before, now, call, plan)] = None
    return list(said)


def _said(part: str, before: Mapping[str, str], now: Mapping[str, str], call: Call, plan: Plan) -> str:
    kind, colon, name = part.partition(":")
    how = "is new" if part not in before else "is gone" if part not in now else "changed"
    if not colon:
        return _SAID[part]
    if kind + colon == key.DEFINITION:
        return f"{name or 'a statement of the script'} {how}"
    if kind + colon == key.MODULE:
        return f"{name} {how}"
    if kind + colon == key.VARIABLE:
        return f"the environment variable {name} {how}"
    return f"{_argument(name, call, plan)} {how}"


def _argument(name: str, call: Call, plan: Plan) -> str:
    given = next((argument for argument in call.step.arguments if argument.name == name), None)
    if given is None or given.is_param:
        return f"the param {name}"
    maker = plan.producers(call.step).get(name)
    return f"{name}, of step {plan.steps[maker].name}," if maker is not None else name


def _by_name(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the parts with the digests of definitions of one name together, wherever they stand in the script."""
    found: dict[str, str] = {}
    for part, digest in parts.items():
        name = part.rpartition("#")[0] if part.startswith(key.DEFINITION) else part
        found[name] = found[name] + digest if name in found else digest
    return found
