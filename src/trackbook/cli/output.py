"""How commands speak: tables for people, JSON for programs, and errors as exit statuses, once for all commands.

0: done.  1: the answer is no (a refused promotion, a difference, a broken store).  2: bad usage.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click
import msgspec

from trackbook.errors import ExecutionError, GateError, IntegrityError, PipelineError, TagWarning, TrackbookError
from trackbook.tracking.words import markdown, number, printable, with_named_numbers

if TYPE_CHECKING:
    from rich.console import Console, OverflowMethod

NO = 1
BAD_USAGE = 2
PIPE_WIDTH = 240
"""Columns for output that no screen limits, so that nothing is cut that another program greps."""

Command = TypeVar("Command", bound=Callable[..., Any])

_NO_ERRORS = (GateError, PipelineError, ExecutionError, IntegrityError)


def console() -> Console:
    """Return a console for standard output; made at each use, as tests replace the stream."""
    from rich.console import Console  # not at once: a command that prints one line does without

    on_screen = sys.stdout.isatty()
    return Console(soft_wrap=not on_screen, width=None if on_screen else PIPE_WIDTH, highlight=False)


def stderr_console() -> Console:
    """Return a console for progress and remarks, which never mix with what a program reads."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def json_option(command: Command) -> Command:
    """Add `--json` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def notebook_argument(command: Command) -> Command:
    """Add the argument NOTEBOOK to a command."""
    from pathlib import Path  # the commands that take one import it anyway

    return click.argument("notebook", type=click.Path(path_type=Path))(command)


def print_json(value: Any) -> None:
    """Print a value as indented JSON; what JSON has no number for becomes the text NaN, Infinity or -Infinity."""
    click.echo(msgspec.json.format(msgspec.json.encode(with_named_numbers(value)), indent=2).decode())


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str, clipped: Collection[str] = ()
) -> None:
    """Print rows as a table, or the sentence `empty` when there are none; stored text is shown as text.

    With `clipped`, each row takes one line: the columns named there are cut where the screen is too narrow, the
    others are not.  Without, columns fold.
    """
    from rich.table import Table
    from rich.text import Text

    rows = [[cell if isinstance(cell, Text) else Text(_shown(cell)) for cell in row] for row in rows]
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        whole = max(len(column), *(row[place].cell_len for row in rows)) if clipped and column not in clipped else None
        overflow: OverflowMethod = "ellipsis" if clipped else "fold"
        table.add_column(column, no_wrap=bool(clipped), overflow=overflow, min_width=whole)
    for row in rows:
        table.add_row(*row)
    console().print(table)


def markdown_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> str:
    """Return a heading and a table in Markdown; cells are Markdown already."""
    lines = [f"### {markdown(title)}", ""]
    if not rows:
        return "\n".join([*lines, empty, ""])
    lines += [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def print_markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Print a heading and a table in Markdown, as `markdown_table` makes them."""
    click.echo(markdown_table(title, columns, rows, empty=empty))


def pairs(values: dict[str, Any]) -> str:
    """Return `a=1 b=2`."""
    return " ".join(f"{name}={number(value) if isinstance(value, float) else value}" for name, value in values.items())


def exits_with_status(command: Command) -> Command:
    """Turn Trackbook's errors into one line on standard error and an exit status."""

    @functools.wraps(command)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                warnings.simplefilter("always", TagWarning)
                return command(*arguments, **keywords)
        except TrackbookError as error:
            click.echo(f"trackbook: {error}", err=True)
            sys.exit(NO if isinstance(error, _NO_ERRORS) else BAD_USAGE)

    return wrapper  # type: ignore[return-value]


_SHOW = warnings.showwarning


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a remark on a notebook as a sentence: the line of Trackbook that made it says nothing to anyone."""
    if issubclass(category, TagWarning):
        click.echo(f"trackbook: {printable(str(message))}", err=True)
    else:
        _SHOW(message, category, filename, lineno, file, line)


def print_text(text: str, style: str | None = None) -> None:
    """Print stored text as text: no markup, and no control characters that the terminal would obey."""
    if style is None:
        click.echo(printable(text))  # the console is slow to import
    else:
        console().print(printable(text), style=style, markup=False)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return printable(number(value) if isinstance(value, float) else str(value))
