"""The steps of a plan as tasks with their order, and its parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from trackbook.pipeline.exports.names import cleaned
from trackbook.pipeline.exports.values import Kind, Param, Task
from trackbook.pipeline.plan import ParamField, Plan
from trackbook.pipeline.running.groups import Groups

_KINDS: dict[str, Kind] = {"int": "int", "float": "float", "bool": "bool", "str": "str"}


def tasks_of(plan: Plan, apart: Groups, reserved: Iterable[str] = ()) -> tuple[Task, ...]:
    """Return the tasks of a plan in their order; `apart` says which steps wait for which, and which share a process.

    Steps that share one are one task, as are steps of one name, and with a group all that it could only run around.
    """
    before = {step: set(earlier) for step, earlier in enumerate(apart.after)}
    groups = _groups(plan, apart, before)
    names = [" ".join(dict.fromkeys(plan.steps[index].name for index in group)) for group in groups]
    clean = cleaned(names, fallback="step", reserved=frozenset(reserved))
    home = {index: place for place, group in enumerate(groups) for index in group}
    tasks: list[Task] = []
    for place, group in enumerate(groups):
        needed = sorted({home[index] for step in group for index in before[step]} - {place})
        steps = tuple(dict.fromkeys(plan.steps[index].name for index in group))
        params = {item.name: None for index in group for item in plan.steps[index].arguments if item.is_param}
        earlier = {name: None for item in needed for name in tasks[item].given}
        after = tuple(clean[names[item]] for item in needed)
        tasks.append(Task(clean[names[place]], steps, after, tuple(params), tuple(earlier | params)))
    return tuple(tasks)


def _groups(plan: Plan, apart: Groups, before: dict[int, set[int]]) -> list[tuple[int, ...]]:
    """Join steps until no group needs a step that needs the group."""
    home = {step.index: step.index for step in plan.steps}
    first: dict[str, int] = {}
    for step in plan.steps:
        _join(home, [step.index, first.setdefault(step.name, step.index)])
    for index, other in enumerate(apart.of):
        _join(home, [index, other])
    while circle := _circle(home, before):
        _join(home, circle)
    members: dict[int, list[int]] = {}
    for index in sorted(home):
        members.setdefault(home[index], []).append(index)
    return _ordered([tuple(group) for group in sorted(members.values())], before)


def _ordered(groups: list[tuple[int, ...]], before: dict[int, set[int]]) -> list[tuple[int, ...]]:
    """Put groups in an order in which each comes after what it needs, else in the script's."""
    done: set[int] = set()
    found: list[tuple[int, ...]] = []
    while len(found) < len(groups):
        group = next(
            group
            for group in groups
            if group[0] not in done and set().union(*(before[index] for index in group)) <= done | {*group}
        )
        found.append(group)
        done |= {*group}
    return found


def _join(home: dict[int, int], indices: Iterable[int]) -> None:
    groups = {home[index] for index in indices}
    if groups:
        lowest = min(groups)
        home.update((index, lowest) for index, group in home.items() if group in groups)


def _circle(home: dict[int, int], before: dict[int, set[int]]) -> set[int]:
    """Return groups that need each other, empty when there are none."""
    needs: dict[int, set[int]] = {group: set() for group in home.values()}
    for index, earlier in before.items():
        needs[home[index]] |= {home[item] for item in earlier} - {home[index]}
    reach = {group: _reached(group, needs) for group in needs}
    for group, others in reach.items():
        if group in others:
            return {other for other in others if group in reach[other]}
    return set()


def _reached(start: int, needs: dict[int, set[int]]) -> set[int]:
    found: set[int] = set()
    waiting = [start]
    while waiting:
        for other in needs[waiting.pop()] - found:
            found.add(other)
            waiting.append(other)
    return found


def params_of(plan: Plan, reserved: Iterable[str] = ()) -> tuple[Param, ...]:
    """Return the parameters of a plan."""
    clean = cleaned([field.name for field in plan.params], fallback="param", reserved=frozenset(reserved))
    return tuple(_param(field, clean[field.name]) for field in plan.params)


def _param(field: ParamField, clean: str) -> Param:
    text = _annotation(field.annotation)
    kind, choices = _KINDS.get(text, "other"), _choices(text)
    param = Param(field.name, clean, kind, text, required=field.default is None, choices=choices)
    if field.default is None:
        return param
    try:
        value = ast.literal_eval(field.default)
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return param
    fits = {"int": type(value) is int, "float": type(value) in (int, float), "bool": type(value) is bool}
    if not fits.get(kind, kind != "str" or isinstance(value, str)):
        kind = "other"  # the annotation says one thing and the default another: a text does for both
    return Param(field.name, clean, kind, text, value, known=True, choices=choices)


def _annotation(text: str) -> str:
    return str(ast.literal_eval(text)) if text[:1] in "'\"" else text


def _choices(annotation: str) -> tuple[object, ...]:
    """Return the values of `Literal[…]`, if an annotation is one of texts and numbers."""
    try:
        node = ast.parse(annotation, mode="eval").body
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] == "Literal":
            value = ast.literal_eval(node.slice)
            return value if isinstance(value, tuple) else (value,)
    except (SyntaxError, ValueError):
        pass
    return ()
