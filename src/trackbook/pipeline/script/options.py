"""The class `Params` of a script, and the function that reads it from the command line and from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from trackbook.pipeline.script.fields import Field, literal
from trackbook.pipeline.script.helpers import OUTPUT, Helpers
from trackbook.pipeline.script.imports import Import

_MUTABLE = (list, dict, set)


def needed_imports(fields: Sequence[Field]) -> list[Import]:
    """Return what the class `Params` and its reader import."""
    found = [Import("argparse", None, None), Import("dataclasses", None, None)]
    names = {word for field in fields for word in re.findall(r"\w+", field.annotation)}
    names |= {type(value).__name__ for field in fields for value in _inside(field.default)}
    found += [Import("datetime", name, None) for name in ("date", "datetime") if name in names]
    if "Literal" in names:
        found.append(Import("typing", "Literal", None))
    return [*found, Import("pathlib", "Path", None)] if fields else found


def _inside(value: Any) -> Iterator[Any]:
    """Yield a value and all that it holds."""
    yield value
    if isinstance(value, dict):
        yield from (inner for pair in value.items() for part in pair for inner in _inside(part))
    elif isinstance(value, list | tuple | set):
        yield from (inner for part in value for inner in _inside(part))


def params_class(fields: Sequence[Field]) -> str:
    """Return the text of the class `Params`."""
    lines = ["@dataclasses.dataclass(frozen=True)", "class Params:", '    """The parameters of the pipeline."""', ""]
    for field in fields:
        lines += [f"    {comment}" for comment in field.above]
        beside = f"  {field.beside}" if field.beside else ""
        default = literal(field.default)
        if isinstance(field.default, _MUTABLE):
            default = f"dataclasses.field(default_factory=lambda: {default})"
        lines.append(f"    {field.name}: {field.annotation} = {default}{beside}")
    return "\n".join(lines if fields else lines[:-1])


def parser_text(fields: Sequence[Field], helpers: Helpers, *, output: bool) -> str:
    """Return the text of `parse_params`; with `output` it has the option `--out`."""
    names = {field.name for field in fields}
    file, out = ("params_file" if "params" in names else "params"), ("out_dir" if "out" in names else "out")
    lines = ["def parse_params(argv: list[str] | None = None) -> Params:"]
    where = f"from the command line, and from a file given with {_option(file)}" if fields else "from the command line"
    lines.append(f'    """Read the parameters {where}."""')
    lines += [f"    global {helpers.name(OUTPUT)}"] if output else []
    if fields:
        lines.append(_call("    files = argparse.ArgumentParser", ["add_help=False", "allow_abbrev=False"]))
        lines.append(_option_line("files", file, "type=Path", 'metavar="FILE"', 'help="a TOML or JSON file of values"'))
    parts = ["description=__doc__", "formatter_class=argparse.RawDescriptionHelpFormatter"]
    parts += ["parents=[files]"] if fields else []
    parts += ["allow_abbrev=False", "argument_default=argparse.SUPPRESS"]
    lines.append(_call("    parser = argparse.ArgumentParser", parts))
    for field in fields:
        lines.append(_option_line("parser", field.name, *_keywords(field, helpers)))
    if output:
        help_text = 'help="save figures and tables there"'
        lines.append(_option_line("parser", out, "type=Path", 'metavar="DIR"', help_text))
    lines += _reading(fields, file, helpers)
    if output:
        name, kind = helpers.name(OUTPUT), helpers.name("Output")
        lines.append(f'    {name} = {kind}(given.pop("{out}")) if "{out}" in given else None')
    return "\n".join([*lines, "    return Params(**given)"])


def _reading(fields: Sequence[Field], file: str, helpers: Helpers) -> list[str]:
    if not fields:
        return ["    given = vars(parser.parse_args(argv))"]
    reader = helpers.use("options_in")
    return [
        "    first, rest = files.parse_known_args(argv)",
        f"    if first.{file} is not None:",
        "        names = [field.name for field in dataclasses.fields(Params)]",
        f"        rest = {reader}(first.{file}, names, parser) + rest",
        "    given = vars(parser.parse_args(rest))",
        f'    given.pop("{file}", None)',
    ]


def _keywords(field: Field, helpers: Helpers) -> list[str]:
    """Return the arguments that make the option of a parameter."""
    note = f"{field.note} " if field.note else ""
    text = f"{note}({field.annotation}, default: {literal(field.default)})".replace("%", "%%")
    return [*_reader(field, helpers), f"help={literal(text)}"]


def _reader(field: Field, helpers: Helpers) -> list[str]:
    base = field.annotation.removesuffix(" | None").partition("[")[0]
    if field.choices:
        kinds = {type(choice) for choice in field.choices}
        kind = kinds.pop().__name__ if len(kinds) == 1 else "str"
        return [f"type={kind}", f"choices={literal(list(field.choices))}"]
    if base == "bool" and not field.annotation.endswith("None"):
        return ["action=argparse.BooleanOptionalAction"]
    if base in {"list", "tuple", "dict", "set", "bool"}:
        kind = f"{helpers.use('literal')}({base})"
    elif base in {"date", "datetime"}:
        kind = helpers.use(f"read_{base}")
    else:
        kind = base
    if field.annotation.endswith(" | None"):
        kind = f"{helpers.use('optional')}({kind})"
    return [f"type={kind}", f'metavar="{base.upper()}"']


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _option_line(parser: str, name: str, *keywords: str) -> str:
    dest = [f'dest="{name}"'] if "-" in _option(name)[2:] and "_" not in name else []
    return _call(f"    {parser}.add_argument", [f'"{_option(name)}"', *dest, *keywords])


def _call(start: str, arguments: Sequence[str]) -> str:
    return f"{start}({', '.join(arguments)})"
