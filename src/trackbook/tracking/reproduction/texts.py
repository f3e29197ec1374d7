"""Do two printed texts say the same?  Addresses, timings and the last digits of numbers say nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

PRINTED_RELATIVE = 1e-6
"""How far printed numbers may be apart, of which most digits are cut off."""

NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?")
_VOLATILE = (
    (re.compile(r"(?: object)? at 0x[0-9a-fA-F]+"), " at 0x…"),
    (re.compile(r"0x[0-9a-fA-F]+"), "0x…"),
    (re.compile(r"[\w.]*<locals>\.|\b__main__\."), ""),
    (re.compile(r"\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:ns|µs|μs|us|ms|s|sec|seconds?|min|minutes?)\b"), "<time>"),
    (re.compile(r"<time>[^(]* per loop \([^)]*\)"), "<time> per loop"),
)


_SURROGATES = re.compile("[\ud800-\udfff]")  # such as stand in names of files that are no UTF-8


def json_text(content: Any) -> str:
    """Return plain values as JSON that can be stored; half characters are written out, as `\\udcff`."""
    try:
        return msgspec.json.encode(content).decode()
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(content, str_keys=True), ensure_ascii=False)
        return _SURROGATES.sub(lambda match: f"\\\\u{ord(match[0]):x}", text)


def same_line(first: str, second: str, tolerance: float = PRINTED_RELATIVE) -> bool:
    """Tell whether two lines say the same: equal, or equal but for addresses, timings and last digits."""
    if first == second:
        return True
    first, second = settled(first), settled(second)
    if NUMBER.sub("#", first) != NUMBER.sub("#", second):
        return False
    pairs = zip(NUMBER.findall(first), NUMBER.findall(second), strict=True)
    return all(a == b or close(float(a), float(b), tolerance) for a, b in pairs)


def text_difference(first: bytes, second: bytes) -> tuple[str, str] | None:
    """Return the first lines that do not say the same, each with its number; None when the texts say the same."""
    left, right = (data.decode("utf-8", "replace").splitlines() for data in (first, second))
    for number, (a, b) in enumerate(zip(left, right, strict=False), 1):
        if not same_line(a, b, PRINTED_RELATIVE):
            return f"line {number}: {a[:100]}", f"line {number}: {b[:100]}"
    return None if len(left) == len(right) else (f"{len(left)} lines", f"{len(right)} lines")


def settled(text: str) -> str:
    """Return a line without its addresses, timings and spare blanks."""
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def close(first: float, second: float, tolerance: float) -> bool:
    """Tell whether two numbers lie within the relative `tolerance` of each other."""
    return abs(first - second) <= tolerance * max(abs(first), abs(second), 1e-6)
