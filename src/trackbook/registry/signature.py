"""What goes into a model: the columns it was fitted on, with the types of an example when there is one."""

from __future__ import annotations

from typing import Any

from trackbook.capture.fingerprint.values import fingerprint, kind_of
from trackbook.errors import RegistryError


def signature_of(model: Any, example: Any = None) -> dict[str, Any] | None:
    """Return ``{"inputs": [{"name", "type"}, …]}`` from an example, else the names that the model was fitted on.

    The type is None without an example.  Returns None when neither says anything.
    """
    kind = kind_of(example)
    if kind == "frame":
        from trackbook.data.schema import describe

        columns = describe(example).columns
        return {"inputs": [{"name": column.name, "type": column.type} for column in columns]}
    if kind == "array":
        return {"inputs": [{"name": None, "type": str(example.dtype), "shape": [None, *example.shape[1:]]}]}
    if example is not None:
        raise RegistryError(f"the example is a {type(example).__name__}; give a DataFrame or an array, as to `predict`")
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else {"inputs": [{"name": str(name), "type": None} for name in names]}


def check_predictions(model: Any, stored: Any, example: Any) -> None:
    """Raise RegistryError unless the stored model says about the example exactly what `model` says."""
    predict = "predict" if hasattr(model, "predict") else "transform"
    try:
        expected = getattr(model, predict)(example)
    except Exception as error:
        raise RegistryError(
            f"the model cannot {predict} its own example ({type(error).__name__}: {str(error)[:200]}); "
            "fit it first, and give an example with the columns that it was fitted on"
        ) from error
    found = getattr(stored, predict)(example)
    if fingerprint(expected).digest != fingerprint(found).digest:
        raise RegistryError(
            f"the stored model does not {predict} the same as the one that was given, so it is not registered; "
            "a type in it loses state when it is stored: compare the two with `skops.io.dumps` and `loads`"
        )
