"""The global generators of random numbers: their states, and seeds for all of them."""

from __future__ import annotations

import pickle
import random
import sys
from array import array
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import wrapt
from blake3 import blake3

from trackbook.capture.seeds import Seed, Unseeded, seeded, unseeded
from trackbook.cells.catalogue import RNG_NUMPY, RNG_PYTHON
from trackbook.errors import UsageError

RNG_TORCH = "state:torch"

_at_import: dict[str, str] = {}
_watching = False


def generator_states() -> dict[str, str]:
    """Return digests of the states of the global generators of `random`, NumPy and PyTorch, where imported."""
    _watch_imports()
    return {name: digest for name in _STATES if (digest := _state_digest(name)) is not None}


def consumed(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Name the global generators that were drawn from, or seeded, between two calls of `generator_states`.

    A generator whose library was imported in between is compared with what it was right after the import.
    """
    earlier = _at_import | dict(before)
    return frozenset(name for name, digest in after.items() if earlier.get(name, digest) != digest)


def seed_everything(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and those of PyTorch and TensorFlow where they are imported."""
    import numpy

    if not 0 <= seed < 2**32:
        raise UsageError(f"--seed takes a number from 0 to {2**32 - 1}, not {seed}")
    random.seed(seed)
    numpy.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)
    if (tensorflow := sys.modules.get("tensorflow")) is not None:
        tensorflow.random.set_seed(seed)


def random_state() -> bytes:
    """Return the states of the global generators of `random` and NumPy, for `restore_random_state`."""
    numpy = sys.modules.get("numpy.random")
    return pickle.dumps((random.getstate(), numpy.get_state() if numpy else None), protocol=5)


def restore_random_state(state: bytes) -> None:
    """Put the global generators where `random_state` found them.  The bytes must come from the own store."""
    python, legacy = pickle.loads(state)  # noqa: S301 - bytes of the own store, checked by their digest
    random.setstate(python)
    if legacy is not None:
        import numpy.random

        numpy.random.set_state(legacy)


def _state_digest(name: str) -> str | None:
    module = sys.modules.get(name.partition(":")[2])
    if module is None:
        return None
    try:
        return blake3(_STATES[name](module)).hexdigest()[:32]
    except Exception:  # noqa: BLE001 - a library in the middle of its import, or with a generator of its user's
        return None


def _python(module: Any) -> bytes:
    version, numbers, gauss = module.getstate()
    return array("Q", numbers).tobytes() + f"{version} {gauss!r}".encode()


def _numpy(module: Any) -> bytes:
    kind, keys, position, has_gauss, gauss = module.get_state()
    return bytes(keys.tobytes()) + f"{kind} {position} {has_gauss} {gauss!r}".encode()


def _torch(module: Any) -> bytes:
    return bytes(module.get_rng_state().numpy().tobytes())


_STATES: dict[str, Callable[[Any], bytes]] = {RNG_PYTHON: _python, RNG_NUMPY: _numpy, RNG_TORCH: _torch}


def _watch_imports() -> None:
    global _watching
    if not _watching:
        _watching = True
        for name in (RNG_NUMPY, RNG_TORCH):
            wrapt.register_post_import_hook(partial(_imported, name), name.partition(":")[2])


def _imported(name: str, module: ModuleType) -> None:
    digest = _state_digest(name)
    if digest is not None:
        _at_import[name] = digest


__all__ = [
    "RNG_TORCH",
    "Seed",
    "Unseeded",
    "consumed",
    "generator_states",
    "random_state",
    "restore_random_state",
    "seed_everything",
    "seeded",
    "unseeded",
]
