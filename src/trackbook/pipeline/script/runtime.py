"""Functions that a pipeline script takes along, to print, draw and run as its notebook did.

Conversion copies the text of those that a script needs with the imports that they need (`helpers`), so none of
them knows Trackbook or IPython, and ruff lays their text out.
"""

import argparse
import ast
import asyncio
import atexit
import collections
import contextlib
import inspect
import io
import json
import os
import pty
import statistics
import subprocess
import sys
import timeit
import tomllib
import traceback
import types
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from IPython.core.interactiveshell import InteractiveShell


class Output:
    """The folder given with `--out`: its files are numbered as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0

    def path(self, suffix: str) -> Path:
        """Return the path of the next file."""
        self.number += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{self.number:03}{suffix}"


OUT: Output | None = None


def show(value: Any) -> None:
    """Print a value as the notebook showed it; with `--out` its HTML is saved too."""
    if value is None:
        return
    text = pretty(value)
    # What stands for a picture in a notebook is no text to read.
    if not text.startswith(("<Axes", "<Figure size", "<matplotlib.", "<IPython.core.display")):
        print(text)
    rich = hasattr(value, "_repr_html_") and not isinstance(value, type)
    if OUT is not None and rich and (html := value._repr_html_()):
        OUT.path(".html").write_text(html, encoding="utf-8")


def display(*values: Any, **options: Any) -> None:
    """Print values as the notebook displayed them."""
    for value in values:
        print(value) if value is None else show(value)


def log_metric(key: str, value: Any, step: int | None = None) -> None:
    """Report a metric to what runs the script: `trackbook pipeline run` logs it, others let it pass."""
    sys.audit("script.metric", key, value, step)


def log_metrics(metrics: Mapping[str, Any], step: int | None = None) -> None:
    """Report several metrics."""
    for key, value in metrics.items():
        log_metric(key, value, step)


def pretty(value: Any, column: int = 0, indent: int = 0, after: int = 0) -> str:
    """Return the text of a value as a notebook lays it out: 79 columns wide, sets in order."""
    found = parts_of(value)
    if found is None:
        return text_of(value).replace("\n", "\n" + " " * indent)
    start, parts, end = found
    if len(parts) < 40:
        line = start + ", ".join(key + pretty(part, -10_000) for key, part in parts) + end
        if "\n" not in line and column + len(line) + after <= 79:
            return line
    indent += len(start)
    lines = []
    for number, (key, part) in enumerate(parts[:1000], start=1):
        place = (column + len(start) if number == 1 else indent) + len(key)
        rest = len(end) + after if number == len(parts) else 1
        lines.append(key + pretty(part, place, indent, rest))
    lines += ["..."] if len(parts) > 1000 else []
    return start + (",\n" + " " * indent).join(lines) + end


def parts_of(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    """Return how a container begins, its parts behind what stands before them, and how it ends."""
    name = type(value).__name__ + "("
    for kind in type(value).__mro__:
        if kind in (list, tuple):
            end = "]" if kind is list else ",)" if len(value) == 1 else ")"
            return "[" if kind is list else "(", [("", part) for part in value], end
        if kind is dict:
            return "{", [(pretty(key) + ": ", part) for key, part in value.items()], "}"
        if kind in (set, frozenset) and value:
            start, end = ("{", "}") if kind is set else ("frozenset({", "})")
            return start, [("", part) for part in in_order(value)], end
        if kind is collections.defaultdict:
            return name, [("", value.default_factory), ("", dict(value))], ")"
        if kind is collections.Counter:
            return name, [("", dict(value.most_common()))] if value else [], ")"
        if kind is collections.OrderedDict:
            return name, [("", list(value.items()))] if value else [], ")"
        if kind is collections.deque:
            size = [] if value.maxlen is None else [("maxlen=", value.maxlen)]
            return name, [("", list(value)), *size], ")"
        if "__repr__" in vars(kind) or "_repr_pretty_" in vars(kind):
            return None
    return None


def in_order(values: Any) -> list[Any]:
    """Return the members of a set sorted, by their text where they cannot be compared."""
    if len(values) >= 1000:
        return list(values)
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)


def text_of(value: Any) -> str:
    """Return the text of a value without parts; classes and functions are named as in a notebook."""
    kind: Any = type(value)
    if isinstance(value, type) and kind.__repr__ is type.__repr__:
        module = "" if value.__module__ in (None, "builtins") else f"{value.__module__}."
        return f"{module}{value.__qualname__}"
    if kind in (types.FunctionType, types.BuiltinFunctionType):
        module = "" if value.__module__ in (None, "builtins") else f"{value.__module__}."
        with contextlib.suppress(ValueError):
            return f"<function {module}{value.__qualname__}{inspect.signature(value)}>"
        return f"<function {module}{value.__qualname__}>"
    if hasattr(kind, "_repr_pretty_"):
        # Such values lay themselves out for IPython, which a script does not need otherwise.
        with contextlib.suppress(ImportError):
            from IPython.lib import pretty as layout

            return str(vars(layout)["pretty"](value))
    if kind.__repr__ is object.__repr__:
        return f"<{text_of(kind)} at {id(value):#x}>"
    return "\n".join(repr(value).splitlines())


def save_figures(*arguments: Any, **options: Any) -> None:
    """Close the open figures, as a notebook does when it shows them; `--out` saves them before."""
    for number in plt.get_fignums():
        if OUT is not None:
            plt.figure(number).savefig(OUT.path(".png"), bbox_inches="tight")
        plt.close(number)


def shell(command: str) -> None:
    """Run a command as `!` does: in a terminal of its own, with what it writes on standard output."""
    sys.stdout.flush()
    ours, theirs = pty.openpty()
    program = [os.environ.get("SHELL", "sh"), "-c", command]
    with subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True):
        os.close(theirs)
        # Linux raises OSError when the last program has closed the terminal.
        with open(ours, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
            while text := terminal.read(65536):
                print(text.decode(errors="replace").replace("\r\n", "\n"), end="", flush=True)


class Lines(list[str]):
    """The lines that a command wrote."""

    n = property("\n".join, doc="The lines as one text.")
    s = property(" ".join, doc="The lines in one line.")
    p = property(lambda self: [Path(line) for line in self], doc="The lines as paths.")


def shell_lines(command: str) -> Lines:
    """Run a command and return the lines that it writes."""
    sys.stdout.flush()
    program = [os.environ.get("SHELL", "sh"), "-c", command]
    out, no = subprocess.STDOUT, subprocess.DEVNULL
    done = subprocess.run(program, stdin=no, stdout=subprocess.PIPE, stderr=out)
    return Lines(done.stdout.decode(errors="replace").splitlines())


def run_program(
    command: list[str], text: str, *, out: bool = True, err: bool = True, check: bool = True
) -> tuple[str, str]:
    """Run a program with a text as its input; print and return what it writes."""
    sys.stdout.flush()
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    found = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    print(found[0] if out else "", end="")
    print(found[1] if err else "", end="", file=sys.stderr)
    if check:
        done.check_returncode()
    return found


def run_file(path: str, *arguments: str) -> dict[str, Any]:
    """Run a Python file as a program of its own, and return the variables that it leaves."""
    file = Path(path).expanduser()
    file = file if file.is_file() else file.with_name(f"{file.name}.py")
    module = types.ModuleType("__main__")
    module.__file__ = str(file)
    before = sys.argv, sys.modules["__main__"]
    sys.argv, sys.modules["__main__"] = [str(file), *arguments], module
    sys.path.insert(0, str(file.resolve().parent))
    try:
        exec(compile(file.read_bytes(), str(file), "exec"), vars(module))
    except SystemExit:
        pass
    except Exception:
        traceback.print_exc()
    finally:
        sys.argv, sys.modules["__main__"] = before
        sys.path.pop(0)
    return vars(module)


def change_folder(path: str, *, quiet: bool = False) -> None:
    """Change the working folder, and print where that is."""
    try:
        os.chdir(Path(path).expanduser())
    except OSError as error:
        print(error)
    if not quiet:
        print(Path.cwd())


def current_folder() -> str:
    """Return the working folder."""
    return str(Path.cwd())


def variable(name: str) -> str:
    """Return an environment variable."""
    return os.environ[name]


def set_variable(name: str, value: str) -> None:
    """Set an environment variable, and print it."""
    os.environ[name] = value
    print(f"env: {name}={value}")


def write_file(path: str, text: str, *, append: bool = False) -> None:
    """Write a text to a file, and print that."""
    file = Path(path).expanduser()
    print("Writing" if not file.exists() else "Appending to" if append else "Overwriting", file)
    with file.open("a" if append else "w", encoding="utf-8") as stream:
        stream.write(text)


class Timing:
    """How long code takes: `timings` are the seconds of one loop in each run."""

    def __init__(self, all_runs: list[float], loops: int) -> None:
        self.all_runs, self.loops, self.repeat = all_runs, loops, len(all_runs)
        self.timings = [seconds / loops for seconds in all_runs]
        self.best, self.worst = min(self.timings), max(self.timings)
        self.average, self.stdev = statistics.mean(self.timings), statistics.pstdev(self.timings)

    def __str__(self) -> str:
        times = " ± ".join(map(self.text, (self.average, self.stdev)))
        runs = f"{self.repeat} run{'s' * (self.repeat != 1)}"
        loops = f"{self.loops:,} loop{'s' * (self.loops != 1)} each"
        return f"{times} per loop (mean ± std. dev. of {runs}, {loops})"

    def __repr__(self) -> str:
        return f"<TimeitResult : {self}>"

    @staticmethod
    def text(seconds: float) -> str:
        """Return a time with its unit."""
        units = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
        unit = next((unit for unit, size in units.items() if seconds >= size), "ns")
        return f"{seconds / units[unit]:.3g} {unit}"


def time_code(code: Callable[[Iterable[int]], Any], *, loops: int = 0, runs: int = 7, quiet: bool = False) -> Timing:
    """Run code many times, and print how long it takes."""
    number = loops or 1
    while not loops and number < 10**9 and timeit.timeit(partial(code, range(number)), number=1) < 0.2:
        number *= 10
    timing = Timing(timeit.repeat(partial(code, range(number)), repeat=runs, number=1), number)
    if not quiet:
        print(timing)
    return timing


class Captured:
    """What a block of code printed."""

    def __init__(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()

    @property
    def stdout(self) -> str:
        """The text that went to standard output."""
        return self.out.getvalue()

    @property
    def stderr(self) -> str:
        """The text that went to standard error."""
        return self.err.getvalue()

    def __str__(self) -> str:
        return self.stdout

    def show(self) -> None:
        """Print all of it."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)

    __call__ = show


@contextlib.contextmanager
def capture(*, stdout: bool = True, stderr: bool = True) -> Iterator[Captured]:
    """Keep what a block of code prints."""
    captured = Captured()
    with contextlib.ExitStack() as stack:
        if stdout:
            stack.enter_context(contextlib.redirect_stdout(captured.out))
        if stderr:
            stack.enter_context(contextlib.redirect_stderr(captured.err))
        yield captured


@cache
def event_loop() -> asyncio.Runner:
    """Return what runs the loop that all steps share, as the cells of a notebook do."""
    runner = asyncio.Runner()
    atexit.register(runner.close)
    return runner


def in_loop(step: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Let a step run in the shared loop, where its tasks go on during later steps."""

    async def begin(coroutine: Coroutine[Any, Any, Any]) -> Any:
        result = await coroutine
        await asyncio.sleep(0)  # new tasks begin now
        return result

    @wraps(step)
    def run(*values: Any, **named: Any) -> Any:
        return event_loop().run(begin(step(*values, **named)))

    return run


def ipython(**variables: Any) -> InteractiveShell:
    """Return the shell of IPython, which then knows some variables."""
    found = InteractiveShell.instance()
    found.push(variables)  # type: ignore[no-untyped-call]
    return found


def print_error() -> None:
    """Print what was raised: a notebook goes on behind a cell that is said to raise."""
    sys.stdout.flush()
    traceback.print_exc()


def options_in(file: Path, names: Iterable[str], parser: argparse.ArgumentParser) -> list[str]:
    """Return the values in a TOML or JSON file as options of the command line."""
    try:
        text = file.read_text(encoding="utf-8")
        values = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        parser.error(f"cannot read --params {file}: {error}")
    known, options = set(names), []
    for name, value in values.items():
        if name not in known:
            parser.error(f"{file}: no parameter is called {name!r}; write one of {sorted(known)}")
        option = name.replace("_", "-")
        if isinstance(value, bool):
            options.append(f"--{option}" if value else f"--no-{option}")
        else:
            options.append(f"--{option}={value}")
    return options


def literal(kind: type) -> Callable[[str], Any]:
    """Return a reader of values such as lists, written as Python writes them."""

    def read(text: str) -> Any:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = None
        value = tuple(value) if kind is tuple and isinstance(value, list) else value
        if not isinstance(value, kind):
            what = f"{text!r} is no {kind.__name__}; write it like the default, in quotes"
            raise argparse.ArgumentTypeError(what)
        return value

    return read


def optional(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader that takes `None` as well."""

    def read(text: str) -> Any:
        return None if text == "None" else kind(text)

    return read


def read_date(text: str) -> date:
    """Read a date."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it like 2026-12-31") from None


def read_datetime(text: str) -> datetime:
    """Read a date with a time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time; write it like 2026-12-31T23:59:59"
        raise argparse.ArgumentTypeError(what) from None
