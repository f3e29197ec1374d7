"""What a cell printed and showed, copied while it goes to where it always goes.

The streams and publishers of the shell stay the objects that they are, as the user's code may hold them: only their
methods are wrapped while a cell runs.  No object of the user's is asked for a text of its own: what is kept is what
IPython made of it to show it.
"""

from __future__ import annotations

import ast
import base64
import binascii
import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from trackbook.capture.fingerprint.values import kind_of
from trackbook.capture.redaction import redact

MAX_FIGURES = 20
MAX_FIGURE_BYTES = 4_000_000
MAX_TABLE_ROWS = 1_000
MAX_TABLE_COLUMNS = 100
IMAGES = {"image/png": "png", "image/jpeg": "jpg"}
_LITERAL = ("'", '"', "{", "[", "(")
CUT = "[… the beginning is left out …]\n"


class Output(msgspec.Struct, frozen=True):
    """One file of what a cell showed: its path in the run and its content."""

    path: str
    content: bytes


class OutputWatcher:
    """Copies what one IPython shell shows; one cell at a time.  `max_text` is in characters for each text."""

    def __init__(self, shell: Any, max_text: int) -> None:
        self._shell = shell
        self._max_text = max_text
        self._wrapped: list[tuple[Any, str]] = []
        self._reset()

    def start(self) -> None:
        """Begin to copy."""
        self.stop()
        self._reset()
        for name, tail in (("stdout", self._stdout), ("stderr", self._stderr)):
            self._wrap(getattr(sys, name), "write", functools.partial(self._copying, tail))
        hook = self._shell.displayhook
        self._wrap(self._shell.display_pub, "publish", functools.partial(self._noting, self._published))
        self._wrap(hook, "write_format_data", functools.partial(self._noting, self._shown))
        for name in ("write_output_prompt", "finish_displayhook"):
            self._wrap(hook, name, functools.partial(self._noting, _nothing))

    def stop(self) -> None:
        """Stop copying."""
        for owner, name in reversed(self._wrapped):
            with suppress(AttributeError):  # the user's code has put its own method there, and taken it away
                delattr(owner, name)
        self._wrapped.clear()

    def outputs(self, value: Any = None) -> tuple[Output, ...]:
        """Return what was copied since `start`, redacted; `value` is the cell's last value."""
        return tuple(self._outputs(value))

    def _outputs(self, value: Any) -> Iterator[Output]:
        texts = {"stdout.txt": self._stdout.text(), "stderr.txt": self._stderr.text(), "value.txt": self._value}
        texts["displayed.txt"] = "\n".join(self._displayed)
        for name, text in texts.items():
            if text:
                yield Output(f"outputs/{name}", _text(text, self._max_text))
        for number, (suffix, content) in enumerate(self._images, 1):
            yield Output(f"outputs/figure-{number}.{suffix}", content)
        if (table := _table(value)) is not None:
            yield Output("outputs/table.csv", table)

    def _reset(self) -> None:
        self._stdout, self._stderr = _Tail(self._max_text), _Tail(self._max_text)
        self._value = ""
        self._showing = False
        self._displayed: list[str] = []
        self._images: list[tuple[str, bytes]] = []

    def _wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        try:
            setattr(owner, name, make(getattr(owner, name)))
        except (AttributeError, TypeError):
            return  # a stream without room for an attribute is not copied
        self._wrapped.append((owner, name))

    def _copying(self, tail: _Tail, write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def copying(text: Any, *arguments: Any, **keywords: Any) -> Any:
            written = write(text, *arguments, **keywords)
            if not self._showing:
                tail.add(text)
            return written

        return copying

    def _noting(self, note: Callable[..., None], show: Callable[..., Any]) -> Callable[..., Any]:
        """Note what is shown; in a terminal the shell prints it, which is no output of the cell's own."""

        @functools.wraps(show)
        def noting(*arguments: Any, **keywords: Any) -> Any:
            with suppress(Exception):  # what a library hands over may be anything, and must be shown all the same
                note(*arguments, **keywords)
            self._showing = True
            try:
                return show(*arguments, **keywords)
            finally:
                self._showing = False

        return noting

    def _published(self, data: Any, *_: Any, **__: Any) -> None:
        self._keep(data)

    def _shown(self, data: Any, *_: Any, **__: Any) -> None:
        if isinstance(data, Mapping) and not self._keep_images(data):
            self._value = str(data.get("text/plain", ""))

    def _keep(self, data: Any) -> None:
        if isinstance(data, Mapping) and not self._keep_images(data):
            text = data.get("text/plain")
            if isinstance(text, str) and sum(map(len, self._displayed)) < self._max_text:
                self._displayed.append(text)

    def _keep_images(self, data: Mapping[str, Any]) -> bool:
        """Keep the images in what was shown; False when there is none."""
        found = [(suffix, _bytes(data[kind])) for kind, suffix in IMAGES.items() if kind in data]
        room = MAX_FIGURES - len(self._images)
        self._images += [(suffix, image) for suffix, image in found if 0 < len(image) <= MAX_FIGURE_BYTES][:room]
        return bool(found)


class _Tail:
    """The last `limit` characters of a stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self._length = 0
        self._cut = False

    def add(self, text: object) -> None:
        if isinstance(text, str):
            self._parts.append(text[-self._limit :])
            self._length += len(text)
            if self._length > 2 * self._limit:
                self._shorten()

    def text(self) -> str:
        self._shorten()
        return (CUT if self._cut else "") + "".join(self._parts)

    def _shorten(self) -> None:
        whole = "".join(self._parts)
        self._cut = self._cut or self._length > self._limit
        self._parts = [whole[-self._limit :]]
        self._length = len(self._parts[0])


def _nothing(*_: Any, **__: Any) -> None:
    """Note nothing: what the shell prints around a value is not the cell's."""


def _text(text: str, limit: int) -> bytes:
    cut = text if len(text) <= limit + len(CUT) else text[:limit] + "\n[… the end is left out …]"
    return redact(_redacted_literal(cut), prose=True).encode("utf-8", "backslashreplace")


def _redacted_literal(text: str) -> str:
    """Return the text of a Python literal without the secrets that its quotes and escapes may hide from a search."""
    if not text.startswith(_LITERAL):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    plain = value if isinstance(value, str) else json.dumps(_with_text_keys(value), default=str)
    redacted = redact(plain, prose=True)
    if redacted == plain:
        return text
    return repr(redacted) if isinstance(value, str) else redacted


def _with_text_keys(value: Any) -> Any:
    """Return the value of a literal as JSON can hold it: any value may be a key in Python."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list | tuple | set) else value


def _bytes(image: Any) -> bytes:
    """Return an image as bytes; what IPython hands over may be in base 64 already."""
    if isinstance(image, bytes):
        return image
    try:
        return base64.b64decode(image, validate=False)
    except (binascii.Error, ValueError, TypeError):
        return b""


def _table(value: Any) -> bytes | None:
    """Return the first rows of a frame as CSV, None for anything else."""
    if kind_of(value) != "frame" or not hasattr(value, "iloc"):
        return None
    try:
        text = value.iloc[:MAX_TABLE_ROWS, :MAX_TABLE_COLUMNS].to_csv()
    except Exception:  # noqa: BLE001 - a frame may hold objects whose text is an error; the value's own text is kept
        return None
    return redact(text, prose=True).encode("utf-8", "backslashreplace")
