"""What outside the table holds a trail fast: the key, the signed note, the exported heads; and who tries to slip it."""

import json
import sqlite3
import stat

import msgspec
import pytest

from trackbook.errors import IntegrityError, NotFoundError, RegistryError, UsageError
from trackbook.registry import Registry
from trackbook.registry.audit import chain, keys
from trackbook.registry.audit.chain import AuditEvent
from trackbook.registry.audit.exported import add_head, read_heads
from trackbook.registry.audit.head import Head, signed
from trackbook.registry.projection import rebuild
from trackbook.settings import Settings
from trackbook.store.guards import AUDIT_GUARDS
from trackbook.tracking import Runs

LAST = 14
"""The number of the newest event of the history."""


@pytest.fixture
def exported(history, tmp_path):
    """The file that the trail of `history` is exported to; two events follow the first head in it."""
    path = tmp_path / "trackbook-audit.jsonl"
    history.audit.export(path)
    history.set_alias("m", "late", 2)
    history.set_alias("m", "later", 2)
    return path


@pytest.fixture
def forge(store):
    """Rewrite the trail as a whole, as somebody who knows the format and has the file would; `change` does one event."""

    def run(change, keep=lambda event: True):
        db = sqlite3.connect(store.database)
        columns = "seq, time, actor, action, subject, payload, previous, hash, authority"
        events = [AuditEvent(*row) for row in db.execute(f"SELECT {columns} FROM audit_event ORDER BY seq")]
        for guard in AUDIT_GUARDS:
            db.execute(f"DROP TRIGGER {guard}")
        db.execute("DELETE FROM audit_event")
        previous = chain.GENESIS
        for number, event in enumerate(filter(keep, events), 1):
            event = msgspec.structs.replace(change(event), seq=number, previous=previous)
            previous = chain.seal(event)
            event = msgspec.structs.replace(event, hash=previous)
            db.execute(
                f"INSERT INTO audit_event ({columns}) VALUES (?,?,?,?,?,?,?,?,?)", msgspec.structs.astuple(event)
            )
        for guard in AUDIT_GUARDS.values():
            db.execute(guard)
        db.commit()
        db.close()
        return event

    return run


def by_eve(event):
    return msgspec.structs.replace(event, actor="eve") if event.subject.startswith("models:/") else event


def with_key(key):
    """Return a change that puts the public half of `key` into the event that names the key, and eve everywhere."""

    def change(event):
        if event.subject != keys.SUBJECT:
            return by_eve(event)
        return msgspec.structs.replace(event, payload=json.dumps({"key": key.public}))

    return change


@pytest.fixture
def own_key(tmp_path):
    """A key that is not the project's."""
    folder = tmp_path / "eve"
    folder.mkdir()
    return keys.KeyFile(folder).make()


def fix_tables(store):
    """Let the tables follow from a forged trail, so that only what is outside it contradicts."""
    db = sqlite3.connect(store.database)
    with db:
        db.execute("UPDATE model_version SET created_by = 'eve'")
    db.close()


# -- the key


def test_the_first_change_makes_a_key_that_only_its_owner_reads(history, store):
    """The private half has mode 0600, the public half is the first event, and the note of the head is signed."""
    assert stat.S_IMODE((store.root / "audit-key.pem").stat().st_mode) == 0o600
    first = history.audit_events(limit=100).events[-1]
    assert (first.seq, first.action, first.subject) == (1, "key_created", "audit:/key")
    assert first.content["key"] == history.audit.key()
    verdict = history.verify()
    assert (verdict.key, verdict.signed, verdict.remarks) == (history.audit.key(), verdict.events, ())


def test_a_trail_of_before_there_were_keys_gets_one_with_its_next_change(registry, store, forge, ridge):
    """An old trail with an unsigned note holds, and the next change adds the key and signs the head."""
    registry.register(ridge, "m")
    last = forge(lambda event: event, keep=lambda event: event.subject != keys.SUBJECT)
    (store.root / "audit-key.pem").unlink()
    (store.root / "audit-head.json").write_text(json.dumps({"events": last.seq, "hash": last.hash}))
    verdict = registry.verify()
    assert (verdict.ok, verdict.key, verdict.signed, verdict.anchored) == (True, None, 0, True)
    registry.set_alias("m", "new", 1)
    verdict = registry.verify()
    assert (verdict.ok, verdict.events, verdict.signed) == (True, last.seq + 2, last.seq + 2)


def test_without_its_key_a_trail_takes_no_change_and_says_what_to_do(history, store):
    """A lost key is never replaced in silence: the change is refused, and nothing is written."""
    (store.root / "audit-key.pem").unlink()
    with pytest.raises(RegistryError, match=r"not in the store; nothing was changed.*audit key --replace --reason"):
        history.set_alias("m", "new", 1)
    with pytest.raises(RegistryError, match="say why with a reason"):
        history.audit.replace_key()
    assert history.verify().events == LAST


def test_a_replacement_is_signed_by_the_key_before_it(history, store):
    """After a replacement the trail holds, with heads of both keys, and both keys are known to be right."""
    old = history.audit.key()
    new = history.audit.replace_key("once a year")
    history.set_alias("m", "new", 1)
    assert new == history.audit.key() != old
    verdict = history.verify()
    assert (verdict.ok, verdict.key, verdict.signed) == (True, new, LAST + 2)
    assert history.audit.verify(key=old).ok
    assert history.audit.verify(key=new).ok


def test_a_replacement_that_the_key_before_it_did_not_sign_is_named(history, store):
    """Where the old key is lost the new one is a fault, until somebody says that they know it to be right."""
    (store.root / "audit-key.pem").unlink()
    new = history.audit.replace_key("the disk broke")
    fault = history.verify().fault
    assert fault.seq == LAST + 1
    assert "did not sign that it was replaced (reason given: the disk broke)" in fault.reason
    assert history.audit.verify(key=new).ok


def test_a_process_killed_between_the_event_and_the_file_of_a_new_key_leaves_a_whole_trail(history, store):
    """The new key waits under another name until the trail names it, and is taken by whoever comes next."""
    current = store.root / "audit-key.pem"
    old = current.read_bytes()
    history.audit.replace_key()
    current.rename(store.root / "audit-key.next.pem")
    current.write_bytes(old)
    history.set_alias("m", "new", 1)
    assert history.verify().ok
    assert not (store.root / "audit-key.next.pem").exists()


def test_a_key_that_others_can_read_is_a_remark(history, store):
    """The verdict stays, and says what to do."""
    (store.root / "audit-key.pem").chmod(0o644)
    verdict = history.verify()
    assert verdict.ok
    assert "chmod 600" in verdict.remarks[0]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_said_to_be_none(history, store, content):
    """What cannot be read as a key refuses the change with its name."""
    (store.root / "audit-key.pem").write_bytes(content)
    with pytest.raises(IntegrityError, match=r"audit-key.pem holds no private key"):
        history.set_alias("m", "new", 1)


# -- exported heads


def test_an_export_is_one_signed_head_a_line_and_grows_with_every_change(history, exported):
    """Lines are in the order of the events, each signed; a second export adds nothing."""
    heads = [head for _, head in read_heads(exported)]
    assert [head.events for head in heads] == [LAST, LAST + 1, LAST + 2]
    assert all(head.is_genuine for head in heads)
    before = exported.read_bytes()
    assert not history.audit.export(exported).added
    assert exported.read_bytes() == before
    verdict = history.verify()
    assert (verdict.ok, verdict.compared) == (True, ("audit-head.json (1)", "trackbook-audit.jsonl (3)"))


def test_lines_of_a_merge_are_read_in_any_order_and_twice(history, exported):
    """A merge driver may shuffle and double lines: nothing is wrong with that."""
    lines = exported.read_text().splitlines()
    exported.write_text("\n".join([*reversed(lines), *lines, "", ""]))
    assert history.verify().ok


def test_a_cut_shows_though_the_note_is_gone_too(history, exported, by_hand, store):
    """Truncation with the note and the list of exports deleted: the file in the project's folder still tells."""
    by_hand(f"DELETE FROM audit_event WHERE seq > {LAST}", "DELETE FROM model_alias WHERE alias LIKE 'late%'")
    (store.root / "audit-head.json").unlink()
    assert f"ends at event {LAST}, but {LAST + 1} were noted in line 2" in history.verify().fault.reason
    (store.root / "audit-exports.json").unlink()
    assert history.verify().ok, "nothing here knows better"
    for verdict in (history.audit.verify(folder=exported.parent), history.audit.verify(heads=exported)):
        assert (verdict.fault.seq, verdict.anchored) == (LAST + 1, False)


def test_a_cut_trail_is_not_exported_over_what_was(history, exported, by_hand, store):
    """A file never gets a head behind one that it has: the change is a warning, the export an error."""
    by_hand(f"DELETE FROM audit_event WHERE seq > {LAST}", "DELETE FROM model_alias WHERE alias LIKE 'late%'")
    (store.root / "audit-head.json").unlink()
    before = exported.read_bytes()
    with pytest.warns(UserWarning, match="the change is stored, but the audit trail was not exported.*it was cut"):
        history.set_alias("m", "new", 1)
    with pytest.warns(UserWarning), pytest.raises(IntegrityError, match="it was cut, or the file is of another"):
        history.audit.export(exported)
    assert exported.read_bytes() == before


def test_a_trail_forged_with_the_keys_own_signatures_contradicts_the_file(history, exported, forge, store):
    """Who owns the store has the key, and can forge trail, tables and note; the heads in git are not theirs to change."""
    last = forge(by_eve)
    fix_tables(store)
    key = keys.KeyFile(store.root).any()
    (store.root / "audit-head.json").write_bytes(msgspec.json.encode(signed(last, key)))
    (store.root / "audit-exports.json").unlink()
    assert history.verify().ok, "nothing here knows better"
    verdict = history.audit.verify(folder=exported.parent)
    assert verdict.fault.seq == LAST
    assert "in line 1 of trackbook-audit.jsonl: the trail was rewritten" in verdict.fault.reason


def test_a_trail_forged_without_the_key_contradicts_its_note(history, forge, store):
    """Without the private half no head can be written that holds."""
    last = forge(by_eve)
    fix_tables(store)
    note = store.root / "audit-head.json"
    assert "was rewritten" in history.verify().fault.reason
    head = msgspec.json.decode(note.read_bytes(), type=Head)
    note.write_bytes(msgspec.json.encode(msgspec.structs.replace(head, hash=last.hash)))
    assert "is not what was signed: it was edited" in history.verify().fault.reason
    note.write_text(json.dumps({"events": last.seq, "hash": last.hash}))
    assert "is not signed" in history.verify().fault.reason


def test_a_forged_trail_with_another_key_is_sound_in_itself_only(history, exported, forge, store, own_key):
    """With trail, tables, key, note and list forged, a head in git or the number of the true key still shows it."""
    true_key = history.audit.key()
    last = forge(with_key(own_key))
    fix_tables(store)
    note = store.root / "audit-head.json"
    note.write_bytes(msgspec.json.encode(signed(last, own_key)))
    (fault,) = [history.verify().fault]
    assert "the trail was rewritten" in fault.reason  # by the list of exports
    (store.root / "audit-exports.json").unlink()
    verdict = history.audit.verify(folder=exported.parent)
    assert verdict.ok
    assert "has heads of another trail only" in verdict.remarks[0]
    assert history.audit.verify(heads=exported).fault.seq == LAST
    fault = history.audit.verify(key=true_key).fault
    assert (fault.seq, "is kept with the key" in fault.reason) == (1, True)
    note.unlink()
    assert "no head that is signed with that key" in history.audit.verify(key=own_key.public).fault.reason


def test_a_key_that_is_slipped_in_is_named(history, store, own_key):
    """An event with another key that the old one did not sign is the first broken one, note signed with it or not."""
    with store.write() as db:
        payload = {"key": own_key.public, "previous": keys.current(db)}
        event = chain.append(db, "eve", keys.ACTION, keys.SUBJECT, payload)
    (store.root / "audit-head.json").write_bytes(msgspec.json.encode(signed(event, own_key)))
    fault = history.verify().fault
    assert (fault.seq, fault.action) == (LAST + 1, "key_created")
    assert "did not sign that it was replaced" in fault.reason


@pytest.mark.parametrize("change", [{"key": "00"}, {"key": 1}, {}, {"key": "x", "previous": "y", "signature": "z"}])
def test_an_event_that_names_no_key_is_a_fault_and_no_crash(history, store, change):
    """Whatever stands in a payload about the key, the verdict names its event."""
    with store.write() as db:
        chain.append(db, "eve", keys.ACTION, keys.SUBJECT, change)
    assert history.verify().fault.seq == LAST + 1


@pytest.mark.parametrize("field", ["events", "hash", "time", "key", "signature"])
def test_every_edited_field_of_a_head_is_found(history, exported, field):
    """A head in a file that says something else than was signed is a fault that names its line."""
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    value = lines[1][field]
    lines[1][field] = value + 100 if isinstance(value, int) else ("0" if value[0] != "0" else "1") + value[1:]
    exported.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fault = history.verify().fault
    assert "line 2" in fault.reason


@pytest.mark.parametrize("line", ["no json", '{"events": "12"}', "\xff", "[]"])
def test_a_line_that_is_no_head_is_named(history, exported, line):
    """What is no head in a file of heads is a fault, not skipped."""
    with exported.open("a", encoding="latin-1") as file:
        file.write(line + "\n")
    assert "line 4 of" in history.verify().fault.reason


def test_a_line_that_was_cut_off_is_not_written_into(history, exported):
    """A torn last line stays a line of its own, and is named, and what was whole is kept."""
    exported.write_bytes(exported.read_bytes()[:-20])
    with pytest.warns(UserWarning, match="the last line of .* is no head"):
        history.set_alias("m", "new", 1)


def test_a_missing_export_is_a_remark_and_a_missing_copy_an_error(history, exported, tmp_path):
    """A file that git may have is not cried about; one that was asked for is."""
    exported.unlink()
    verdict = history.verify()
    assert verdict.ok
    assert "is gone; git may have it" in verdict.remarks[0]
    with pytest.raises(NotFoundError, match="there is no file"):
        history.audit.verify(heads=tmp_path / "none.jsonl")


def test_a_folder_that_cannot_be_written_costs_a_warning_and_no_change(history, exported):
    """The change is stored all the same."""
    exported.unlink()
    exported.mkdir()
    with pytest.warns(UserWarning, match="the change is stored, but the audit trail was not exported"):
        history.set_alias("m", "new", 1)
    assert history.get("m").aliases["new"] == 1
    with pytest.warns(UserWarning), pytest.raises(UsageError, match="no place for heads"):
        history.audit.export(exported)


def test_the_head_of_another_trail_is_not_added(exported, tmp_path, ridge, store):
    """A file is of one trail."""
    from trackbook.store import Store

    other = Store.open(tmp_path / "other" / ".trackbook")
    registry = Registry(other, Settings(), "bob", Runs(other))
    registry.register(ridge, "m")
    with pytest.raises(IntegrityError, match="export to another file"):
        registry.audit.export(exported)


def test_a_project_may_be_moved_with_its_export(history, exported, store, tmp_path):
    """The list holds the way from the store to the file, not where both lay."""
    assert json.loads((store.root / "audit-exports.json").read_text()) == ["../trackbook-audit.jsonl"]


def test_a_file_of_heads_takes_the_same_head_once(tmp_path):
    """Adding is idempotent, and refuses a head that is not later."""
    path = tmp_path / "heads"
    assert add_head(path, Head(3, "a"))
    assert not add_head(path, Head(3, "a"))
    for wrong in (Head(3, "b"), Head(2, "a")):
        with pytest.raises(IntegrityError):
            add_head(path, wrong)
    assert add_head(path, Head(4, "c"))
    assert [head.events for _, head in read_heads(path)] == [3, 4]


# -- the database's own guards


@pytest.mark.parametrize("guard", sorted(AUDIT_GUARDS))
def test_a_trigger_that_was_dropped_or_changed_is_named(history, store, guard):
    """Who takes a guard away, or its teeth, has to be asked why; a rebuild brings it back."""
    db = sqlite3.connect(store.database)
    db.execute(f"DROP TRIGGER {guard}")
    assert f"{guard} is gone" in history.verify().guards[0]
    db.execute(f"CREATE TRIGGER {guard} AFTER DELETE ON model BEGIN SELECT 1; END")
    db.close()
    verdict = history.verify()
    assert not verdict.ok
    assert f"{guard} is changed" in verdict.guards[0]


def test_an_event_about_nothing_that_is_known_is_a_fault(history, store):
    """Only models and the key have events."""
    with store.write() as db:
        chain.append(db, "eve", "made_up", "elsewhere:/m", {})
    assert "is not one that this Trackbook knows" in history.verify().fault.reason
    assert rebuild([]) == {}


def test_events_that_nobody_signed_yet_are_a_remark(history, store):
    """A process killed between its commit and the note leaves a sound trail, which says so."""
    with store.write() as db:
        before = chain.last(db)
        chain.append(db, "ada", keys.ACTION, keys.SUBJECT, {"key": keys.current(db), "previous": keys.current(db)})
    assert before.seq == LAST
    assert f"after number {LAST} are not signed yet" in "".join(history.audit.verify(key=history.audit.key()).remarks)


def test_no_other_copy_of_the_key_is_left(store, history):
    """Beside the key there are the note and its lock, and no temporary file."""
    there = {path.name for path in store.root.glob("audit*")}
    assert there == {"audit-head.json", "audit-head.lock", "audit-key.pem"}
