"""The trail: what it finds, what it blames, and what nobody can do behind its back."""

import json
import sqlite3

import msgspec
import pytest
from blake3 import blake3
from hypothesis import example, given
from hypothesis import strategies as st

from trackbook.errors import IntegrityError, RegistryError, UsageError
from trackbook.registry.audit import chain
from trackbook.registry.audit.chain import AuditEvent
from trackbook.registry.identity import Identity
from trackbook.settings import Settings
from trackbook.settings.policy import ApprovalSettings
from trackbook.store.guards import AUDIT_GUARDS

LAST = 14
"""The number of the newest event of the history."""


def chained(*contents: str) -> list[AuditEvent]:
    events, previous = [], chain.GENESIS
    for number, content in enumerate(contents, 1):
        event = AuditEvent(number, 0, "ada", "did", "it", content, previous, "")
        event = msgspec.structs.replace(event, hash=chain.seal(event))
        previous = event.hash
        events.append(event)
    return events


def test_an_untouched_history_holds(history):
    verdict = history.verify()
    assert verdict.ok
    assert (verdict.events, verdict.rows, verdict.fault, verdict.anchored) == (LAST, (), None, True)
    assert verdict.head == history.audit_events(limit=1).events[0].hash
    assert json.loads(json.dumps(verdict.to_dict()))["ok"] is True


def test_the_trail_pages_from_the_newest_backwards(history):
    first = history.audit_events(limit=8)
    second = history.audit_events(limit=8, cursor=first.cursor)
    assert [event.seq for event in first.events + second.events] == list(range(LAST, 0, -1))
    assert second.cursor is None
    assert first.events[0].to_dict()["payload"] == {"alias": "old", "version": 1}
    for wrong in ("x", "-1", "1 OR 1=1"):
        with pytest.raises(UsageError):
            history.audit_events(cursor=wrong)


@pytest.mark.parametrize("column", ["time", "actor", "action", "subject", "payload", "previous", "hash", "authority"])
@pytest.mark.parametrize("seq", [1, 5, LAST])
def test_every_changed_column_of_an_event_is_found_and_the_event_named(history, by_hand, column, seq):
    value = "time + 1" if column == "time" else f"{column} || ' '"
    by_hand(f"UPDATE audit_event SET {column} = {value} WHERE seq = {seq}")
    verdict = history.verify()
    assert not verdict.ok
    assert (verdict.fault.seq, verdict.events) == (seq, seq - 1)
    assert "event" in verdict.fault.reason


def test_every_column_of_every_event_is_found_when_it_is_changed(history, store):
    """All rows, all columns: the verdict names the event that was changed, and counts those before it."""
    with store.read() as db:
        events = list(chain.every(db))
    assert len(events) == LAST
    for place, event in enumerate(events):
        for field in event.__struct_fields__[1:]:
            old = getattr(event, field)
            changed = msgspec.structs.replace(event, **{field: old + 1 if field == "time" else f"{old}x"})
            verdict = chain.verify([*events[:place], changed, *events[place + 1 :]])
            assert (verdict.fault.seq, verdict.events) == (place + 1, place), field


def test_the_blame_falls_on_the_hash_or_on_the_content(history, by_hand):
    by_hand("UPDATE audit_event SET hash = substr(hash, 2) || 'g' WHERE seq = 3")
    assert "the hash of event 3 was edited" in history.verify().fault.reason
    by_hand("UPDATE audit_event SET actor = 'eve' WHERE seq = 2")
    assert "event 2 was changed after it was written" in history.verify().fault.reason


@pytest.mark.parametrize(
    ("seq", "reason"),
    [(1, "event 1 is missing"), (4, "event 4 is missing"), (LAST, f"ends at event {LAST - 1}, but {LAST} were noted")],
)
def test_a_deleted_event_is_found_wherever_it_stood(history, by_hand, seq, reason):
    by_hand(f"DELETE FROM audit_event WHERE seq = {seq}")
    fault = history.verify().fault
    assert fault.seq == seq
    assert reason in fault.reason


def test_swapped_events_are_found(history, by_hand):
    by_hand(
        "UPDATE audit_event SET seq = -1 WHERE seq = 4",
        "UPDATE audit_event SET seq = 4 WHERE seq = 5",
        "UPDATE audit_event SET seq = 5 WHERE seq = -1",
    )
    assert history.verify().fault.seq == 4


def test_deleting_everything_is_found(history, by_hand):
    by_hand("DELETE FROM audit_event")
    assert f"ends at event 0, but {LAST} were noted" in history.verify().fault.reason


def test_a_cut_trail_takes_no_new_events_that_would_hide_the_cut(history, by_hand, ridge):
    by_hand(f"DELETE FROM audit_event WHERE seq = {LAST}")
    for change in (lambda: history.register(ridge, "m"), lambda: history.set_alias("m", "new", 1)):
        with pytest.raises(
            IntegrityError, match=f"ends at event {LAST - 1}, but {LAST} were noted; nothing was changed"
        ):
            change()


def test_a_trail_rewritten_as_a_whole_contradicts_the_noted_head(history, store, by_hand):
    db = sqlite3.connect(store.database)
    for guard in AUDIT_GUARDS:
        db.execute(f"DROP TRIGGER {guard}")
    previous = chain.GENESIS
    for row in db.execute(
        "SELECT seq, time, actor, action, subject, payload, previous, hash FROM audit_event ORDER BY seq"
    ).fetchall():
        event = msgspec.structs.replace(AuditEvent(*row), actor="eve", previous=previous)
        previous = chain.seal(event)
        db.execute(
            "UPDATE audit_event SET actor = 'eve', previous = ?, hash = ? WHERE seq = ?",
            [event.previous, previous, event.seq],
        )
    db.execute("UPDATE model_version SET created_by = 'eve'")
    for guard in AUDIT_GUARDS.values():
        db.execute(guard)
    db.commit()
    db.close()
    assert "was rewritten" in history.verify().fault.reason
    (store.root / "audit-head.json").unlink()
    verdict = history.verify()
    assert (verdict.ok, verdict.anchored) == (True, False)


def test_a_note_that_lags_behind_a_killed_process_is_sound(history, store, ridge):
    note = store.root / "audit-head.json"
    before = note.read_bytes()
    history.register(ridge, "m")
    note.write_bytes(before)
    assert history.verify().ok
    history.set_alias("m", "next", 3)
    assert json.loads(note.read_bytes())["events"] == LAST + 2


def test_a_note_that_is_none_is_a_fault(history, store):
    (store.root / "audit-head.json").write_bytes(b"\xff")
    assert "does not hold the head" in history.verify().fault.reason


TABLES = {
    "model": ["name", "description", "created_time", "owner", "tags", "intended_use", "limits"],
    "model_version": ["version", "digest", "format", "size", "stage", "run_id", "params", "metrics", "signature", "environment",
                      "description", "created_time", "created_by", "model_id",
                      "author", "authority", "owner", "tags", "example", "training", "program", "datasets", "libraries",
                      "override", "deprecated", "deleted_time"],
    "model_alias": ["alias", "version", "model_id"],
    "gate_result": ["stage", "gate", "passed", "value", "reason", "judged_digest", "time", "model_version_id",
                    "evidence", "digests", "policy", "event"],
    "model_policy": ["model_id", "stage", "policy", "content"],
}  # fmt: skip
APPROVAL = ["event", "model_version_id", "stage", "approver", "authority", "approved", "comment", "judged_digest", "gates",
            "policy", "time"]  # fmt: skip
NUMBERS = {"created_time", "version", "size", "time", "passed", "value", "deleted_time", "event"}
OWNERS = {"model_id": "(SELECT max(id) FROM model)", "model_version_id": "(SELECT max(id) FROM model_version)"}


def test_no_column_of_the_registry_is_left_out_of_the_test_above(history, store):
    db = sqlite3.connect(store.database)
    for table, columns in TABLES.items():
        there = {row[1] for row in db.execute(f"PRAGMA table_info({table})")} - {"id"}
        assert there == set(columns), table
    db.close()


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table, columns in TABLES.items() for column in columns]
)
def test_every_column_changed_by_hand_in_the_tables_is_found(history, by_hand, table, column):
    value = OWNERS.get(column) or (f"ifnull({column}, 0) + 7" if column in NUMBERS else f"ifnull({column}, '') || 'x'")
    row = {"model": "id = 1", "model_version": "id = 2", "model_alias": "alias = 'candidate'", "gate_result": "id = 1",
           "model_policy": "1"}  # fmt: skip
    by_hand(f"UPDATE {table} SET {column} = {value} WHERE {row[table]}")
    verdict = history.verify()
    assert verdict.fault is None
    assert verdict.rows, (table, column)
    assert not verdict.ok


@pytest.mark.parametrize("column", APPROVAL)
def test_every_column_of_an_approval_changed_by_hand_is_found(history, open_registry, by_hand, store, column):
    """An approval is what a promotion relies on: no column of it can say something else than its event."""
    asked = Settings(approvals=(ApprovalSettings(("carol",), stage="staging"),))
    open_registry(asked, user="carol").approve("m", 2, "staging", comment="fine")
    with store.read() as db:
        there = {row[1] for row in db.execute("PRAGMA table_info(approval)")}
    assert there == set(APPROVAL)
    assert history.verify().ok
    others = {"model_version_id": "1", "event": "event + 1", "approved": "0", "time": "time + 1"}
    value = others.get(column, f"{column} || 'x'")
    by_hand(f"UPDATE approval SET {column} = {value}")
    assert history.verify().rows


@pytest.mark.parametrize("table", TABLES)
def test_rows_deleted_or_added_by_hand_are_found(history, by_hand, table, store):
    db = sqlite3.connect(store.database)
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    db.close()
    unique = {"name": "'new'", "alias": "'new'", "version": "99"} | (
        {"stage": "'new'"} if table == "model_policy" else {}
    )
    picked = ", ".join(unique.get(column, column) for column in columns)
    by_hand(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {picked} FROM {table} LIMIT 1")
    assert "is not explained by any event" in " ".join(history.verify().rows)
    by_hand(f"DELETE FROM {table}")
    assert "is missing from its table" in " ".join(history.verify().rows)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_event SET {} = CAST(x'ff' AS TEXT) WHERE seq = 4", "UPDATE audit_event SET {} = '{{' WHERE seq = 4"],
)
@pytest.mark.parametrize("column", ["payload", "subject", "action"])
def test_text_that_cannot_be_read_is_a_fault_and_no_crash(history, by_hand, statement, column):
    by_hand(statement.format(column))
    verdict = history.verify()
    assert verdict.fault.seq == 4
    json.dumps(verdict.to_dict()).encode()


def test_a_changed_payload_still_shows_in_the_log(history, by_hand):
    by_hand(f"UPDATE audit_event SET payload = '{{' WHERE seq = {LAST}")
    assert history.audit_events().events[0].to_dict()["payload"] == "{"


@pytest.mark.parametrize("value", ["'{'", "'[]'", "CAST(x'ff' AS TEXT)"])
def test_a_row_that_cannot_be_read_is_named_as_changed(history, by_hand, value):
    by_hand(f"UPDATE model_version SET metrics = {value} WHERE id = 1")
    assert "version 1 of model 'm' has metrics" in history.verify().rows[0]
    if "CAST" not in value:
        with pytest.raises(IntegrityError, match="changed by hand"):
            history.models()


def test_a_stage_changed_by_hand_is_named_with_both_values(history, by_hand):
    by_hand("UPDATE model_version SET stage = 'production' WHERE version = 2")
    assert history.verify().rows == ("version 2 of model 'm' has stage 'production', but by the events it is 'none'",)


def test_an_event_that_no_trackbook_wrote_is_a_fault_even_with_a_true_hash(history, store):
    with store.write() as db:
        chain.append(db, "eve", "made_up", "models:/m", {})
    assert "is not one that this Trackbook knows" in history.verify().fault.reason


def test_a_refused_write_leaves_neither_event_nor_row(history, store):
    with pytest.raises(ZeroDivisionError), store.write() as db:
        chain.append(db, "ada", "alias_set", "models:/m", {})
        raise ZeroDivisionError
    assert history.verify().events == LAST


def test_canonical_json_has_one_form():
    assert (
        chain.canonical({"b": [1.0, float("nan")], "a": {"é": -float("inf")}})
        == '{"a":{"é":"-Infinity"},"b":[1.0,"NaN"]}'
    )
    for wrong in (object(), {1, 2}, "\ud800"):
        with pytest.raises(RegistryError, match="cannot hold this value"):
            chain.canonical(wrong)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8), st.data())
def test_any_one_change_breaks_any_chain_at_that_event(contents, data):
    events = chained(*contents)
    assert chain.verify(events).ok
    place = data.draw(st.integers(0, len(events) - 1))
    field = data.draw(
        st.sampled_from(["time", "actor", "action", "subject", "payload", "previous", "hash", "authority"])
    )
    old = getattr(events[place], field)
    changed = msgspec.structs.replace(events[place], **{field: old + 1 if field == "time" else old + "."})
    verdict = chain.verify([*events[:place], changed, *events[place + 1 :]])
    assert verdict.fault.seq == place + 1


@given(st.integers(2, 8), st.data())
def test_any_gap_or_swap_is_found(count, data):
    events = chained(*"x" * count)
    place = data.draw(st.integers(0, count - 2))
    assert chain.verify(events[:place] + events[place + 1 :]).fault.seq == place + 1
    events[place], events[place + 1] = events[place + 1], events[place]
    assert chain.verify(events).fault.seq == place + 1


GUARDED = {
    "changed": "UPDATE audit_event SET actor = 'eve' WHERE seq = 2",
    "deleted": f"DELETE FROM audit_event WHERE seq = {LAST}",
    "replaced": "INSERT OR REPLACE INTO audit_event SELECT * FROM audit_event WHERE seq = 3",
}


@pytest.mark.parametrize("what", GUARDED)
def test_the_database_itself_refuses_to_change_the_trail_and_says_what_to_do(history, store, what):
    """UPDATE, DELETE and REPLACE of an event are aborted with a message that names the remedy, and change nothing."""
    db = sqlite3.connect(store.database)
    with pytest.raises(sqlite3.IntegrityError, match=f"never {what}.*Record what holds now.*trackbook audit verify"):
        db.execute(GUARDED[what])
    db.close()
    assert history.verify().ok


def test_an_identity_is_sealed_with_its_authority_and_one_without_keeps_the_old_hash(store):
    """Whoever vouched for a name is covered by the hash; an event of before there was the field has the hash it had."""
    with store.write() as db:
        old = chain.append(db, "ada", "did", "it", {})
        new = chain.append(db, Identity("ada", "jupyterhub"), "did", "it", {})
    assert (old.authority, new.authority) == ("", "jupyterhub")
    fields = [old.seq, old.time, old.actor, old.action, old.subject, old.payload, old.previous]
    assert old.hash == blake3(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
    forged = msgspec.structs.replace(new, authority="jupyter")
    assert chain.seal(forged) != new.hash
    assert chain.seal(msgspec.structs.replace(new, authority="")) != new.hash


@given(st.lists(st.text(), min_size=5, max_size=5), st.sampled_from(["", "jupyterhub"]))
@example(["\x7f", "é", "\udcff", "a\u2028b", "\x00"], "")
def test_a_seal_is_that_of_the_json_of_the_standard_library(texts, authority):
    """However it is written, what is hashed has one form, or seals of before would not hold any more."""
    actor, action, subject, payload, previous = texts
    event = AuditEvent(3, 5, actor, action, subject, payload, previous, "", authority)
    fields = [3, 5, *texts, *([authority] if authority else [])]
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=True)
    assert chain.seal(event) == blake3(text.encode()).hexdigest()
