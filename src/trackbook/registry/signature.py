"""What goes into a model and what comes out of it: recorded when it is registered, checked when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from trackbook.capture.fingerprint.values import fingerprint, kind_of
from trackbook.errors import DataError, RegistryError, nearest

Signature = dict[str, Any]
"""``{"inputs": [{"name", "type"}, …], "outputs": […]}``; an array is one input with `name` None and a `shape`."""

WIDENED = {
    "integer": ("boolean",),
    "float": ("integer", "boolean", "decimal"),
    "decimal": ("integer", "boolean"),
    "string": ("category",),
    "category": ("string", "integer", "boolean"),
    "datetime": ("date",),
}
"""For each type the others that hold nothing it could not."""

METHODS = ("predict", "inplace_predict", "transform")
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""How far predictions may lie from the original's when a format computes in another precision."""


def signature_of(model: Any, example: Any = None) -> Signature | None:
    """Return the columns and types of an example, else the names or the number of features the model was fitted on.

    A type is None without an example.  Returns None when neither says anything.
    """
    if example is not None:
        columns = described(example)
        if columns is None:
            raise RegistryError(
                f"the example is a {type(example).__name__}; give a DataFrame or an array, as to `predict`"
            )
        return {"inputs": columns}
    names = _feature_names(model)
    if names:
        return {"inputs": [{"name": name, "type": None} for name in names]}
    count = getattr(model, "n_features_in_", None)
    if isinstance(count, bool) or not isinstance(count, int):
        return None
    return {"inputs": [{"name": None, "type": None, "shape": [None, count]}]}


def inputs_of(signature: Signature | None) -> list[dict[str, Any]] | None:
    """Return what a stored signature says of the input; None when it says nothing, or nothing that Trackbook writes."""
    inputs = (signature or {}).get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(each, dict) for each in inputs):
        return None
    if not all(each.get("type") is None or isinstance(each["type"], str) for each in inputs):
        return None
    if "name" in inputs[0] and inputs[0]["name"] is None:
        shape = inputs[0].get("shape")
        return inputs if len(inputs) == 1 and isinstance(shape, list) and shape else None
    return inputs if all(isinstance(each.get("name"), str) and "type" in each for each in inputs) else None


def described(rows: Any) -> list[dict[str, Any]] | None:
    """Return the columns of a frame, or the one entry of an array; None of what is neither."""
    kind = kind_of(rows)
    if kind == "frame":
        from trackbook.data.schema import describe

        return [{"name": column.name, "type": column.type} for column in describe(rows).columns]
    if kind == "series":
        from trackbook.data.schema import logical_type

        return [{"name": None if rows.name is None else str(rows.name), "type": logical_type(rows)}]
    if kind == "array":
        return [{"name": None, "type": str(rows.dtype), "shape": [None, *rows.shape[1:]]}]
    return None


class Predicted(NamedTuple):
    """What a method of a model returned."""

    method: str
    values: Any


def predictions(model: Any, stored: Any, example: Any) -> Predicted | None:
    """Return what `model` says of the example by the first method that `stored` has too; None without one.

    Raises RegistryError when it cannot.
    """
    name = next((name for name in METHODS if hasattr(model, name) and hasattr(stored, name)), None)
    if name is None:
        return None
    try:
        return Predicted(name, getattr(model, name)(example))
    except Exception as error:
        raise RegistryError(
            f"the model cannot {name} its own example ({type(error).__name__}: {str(error)[:200]}); "
            "fit it first, and give an example with the columns that it was fitted on"
        ) from error


def check_predictions(
    expected: Predicted, stored: Any, example: Any, *, exact: bool = True
) -> list[dict[str, Any]] | None:
    """Return what comes out, described; raises RegistryError unless the stored model says of the example the same.

    Unless `exact`, numbers may differ by rounding.
    """
    found = getattr(stored, expected.method)(example)
    if not (_same(expected.values, found) if exact else _close(expected.values, found)):
        raise RegistryError(
            f"the stored model does not {expected.method} the same as the one that was given, so it is not registered; "
            "a part of it loses state when it is stored: leave `format` out, or compare the two on the example"
        )
    return described(expected.values)


def check_call(inputs: list[dict[str, Any]], rows: Any, uri: str) -> None:
    """Raise DataError that names the column and the types when `rows` are not what the model `uri` was made for.

    What is neither a frame nor an array is left to the model, and so are columns that it was not made for.
    """
    kind = kind_of(rows)
    if kind == "frame":
        _check_frame(inputs, rows, uri)
    elif kind == "array":
        _check_array(inputs, rows, uri)


def _check_frame(inputs: list[dict[str, Any]], frame: Any, uri: str) -> None:
    if inputs[0]["name"] is None:
        return _check_width(inputs, frame.shape, uri)
    places = {str(label): at for at, label in reversed(list(enumerate(frame.columns)))}
    for column in inputs:
        name, wanted = column["name"], column["type"]
        if name not in places:
            raise DataError(
                f"column {name!r}{_typed(wanted)} is missing{nearest(name, places)}; {uri} was made for "
                f"{_listed(inputs)}"
            )
        if wanted is not None:
            _check_type(name, wanted, frame.iloc[:, places[name]], uri)
    return None


def _check_type(name: str, wanted: str, values: Any, uri: str) -> None:
    from trackbook.data.schema import logical_type

    found = logical_type(values)
    if found in (wanted, "empty") or found in WIDENED.get(wanted, ()):
        return
    # pandas has no other way to say that a whole number is missing.
    if (wanted, found) == ("integer", "float") and not (values.dropna() % 1).any():
        return
    raise DataError(
        f"column {name!r} is {found}, and {uri} was made for {wanted} there; convert it, or train the model on what "
        "there is now"
    )


def _check_array(inputs: list[dict[str, Any]], array: Any, uri: str) -> None:
    _check_width(inputs, array.shape, uri)
    wanted = {column["type"] for column in inputs} - {None}
    numbers = all(str(each).rstrip("0123456789") in _NUMBERS for each in wanted)
    if wanted and numbers and array.dtype.kind not in "biuf" and not array.dtype.hasobject:
        raise DataError(f"the array is {array.dtype}, and {uri} was made for {', '.join(sorted(map(str, wanted)))}")


_NUMBERS = {"float", "int", "uint", "integer", "boolean", "bool", "decimal"}


def _check_width(inputs: list[dict[str, Any]], shape: tuple[int, ...], uri: str) -> None:
    wanted = inputs[0]["shape"][1:] if inputs[0]["name"] is None else [len(inputs)]
    if list(shape[1:]) != list(wanted):
        raise DataError(
            f"the rows have the shape {_shape(shape[1:])}, and {uri} was made for {_shape(wanted)}; "
            f"it takes {_listed(inputs)}"
        )


def _shape(shape: Any) -> str:
    return " × ".join(["rows", *map(str, shape)])


def _listed(inputs: list[dict[str, Any]]) -> str:
    names = [f"{column['name']}{_typed(column['type'])}" for column in inputs if column["name"] is not None]
    if not names:
        return f"arrays of {_shape(inputs[0]['shape'][1:])}"
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _typed(type: str | None) -> str:
    return f" ({type})" if type else ""


def _feature_names(model: Any) -> list[str]:
    """Return the names of the features: as scikit-learn has them, else as the boosters of other libraries do."""
    for attribute in ("feature_names_in_", "feature_names", "feature_name"):
        found = getattr(model, attribute, None)
        names = found() if attribute == "feature_name" and callable(found) else found
        if names is not None and not isinstance(names, str | Mapping) and hasattr(names, "__len__"):
            return [str(name) for name in names]
    return []


def _same(expected: Any, found: Any) -> bool:
    return fingerprint(expected).digest == fingerprint(found).digest


def _close(expected: Any, found: Any) -> bool:
    import numpy as np

    one, other = np.asarray(expected), np.asarray(found)
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "biuf" and other.dtype.kind in "biuf":
        return bool(np.allclose(one.astype(float), other.astype(float), rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    return bool((one == other).all())
