"""The table of cell tags: Trackbook's own, and what those of other tools say in them.

Kale writes `block:NAME`, `prev:NAME`, `pipeline-parameters` and `pipeline-metrics`; nbconvert and Jupyter Book
`remove_cell` and `remove-cell`, nbclient `skip-execution`; nbdev marks a cell by comments at its top, `#| export` and
`#| hide`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from trackbook.errors import nearest

PARAMETERS, INJECTED, IMPORTS, FUNCTIONS, SKIP = "parameters", "injected-parameters", "imports", "functions", "skip"
METRICS, UNCACHED, RAISING = "metrics", "cache:off", "raises-exception"
STEP, AFTER = "step:", "after:"

OWN = (PARAMETERS, INJECTED, IMPORTS, FUNCTIONS, SKIP, METRICS, UNCACHED)
PREFIXES = (STEP, AFTER)

ALIASES = {
    "pipeline-parameters": PARAMETERS,
    "pipeline-metrics": METRICS,
    "remove_cell": SKIP,
    "remove-cell": SKIP,
    "skip-execution": SKIP,
}
PREFIX_ALIASES = {"block:": STEP, "prev:": AFTER}
DIRECTIVES = {"export": FUNCTIONS, "exporti": FUNCTIONS, "exports": FUNCTIONS, "hide": SKIP, "eval: false": SKIP}

OTHERS = frozenset(
    f"{action}{sign}{part}"
    for action in ("hide", "remove")
    for sign in ("-", "_")
    for part in ("input", "output", "cell", "stderr", "stdout", "all_outputs", "all-outputs", "single_output")
) | {
    RAISING,
    "full-width",
    "popout",
    "margin",
    "output_scroll",
    "scroll-output",
    "scroll-input",
    "keep_output",
    "nbval-skip",
    "nbval-ignore-output",
    "nbval-check-output",
    "nbval-raises-exception",
    "nbval-test-name",
    "active-ipynb",
    "active-py",
    "solution",
    "exercise",
    "test",
    "slide",
    "subslide",
    "fragment",
    "notes",
}
"""Tags of other tools that say nothing about a pipeline."""

OTHER_PREFIXES = ("annotation:", "label:", "limit:", "image:", "active-", "nbval-", "id:", "outputId:", "colab")

_DIRECTIVE = re.compile(r"#\s?\|\s*(.+?)\s*")


def canonical(tag: str) -> str:
    """Return a tag in Trackbook's words; one that is no alias stays as it is."""
    tag = tag.strip()
    for prefix, own in PREFIX_ALIASES.items():
        if tag.startswith(prefix):
            return own + tag.removeprefix(prefix)
    return ALIASES.get(tag, tag)


def is_own(tag: str) -> bool:
    """Tell whether a tag, in Trackbook's words, says something about a pipeline."""
    return tag in OWN or tag.startswith(PREFIXES)


def is_known(tag: str) -> bool:
    """Tell whether a tag is one of Trackbook or a well-known one of another tool."""
    return is_own(canonical(tag)) or tag in OTHERS or tag.startswith(OTHER_PREFIXES)


def places(tags: Iterable[str]) -> list[str]:
    """Return those of some tags, in Trackbook's words, that say where a cell belongs."""
    return [tag for tag in tags if tag.startswith(STEP) or tag in (PARAMETERS, INJECTED, IMPORTS, FUNCTIONS, SKIP)]


def directives(source: str) -> Iterator[str]:
    """Yield what the comments at the top of a cell (`#| export`) say, as tags."""
    return (tag for _, tag in _comments(source))


def _comments(source: str) -> Iterator[tuple[str, str]]:
    """Yield the comments at the top of a cell that say something, and the tag that each stands for."""
    for line in source.split("\n"):
        text = line.strip()
        if text and not text.startswith(("#", "%")):
            return
        found = _DIRECTIVE.fullmatch(text)
        if found and (tag := DIRECTIVES.get(" ".join(found[1].split()).lower())):
            yield text, tag


def told(tags: Iterable[str], source: str) -> list[str]:
    """Return what the tags of a cell say, in Trackbook's words, and its comments where no tag places it."""
    found = [canonical(tag) for tag in tags]
    return found if places(found) else [*found, *directives(source)]


def is_skipped(tags: Iterable[str], source: str) -> bool:
    """Tell whether a cell is left out of the pipeline, and so of the runs that a pipeline is compared with."""
    return SKIP in told(tags, source)


def written(role: str, tags: Iterable[str], source: str) -> str:
    """Return how a cell says what it is for: ``tag `remove-cell` `` or ``comment `#| hide` ``."""
    for tag in tags:
        if canonical(tag) == role:
            return f"tag `{tag}`"
    return next((f"comment `{text}`" for text, tag in _comments(source) if tag == role), f"tag `{role}`")


def suggestion(tag: str) -> str:
    """Return `; did you mean 'X'?` for a tag that nearly is one of the table, else nothing."""
    name = tag.partition(":")[2]
    prefixed = [prefix + name for prefix in (*PREFIXES, *PREFIX_ALIASES)] if name else []
    return nearest(tag, [*OWN, *ALIASES, *prefixed])
