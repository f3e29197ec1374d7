"""The dossier: what is in it, and that no change of it goes unseen."""

import json
import re

import pytest

from trackbook.errors import IntegrityError, NotFoundError, RegistryError
from trackbook.registry.audit import keys
from trackbook.registry.dossier.sealing import check

HOSTILE = '<script>alert("x")</script> --> <img src=x onerror=alert(1)>'


@pytest.fixture
def made(registry, ridge):
    """A registry with a version that gates judged, with hostile words about it."""
    registry.register(ridge, "m--n", metrics={"r2": 0.4}, description=HOSTILE)
    registry.promote("m--n", 1, "production", reason=HOSTILE)
    return registry


@pytest.fixture(params=["html", "json"])
def file(request, made, tmp_path):
    path = tmp_path / f"dossier.{request.param}"
    path.write_bytes(made.dossier("m--n", 1, request.param).encode())
    return path


def test_a_dossier_is_genuine_here_and_anywhere_with_the_key(made, file):
    """Its own project knows it; without the project the key decides, and without both nobody can tell."""
    verdict = made.audit.check_dossier(file)
    assert (verdict.ok, verdict.model, verdict.version, verdict.remarks) == (True, "m--n", 1, ())
    assert check(file, None, made.audit.key()).ok
    assert "cannot be told" in check(file, None).faults[0]
    assert "not with 0000" in check(file, None, "0" * 64).faults[0]


def test_events_that_follow_are_a_remark(made, file):
    """A dossier stays true of its time."""
    made.set_alias("m--n", "late", 1)
    verdict = made.audit.check_dossier(file)
    assert verdict.ok
    assert "1 more events about the model followed" in verdict.remarks[0]


def test_no_byte_of_a_dossier_can_be_changed_unseen(made, file):
    """Flipping any of some hundred bytes, cutting, appending: not genuine, or no dossier at all."""
    data = file.read_bytes()
    places = range(0, len(data) - 1, max(1, len(data) // 97))
    changed = [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in places]
    changed += [data[:-40], data + b"<p>approved</p>\n", data.replace(b"production", b"staging   ")]
    names = {made.audit.key(): 1}
    for content in changed:
        file.write_bytes(content)
        try:
            verdict = check(file, names)
        except RegistryError:
            continue
        same = file.suffix == ".json" and _plain(content) == _plain(data)
        assert verdict.ok == same, content[:80]


def _plain(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_a_dossier_signed_with_another_key_is_not_of_this_project(made, tmp_path, store):
    """Whoever signs it anew is told by the key."""
    folder = tmp_path / "eve"
    folder.mkdir()
    text = made.dossier("m--n", 1, "json")
    eve = keys.KeyFile(folder).make()
    content = json.loads(text)
    content["seal"]["key"] = eve.public
    path = tmp_path / "forged.json"
    path.write_text(json.dumps(content))
    assert len(made.audit.check_dossier(path).faults) == 3


def test_a_name_that_stands_twice_is_refused(made, tmp_path):
    """What one reader takes first and another last would be two dossiers in one."""
    path = tmp_path / "twice.json"
    path.write_text(made.dossier("m--n", 1, "json").replace('"format":1,', '"format":0,"format":1,', 1))
    with pytest.raises(RegistryError, match="stands twice"):
        made.audit.check_dossier(path)


def test_a_dossier_of_a_trail_that_was_rewritten_contradicts_it(made, file, store):
    """Its head is a copy that nobody here can change."""
    (store.root / "audit-head.json").unlink()
    import sqlite3

    from trackbook.store.guards import AUDIT_GUARDS

    db = sqlite3.connect(store.database)
    for guard in AUDIT_GUARDS:
        db.execute(f"DROP TRIGGER {guard}")
    db.execute("DELETE FROM audit_event WHERE seq = (SELECT max(seq) FROM audit_event)")
    db.commit()
    db.close()
    assert "not those of the trail here" in made.audit.check_dossier(file).faults[0]
    with pytest.raises(IntegrityError, match="no dossier is made on an audit trail that does not hold"):
        made.dossier("m--n", 1)


def test_the_json_has_all_that_an_auditor_asks_for(made):
    """Card, record with gates, events whose hashes can be computed again, keys and head."""
    content = json.loads(made.dossier("m--n", 1, "json"))["content"]
    assert {"card", "record", "events", "head", "model", "version", "format"} == content.keys()
    assert content["record"]["gates"][0]["passed"] is True
    actions = [event["action"] for event in content["events"]]
    assert actions[0] == "key_created"
    assert {"model_created", "version_registered", "gates_judged", "version_promoted"} <= set(actions)
    assert content["head"]["events"] == max(event["seq"] for event in content["events"])


def test_the_page_shows_stored_text_as_text_and_loads_nothing(made):
    """No element, attribute or comment comes out of what somebody typed."""
    page = made.dossier("m--n", 1)
    assert "<script" not in page
    assert "<img" not in page
    assert "onerror=alert(1)&gt;" in page
    assert not re.search(r"""(src|href)=["'](?!#)""", page)
    assert page.count("-->") == page.count("<!--") == 1
    assert "default-src 'none'" in page


def test_what_is_no_dossier_is_said_to_be_none(made, tmp_path):
    """Any other file is an error that names the command which makes one."""
    path = tmp_path / "other.html"
    with pytest.raises(NotFoundError):
        made.audit.check_dossier(path)
    for content in (b"", b"<html></html>\n", b"{}", b'{"content":1}', b"\xff", b"[" * 100_000):
        path.write_bytes(content)
        with pytest.raises(RegistryError, match="is no dossier"):
            made.audit.check_dossier(path)
