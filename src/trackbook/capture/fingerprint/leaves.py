"""The bytes of values without parts; two values have the same bytes only where they are equal and of one type."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import math
import pathlib
import re
import types
import uuid
from collections.abc import Callable
from typing import Any

from trackbook.capture.fingerprint.kinds import bases_of, is_plain_class, name_of, root_of


def leaf_of(value: Any) -> bytes | None:
    """Return the type and content of a value without parts as bytes, or None for any other value."""
    cls = type(value)
    if is_plain_class(cls):
        encode = LEAVES.get(cls)
        if encode is not None:
            return encode(value)
    bases = bases_of(cls)
    if enum.Enum in bases:
        return f"enum{name_of(cls)}.{object.__getattribute__(value, '_name_')}".encode()
    if type in bases:
        return _text(f"type{name_of(value)}")
    if cls is types.BuiltinFunctionType and type(value.__self__) in (type(None), types.ModuleType):
        return _text(f"builtin{value.__module__}.{value.__qualname__}")
    if root_of(cls) in ("pandas", "pathlib"):
        return _library_leaf(value, bases)
    return None


def subclassed_leaf(value: Any) -> bytes | None:
    """Return the content of a value whose class is derived from one without parts, read by the methods of that."""
    for base in bases_of(type(value)):
        encode = LEAVES.get(base) if is_plain_class(base) else None
        if encode is not None:
            return encode(value)
    return None


def _library_leaf(value: Any, bases: tuple[type, ...]) -> bytes | None:
    if datetime.datetime in bases:  # a Timestamp, to the nanosecond; NaT is one too
        return b"datetime" + str(value.isoformat()).encode()
    if datetime.timedelta in bases:
        return b"timedelta" + str(int(value.value)).encode() + str(value.unit).encode()
    if pathlib.PurePath in bases:
        return _text(f"path{value.as_posix()}")
    return None


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _float(value: Any) -> bytes:
    return b"float" + (b"nan" if math.isnan(value) else float.hex(float.__add__(value, 0.0)).encode())


def _complex(value: Any) -> bytes:
    real, imaginary = complex.real.__get__(value), complex.imag.__get__(value)
    return b"complex" + _float(real) + b"," + _float(imaginary)


def _integer(value: Any) -> bytes:
    return b"int" + int.__format__(value, "x").encode()


LEAVES: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"None",
    type(Ellipsis): lambda value: b"Ellipsis",
    type(NotImplemented): lambda value: b"NotImplemented",
    bool: lambda value: b"bool1" if value else b"bool0",
    int: _integer,
    float: _float,
    complex: _complex,
    str: lambda value: b"str" + str.encode(value, "utf-8", "surrogatepass"),
    bytes: lambda value: b"bytes" + value,
    bytearray: lambda value: b"bytearray" + value,
    decimal.Decimal: lambda value: b"decimal" + decimal.Decimal.__str__(value).encode(),
    fractions.Fraction: lambda value: f"fraction{value._numerator:x}/{value._denominator:x}".encode(),
    datetime.datetime: lambda value: b"datetime" + datetime.datetime.isoformat(value).encode(),
    datetime.date: lambda value: b"date" + datetime.date.isoformat(value).encode(),
    datetime.time: lambda value: b"time" + datetime.time.isoformat(value).encode(),
    datetime.timedelta: lambda value: b"timedelta" + datetime.timedelta.__repr__(value).encode(),
    datetime.timezone: lambda value: b"timezone" + datetime.timezone.__repr__(value).encode(),
    uuid.UUID: lambda value: b"uuid%x" % value.int,
    range: lambda value: b"range" + range.__repr__(value).encode(),
    type: lambda value: _text(f"type{name_of(value)}"),
    re.Pattern: lambda value: b"pattern" + repr((value.pattern, value.flags)).encode("utf-8", "backslashreplace"),
    types.ModuleType: lambda value: _text(f"module{types.ModuleType.__getattribute__(value, '__name__')}"),
}
