"""Objects that were cut, emptied, deleted or changed in one bit: named, never taken for what they were."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from support.failpoints.records import check_sound
from trackbook.errors import IntegrityError, NotFoundError
from trackbook.store.fsck import fsck

pytestmark = pytest.mark.faults

FLIPS = 150


@pytest.fixture
def kept(project):
    """An artifact, a compressible one and the parts of a dataset version; their digests and the version."""
    with project.tracker.start_run("r") as run:
        run.log_artifact(random.Random(1).randbytes(3000), "noise.bin")
    frame = pd.DataFrame({"a": range(5000), "b": [f"text {n % 7}" for n in range(5000)]})
    version = project.data.snapshot(frame, "data")
    project.runs.search()
    return sorted(project.store.objects.digests()), version


def damages(content: bytes, rng: random.Random) -> dict[str, bytes | None]:
    """Return ways to damage a file."""
    flipped = bytearray(content)
    flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return {
        "deleted": None,
        "emptied": b"",
        "cut": content[: rng.randrange(len(content))],
        "longer": content + b"\0",
        "flipped": bytes(flipped),
        "another's": content[::-1],
    }


def test_a_damaged_object_is_named_by_who_reads_it_and_by_fsck(project, kept, tried):
    digests, version = kept
    rng, count = random.Random(2), 0
    for digest in digests:
        path = project.store.objects.locate(digest).path
        content = path.read_bytes()
        for name, damaged in damages(content, rng).items():
            path.unlink() if damaged is None else path.write_bytes(damaged)
            with pytest.raises(NotFoundError if damaged is None else IntegrityError, match=digest[:12]):
                project.store.objects.get(digest)
            errors = [finding for finding in fsck(project.store) if finding.severity == "error"]
            assert digest[:12] in {finding.subject[:12] for finding in errors}, (name, errors)
            # The rest of the store is not touched by it.
            assert [run.run_name for run in project.runs.search()] == ["r"]
            path.write_bytes(content)
            count += 1
    tried("objects damaged", count)
    check_sound(project.store)
    assert len(project.data.load(version.uri)) == 5000


def test_no_bit_of_any_object_can_turn_and_change_what_is_read(project, kept, tried):
    """A compressed frame has bits that mean nothing; any other is noticed."""
    digests, _ = kept
    contents = {digest: project.store.objects.get(digest) for digest in digests}
    rng = random.Random(3)
    for _ in range(FLIPS):
        digest = rng.choice(digests)
        path = project.store.objects.locate(digest).path
        content = bytearray(path.read_bytes())
        position, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        content[position] ^= bit
        path.write_bytes(content)
        try:
            assert project.store.objects.get(digest) == contents[digest]
        except IntegrityError as error:
            assert digest[:12] in str(error)
        content[position] ^= bit
        path.write_bytes(content)
    tried("bits of objects turned", FLIPS)
    check_sound(project.store)


def test_a_version_with_a_damaged_part_is_refused_and_the_next_snapshot_is_whole(project, kept):
    _, version = kept
    path = project.store.objects.locate(version.digest).path
    path.unlink()
    with pytest.raises(NotFoundError, match=version.digest[:12]):
        project.data.load(version.uri)
    frame = pd.DataFrame({"a": range(10)})
    assert project.data.load(project.data.snapshot(frame, "data").uri).equals(frame)
