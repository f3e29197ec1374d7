"""Texts that try to lead out of a folder, and texts that try to run in a page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from urllib.parse import quote

TARGETS = ("secret.txt", "etc/passwd", ".ssh/id_rsa", "trackbook.db")
SEPARATORS = ("/", "\\", "%2f", "%5c", "%252f", "%c0%af", "\u2215", "\uff0f", "\u2044", "//", "/./", ";/")
UPS = ("..", ".. ", "...", "%2e%2e", "%252e%252e", "\uff0e\uff0e", "..\u200b", "....//..")
ABSOLUTE = (
    "/{}", "//{}", "///{}", "\\\\host\\share\\{}", "//host/share/{}", "\\\\?\\C:\\{}", "C:\\{}", "C:/{}", "c:{}",
    "file:///{}", "~/{}", "~root/{}", "$HOME/{}", "%HOME%\\{}", "/proc/self/root/{}", "/dev/fd/../../{}",
)  # fmt: skip
ENDINGS = ("\0", "\0.ipynb", "%00", ".ipynb", "/.", "\\", "\n", "\r\nX-Injected: 1", "?", "#", "|id", "`id`", "*")
MANY = 200


def traversals(folder: str) -> list[str]:
    """Return two hundred texts, no two alike, of which many would lead from a place in `folder` to a file outside."""
    found: dict[str, None] = {}
    for texts in (_climbing(), _absolute(folder), _ending(), _odd()):
        found |= dict.fromkeys(islice(texts, MANY // 4 + 20))
    assert len(found) >= MANY
    return list(found)[:MANY]


def _climbing() -> Iterator[str]:
    for depth, (separator, up) in zip((1, 2, 3, 5, 8, 12) * 20, product(SEPARATORS, UPS), strict=False):
        yield (up + separator) * depth + TARGETS[depth % len(TARGETS)]


def _absolute(folder: str) -> Iterator[str]:
    for form, target in product(ABSOLUTE, (f"{folder.lstrip('/')}/secret.txt", *TARGETS[:2])):
        yield form.format(target)


def _ending() -> Iterator[str]:
    for ending, start in product(ENDINGS, ("../secret.txt", "../../etc/passwd", "model", "a/../../secret.txt")):
        yield start + ending


def _odd() -> Iterator[str]:
    """Yield names that systems give a meaning to, and texts that break what reads them."""
    yield from (".", "..", "../", "./", "/", "\\", "con", "NUL", "aux.txt", "COM1", "-rf", "--help", " ", "\t", "\0")
    yield from (
        "a" * 5000,
        "../" * 1000,
        "\u202e../",
        "\ufeff..",
        "e\u0301",
        "\U0001f4d3",
        "%",
        "%%",
        "%2",
        "%zz",
        "%u2215",
    )
    yield from (quote("../" * depth, safe="") + "secret.txt" for depth in range(1, 9))
    yield from ("' OR 1=1 --", "'; DROP TABLE model; --", "{{7*7}}", "${jndi:ldap://x}", "../*", "[[", "(", "a:b", "@a")
    yield from (
        "models:/../1",
        "data:/../../x@1",
        "runs:/../x",
        "models:/m/../../x",
        "null",
        "true",
        "-1",
        "1e999",
        "NaN",
    )


def script(name: str) -> str:
    """Return a text that notes `name` in the page's window if any of it is run."""
    return f"<img src=x onerror=\"window.hacked='{name}'\"><script>window.hacked='{name}'</script>"
