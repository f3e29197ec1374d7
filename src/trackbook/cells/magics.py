"""What magics, shell lines and cells in other languages do, and code given as a text."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from posixpath import normpath

from trackbook.cells import catalogue
from trackbook.cells.calls import Calls
from trackbook.cells.memory import VALUE
from trackbook.cells.source import CellMagic, parse, read_source
from trackbook.cells.values import NOTHING, Things

_WORD = re.compile(r"[A-Za-z_]\w*")
_EXPANSION = re.compile(r"\{([^{}]*)\}|\$(\w+)")
_RUNNING = frozenset({"time", "prun", "timeit", "track", "step", "capture"})
_BINDING = frozenset({"run", "pylab", "store", "load", "loadpy", "reset", "reset_selective"})
_NAMING = frozenset({"drift", "register", "snapshot", "validate"})
_SHELL = frozenset({"system", "getoutput", "getoutput_list", "sx", "sc"})
_SETTING = {
    "env": "os.environ",
    "set_env": "os.environ",
    "matplotlib": "matplotlib.backend",
    **dict.fromkeys(["pip", "conda", "mamba", "micromamba", "uv"], catalogue.PACKAGES),
}
"""Magics that change a piece of process state."""
_EXTENSIONS = {
    "autoreload": ("autoreload", "aimport"),
    "line_profiler": ("lprun",),
    "memory_profiler": ("memit", "mprun"),
    "trackbook": (),
    "watermark": ("watermark",),
}
"""Extensions that change no result, with the magics that need them."""
_LOADED_BY = {magic: extension for extension, magics in _EXTENSIONS.items() for magic in magics}
_INSTALL = re.compile(r"\s*(?:python3? -m )?(?:pip3?|conda|mamba|micromamba|uv)\s[^;&|`$<>]*\Z")
_LOOKING = re.compile(r"\s*(?:ls|cat|head|tail|wc|pwd|du|df|which|nvidia-smi|date|uname|free|echo)\b[^;&|`$<>\n]*\Z")
"""Shell commands that install packages, and those that write nothing."""


class Magics(Calls):
    """Runs magics, shell lines and texts."""

    def run_text(self, text: str, line: int) -> Things:
        """Run code given as a text, as `exec` and `%time` do; returns what its last expression may give."""
        outer = self.call_line
        self.call_line = line
        try:
            body = parse(text.lstrip(" \t")).body
            last = body[-1] if body and isinstance(body[-1], ast.Expr) else None
            self.execute(body[:-1] if last is not None else body)
            return self.evaluate(last.value) if last is not None else NOTHING
        except (SyntaxError, ValueError):
            self.bind_anything(line)
            return NOTHING
        finally:
            self.call_line = outer

    def run_magic(self, node: ast.Call) -> Things | None:
        """Run a call `get_ipython().…(…)`; None when `node` is another call."""
        func = node.func
        if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call)):
            return None
        if not (isinstance(func.value.func, ast.Name) and func.value.func.id == "get_ipython"):
            return None
        texts = [item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        line = self.line(node)
        if func.attr in _SHELL and texts:
            return self.run_command(texts[0], line)
        if func.attr in {"run_line_magic", "run_cell_magic", "magic"} and texts:
            if texts[0] not in _RUNNING:
                self._expand(" ".join(texts[1:2]), line)
            return self._line_magic([*texts, "", ""], line)
        self.evaluate_all(node.args)
        return self.new()

    def _line_magic(self, texts: list[str], line: int) -> Things:
        name, arguments, body = texts[0], texts[1], texts[2]
        if name in _RUNNING:
            self._run_timed(name, arguments + "\n" + body, line)
        elif name in _BINDING or name in {"who", "whos", "who_ls", "xdel"}:
            self._naming_magic(name, arguments, line)
        elif name == "cd":
            if not arguments.strip().startswith(("/", "~")):
                self.read_state(catalogue.CWD, line)
            self.change_state(catalogue.CWD, line, replace=True)
        elif name in _SETTING:
            self.figures_stay |= name == "matplotlib" and arguments.strip() not in {"inline", ""}
            self.change_state(_SETTING[name], line)
        elif name in {"load_ext", "reload_ext"}:
            known = arguments.strip() in _EXTENSIONS
            self.change_state(f"state:extension {arguments.strip()}" if known else catalogue.MAGICS, line)
        else:
            self.figures_stay |= name == "config" and "close_figures" in arguments
            if name in _LOADED_BY:
                self.read_state(f"state:extension {_LOADED_BY[name]}", line)
            for word in _WORD.findall(arguments):
                if word in self.names or (name in _NAMING and word.isidentifier()):
                    self.read(word, line)
        return self.new()

    def _expand(self, text: str, line: int) -> None:
        """Read the variables that IPython puts for `$name` and `{expression}`."""
        for expression, name in _EXPANSION.findall(text):
            for word in [name] if name else _WORD.findall(expression):
                if word in self.names:
                    self.read(word, line)

    def _naming_magic(self, name: str, arguments: str, line: int) -> None:
        """A magic that binds names that nobody can tell, deletes one or lists them all."""
        if name in _BINDING:
            self.bind_anything(line)
        elif name == "xdel" and arguments.strip().isidentifier():
            self.read(arguments.strip(), line, shallow=True)
            self.unbind(arguments.strip(), line)
        else:
            self.namespace_item(ast.Name("computed"), line)

    def _run_timed(self, name: str, text: str, line: int) -> None:
        statement = re.sub(r"^(\s*-\w+(\s+\d+)?)+\s+", "", text.strip())
        code = read_source(statement)
        if name != "timeit":
            self.run_text(code.python, line)
            return
        before = self.snapshot()
        self.run_text(code.python, line)
        self.restore(before)

    def run_command(self, command: str, line: int) -> Things:
        """Run a command of the shell: what it reads and writes, its text does not tell."""
        self._expand(command, line)
        self._working_folder("", line)
        if "os.environ" in self.library:
            self.read_state("os.environ", line)
        if _INSTALL.match(command):
            self.change_state(catalogue.PACKAGES, line)
            return self.new("list")
        self._read_files(line)
        if not _LOOKING.match(command):
            self.change_state(catalogue.ANY_FILE, line)
        return self.new("list")

    def foreign_cell(self, magic: CellMagic) -> None:
        """A cell in another language: it may read names that its first line gives, and any file."""
        words = _WORD.findall(magic.arguments)
        self._expand(magic.arguments, 1)
        if magic.name in {"writefile", "file"}:
            options = magic.arguments.split()
            path = options[-1].strip("'\"") if options else ""
            named = bool(path) and not _EXPANSION.search(path)
            self._working_folder(catalogue.FILE + path, 1)
            self.change_state(
                catalogue.FILE + normpath(path) if named else catalogue.ANY_FILE, 1, replace=named and len(options) == 1
            )
            return
        if magic.name in {"html", "HTML", "markdown", "latex", "javascript", "js", "svg"}:
            return
        for option, name in pairwise(words):
            if option in {"out", "err"}:
                self.bind(name, VALUE, 1)
        self.run_command(f"{' '.join(magic.arguments.split())}\n{self.source.python}", 1)

    def after_cell(self, magic: CellMagic) -> None:
        """Bind what a first line like `%%capture NAME` binds when the rest of the cell has run."""
        if magic.name == "capture":
            for word in [word for word in magic.arguments.split() if word.isidentifier()][:1]:
                self.bind(word, VALUE, 1)
