"""The rule that joins what two stores know of a run, and the way of a run through tables and bytes and back."""

from __future__ import annotations

import itertools
import uuid

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.errors import IntegrityError, StoreVersionError
from trackbook.store import Store, events
from trackbook.store.records import FORMAT, Attempt, Curve, Edit, RunRecord, merge, pack, unpack
from trackbook.store.run_rows import read_record, receive
from trackbook.tracking import Tracker

RUN = "a" * 32
KEYS = st.sampled_from(["a", "b", "tags", "ä"])
TEXT = st.sampled_from(["", "x", "y", "\N{SNOWMAN}"])
FLOATS = st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")])


@st.composite
def cores(draw):
    """The events of one life of a run, as far as it got: points are only ever added, then it ends."""
    parts = [events.RunStarted(RUN, "e", "", "python", 1, "u")]
    if draw(st.booleans()):
        parts.append(events.RunEnded(RUN, draw(st.sampled_from(["FINISHED", "FAILED"])), draw(st.integers(1, 3))))
    params = draw(st.dictionaries(KEYS, TEXT, max_size=2))
    if params:
        parts.append(events.ParamsLogged(RUN, dict(sorted(params.items()))))
    for key in sorted(draw(st.sets(KEYS, max_size=2))):
        values = draw(st.lists(FLOATS, min_size=1, max_size=3))
        parts.append(Curve(key, list(range(len(values))), [draw(st.integers(0, 3)) for _ in values], values))
    return tuple(parts)


CORES = st.shared(st.lists(cores(), min_size=1, max_size=3), key="cores")


def edits_of(field):
    values = st.sampled_from(["1", "2"] if field == "deleted_time" else ["", "1", "2"])
    return st.builds(Edit, st.integers(0, 2), st.none() | values, st.sampled_from("ub"))


@st.composite
def records(draw):
    """Records of one run; of a field that is edited, nobody knows what the run said."""
    fields = draw(st.sets(st.sampled_from(["run_name", "note", "deleted_time", "tags.a", "tags.b"]), max_size=3))
    edits = {field: draw(edits_of(field)) for field in fields}
    tags = draw(st.dictionaries(st.sampled_from("abc"), TEXT, max_size=3))
    return RunRecord(
        FORMAT,
        RUN,
        core=draw(st.sampled_from(draw(CORES))),
        name=None if "run_name" in edits else draw(st.sampled_from(["n", "m"])),
        tags={key: value for key, value in tags.items() if f"tags.{key}" not in edits},
        edits=edits,
        attempts=draw(
            st.dictionaries(
                st.sampled_from("pq"), st.builds(Attempt, TEXT, TEXT, st.just(1), st.just(2), TEXT), max_size=2
            )
        ),
    )


@settings(max_examples=100, deadline=None)
@given(records(), records(), records())
def test_the_rule_is_commutative_associative_and_idempotent(one, two, three):
    assert merge(one, one).encode() == one.encode()
    assert merge(one, two).encode() == merge(two, one).encode()
    assert merge(merge(one, two), three).encode() == merge(one, merge(two, three)).encode()
    assert merge(merge(one, two), two).encode() == merge(one, two).encode()


@settings(max_examples=100, deadline=None)
@given(st.lists(records(), min_size=2, max_size=4))
def test_in_whatever_order_records_meet_the_end_is_the_same(known):
    ends = set()
    for order in itertools.permutations(known):
        joined = order[0]
        for record in order[1:]:
            joined = merge(joined, record)
        ends.add(joined.encode())
    assert len(ends) == 1


def test_what_got_further_is_kept_and_the_later_word_counts():
    start = events.RunStarted(RUN, "e", "", "python", 1, "u")
    early = RunRecord(FORMAT, RUN, (start, Curve("m", [0], [1], [0.5])), "n", {"a": "1"})
    late = RunRecord(
        FORMAT, RUN, (start, events.RunEnded(RUN, "FINISHED", 9), Curve("m", [0, 1], [1, 2], [0.5, 0.25])), "n", {"a": "2"},
        {"note": Edit(5, "good", "u")},
    )  # fmt: skip
    said = RunRecord(FORMAT, RUN, early.core, "n", {}, {"tags.a": Edit(4, None, "v"), "note": Edit(6, "bad", "v")})
    joined = merge(merge(early, late), said)
    assert joined.core == late.core
    assert joined.tags == {}
    assert joined.edits == {"tags.a": Edit(4, None, "v"), "note": Edit(6, "bad", "v")}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return [Store.open(tmp_path_factory.mktemp("records") / name) for name in ("one", "two")]


@settings(max_examples=20, deadline=None)
@given(st.lists(records(), min_size=1, max_size=3))
def test_the_tables_join_records_as_the_rule_does(stores, known):
    """Two stores that receive the same records in opposite orders hold, and say, what the rule says."""
    run_id = uuid.uuid4().hex  # of its own for each example, as the stores stay
    known = [of_run(record, run_id) for record in known]
    expected = known[0]
    for record in known[1:]:
        expected = merge(expected, record)
    for store, order in zip(stores, (known, known[::-1]), strict=True):
        for record in order:
            with store.write() as db:
                receive(db, store.objects, record, record.digest())
        with store.read() as db:
            assert read_record(db, run_id).encode() == expected.encode()


def of_run(record, run_id):
    core = tuple(
        msgspec.structs.replace(event, run_id=run_id) if hasattr(event, "run_id") else event for event in record.core
    )
    attempts = {f"{run_id}{key}": attempt for key, attempt in record.attempts.items()}
    return msgspec.structs.replace(record, run_id=run_id, core=core, attempts=attempts)


def test_a_record_survives_its_way_through_bytes(tmp_path):
    store = Store.open(tmp_path / "store")
    with Tracker(store, root=tmp_path, experiment="e", user="u").start_run("r", tags={"t": "x"}) as run:
        run.log_params({"p": "ü\0"})
        for step in range(3000):
            run.log_metric("m", step / 7, step=step)
        run.log_metric("n", float("nan"))
        run.log_artifact(b"x", "a/b.txt")
    with store.read() as db:
        record = read_record(db, run.run_id)
    again = unpack(pack(record), run.run_id, record.digest())
    assert again.encode() == record.encode()
    assert len(pack(record)) < 40_000


# -- what was crafted


def sent(record):
    return pack(record), record.digest()


GOOD = RunRecord(FORMAT, RUN, (events.RunStarted(RUN, "e", "", "python", 1, "u"),), "n")
DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("core", "reason"),
    [
        (events.ArtifactLogged(RUN, "../../etc/passwd", DIGEST, 1, "text/plain"), "leads out of the run"),
        (events.ArtifactLogged(RUN, "/etc/passwd", DIGEST, 1, "text/plain"), "leads out of the run"),
        (events.ArtifactLogged(RUN, "a\\..\\b", DIGEST, 1, "text/plain"), "leads out of the run"),
        (events.ArtifactLogged(RUN, "a", "../../x", 1, "text/plain"), "no digest"),
        (events.ArtifactLogged(RUN, "a", DIGEST, 1, "text/plain", b"content"), "no digest"),
        (events.CodeLocated(RUN, None, None, None, "../x"), "git patch"),
        (events.EnvironmentSeen(RUN, DIGEST, "{}"), "environment"),
        (events.EnvironmentSeen(RUN, "x"), "environment"),
        (events.ParamsLogged("b" * 32, {"p": "1"}), "another run"),
        (Curve("m", [0, 1], [0], [0.0]), "not of one length"),
        (Curve("m", [], [], []), "not of one length"),
    ],
)
def test_a_crafted_event_is_refused(core, reason):
    content, digest = sent(msgspec.structs.replace(GOOD, core=(*GOOD.core, core)))
    with pytest.raises(IntegrityError, match=reason):
        unpack(content, RUN, digest)


@pytest.mark.parametrize("field", ["status", "tags.", "", "run_id", "deleted_time"])
def test_an_edit_of_what_cannot_be_edited_is_refused(field):
    content, digest = sent(msgspec.structs.replace(GOOD, edits={field: Edit(1, "x", "u")}))
    with pytest.raises(IntegrityError, match="its edit"):
        unpack(content, RUN, digest)


def test_other_bytes_than_the_name_says_are_refused():
    content, digest = sent(GOOD)
    with pytest.raises(IntegrityError, match="not those of its digest"):
        unpack(content, RUN, DIGEST)
    with pytest.raises(IntegrityError, match="another run"):
        unpack(content, "b" * 32, digest)


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x93\x01", b"{}", msgspec.msgpack.encode({"format": 1, "run_id": 3})])
def test_what_is_no_record_is_refused(data):
    import zstandard

    content = zstandard.ZstdCompressor().compress(data)
    with pytest.raises(IntegrityError, match="no record"):
        unpack(content, RUN, blake3(data).hexdigest())


def test_what_is_no_frame_or_a_bomb_is_refused(monkeypatch):
    import zstandard

    from trackbook.store import records as module

    with pytest.raises(IntegrityError):
        unpack(b"no frame", RUN, DIGEST)
    monkeypatch.setattr(module, "MAX_UNPACKED", 1_000_000)
    bomb = zstandard.ZstdCompressor().compress(b"\0" * 50_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(IntegrityError, match="more than 1,000,000 bytes"):
        unpack(bomb, RUN, DIGEST)


def test_a_record_of_a_newer_version_says_so():
    content, digest = sent(msgspec.structs.replace(GOOD, format=FORMAT + 1))
    with pytest.raises(StoreVersionError, match="newer Trackbook"):
        unpack(content, RUN, digest)


def test_a_record_in_another_spelling_is_refused():
    """Of one record there is one form of bytes: else it would never be known again."""
    import zstandard

    plain = msgspec.msgpack.decode(GOOD.encode())
    data = msgspec.msgpack.encode(dict(reversed(plain.items())))
    with pytest.raises(IntegrityError, match="not written as"):
        unpack(zstandard.ZstdCompressor().compress(data), RUN, blake3(data).hexdigest())
