"""Command lines of a notebook (`!ls {folder}`, `!pip install x`) as Python, and as requirements of the script."""

from __future__ import annotations

import ast
import builtins
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trackbook.pipeline.script.fields import literal

_QUIET = re.compile(r"\s*(?:&>|[12]?>)\s*(?:/dev/null|&[12])")
_PIP = re.compile(
    r"(?:\S*/|\{sys\.executable\}\s+-m\s+|\$\{?sys\.executable\}?\s+-m\s+|python[\d.]*\s+-m\s+|uv\s+)?pip[\d.]*"
)
_CONDA = re.compile(r"(?:conda|mamba|micromamba)")
_WITH_VALUE = frozenset({"-r", "-c", "-i", "-f", "-t", "-e", "-n", "-p"}) | {
    f"--{name}" for name in ("requirement", "constraint", "index-url", "extra-index-url", "find-links", "target")
} | {"--channel", "--name", "--prefix", "--editable", "--python"}  # fmt: skip
_DISTRIBUTIONS = {
    **{name: name for name in ("altair", "catboost", "duckdb", "jax", "joblib", "keras", "lightgbm", "matplotlib")},
    **{name: name for name in ("networkx", "nltk", "numpy", "pandas", "plotly", "polars", "pyarrow", "requests")},
    **{name: name for name in ("scipy", "seaborn", "statsmodels", "tensorflow", "torch", "tqdm", "xgboost")},
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Well-known modules, with the distributions that they come from."""


def expanded(text: str, known: Iterable[str]) -> str:
    """Return Python for a text in which IPython puts values for `$name` and `{expression}`; `known` are the names.

    Like IPython, it leaves the whole text as it is where one of these cannot be evaluated.
    """
    from IPython.utils.text import DollarFormatter

    names = frozenset(known) | frozenset(dir(builtins))
    parts: list[ast.expr] = []
    try:
        for before, code, rest, conversion in DollarFormatter().parse(text):
            parts += [ast.Constant(before)] if before else []
            if code is not None:
                value = _value(f"{code}:{rest}" if rest else code, names)
                parts.append(ast.FormattedValue(value, ord(conversion) if conversion else -1))
        if not any(isinstance(part, ast.FormattedValue) for part in parts):
            return literal("".join(str(part.value) for part in parts if isinstance(part, ast.Constant)))
        return ast.unparse(ast.JoinedStr(parts))
    except (ValueError, SyntaxError, LookupError):
        return literal(text)


def _value(code: str, names: frozenset[str]) -> ast.expr:
    tree = ast.parse(code.strip(), mode="eval").body
    used = {node.id: node.ctx for node in ast.walk(tree) if isinstance(node, ast.Name)}
    own = {name for name, context in used.items() if isinstance(context, ast.Store)}
    if used.keys() - own - names:
        raise LookupError(code)
    return tree


def text_literal(text: str) -> str:
    """Return a text of many lines as a person would write it in Python, if it may be written so."""
    plain = text.isprintable() or all(line.isprintable() or not line for line in text.replace("\t", " ").split("\n"))
    if "\n" not in text.rstrip("\n") or not plain or "\\" in text or '"""' in text or text.endswith('"'):
        return literal(text)
    return f'"""\\\n{text}"""'


@dataclass(slots=True)
class Requirements:
    """What a notebook installs: `packages` are requirements of its script, of the `others` the script can only tell."""

    packages: dict[str, str] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)

    def take(self, command: str) -> bool:
        """Take a command line if all that it does is installing packages; returns whether it is such."""
        words = _words(_QUIET.sub("", command))
        if words is None:
            return False
        for size in (1, 2, 3):
            start = " ".join(words[:size])
            if words[size : size + 1] == ["install"] and (_PIP.fullmatch(start) or _CONDA.fullmatch(start)):
                for word in _without_options(words[size + 1 :]):
                    self._add(word, conda=_CONDA.fullmatch(start) is not None)
                return True
        return False

    def _add(self, word: str, *, conda: bool) -> None:
        if not (word.isprintable() and word.isascii()):
            return
        try:
            found = None if conda else Requirement(word)
        except InvalidRequirement:
            found = None
        if found is None:
            self.others[f"{word} (with conda)" if conda else word] = None
        else:
            self.packages[canonicalize_name(found.name)] = str(found)

    def header(self, modules: Iterable[str]) -> str:
        """Return the script's metadata (PEP 723), empty where the notebook installs nothing; `modules` it imports."""
        lines: list[str] = []
        if self.packages:
            known = {_DISTRIBUTIONS[name] for name in modules if name in _DISTRIBUTIONS}
            every = {canonicalize_name(name): name for name in known} | self.packages
            needs = [f"#   {json.dumps(every[name])}," for name in sorted(every)]
            lines += ["# /// script", '# requires-python = ">=3.11"', "# dependencies = [", *needs, "# ]", "# ///"]
        if self.others:
            lines.append(f"# The notebook also installs: {', '.join(self.others)}")
        return "\n".join(lines)


def _words(command: str) -> list[str] | None:
    """Return the words of a single command, None for anything that a shell would make more of."""
    if re.search(r"[;&|`\n]|\$\(", command):
        return None
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return None


def _without_options(words: Sequence[str]) -> list[str]:
    """Return the packages in the arguments of an installer; a file of requirements is named as it is."""
    found: list[str] = []
    skip = False
    for word in words:
        if not skip and not word.startswith("-"):
            found.append(word)
        skip = word in _WITH_VALUE
    return found
