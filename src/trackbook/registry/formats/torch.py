"""The state of a PyTorch module as safetensors: names and tensors, and no code in any form.

`torch.save` writes pickles, and `weights_only=True` has let code through before (CVE-2025-32434); safetensors has a
header of JSON and then plain numbers.  The module's class is the project's code, so it is the user who builds it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from trackbook.errors import RegistryError, a
from trackbook.registry.formats.contract import Format, Policy

TORCH = "torch"


def dump(model: Any, policy: Policy, example: Any = None) -> tuple[bytes, Any]:
    """Return the state of a module, or a state dict, and what it gives again."""
    if not takes(model):
        raise RegistryError(
            f"the format 'torch' keeps a torch.nn.Module or its state_dict, not {a(type(model).__name__)}; "
            "leave `format` out, and one that fits is chosen"
        )
    torch, safetensors = _libraries()
    state = model.state_dict() if hasattr(model, "state_dict") else model
    odd = next((name for name, value in state.items() if not isinstance(value, torch.Tensor)), None)
    if odd is not None:
        raise RegistryError(
            f"the model cannot be kept: its state {odd!r:.80} is {a(type(state[odd]).__name__)}, not a tensor; keep it "
            "as a buffer (`register_buffer`), or apart from the model"
        )
    # Tied weights are one tensor under two names; in the file each has its own bytes.
    whole = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    try:
        data = bytes(safetensors.save(whole))
    except Exception as error:
        raise RegistryError(
            f"the model cannot be kept ({type(error).__name__}: {str(error)[:200]}); use dense tensors"
        ) from error
    return data, load([data], policy)


def load(pieces: Iterable[bytes], policy: Policy) -> Any:
    """Return the state dict."""
    _, safetensors = _libraries()
    try:
        return safetensors.load(b"".join(pieces))
    except Exception as error:
        raise RegistryError(
            f"the model file is damaged, or no safetensors file ({type(error).__name__}: {str(error)[:200]}); register "
            "the model again from its source"
        ) from error


def takes(model: Any) -> bool:
    """Say whether `model` is a module, or a mapping of names to tensors."""
    torch = sys.modules.get(TORCH)  # who has a tensor has imported it
    if torch is None or isinstance(model, type):
        return False
    if isinstance(model, Mapping):
        return any(isinstance(value, torch.Tensor) for value in model.values())
    return isinstance(model, torch.nn.Module)


def fill(module: Any, state: Any) -> Any:
    """Return `module` with a loaded state in it; raises RegistryError that names what does not fit."""
    try:
        module.load_state_dict(state)
    except Exception as error:
        raise RegistryError(
            f"the stored state does not fit into the {type(module).__name__}: {str(error)[:500]}. "
            "Build the module as it was when it was registered"
        ) from error
    return module


def _libraries() -> tuple[Any, Any]:
    try:
        import safetensors.torch
        import torch
    except ImportError as error:
        raise RegistryError(
            "models of PyTorch are kept as safetensors, and one of the two is not installed; "
            "run `pip install 'trackbook[torch]'`"
        ) from error
    return torch, safetensors.torch


FORMAT = Format(TORCH, suffix=".safetensors", libraries=("torch", "safetensors"), takes=takes, dump=dump, load=load)
