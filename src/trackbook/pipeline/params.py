"""Values for the parameters of a script: `-p NAME=VALUE` read by the type that the class Params gives."""

from __future__ import annotations

import ast
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from trackbook.errors import PipelineError, UsageError, nearest
from trackbook.pipeline.plan import ParamField, Plan

_TYPES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (int, float, str, bool, list, tuple, dict, set, object)},
    "Path": Path,
    "date": date,
    "datetime": datetime,
    "Any": Any,
    "Literal": typing.Literal,
    "Optional": typing.Optional,
    "Union": typing.Union,
}
_FORM = "write names with values as TOML, JSON or YAML"
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


def override(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given` with texts read as the types of the script's parameters.

    A value that is no text is taken as it is when it has the type.  Raises PipelineError for a parameter
    that the script does not have, for a wrong type, and for a field without default that is not given.
    """
    fields = {field.name: field for field in plan.params}
    for name in given:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise PipelineError(f"{plan.path.name} has no parameter {name!r}{nearest(name, fields)} (it has: {known})")
    missing = [field.name for field in plan.params if field.default is None and field.name not in given]
    if missing:
        raise PipelineError(f"the parameter {missing[0]!r} has no default: give it with -p {missing[0]}=VALUE")
    return {name: read_value(fields[name], value) for name, value in given.items()}


def faults(plan: Plan, given: Mapping[str, Any]) -> dict[str, str]:
    """Return, by the name of the parameter, what `override` would refuse."""
    found: dict[str, str] = {}
    for name in {**dict.fromkeys(field.name for field in plan.params), **given}:
        try:
            override(_alone(plan, name), {name: given[name]} if name in given else {})
        except PipelineError as error:
            found[name] = str(error)
    return found


def _alone(plan: Plan, name: str) -> Plan:
    return replace(plan, params=tuple(field for field in plan.params if field.name == name) or plan.params)


def choices(field: ParamField) -> list[str] | None:
    """Return the texts of the values that a parameter can have, None where they cannot be listed."""
    kind = _type_of(field.annotation)
    if kind is bool:
        return ["True", "False"]
    return [str(option) for option in typing.get_args(kind)] if typing.get_origin(kind) is typing.Literal else None


def default_text(field: ParamField) -> str | None:
    """Return the default as a person would type it after `-p NAME=`, None where there is none."""
    if field.default is None:
        return None
    try:
        value = ast.literal_eval(field.default)
    except (ValueError, SyntaxError):
        return field.default
    return value if isinstance(value, str) else field.default


def read_params(path: Path) -> dict[str, Any]:
    """Return the values of a TOML, JSON or YAML file of parameters; raises UsageError where it holds no such."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".yaml", ".yml"):
            import yaml

            try:
                found = yaml.safe_load(text) or {}
            except yaml.YAMLError as error:
                raise ValueError(" ".join(str(error).split())) from error
        else:
            found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as parameters: {error}; {_FORM}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no parameters by name; {_FORM}")
    return {str(name): value for name, value in found.items()}


def literal_values(plan: Plan, overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the value of every parameter, or None where a default is no literal and the script must be asked."""
    values: dict[str, Any] = {}
    for field in plan.params:
        if field.name in overrides:
            values[field.name] = overrides[field.name]
            continue
        try:
            values[field.name] = ast.literal_eval(field.default or "")
        except (ValueError, SyntaxError):
            return None
    return values


def read_value(field: ParamField, value: Any) -> Any:
    """Return a text as a value of the type of `field`; raises PipelineError where it is none."""
    kind = _type_of(field.annotation)
    if kind is None:
        return _literal(value)
    try:
        return _convert(value, kind)
    except (ValueError, TypeError, SyntaxError) as error:
        raise PipelineError(f"the parameter {field.name!r} is of type {field.annotation}; {value!r} is not") from error


def _type_of(annotation: str) -> Any:
    """Return the type that an annotation's text means, None for one that only the script itself knows."""
    text = ast.literal_eval(annotation) if annotation[:1] in "'\"" else annotation
    names = {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    if not names <= _TYPES.keys() or "(" in text.replace("()", ""):
        return None
    try:
        return eval(text, {"__builtins__": {}}, _TYPES)  # noqa: S307 - only names of the table above, no calls
    except (TypeError, AttributeError, NameError):
        return None


def _convert(value: Any, kind: Any) -> Any:
    if kind is Any or kind is object:
        return _literal(value)
    options = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _first_fit(value, options)
    if typing.get_origin(kind) is typing.Literal:
        return _one_of(value, options)
    if not isinstance(value, str):
        return _exact(value, kind)
    if kind in (date, datetime):
        return kind.fromisoformat(value)
    if kind is str or kind is Path:
        return kind(value)
    if kind is bool:
        return _truth(value)
    return kind(value) if kind in (int, float) else _exact(_literal(value), kind)


def _first_fit(value: Any, options: tuple[Any, ...]) -> Any:
    if type(None) in options and (value is None or value == "None"):
        return None
    # A text fits everything that is text, so that is tried last.
    for option in sorted(options, key=lambda option: option is str):
        if option is not type(None):
            try:
                return _convert(value, option)
            except (ValueError, TypeError, SyntaxError):
                continue
    raise ValueError(value)


def _one_of(value: Any, options: tuple[Any, ...]) -> Any:
    for option in options:
        if value == option or value == str(option):
            return option
    raise ValueError(value)


def _exact(value: Any, kind: Any) -> Any:
    try:
        return value if kind is Path and isinstance(value, Path) else msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _truth(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(text)


def _literal(value: Any) -> Any:
    """Return a text as the Python literal that it is, else as it stands."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
