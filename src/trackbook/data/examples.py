"""A few rows of a model's input, kept as Parquet and shown with the model: secrets are taken out first."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from trackbook.capture.estimators.examples import ROWS, head
from trackbook.capture.redaction import redact_value
from trackbook.errors import IntegrityError

if TYPE_CHECKING:
    import pandas as pd

SHAPE = b"trackbook.shape"
"""The key in the file's metadata that says of what shape an array was, and so that it was one."""


def write_example(rows: Any) -> bytes | None:
    """Return at most five rows of a frame or array as Parquet; None for what it cannot hold."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = head(rows)
    if rows is None:
        return None
    shape = b"" if isinstance(rows, pd.DataFrame) else ",".join(map(str, rows.shape)).encode()
    frame = pd.DataFrame(rows.reshape(len(rows), -1)) if shape else rows.reset_index(drop=True)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    try:
        table = pa.Table.from_pandas(_redacted(frame), preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError):
        return None
    if shape:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), SHAPE: shape})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def read_example(data: bytes) -> Any:
    """Return the rows that `write_example` was given, without secrets; raises IntegrityError for other bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
        shape = (table.schema.metadata or {}).get(SHAPE)
        frame = table.to_pandas(ignore_metadata=False)
        if shape is None:
            return frame
        return np.ascontiguousarray(frame.to_numpy()).reshape([int(each) for each in shape.decode().split(",")])
    except (pa.ArrowException, ValueError, TypeError, OSError) as error:
        raise IntegrityError(
            f"the rows kept as an example cannot be read ({error}); register the model again"
        ) from error


def _redacted(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `frame` with secrets in its texts replaced; numbers stay, and categories without secrets."""
    changed = frame.copy()
    for at, name in enumerate(frame.columns):
        values = frame.iloc[:, at]
        if values.dtype.kind != "O":
            continue
        texts = values.cat.categories if hasattr(values, "cat") else values
        hidden = [redact_value(name, each) if isinstance(each, str) else each for each in texts]
        if hidden != list(texts):
            seen = dict(zip(texts, hidden, strict=True))
            changed.isetitem(at, [seen.get(each, each) for each in values.astype(object)])
    return changed


__all__ = ["ROWS", "read_example", "write_example"]
