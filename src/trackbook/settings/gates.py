"""`[[gates]]`: what a model version must meet before it enters a stage, one structure a `type` of gate.

Every gate has a `stage` (``production`` unless said) and a `model`, a pattern of names (``*`` unless said).  Held-out
data is pinned, ``data:/NAME@VERSION``: another set is another policy, and a change that is reviewed.
"""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import msgspec

from trackbook.errors import nearest

Stage = Literal["none", "staging", "production", "archived"]

_PINNED = re.compile(r"data:/+[^@/\s][^@/]*@([0-9]{1,7}|[0-9a-f]{8,64})")

FAIRNESS_MEASURES = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "selection_rate",
    "metric_difference",
    "metric_ratio",
    "metric",
)


class _Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    stage: Stage = "production"
    model: str = "*"

    @property
    def type(self) -> str:
        """The kind of gate, as `trackbook.toml` names it."""
        return str(self.__struct_config__.tag)

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return self.type


class _HeldOut(_Gate, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A gate whose models predict the rows of a pinned dataset version.

    The columns that a model was fitted on are handed to it, else `features`, else all but `target`.  Of the held-out
    rows the share `max_leak` may have been in the training data; a model whose training rows are not known is refused
    unless `leakage` is ``unknown_ok``.  The share `max_copies` may be copies of other held-out rows, which count as
    evidence without being any.
    """

    data: str
    target: str
    features: tuple[str, ...] = ()
    max_leak: float = 0.0
    leakage: Literal["known", "unknown_ok"] = "known"
    max_copies: float = 0.1
    confidence: float = 0.95
    resamples: int = 2000
    interval: Literal["bca", "percentile"] = "bca"
    seed: int = 0

    def __post_init__(self) -> None:
        _check_pinned(self.data)
        _check_range("confidence", self.confidence, 0.5, 0.9999)
        _check_range("max_leak", self.max_leak, 0, 1)
        _check_range("max_copies", self.max_copies, 0, 1)
        _check_range("resamples", self.resamples, 100, 100_000)
        _check_range("seed", self.seed, 0, 2**63 - 1)


class MetricGate(_Gate, frozen=True, forbid_unknown_fields=True, tag="metric"):
    """A metric of the version lies within bounds.

    ```toml
    [[gates]]
    metric = "r2"
    min = 0.3
    ```
    """

    metric: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        _check_bounds(f"the gate on metric {self.metric!r}", self.min, self.max)

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return self.metric


class ChampionGate(_HeldOut, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="champion"):
    """The candidate is better than the version in production, on the same rows, by a paired test.

    ```toml
    [[gates]]
    type = "champion"
    data = "data:/churn@3"
    target = "churned"
    metric = "roc_auc"     # a scorer of scikit-learn, or "module:callable" of the project
    margin = 0.0           # by more than so much; below 0: not worse by more than so much
    confidence = 0.95
    ```

    The test is McNemar's for `accuracy`, DeLong's for `roc_auc`, else a paired bootstrap of `resamples`, whose
    `interval` is ``bca`` or ``percentile``; `method` = ``bootstrap`` asks for it everywhere.  Not shown to be better
    is a refusal.
    """

    metric: str = "accuracy"
    margin: float = 0.0
    method: Literal["auto", "bootstrap"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_finite("margin", self.margin)

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return f"better than the champion by {self.metric} on {self.data}"


class SlicesGate(_HeldOut, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="slices"):
    """In no slice of the rows the candidate is worse than the version in production by more than a margin.

    ```toml
    [[gates]]
    type = "slices"
    data = "data:/churn@3"
    target = "churned"
    by = ["region", "age"]
    edges = { age = [30, 50] }   # numbers without edges are cut at `quantiles`
    margin = 0.01
    ```

    A slice is worse when a one-sided test says so after Holm's correction over all slices.  One with fewer than
    `min_size` rows is not judged, which the result says; with `small` = ``refuse`` it refuses.  With `require` =
    ``shown`` every slice must be shown not to be worse.
    """

    by: tuple[str, ...]
    metric: str = "accuracy"
    margin: float = 0.0
    quantiles: int = 4
    edges: dict[str, tuple[float, ...]] = {}
    min_size: int = 50
    small: Literal["ignore", "refuse"] = "ignore"
    require: Literal["not_worse", "shown"] = "not_worse"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.by:
            raise ValueError("a gate on slices needs `by`, the columns that make them")
        _check_range("margin", self.margin, 0, math.inf)
        _check_range("quantiles", self.quantiles, 2, 100)
        _check_range("min_size", self.min_size, 2, 10**9)
        for name, edges in self.edges.items():
            if name not in self.by:
                raise ValueError(f"`edges` are given for {name!r}, which is not in `by`{nearest(name, self.by)}")
            if list(edges) != sorted(set(edges)) or not all(map(math.isfinite, edges)):
                raise ValueError(f"the `edges` of {name!r} are numbers that rise, not {list(edges)}")

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self))  # as `edges` has no hash of its own

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return f"no slice by {', '.join(self.by)} worse than the champion by {self.metric} on {self.data}"


class FairnessGate(_HeldOut, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="fairness"):
    """A measure of fairness over the groups of a column lies within bounds.

    ```toml
    [[gates]]
    type = "fairness"
    data = "data:/churn@3"
    target = "churned"
    by = "sex"
    measure = "equalized_odds_difference"
    max = 0.1
    ```

    `measure` is a difference or ratio of ``demographic_parity``, ``equalized_odds`` or ``equal_opportunity``, the
    ``selection_rate`` of every group, or, of any `metric` by group, ``metric`` (every group), ``metric_difference`` or
    ``metric_ratio``.  The bounds are held against the far end of the interval with `on` = ``bound``, else against the
    estimate.  Groups below `min_size` are named, and refuse unless `small` is ``ignore``.  `positive` is the label
    that is selected, else the larger one.
    """

    by: str
    measure: str = "demographic_parity_difference"
    metric: str = "accuracy"
    min: float | None = None
    max: float | None = None
    on: Literal["estimate", "bound"] = "estimate"
    min_size: int = 30
    small: Literal["ignore", "refuse"] = "refuse"
    positive: str | int | float | bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_bounds(f"the gate on {self.measure!r}", self.min, self.max)
        _check_range("min_size", self.min_size, 1, 10**9)
        if self.measure not in FAIRNESS_MEASURES:
            raise ValueError(
                f"there is no measure of fairness {self.measure!r}{nearest(self.measure, FAIRNESS_MEASURES)}; "
                f"there is {', '.join(FAIRNESS_MEASURES)}"
            )

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        what = self.measure.replace("metric", self.metric)
        return f"{what} by {self.by} on {self.data}"


class LatencyGate(_Gate, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="latency"):
    """A prediction takes no longer than so many milliseconds, or than so many times the champion's.

    ```toml
    [[gates]]
    type = "latency"
    data = "data:/churn@3"
    max_ratio = 1.5
    max_ms = 20
    ```

    Both models predict the same first `rows` of the data in turns, `repeats` times; medians are compared.
    """

    data: str
    target: str | None = None
    features: tuple[str, ...] = ()
    max_ratio: float | None = None
    max_ms: float | None = None
    rows: int = 1000
    repeats: int = 15

    def __post_init__(self) -> None:
        _check_pinned(self.data)
        _check_limits("latency", max_ratio=self.max_ratio, max_ms=self.max_ms)
        _check_range("rows", self.rows, 1, 10**7)
        _check_range("repeats", self.repeats, 3, 10_000)

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return "latency of a prediction"


class SizeGate(_Gate, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="size"):
    """The stored model is no larger than so many megabytes (of 10**6 bytes), or than so many times the champion.

    ```toml
    [[gates]]
    type = "size"
    max_mb = 50
    max_ratio = 2.0
    ```
    """

    max_mb: float | None = None
    max_ratio: float | None = None

    def __post_init__(self) -> None:
        _check_limits("size", max_mb=self.max_mb, max_ratio=self.max_ratio)

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return "size of the model"


class SignatureGate(_Gate, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="signature"):
    """Whoever calls the champion can call the candidate: no further column is needed, and none has another type.

    ```toml
    [[gates]]
    type = "signature"
    ```
    """

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return "signature compatible with the champion's"


class DataGate(_Gate, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="data"):
    """The dataset versions that the candidate was made from are whole, large enough and as they used to be.

    ```toml
    [[gates]]
    type = "data"
    schema = "data:/churn@3"   # versions of the dataset `churn` have these columns and types
    min_rows = 10_000
    max_missing = 0.05         # of any column
    ```
    """

    schema: str | None = None
    min_rows: int | None = None
    max_missing: float | None = None

    def __post_init__(self) -> None:
        if self.schema is not None:
            _check_pinned(self.schema)
        if self.min_rows is not None:
            _check_range("min_rows", self.min_rows, 1, 10**12)
        if self.max_missing is not None:
            _check_range("max_missing", self.max_missing, 0, 1)

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return "data that the model was made from"


class ReproducedGate(_Gate, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="reproduced"):
    """The run that made the model was repeated, and the last verdict was `reproduced`.

    ```toml
    [[gates]]
    type = "reproduced"
    ```
    """

    @property
    def title(self) -> str:
        """What the gate asks for, in a few words."""
        return "source run reproduced"


GateSettings = (
    MetricGate
    | ChampionGate
    | SlicesGate
    | FairnessGate
    | LatencyGate
    | SizeGate
    | SignatureGate
    | DataGate
    | ReproducedGate
)
"""Any gate; `type` tells which."""

TYPES = ("metric", "champion", "slices", "fairness", "latency", "size", "signature", "data", "reproduced")


def with_types(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `trackbook.toml` with the `type` of each gate, which is ``metric`` where none stands.

    Raises ValueError for a type that does not exist, with the nearest that does.
    """
    gates = raw.get("gates")
    if not isinstance(gates, list):
        return raw
    for gate in gates:
        kind = gate.get("type", TYPES[0]) if isinstance(gate, dict) else None
        if isinstance(kind, str) and kind not in TYPES:
            raise ValueError(
                f"there is no gate of the type {kind!r}{nearest(kind, TYPES)}; there is {', '.join(TYPES)}"
            )
    typed = [{"type": TYPES[0], **gate} if isinstance(gate, dict) else gate for gate in gates]
    return {**raw, "gates": typed}


def _check_pinned(uri: str) -> None:
    if not _PINNED.fullmatch(uri):
        raise ValueError(
            f"{uri!r} does not pin a dataset version; write data:/NAME@VERSION with its number, "
            "so that another version is a change of this file"
        )


def _check_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"`{name}` is a number, not {value}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        top = "or more" if high == math.inf else f"to {high}"
        raise ValueError(f"`{name}` is {low} {top}, not {value}")


def _check_bounds(what: str, low: float | None, high: float | None) -> None:
    if low is None and high is None:
        raise ValueError(f"{what} needs a `min` or a `max`")
    for bound in (low, high):
        if bound is not None and not math.isfinite(bound):
            raise ValueError(f"{what} needs finite bounds, not {bound}")


def _check_limits(what: str, **limits: float | None) -> None:
    if not any(limit is not None for limit in limits.values()):
        raise ValueError(f"the gate on {what} needs {' or '.join(f'`{name}`' for name in limits)}")
    for name, limit in limits.items():
        if limit is not None and not (limit > 0 and math.isfinite(limit)):
            raise ValueError(f"`{name}` is more than 0, not {limit}")
