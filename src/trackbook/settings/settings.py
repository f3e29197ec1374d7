"""`trackbook.toml` as typed, frozen settings.

Policies, gates and trusted types live in a text file next to the code, so that a change to them is reviewed
like code.  Unknown keys are errors: a misspelt gate that silently never runs is worse than no gate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trackbook.errors import SettingsError
from trackbook.settings.gates import GateSettings, with_types
from trackbook.settings.policy import ApprovalSettings, ModelSettings, ProtectedSettings, check_approvers

FILE_NAME = "trackbook.toml"


class CaptureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[capture]`: how much of what a tracked cell read and showed is kept.

    A file that was read is kept when it is not larger than `max_input_mb` (megabytes), so that it can be restored; a
    frame that was read becomes a dataset version when it is not larger than `max_frame_mb`.  Of each printed text the
    last `max_output_kb` (kilobytes) stay.
    """

    max_input_mb: float = 50.0
    max_frame_mb: float = 10.0
    max_output_kb: int = 64

    def __post_init__(self) -> None:
        for name in ("max_input_mb", "max_frame_mb"):
            limit = getattr(self, name)
            if not (limit >= 0 and math.isfinite(limit)):
                raise ValueError(f"`{name}` is a number of megabytes, 0 or more, not {limit}")
        if not 0 <= self.max_output_kb <= 10_000:
            raise ValueError(f"`max_output_kb` lies between 0 and 10000, not at {self.max_output_kb}")


class DriftSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[drift]`: the false-discovery rate of a report and the smallest effects worth an alarm.

    Floors are differences of shares of rows, 0 to 1: an alarm needs the low end of the interval above its floor.
    `relevant` is the change that must be ruled out before a column is called `none` or `negligible`.
    """

    alpha: float = 0.05
    numeric_floor: float = 0.05
    categorical_floor: float = 0.05
    missing_floor: float = 0.02
    unseen_floor: float = 0.01
    relevant: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"`alpha` lies between 0 and 1, not at {self.alpha}")


class RemoteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[remote]`: where `trackbook push` and `pull` exchange runs, data and models with others.

    ```toml
    [remote]
    url = "s3://bucket/prefix"
    options = { endpoint_url = "https://storage.example.org" }
    ```

    `url` is a folder, or what fsspec knows; `options` go to it.  Credentials come from the environment alone.
    """

    url: str | None = None
    options: dict[str, Any] = {}

    def __post_init__(self) -> None:
        _refuse_secrets(self.options, "[remote]")


def _refuse_secrets(options: dict[str, Any], table: str) -> None:
    secret = next((name for name in _names(options) if name.lower() in _CREDENTIALS), None)
    if secret is not None:
        raise ValueError(
            f"`{secret}` does not belong in `{table}`, which is committed: credentials are taken from the environment "
            "and its profiles"
        )


def _names(options: dict[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield name
        if isinstance(value, dict):
            yield from _names(value)


_CREDENTIALS = frozenset(
    {"key", "secret", "token", "password", "username", "credential", "account_key", "sas_token", "connection_string",
     "client_secret", "access_key", "secret_key", "session_token",
     "aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
)  # fmt: skip


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[store]`: deleted runs and unused objects are kept for `grace_days` before `trackbook gc` removes them."""

    grace_days: float = 14.0

    def __post_init__(self) -> None:
        if not 0 <= self.grace_days < 100_000:
            raise ValueError(f"`grace_days` is a number of days, 0 or more, not {self.grace_days}")


class StepSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a step of a pipeline is run.

    ```toml
    [pipeline.steps.train]
    retries = 2
    retry_seconds = 5.0
    timeout_seconds = 600
    cpus = 2
    memory_mb = 4000
    resources = { GPU = 1 }
    ```

    A step that raises or takes too long is called again up to `retries` times, `retry_seconds` later (twice as long
    each time).  It ends with an error after `timeout_seconds`, or when its process needs more than `memory_mb`.  It
    takes `cpus` of the places of `--jobs`; `resources` are asked of Dask's workers.
    """

    retries: int = 0
    retry_seconds: float = 0.0
    timeout_seconds: float | None = None
    cpus: int = 1
    memory_mb: float | None = None
    resources: dict[str, float] = {}

    def __post_init__(self) -> None:
        if not 0 <= self.retries <= 1000:
            raise ValueError(f"`retries` lies between 0 and 1000, not at {self.retries}")
        if not 0 <= self.retry_seconds < 1_000_000:
            raise ValueError(f"`retry_seconds` is a number of seconds, 0 or more, not {self.retry_seconds}")
        if self.cpus < 1:
            raise ValueError(f"`cpus` is 1 or more, not {self.cpus}")
        for name in ("timeout_seconds", "memory_mb"):
            limit = getattr(self, name)
            if limit is not None and not (limit > 0 and math.isfinite(limit)):
                raise ValueError(f"`{name}` is more than 0, not {limit}")


class PipelineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[pipeline]`: how many steps run side by side unless `--jobs` says so, and `[pipeline.steps.NAME]` for each.

    `storage` is the URL of a place for kept results that several machines reach; `storage_options` go to fsspec, as
    `endpoint_url`.  Credentials come from the environment alone.
    """

    jobs: int = 1
    storage: str | None = None
    storage_options: dict[str, Any] = {}
    steps: dict[str, StepSettings] = {}

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise ValueError(f"`jobs` is 1 or more, not {self.jobs}")
        _refuse_secrets(self.storage_options, "[pipeline]")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `trackbook.toml`; every key has a default, so the file may be missing."""

    experiment: str = "default"
    user: str | None = None
    gates: tuple[GateSettings, ...] = ()
    capture: CaptureSettings = CaptureSettings()
    models: ModelSettings = ModelSettings()
    roles: dict[str, tuple[str, ...]] = {}
    approvals: tuple[ApprovalSettings, ...] = ()
    protected: tuple[ProtectedSettings, ...] = ()
    drift: DriftSettings = DriftSettings()
    remote: RemoteSettings = RemoteSettings()
    store: StoreSettings = StoreSettings()
    pipeline: PipelineSettings = PipelineSettings()

    def __post_init__(self) -> None:
        check_approvers(self.approvals, self.roles)
        if not (self.experiment.strip() and self.experiment.isprintable()):
            raise ValueError(f"the experiment needs a name of printable characters, not {self.experiment!r}")


def load_settings(root: Path) -> Settings:
    """Read `trackbook.toml` in the folder `root`; without the file, the defaults.

    Raises SettingsError with the file and the key when it cannot be read or decoded.
    """
    path = root / FILE_NAME
    try:
        return msgspec.convert(with_types(msgspec.toml.decode(path.read_bytes())), type=Settings)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    except ValueError as error:  # msgspec's errors are ValueErrors, too
        raise SettingsError(f"{path}: {error}; correct that line or remove it") from error
