"""What becomes of each magic, shell line and cell in another language in a script: a table.

A form is Python that does what the magic does, with the helpers that the script takes along; None leaves the
magic out, since it only sets up the notebook or shows something about it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trackbook.cells.scopes import bound_names
from trackbook.cells.source import PYTHON_CELL_MAGICS, parse
from trackbook.errors import NotebookError, nearest
from trackbook.pipeline.script.commands import Requirements, expanded, text_literal
from trackbook.pipeline.script.edits import indent
from trackbook.pipeline.script.fields import literal
from trackbook.pipeline.script.helpers import Helpers

OWN_MAGICS = frozenset(
    ("track", "runs", "compare", "reproduce", "snapshot", "validate", "register", "promote", "models", "drift", "step")
)
DROPPED_MAGICS = OWN_MAGICS | frozenset(
    (
        *("matplotlib", "load_ext", "reload_ext", "unload_ext", "autoreload", "config", "precision", "gui", "pprint"),
        *("pinfo", "pinfo2", "pdoc", "pdef", "psource", "pfile", "psearch", "who", "whos", "lsmagic", "magic"),
        *("quickref", "history", "hist", "notebook", "save", "load", "loadpy", "page", "pycat", "colors", "xmode"),
        *("automagic", "autosave", "autocall", "pdb", "connect_info", "qtconsole", "logon", "logoff", "logstart"),
        *("logstate", "logstop", "alias", "unalias", "dhist", "bookmark", "killbgscripts", "watermark"),
    )
)
"""Line magics that only set up the notebook or show something about it."""
DROPPED_CELLS = frozenset(("html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG"))
"""Cell magics whose cell is shown, not run."""
ALIASES = {"ls": "ls -F --color", "ll": "ls -F -o --color"} | {
    name: name for name in ("cat", "cp", "mkdir", "mv", "rm", "rmdir")
}
"""Shell commands that IPython knows as magics."""
_PROGRAMS = frozenset(("bash", "sh", "perl", "ruby", "pypy", "python", "python2", "python3"))
REMEDY = "tag the cell `skip`, or write it in Python"

FileText = Callable[[str], str | None]


def no_file(path: str) -> None:
    """Give no text, whatever the file."""


@dataclass(frozen=True, slots=True)
class Magic:
    """A magic: `arguments` are the rest of its line, `body` is the text of its cell, `place` names cell and line."""

    name: str
    arguments: str
    place: str
    body: str | None = None

    def __str__(self) -> str:
        text = f"{'' if self.name[:1] == '!' else '%'}{self.name} {self.arguments}".strip()
        text = text if self.body is None else f"%{text}"
        return text if len(text) <= 60 else f"{text[:59]}…"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose for a conversion.

    Shell lines need `allow_shell`; with `keep_ipython`, magics without a form stay magics, and the script needs
    IPython.  `file_text` gives the text of a file that the notebook names, None where there is none.  `target` is the
    step or variable that the script is for, None for all.
    """

    allow_shell: bool = False
    keep_ipython: bool = False
    file_text: FileText = no_file
    target: str | None = None


@dataclass(slots=True)
class Forms:
    """Finds the forms of the magics of one script.

    `code` gives the form of code in a magic; `known` are the names that the notebook binds up to here, and `read`
    those that it reads anywhere.
    """

    helpers: Helpers
    requirements: Requirements
    choices: Choices
    read: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    code: Callable[[str, Magic], str] = lambda text, magic: text

    def line(self, magic: Magic) -> str | None:
        """Return the form of a line magic.  Raises NotebookError where there is none."""
        if magic.name in DROPPED_MAGICS and not self._is_for_others(magic):
            return None
        if form := _LINES.get(magic.name):
            return form(self, magic)
        return self._kept(magic, _LINES.keys() | DROPPED_MAGICS)

    def cell(self, magic: Magic) -> str | None:
        """Return the form of a cell in another language.  Raises NotebookError where there is none."""
        if magic.name in DROPPED_CELLS:
            return None
        if form := _CELLS.get(magic.name):
            return form(self, magic)
        return self._kept(magic, _CELLS.keys() | DROPPED_CELLS | PYTHON_CELL_MAGICS)

    def wrap(self, magic: Magic) -> str:
        """Return the code of a cell under a first line that says how it runs."""
        assert magic.body is not None
        if magic.name == "timeit":
            return self._time_code(magic, setup=True)
        return self._capture(magic) if magic.name == "capture" else magic.body

    def _is_for_others(self, magic: Magic) -> bool:
        """Tell whether a magic loads what magics that are kept need."""
        loads = magic.name in {"load_ext", "reload_ext"} and magic.arguments != "trackbook"
        return self.choices.keep_ipython and loads

    def _kept(self, magic: Magic, known: frozenset[str] | set[str]) -> str:
        if not self.choices.keep_ipython:
            hint = nearest(magic.name, sorted(known)) if magic.name else "; take out the blank after `%`"
            raise NotebookError(
                f"{magic.place}: `{magic}` has no form in a script{hint}; {REMEDY}, or keep it with --keep-ipython"
            )
        words = set(re.findall(r"[^\W\d]\w*", f"{magic.arguments} {magic.body or ''}"))
        names = ", ".join(f"{name}={name}" for name in sorted(words & self.known))
        given = [literal(magic.name), self._expanded(magic.arguments)]
        given += [text_literal(magic.body)] if magic.body is not None else []
        kind = "line" if magic.body is None else "cell"
        return f"{self.helpers.use('ipython')}({names}).run_{kind}_magic({', '.join(given)})"

    def _expanded(self, text: str) -> str:
        return expanded(text, self.known)

    # ---- the shell

    def _require_shell(self, magic: Magic, shown: str) -> None:
        if not self.choices.allow_shell:
            first = shown.strip().split("\n")[0][:60]
            raise NotebookError(
                f"{magic.place}: `{first}` runs a shell command; read it, and then convert with --allow-shell, "
                f"or {REMEDY}"
            )

    def system(self, magic: Magic) -> str | None:
        """Return the form of `!command`."""
        command = magic.arguments
        if self.requirements.take(command):
            return None
        self._require_shell(magic, f"!{command}")
        return f"{self.helpers.use('shell')}({self._expanded(command)})"

    def output(self, magic: Magic) -> str:
        """Return the form of `!!command`, and of `lines = !command`."""
        command = magic.arguments if magic.body is None else magic.body
        self._require_shell(magic, f"!{command}")
        return f"{self.helpers.use('shell_lines')}({self._expanded(command)})"

    def _alias(self, magic: Magic) -> str | None:
        command = f"{ALIASES[magic.name]} {magic.arguments}".strip()
        return self.system(Magic("!", command, magic.place))

    def _install(self, magic: Magic) -> str | None:
        self.requirements.take(f"{magic.name} {magic.arguments}")
        return None

    def _program(self, magic: Magic) -> str:
        """Return the form of `%%bash` and its like."""
        assert magic.body is not None
        words = _words(magic)
        options: dict[str, str] = {}
        rest: list[str] = []
        while words:
            word = words.pop(0)
            name, _, value = word.partition("=")
            if name in {"--out", "--err", "--proc"}:
                options[name] = value or (words.pop(0) if words else "")
            elif name in {"--bg", "--no-raise-error", "--raise-error"}:
                options[name] = ""
            else:
                rest.append(word)
        command = rest if magic.name == "script" else [magic.name, *rest]
        self._require_shell(magic, f"%%{magic.name} {magic.arguments}".strip())
        if {"--bg", "--proc"} & options.keys() or not command:
            raise NotebookError(f"{magic.place}: `%%{magic.name} {magic.arguments}` has no form in a script; {REMEDY}")
        given = [f"[{', '.join(map(self._expanded, command))}]", text_literal(magic.body)]
        given += ["check=False"] if "--no-raise-error" in options else []
        given += [f"{name[2:]}=False" for name in ("--out", "--err") if name in options]
        call = f"{self.helpers.use('run_program')}({', '.join(given)})"
        targets = [_identifier(options.get(name, "_"), magic) for name in ("--out", "--err")]
        return call if targets == ["_", "_"] else f"{', '.join(targets)} = {call}"

    # ---- folder, environment, files

    def _folder(self, magic: Magic) -> str | None:
        words = _words(magic)
        path = " ".join(word for word in words if word != "-q")
        if path.startswith("-"):
            raise NotebookError(f"{magic.place}: `{magic}` has no form in a script; name the folder")
        quiet = ", quiet=True" if "-q" in words else ""
        return f"{self.helpers.use('change_folder')}({self._expanded(path or '~')}{quiet})"

    def _current_folder(self, magic: Magic) -> str:
        return f"{self.helpers.use('current_folder')}()"

    def _variable(self, magic: Magic) -> str | None:
        name, equals, value = magic.arguments.partition("=" if "=" in magic.arguments else " ")
        if not magic.arguments:
            return None  # all variables, secrets included
        if not equals:
            return f"{self.helpers.use('variable')}({self._expanded(name)})"
        given = f"{self._expanded(name.strip())}, {self._expanded(value.strip())}"
        return f"{self.helpers.use('set_variable')}({given})"

    def _write_file(self, magic: Magic) -> str:
        assert magic.body is not None
        words = _words(magic)
        paths = [word for word in words if word not in {"-a", "--append"}]
        if len(paths) != 1:
            raise NotebookError(f"{magic.place}: `%%{magic.name}` needs one path; write it behind the magic")
        append = ", append=True" if len(words) > 1 else ""
        return f"{self.helpers.use('write_file')}({self._expanded(paths[0])}, {text_literal(magic.body)}{append})"

    def _run_file(self, magic: Magic) -> str:
        words = [word for word in _words(magic) if word != "-n"]
        if not words or words[0].startswith("-") or words[0].endswith((".ipynb", ".ipy")):
            raise NotebookError(
                f"{magic.place}: `{magic}` has no form in a script; make what it runs a Python file that is run "
                "without options, or a module, and import it"
            )
        call = f"{self.helpers.use('run_file')}({', '.join(map(self._expanded, words))})"
        names = sorted(self._bound_in(words[0]) & self.read)
        if not names:
            return call
        holder = self.helpers.free_name("left")
        return "\n".join([f"{holder} = {call}", *(f"{name} = {holder}[{literal(name)}]" for name in names)])

    def _bound_in(self, path: str) -> frozenset[str]:
        """Return the names that a Python file binds at its top level."""
        text = self.choices.file_text(path)
        if text is None:
            text = self.choices.file_text(f"{path}.py")
        try:
            tree = ast.parse(text or "")
        except (SyntaxError, ValueError):
            return frozenset()
        return frozenset(bound_names(tree))

    # ---- code

    def _time(self, magic: Magic) -> str | None:
        statement = re.sub(r"^(-\w+(\s+[\w.]+)?\s+)+", "", magic.arguments) if magic.name == "prun" else magic.arguments
        statement = re.sub(r"^--no-raise-error\s+", "", statement)
        return self.code(statement, magic) if statement.strip() else None

    def _time_line(self, magic: Magic) -> str:
        return self._time_code(magic, setup=False)

    def _time_code(self, magic: Magic, *, setup: bool) -> str:
        options, first = _timing_options(magic.arguments)
        before, code = (first, magic.body or "") if setup else ("", first)
        prepared = self.code(before, magic) if before.strip() else ""
        code = (code if setup else self.code(code, magic)).strip("\n")
        name = self.helpers.free_name("timed")
        loop = f"for _ in times:\n{indent(code if code.strip() else 'pass')}"
        body = indent(f"{prepared}\n{loop}" if prepared else loop)
        return f"def {name}(times):\n{body}\n\n\n{self.helpers.use('time_code')}({', '.join([name, *options])})"

    def _timing(self, magic: Magic) -> str:
        """Return the form of `result = %timeit -o expression`."""
        options, code = _timing_options(magic.arguments)
        return f"{self.helpers.use('time_code')}({', '.join([f'lambda times: [({code}) for _ in times]', *options])})"

    def value(self, magic: Magic) -> str | None:
        """Return the form of a line magic whose value is used."""
        return self._timing(magic) if magic.name == "timeit" else self.line(magic)

    def _capture(self, magic: Magic) -> str:
        words = _words(magic)
        names = [_identifier(word, magic) for word in words if not word.startswith("-")]
        options = [f"{kind}=False" for kind in ("stdout", "stderr") if f"--no-{kind}" in words]
        given = f"{self.helpers.use('capture')}({', '.join(options)})"
        target = f" as {names[0]}" if names else ""
        body = magic.body if magic.body and parse(magic.body).body else "pass"
        return f"with {given}{target}:\n{indent(body)}"

    def _delete(self, magic: Magic) -> str:
        return f"del {_identifier(magic.arguments, magic)}"

    def _pylab(self, magic: Magic) -> str:
        stars = "" if "--no-import-all" in magic.arguments else "\nfrom pylab import *\nfrom numpy import *"
        return (
            "import matplotlib\nimport numpy\nimport numpy as np\nfrom matplotlib import pyplot\n"
            f"import matplotlib.pyplot as plt{stars}"
        )


def _words(magic: Magic) -> list[str]:
    try:
        return shlex.split(magic.arguments)
    except ValueError as error:
        raise NotebookError(f"{magic.place}: the words behind `{magic}` cannot be told apart: {error}") from error


def _identifier(name: str, magic: Magic) -> str:
    if not name.isidentifier():
        raise NotebookError(f"{magic.place}: `{name}` behind `{magic}` is no name; write one")
    return name


def _timing_options(arguments: str) -> tuple[list[str], str]:
    """Return the options of `%timeit` as arguments of its helper, and the code behind them."""
    found = re.match(r"(?:-[oqcv]+\s+|-[nrtpc]\s*\d+\s+)*", f"{arguments} ")
    given = found[0] if found else ""
    options = [
        f"{name}={match[1]}"
        for key, name in (("n", "loops"), ("r", "runs"))
        if (match := re.search(rf"-{key}\s*(\d+)", given))
    ]
    options += ["quiet=True"] if re.search(r"-[oqcv]*q", given) else []
    return options, arguments[len(given) :].strip()


_Form = Callable[[Forms, Magic], str | None]
_LINES: Mapping[str, _Form] = {
    **dict.fromkeys(("time", "prun"), Forms._time),
    "timeit": Forms._time_line,
    **dict.fromkeys(("pip", "conda", "mamba", "micromamba", "uv"), Forms._install),
    **dict.fromkeys(("sx", "system", "!!"), Forms.output),
    "!": Forms.system,
    **dict.fromkeys(ALIASES, Forms._alias),
    "cd": Forms._folder,
    "pwd": Forms._current_folder,
    **dict.fromkeys(("env", "set_env"), Forms._variable),
    "run": Forms._run_file,
    "xdel": Forms._delete,
    "pylab": Forms._pylab,
}
_CELLS: Mapping[str, _Form] = {
    **dict.fromkeys(("writefile", "file"), Forms._write_file),
    **dict.fromkeys((*_PROGRAMS, "script"), Forms._program),
    **dict.fromkeys(("sx", "system", "!"), Forms.output),
}
