"""A model card as values; `card.sections` puts them into words."""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.store import iso
from trackbook.tracking.lineage import Lineage
from trackbook.tracking.words import with_named_numbers


class Column(msgspec.Struct, frozen=True):
    """A column of a dataset or of the model's input; None is what was not recorded."""

    name: str | None
    type: str | None
    missing: int | None = None


class DataRead(msgspec.Struct, frozen=True):
    """Something that the run read: a dataset version (`uri`), or a variable or file known by its fingerprint."""

    name: str
    kind: str
    rows: int | None
    size: int | None
    fingerprint: str | None
    columns: tuple[Column, ...] = ()
    uri: str | None = None


class Measure(msgspec.Struct, frozen=True):
    """A metric, of all rows or of one `slice`; `low` and `high` bound it with `confidence`, None without an interval.

    `data` says on what it was measured and `source` by whom: the run, or a gate.
    """

    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    slice: str | None = None
    rows: int | None = None
    data: str | None = None
    source: str = "run"

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None


class MetricPair(msgspec.Struct, frozen=True):
    """A metric of both versions, of all rows or of one `slice`; `change` is the second less the first.

    `low` and `high` bound the change with `confidence` where a gate measured both on the same rows.
    """

    metric: str
    one: Measure | None
    other: Measure | None
    slice: str | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    source: str = "run"
    data: str | None = None


class Fairness(msgspec.Struct, frozen=True):
    """What one gate measured by group; `measures` hold the group as their `slice`."""

    title: str
    measures: tuple[Measure, ...]


class Judged(msgspec.Struct, frozen=True):
    """The newest result of one gate; `void` when it judged other bytes, data or policy than there are now."""

    stage: str
    gate: str
    passed: bool
    void: bool
    reason: str
    time: int

    @property
    def verdict(self) -> str:
        """One word."""
        return "void" if self.void else "passed" if self.passed else "failed"


class Happened(msgspec.Struct, frozen=True):
    """One event of the version's audit trail; `red` marks what must not be overlooked, such as an override."""

    time: int
    who: str
    what: str
    why: str = ""
    red: bool = False


class Approval(msgspec.Struct, frozen=True):
    """What a person said of the version; `void` says why it does not count any more, empty when it does."""

    who: str
    stage: str
    approved: bool
    comment: str
    time: int
    void: str = ""


class MadeIn(msgspec.Struct, frozen=True):
    """The environment: its facts, and the versions of the `packages` that matter of `total`."""

    digest: str
    facts: dict[str, str]
    packages: dict[str, str]
    total: int


class SourceRun(msgspec.Struct, frozen=True):
    """The run that the version came from."""

    run_id: str
    name: str
    user: str
    experiment: str
    status: str
    start_time: int | None
    git_commit: str | None
    notebook: str | None


class ModelCard(msgspec.Struct, frozen=True):
    """All that is known of a model version for those who judge or use it; what is not known is empty or None.

    `warnings` are sentences that are shown in red; `differences` say by how much it was better than the champion
    then.  `run` is None where the run `run_id` is not here; `program` is its code, empty without one.  Times are in
    milliseconds since 1970, UTC.
    """

    name: str
    version: int
    uri: str
    stage: str
    aliases: tuple[str, ...]
    description: str
    model_description: str
    owner: str
    licence: str
    tags: dict[str, str]
    created_time: int
    created_by: str
    format: str
    size: int
    digest: str
    warnings: tuple[str, ...]
    intended_use: str
    limits: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    data: tuple[DataRead, ...]
    params: dict[str, str]
    measures: tuple[Measure, ...]
    differences: tuple[Measure, ...]
    fairness: tuple[Fairness, ...]
    gates: tuple[Judged, ...]
    approvals: tuple[Approval, ...]
    history: tuple[Happened, ...]
    environment: MadeIn | None
    run_id: str | None
    run: SourceRun | None
    program: str
    lineage: Lineage

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain values: times in ISO 8601, numbers that are not finite as text."""
        plain: dict[str, Any] = with_named_numbers(msgspec.to_builtins(self))
        plain["created_time"] = iso(self.created_time)
        for part in ("gates", "approvals", "history"):
            plain[part] = [{**each, "time": iso(each["time"])} for each in plain[part]]
        if self.run is not None:
            plain["run"]["start_time"] = iso(self.run.start_time)
        return plain

    def to_markdown(self) -> str:
        """Return the card as Markdown under the header (YAML) that Hugging Face reads; stored text stays text."""
        from trackbook.registry.card.markdown import card_markdown

        return card_markdown(self)

    def to_html(self) -> str:
        """Return the card as one HTML page that loads nothing, runs nothing and prints."""
        from trackbook.registry.card.html import card_page

        return card_page(self)
