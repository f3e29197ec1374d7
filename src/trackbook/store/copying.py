"""A copy of a store to work on: what happens in it never reaches the original."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from trackbook.errors import StoreError
from trackbook.store.backup import KEY
from trackbook.store.database import telling
from trackbook.store.store import Store


def copy_store(store: Store, folder: Path) -> Store:
    """Return a store in the new folder `folder` that knows all that `store` knows at this moment.

    The database is copied; objects are read from the original, and new ones are kept in the copy.  Raises StoreError
    when the copy cannot be written.
    """
    copy = Store.open(folder)
    copy.objects.borrow(store.root / "objects")
    with store.read() as db:
        try:
            with closing(sqlite3.connect(copy.database)) as target:
                db.backup(target)
        except sqlite3.Error as error:
            raise StoreError(f"the store {store.root} cannot be copied to {folder} ({error})") from error
    copy.database.chmod(0o600)
    key = store.root / KEY
    if key.exists():  # changes of models in the copy are signed, as they are in the original
        with telling(copy.database):
            (copy.root / KEY).touch(mode=0o600)
            (copy.root / KEY).write_bytes(key.read_bytes())
    return copy
