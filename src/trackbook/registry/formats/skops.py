"""Models as bytes and back, with skops: types are judged against the project's policy before anything is built.

The format of a model is recorded when it is stored, never guessed from its bytes.  A type is trusted when skops trusts
it, when it is one of `HARMLESS`, when it is a tree whose content is checked (see `formats.trees`), or when the project
lists it under `[models] trusted` in `trackbook.toml`; what a file says about itself counts for nothing.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Collection, Iterable
from typing import Any

from trackbook.errors import RegistryError, a
from trackbook.registry.formats import culprits, trees
from trackbook.registry.formats.contract import Format, Policy

SKOPS = "skops"
PREDICTORS = ("predict", "transform", "fit_predict", "decision_function")

CHECKED = (trees.TREE, trees.PREDICTOR)
"""Trusted because `formats.trees` judges what they hold."""

HARMLESS = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)
"""Plain classes and pure functions of numpy and scikit-learn that common models hold and skops does not list."""

PLAIN_BYTES = 64 * 2**20
MAX_RATIO = 100
"""A file may unpack to 64 MiB, or to 100 times its own size when that is more."""


def dump_model(model: Any, trusted: Collection[str] = ()) -> bytes:
    """Return `model` as skops bytes, proved by loading them again under the same rules; raises as `dump`."""
    return dump(model, trusted)[0]


def dump(model: Any, trusted: Collection[str] = ()) -> tuple[bytes, Any]:
    """Return `model` as skops bytes, and the model that they give again under the same rules.

    Raises RegistryError that names the part of the model which cannot be kept, and what to do about it.
    """
    import skops.io

    try:
        data = bytes(skops.io.dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=1))
        if _unpacked(data) > _limit(data):
            data = bytes(skops.io.dumps(model))
    except Exception as error:
        raise RegistryError(culprits.unkeepable(model, error)) from error
    try:
        return data, _build(data, trusted)
    except _UntrustedError as error:
        raise RegistryError(culprits.untrusted(model, error.types)) from error


def load_model(data: bytes, trusted: Collection[str] = ()) -> Any:
    """Build the model in `data`, after every type in it was found to be trusted.

    Raises RegistryError for a type that is not trusted, and bytes that are damaged or crafted.
    """
    try:
        return _build(data, trusted)
    except _UntrustedError as error:
        raise RegistryError(f"the stored model was not loaded: {culprits.policy(error.types)}") from error


def untrusted(data: bytes, trusted: Collection[str] = ()) -> list[str]:
    """Return the types in `data` that nobody trusts, without importing or building any of them."""
    import skops.io

    _check_archive(data)
    try:
        found = skops.io.get_untrusted_types(data=data)
    except Exception as error:
        raise _damaged(error) from error
    return sorted(set(found) - set(_trusted(trusted)))


class _UntrustedError(Exception):
    """`types` in a file are trusted by nobody."""

    def __init__(self, types: list[str]) -> None:
        super().__init__()
        self.types = types


def _build(data: bytes, trusted: Collection[str]) -> Any:
    """Build the model; skops judges the types before it builds, and is asked for all of them only when it refuses."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    _check_archive(data)
    try:
        model = skops.io.loads(data, trusted=_trusted(trusted))
        trees.check(model)
    except RegistryError:
        raise
    except UntrustedTypesFoundException as error:
        raise _UntrustedError(untrusted(data, trusted)) from error
    except Exception as error:
        raise _damaged(error) from error
    return model


def _trusted(trusted: Iterable[str]) -> list[str]:
    return [*HARMLESS, *CHECKED, *trusted]


def _check_archive(data: bytes) -> None:
    """Refuse what is no zip file as skops writes it: odd names, repeated names, or far more inside than outside."""
    try:
        _check_size(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            _check_names(names)
            # Sparse matrices are archives inside the archive.
            for name in names:
                if name.endswith(".npz"):
                    _check_size(archive.read(name))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise _damaged(error) from error


def _check_names(names: list[str]) -> None:
    odd = next((name for name in names if not name or "/" in name or "\\" in name or name.startswith(".")), None)
    if odd is not None:
        raise RegistryError(f"the model file holds an entry named {odd!r:.80}, as skops writes none; it was crafted")
    if len(set(names)) != len(names):
        raise RegistryError("the model file holds two entries of one name; it was crafted")


def _check_size(data: bytes) -> None:
    size, limit = _unpacked(data), _limit(data)
    if size > limit:
        raise RegistryError(
            f"the model file of {len(data)} bytes would unpack to {size} bytes, more than the {limit} that are "
            "believed; it was crafted to fill the memory"
        )


def _unpacked(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _limit(data: bytes) -> int:
    return max(PLAIN_BYTES, MAX_RATIO * len(data))


def _damaged(error: Exception) -> RegistryError:
    return RegistryError(
        f"the model file is damaged, or no skops file ({type(error).__name__}: {str(error)[:200]}); nothing was built "
        "from it that could be used. Register the model again from its source"
    )


def _dump(model: Any, policy: Policy, example: Any = None) -> tuple[bytes, Any]:
    if isinstance(model, type) or not any(hasattr(model, method) for method in PREDICTORS):
        what = f"the class {model.__name__}" if isinstance(model, type) else a(type(model).__name__)
        raise RegistryError(
            f"{what} cannot be kept as a model; give a fitted estimator, runs:/RUN/PATH, or the path of a file or "
            "folder as a pathlib.Path"
        )
    return dump(model, policy.trusted)


def _load(pieces: Iterable[bytes], policy: Policy) -> Any:
    return load_model(b"".join(pieces), policy.trusted)


FORMAT = Format(
    SKOPS,
    suffix=".skops",
    libraries=("scikit-learn", "numpy", "scipy", "skops"),
    takes=lambda model: False,  # what no other format takes
    dump=_dump,
    load=_load,
)
