"""The names of params, metrics and tags that runs have, and hints for those that none has."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import nearest
from trackbook.tracking.search.tokens import pointing
from trackbook.tracking.search.tree import Filter, Mention, Term

if TYPE_CHECKING:
    from trackbook.store import Database

COLLECTIONS = ("params", "metrics", "tags")
_EXAMPLES = 5

# Each step asks an index for the next key behind the last one, so that the cost is that of the keys, not of the runs.
_NEXT_IN_EXPERIMENT = """
    WITH RECURSIVE step (experiment, key) AS (
        SELECT id, (SELECT min(key_id) FROM {table} INDEXED BY {index} WHERE experiment_id IS experiment.id)
        FROM ({experiments}) AS experiment
        UNION ALL
        SELECT experiment, (SELECT min(key_id) FROM {table} INDEXED BY {index}
                            WHERE experiment_id IS step.experiment AND key_id > step.key)
        FROM step WHERE key IS NOT NULL
    )
    SELECT DISTINCT name FROM step JOIN key ON key.id = step.key ORDER BY name
"""
_NEXT_TAG = """
    WITH RECURSIVE step (key) AS (
        SELECT min(key) FROM tag
        UNION ALL
        SELECT (SELECT min(key) FROM tag WHERE tag.key > step.key) FROM step WHERE key IS NOT NULL
    )
    SELECT key FROM step WHERE key IS NOT NULL ORDER BY key
"""


class RunKeys(msgspec.Struct, frozen=True):
    """The names that runs have values under, sorted; tags are those of all experiments."""

    params: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def of(self, collection: str) -> tuple[str, ...]:
        """Return the names in one collection."""
        names: tuple[str, ...] = getattr(self, collection)
        return names


def read_keys(db: Database, experiment: str | None = None) -> RunKeys:
    """Return the names that the runs of an experiment, or all runs, have values under."""
    if experiment is None:
        experiments, values = "SELECT id FROM experiment UNION ALL SELECT NULL", []
    else:
        experiments, values = "SELECT id FROM experiment WHERE name = ?", [experiment]
    found = {}
    for table, index in (("param", "param_by_value"), ("metric", "metric_by_experiment")):
        sql = _NEXT_IN_EXPERIMENT.format(table=table, index=index, experiments=experiments)
        found[table] = tuple(name for (name,) in db.execute(sql, values).fetchall())
    tags = tuple(key for (key,) in db.execute(_NEXT_TAG).fetchall())
    return RunKeys(found["param"], found["metric"], tags)


def hints(filter: Filter, terms: Sequence[Term], keys: RunKeys) -> tuple[str, ...]:
    """Return a sentence, with a pointer at the text, for every param, metric and tag that no run has.

    Where no run has any of that kind yet there is nothing to say: a script may search before its first run.
    """
    named = [(filter.text, mention) for mention in filter.mentions] + [(term.text, term.mention) for term in terms]
    said = {mention.key: _hint(text, mention, keys) for text, mention in reversed(named)}
    return tuple(hint for hint in reversed(said.values()) if hint)


def _hint(text: str, mention: Mention, keys: RunKeys) -> str | None:
    key = mention.key
    if key.collection not in COLLECTIONS:
        return None
    known = keys.of(key.collection)
    if not known or key.name in known:
        return None
    others = ", ".join(known[:_EXAMPLES]) + (", …" if len(known) > _EXAMPLES else "")
    advice = nearest(key.name, known) or elsewhere(key.name, keys) or f"; there is {others}"
    return pointing(f"no run has a {key.collection[:-1]} {key.name!r}{advice}", text, mention.position, mention.length)


def elsewhere(name: str, keys: RunKeys) -> str:
    """Return ``"; did you mean 'metrics.NAME'?"`` for the name of a param, metric or tag, or nearly one."""
    full = {known: f"{each}.{known}" for each in COLLECTIONS for known in keys.of(each)}
    match = get_close_matches(name, list(full), n=1)
    return f"; did you mean {full[match[0]]!r}?" if match else ""
