"""What tracking appends to the journal: small facts about runs, each complete in itself.

Events are arrays on disk (a tag, then the fields in order), so a new field goes to the end and has a default.
Applying an event twice, or in a different order than its neighbours from another process, must end in the same
tables; `store.ingest` keeps that promise.
"""

from __future__ import annotations

import msgspec

FORMAT = 1
"""Version of the frames; a journal that opens with a higher one belongs to a newer Trackbook."""


class Event(msgspec.Struct, frozen=True, array_like=True, omit_defaults=False):
    """Base of everything that can be journalled."""


class JournalOpened(Event, frozen=True, tag="open"):
    """First frame of a journal: which format follows, and who writes it."""

    format: int
    pid: int
    host: str
    time: int


class RunStarted(Event, frozen=True, tag="start"):
    run_id: str
    experiment: str
    run_name: str
    kind: str
    start_time: int
    user: str
    parent_run_id: str | None = None
    source: str | None = None
    notebook: str | None = None
    cell_id: str | None = None


class RunEnded(Event, frozen=True, tag="end"):
    run_id: str
    status: str
    end_time: int
    error_type: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    execution_count: int | None = None


class ParamsLogged(Event, frozen=True, tag="params"):
    """Values are text, as in MLflow; the number, where the text is one, is derived when it is read in."""

    run_id: str
    params: dict[str, str]


class MetricLogged(Event, frozen=True, tag="m"):
    run_id: str
    key: str
    value: float
    time: int
    step: int


class MetricsLogged(Event, frozen=True, tag="ms"):
    """Several metrics of one step, in one frame."""

    run_id: str
    metrics: dict[str, float]
    time: int
    step: int


class PointsLogged(Event, frozen=True, tag="points"):
    """Many values of one metric, as a chunk of `store.points`: how an archive keeps them."""

    run_id: str
    key: str
    content: bytes


class TagsSet(Event, frozen=True, tag="tags"):
    run_id: str
    tags: dict[str, str]


class DataUsed(Event, frozen=True, tag="data"):
    """A frame, array, estimator or file that went into the run (`read`), was made by it (`written`) or changed in it.

    What a run changed in place stands twice: as it was under `read`, as it is then under `mutated`.
    """

    run_id: str
    role: str
    name: str
    kind: str
    fingerprint: str | None
    rows: int | None = None
    columns: dict[str, str] | None = None
    reason: str | None = None
    size: int | None = None


class ArtifactLogged(Event, frozen=True, tag="artifact"):
    """A file of the run; a small one travels in `content` and becomes an object when the journal is read."""

    run_id: str
    path: str
    digest: str
    size: int
    media_type: str
    content: bytes | None = None


class CodeLocated(Event, frozen=True, tag="code"):
    """The git state that the run's code stood in; `git_patch` is the digest of what was not committed."""

    run_id: str
    git_commit: str | None
    git_branch: str | None
    git_remote: str | None = None
    git_patch: str | None = None


class EnvironmentSeen(Event, frozen=True, tag="env"):
    """The environment of a run, by digest; `content` (JSON) travels only with the first run of a process."""

    run_id: str
    digest: str
    content: str | None = None


class RunResumed(Event, frozen=True, tag="resume"):
    """A run that had ended goes on."""

    run_id: str


class CellExecuted(Event, frozen=True, tag="cell"):
    """The execution `number` (from 0) of a session: a cell that ran, tracked or not.

    `status` is "ok", "error" or, for what ran before anybody watched, "unknown"; `error_line` counts from 1.
    """

    session: str
    number: int
    source: str
    start_time: int
    seconds: float
    status: str
    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    error_line: int | None = None


class ProgramFound(Event, frozen=True, tag="program"):
    """The executions of a session that a run consists of and depends on; several add up."""

    run_id: str
    session: str
    executions: tuple[int, ...]


class FactNoted(Event, frozen=True, tag="fact"):
    """Something else that was captured of a run: a name and JSON; a later one of the same name replaces it."""

    run_id: str
    name: str
    content: str


class RunEdited(Event, frozen=True, tag="edit"):
    """What somebody said of a run later: its `run_name`, its `note`, its `deleted_time` or one of its `tags.KEY`.

    None takes it away.  Of several edits of one field the latest counts, whatever the order in which they arrive.
    """

    run_id: str
    field: str
    value: str | None
    time: int
    user: str


class DatasetKept(Event, frozen=True, tag="dataset"):
    """An input of a tracked cell whose objects were kept: a version of the dataset `name`, unless that content is one.

    `schema` is JSON; the other fields are those of `trackbook.data.DatasetVersion`.
    """

    name: str
    digest: str
    format: str
    fingerprint: str
    size: int
    rows: int | None
    columns: int | None
    schema: str
    source: str | None
    run_id: str | None
    created_time: int
    created_by: str


class StepKept(Event, frozen=True, tag="step"):
    """A result of a pipeline's step that need not be made again: JSON that names its objects; the latest counts."""

    key: str
    step: str
    outputs: str
    run_id: str | None
    time: int


AnyEvent = (
    JournalOpened
    | RunStarted
    | RunEnded
    | ParamsLogged
    | MetricLogged
    | MetricsLogged
    | TagsSet
    | DataUsed
    | ArtifactLogged
    | CodeLocated
    | EnvironmentSeen
    | RunResumed
    | CellExecuted
    | ProgramFound
    | FactNoted
    | RunEdited
    | PointsLogged
    | DatasetKept
    | StepKept
)
