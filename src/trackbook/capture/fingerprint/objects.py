"""The digest of any value: its parts in a canonical order, read without running code of the user's where possible."""

from __future__ import annotations

import collections
import functools
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

from blake3 import blake3

from trackbook.capture.files.paths import is_library
from trackbook.capture.fingerprint.kinds import UnsupportedError, bases_of, is_plain_class, kind_of, name_of, root_of
from trackbook.capture.fingerprint.leaves import LEAVES, leaf_of, subclassed_leaf
from trackbook.capture.fingerprint.unchanged import Memo

MAX_DEPTH = 60
MAX_ITEMS = 200_000
LONGEST_LEAF = 64

# Libraries whose `__reduce__` tells all there is to tell, and changes nothing.
_TRUSTED = frozenset({
    "array", "collections", "functools", "lightgbm", "numpy", "pandas", "random", "scipy", "sklearn", "xgboost",
    "zoneinfo",
})  # fmt: skip
_HOOKS = frozenset({
    "__reduce__", "__reduce_ex__", "__getstate__", "__getattribute__", "__getnewargs__", "__getnewargs_ex__",
    "__class__",
})  # fmt: skip


_PASSING = frozenset({"_stop_words_id", "_cached_dict"})  # of vectorizers and binarizers: an address, a cache
_GENERATED = ("dataclasses", "collections")  # what they write into a class says all that it holds


class Hasher:
    """Walks one value; keeps the containers that it stands in, so that a cycle is an error and not a hang."""

    def __init__(self, memo: Memo | None = None) -> None:
        self.memo = memo
        self._open: set[int] = set()
        self._items = 0

    def digest(self, value: Any) -> bytes:
        """Return 32 bytes that stand for `value` and its type; raises UnsupportedError."""
        return blake3(self.encoded(value)).digest()

    def encoded(self, value: Any) -> bytes:
        """Return a few bytes that stand for `value` and end where they say."""
        self._items += 1
        if self._items > MAX_ITEMS:
            raise UnsupportedError(f"it holds more than {MAX_ITEMS:,} Python objects")
        leaf = leaf_of(value)
        if leaf is None and root_of(type(value)) == "numpy":
            value = _plain(value)
            leaf = leaf_of(value)
        if leaf is None:
            return b"\xff" + self._compound(value)
        if len(leaf) > LONGEST_LEAF:
            return b"\xfe" + blake3(leaf).digest()
        return bytes((len(leaf),)) + leaf

    def _compound(self, value: Any) -> bytes:
        if id(value) in self._open:
            if type(value) is types.FunctionType:
                return blake3(b"the function itself").digest()
            raise UnsupportedError(f"it contains itself, in a {_short(type(value))}")
        if len(self._open) >= MAX_DEPTH:
            raise UnsupportedError(f"it is nested more than {MAX_DEPTH} levels deep")
        self._open.add(id(value))
        try:
            return self._handler(value)(value)
        finally:
            self._open.discard(id(value))

    def _handler(self, value: Any) -> Callable[[Any], bytes]:
        cls = type(value)
        exact = _CONTAINERS.get(cls) if is_plain_class(cls) else None
        if exact is not None:
            return functools.partial(exact, self)
        kind = kind_of(value)
        if kind == "estimator":
            return self._estimator
        if kind != "value":
            return self._data
        if _is_scalar(cls):
            return self._scalar
        return self._object

    def _data(self, value: Any) -> bytes:
        from trackbook.capture.fingerprint.frames import data_digest

        return data_digest(value, self)[0]

    def _scalar(self, value: Any) -> bytes:
        from trackbook.capture.fingerprint.arrays import array_of

        return blake3(b"scalar" + array_of(value)).digest()

    # -- containers

    def sequence(self, tag: bytes, values: Iterable[Any]) -> bytes:
        """Return the digest of values in their order."""
        return blake3(tag + b":" + b"".join([self.encoded(value) for value in values])).digest()

    def _unordered(self, tag: bytes, encoded: Iterable[bytes]) -> bytes:
        return blake3(tag + b":" + b"".join(sorted(encoded))).digest()

    def _list(self, value: Any) -> bytes:
        return self.sequence(b"list", list.__iter__(value))

    def _tuple(self, value: Any) -> bytes:
        return self.sequence(b"tuple", tuple.__iter__(value))

    def _set(self, value: Any) -> bytes:
        return self._unordered(b"set", [self.encoded(item) for item in set.copy(value)])

    def _frozenset(self, value: Any) -> bytes:
        return self._unordered(b"set", [self.encoded(item) for item in frozenset.copy(value)])

    def _dict(self, value: Any) -> bytes:
        # Equal dicts may differ in order, so order does not count.
        items = list(dict.items(value))
        return self._unordered(b"dict", [self.encoded(key) + self.encoded(item) for key, item in items])

    def _slice(self, value: Any) -> bytes:
        return self.sequence(b"slice", [value.start, value.stop, value.step])

    # -- functions

    def _function(self, value: Any) -> bytes:
        if _is_known_to_a_library(value):
            return self.sequence(b"library function", [value.__module__, value.__qualname__])
        parts = [value.__qualname__, value.__defaults__, value.__kwdefaults__, _enclosed(value)]
        return blake3(b"function" + self.digest(parts) + self._code(value.__code__)).digest()

    def _method(self, value: Any) -> bytes:
        return self.sequence(b"method", [value.__func__, value.__self__])

    def _code(self, code: types.CodeType) -> bytes:
        nested = [const for const in code.co_consts if isinstance(const, types.CodeType)]
        constants = [const for const in code.co_consts if not isinstance(const, types.CodeType)]
        counts = [code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags]
        own = self.sequence(b"code", [code.co_code, list(code.co_names), constants, counts])
        return blake3(own + b"".join(self._code(each) for each in nested)).digest()

    # -- objects

    def _estimator(self, value: Any) -> bytes:
        return self._state(type(value), _lasting(object.__getattribute__(value, "__dict__")))

    def _state(self, cls: type, *state: Any) -> bytes:
        return self.sequence(b"object", [name_of(cls), *state])

    def _object(self, value: Any) -> bytes:
        cls = type(value)
        hook = _hook(cls)
        if issubclass(cls, BaseException):
            attributes = object.__getattribute__(value, "__dict__")
            return self._state(cls, BaseException.__getattribute__(value, "args"), attributes)
        content = self._content(value)
        if content is not None and hook is None:
            return self._state(cls, content, _instance_state(value))
        if not root_of(cls):
            raise UnsupportedError("its class says no module that it comes from")
        if hook is not None and root_of(hook[0]) == "builtins":
            raise UnsupportedError(f"a {_short(cls)} has no canonical form")
        if hook is not None and root_of(hook[0]) not in _TRUSTED:
            raise UnsupportedError(f"a {name_of(cls)} has no canonical form: its {hook[1]} may say anything")
        if cls is object:
            raise UnsupportedError("an object() is nothing but itself")
        return self._reduced(value)

    def _content(self, value: Any) -> bytes | None:
        """Return what stands in a value derived from a container or a value without parts, or None for others."""
        for base in bases_of(type(value)):
            handler = _CONTAINERS.get(base) if is_plain_class(base) else None
            if handler is not None:
                return handler(self, value)
        return subclassed_leaf(value)

    def _reduced(self, value: Any) -> bytes:
        """Return the digest of a class and a state, as the protocol of pickle gives them."""
        cls = type(value)
        try:
            reduced = _reduce(cls if _hook(cls) else object, value)
        except TypeError as error:
            raise UnsupportedError(f"a {name_of(cls)} has no canonical form ({error})") from error
        if isinstance(reduced, str):
            return self._state(cls, reduced)
        made, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if root_of(cls) == "sklearn" and any("BinaryTree" in name_of(base) for base in bases_of(cls)):
            state = _without_counts(state)
        held = list(items) if items is not None else None
        named = dict(pairs) if pairs is not None else None
        return self._state(cls, _name(made), [each for each in arguments if each is not cls], state, held, named)


def _lasting(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what a fitted estimator holds, without how long it took, addresses and what it keeps to be quick.

    Two equal searches are one content, and to predict changes nothing.
    """
    kept = {name: value for name, value in attributes.items() if name not in _PASSING}
    results = attributes.get("cv_results_")
    if type(results) is not dict:
        return kept
    lasting = {key: value for key, value in results.items() if not (type(key) is str and key.endswith("_time"))}
    return {name: value for name, value in kept.items() if name != "refit_time_"} | {"cv_results_": lasting}


def _without_counts(state: Any) -> Any:
    """Return the state of a tree of neighbours without its counts of how often it was asked, and with what result."""
    return (*state[:7], *state[11:]) if type(state) is tuple and len(state) > 11 else state


def _is_known_to_a_library(function: Any) -> bool:
    """Say whether a library has a function under the name that the function says, as pickle would ask.

    Its code is the library's version, then, and what is around it while it is observed does not count.
    """
    module = sys.modules.get(function.__module__) if type(function.__module__) is str else None
    if type(module) is not types.ModuleType or not is_library(getattr(module, "__file__", None) or ""):
        return False
    return module.__dict__.get(function.__qualname__) is function


def _reduce(cls: Any, value: Any) -> tuple[Any, ...] | str:
    reduced: tuple[Any, ...] | str = cls.__reduce_ex__(value, 4)
    return reduced


def _is_scalar(cls: type) -> bool:
    return root_of(cls) == "numpy" and any(name_of(base) == "numpy.generic" for base in bases_of(cls))


def _plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value it stands for, where there is one."""
    return value.item() if _is_scalar(type(value)) and value.dtype.kind in "biufcSU" else value


def _name(made: Any) -> str:
    """Return the name of the class or function that would make an object anew."""
    return name_of(made) if isinstance(made, type) else f"{made.__module__}.{made.__qualname__}"


def _short(cls: type) -> str:
    return name_of(cls).removeprefix("builtins.")


def _enclosed(function: Any) -> list[Any]:
    enclosed = []
    for cell in function.__closure__ or ():
        try:
            enclosed.append(("is", cell.cell_contents))
        except ValueError:  # not assigned yet
            enclosed.append(("empty", None))
    return enclosed


def _hook(cls: type) -> tuple[type, str] | None:
    """Return the first class, of those that make up `cls`, that says itself what its state is, and by which method."""
    for base in bases_of(cls):
        if is_plain_class(base) and (base is object or base in _CONTAINERS or base in LEAVES):
            continue
        own = type.__dict__["__dict__"].__get__(base)
        for name in sorted(_HOOKS.intersection(own)):
            if getattr(own[name], "__module__", None) not in _GENERATED:
                return base, name
    return None


def _instance_state(value: Any) -> list[Any]:
    """Return the attributes of an instance, read past whatever its class defines."""
    import copyreg

    state: list[Any] = []
    try:
        state.append(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        state.append(None)
    for name in copyreg._slotnames(type(value)):  # type: ignore[attr-defined]
        try:
            state.append((name, object.__getattribute__(value, name)))
        except AttributeError:
            state.append((name,))
    if isinstance(value, collections.defaultdict):
        state.append(value.default_factory)
    return state


_CONTAINERS: dict[type, Callable[[Hasher, Any], bytes]] = {
    list: Hasher._list,
    tuple: Hasher._tuple,
    dict: Hasher._dict,
    set: Hasher._set,
    frozenset: Hasher._frozenset,
    slice: Hasher._slice,
    types.FunctionType: Hasher._function,
    types.MethodType: Hasher._method,
}
