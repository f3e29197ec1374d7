"""Operations on data and models, which load pandas, pyarrow and scikit-learn: each fork of such a process costs more."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

from support.failpoints.operations import Session, operation, used


@operation("snapshot of a frame", used)
def snapshot_frame(session: Session) -> None:
    frame = pd.DataFrame({"a": np.arange(500), "b": [session.label] * 500})
    version = session.project.data.snapshot(frame, session.label)
    session.say("dataset", version.uri, 500)


@operation("snapshot of a file", used)
def snapshot_file(session: Session) -> None:
    path = session.folder / "rows.bin"
    path.write_bytes(session.tag * 5000)
    version = session.project.data.snapshot(path, session.label)
    session.say("dataset", version.uri, len(session.tag) * 5000)


@cache
def fitted(slope: int) -> Any:
    rows = np.arange(20.0).reshape(-1, 1)
    return Ridge().fit(rows, slope * rows.ravel())


@operation("register and promote", used)
def register(session: Session) -> None:
    name = session.label
    version = session.project.registry.register(fitted(len(name)), name)
    session.say("model", name, version.version, "none")
    # From here on either stage may be found when the promotion is not acknowledged.
    session.say("promoting", name, version.version, "staging")
    session.project.registry.promote(name, version.version, "staging")
    session.say("model", name, version.version, "staging")
