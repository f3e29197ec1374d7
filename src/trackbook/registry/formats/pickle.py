"""Models as pickles: loading one runs whatever its author wrote, so the project has to allow it in so many words."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

from trackbook.errors import RegistryError, reason_of
from trackbook.registry.formats.contract import Format, Policy

PICKLE = "pickle"


def dump(model: Any, policy: Policy, example: Any = None) -> tuple[bytes, Any]:
    """Return `model` as a pickle, and what it gives again."""
    _check(policy, "kept")
    try:
        data = pickle.dumps(model, protocol=5)
    except Exception as error:
        raise RegistryError(
            f"the model cannot be pickled ({reason_of(error)[:200]}); define its classes and functions at the top of a "
            "module, and remove open files, locks and lambdas from it"
        ) from error
    return data, load([data], policy)


def load(pieces: Iterable[bytes], policy: Policy) -> Any:
    """Unpickle a model, if the project allows that."""
    _check(policy, "loaded")
    data = b"".join(pieces)
    try:
        return pickle.loads(data)  # noqa: S301 - the project allows it in trackbook.toml
    except Exception as error:
        raise RegistryError(
            f"the pickled model cannot be loaded ({reason_of(error)[:200]}); the modules it was made of must be "
            "importable, in the versions that the model's environment lists"
        ) from error


def _check(policy: Policy, what: str) -> None:
    if not policy.allow_pickle:
        raise RegistryError(
            f"the model was not {what}: a pickle runs any code of its author's when it is loaded. Keep the model in "
            "another format; or, if you trust everyone who can register models, allow it in trackbook.toml: "
            "[models] allow_pickle = true"
        )


FORMAT = Format(
    PICKLE,
    suffix=".pkl",
    libraries=("scikit-learn", "numpy"),
    takes=lambda model: False,
    dump=dump,
    load=load,
)
