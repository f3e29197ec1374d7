"""`[[gates]]`: what a model version must meet before it enters a stage."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Stage = Literal["none", "staging", "production", "archived"]


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition that a model version must meet before it enters a stage.

    ```toml
    [[gates]]
    stage = "production"
    metric = "r2"
    min = 0.3
    ```
    """

    metric: str
    type: str = "metric"
    stage: Stage = "production"
    model: str = "*"
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError(f"the gate on metric {self.metric!r} needs a `min` or a `max`")
        for bound in (self.min, self.max):
            if bound is not None and not math.isfinite(bound):
                raise ValueError(f"the gate on metric {self.metric!r} needs finite bounds, not {bound}")
