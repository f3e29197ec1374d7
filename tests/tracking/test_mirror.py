"""Images of the user's folders: where they lie, and how texts that name paths are led to them and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.tracking.reproduction.mirror import Mirror, place_of

ROOT = Path("/data/ada/work")


@pytest.fixture
def mirror(tmp_path):
    return Mirror(tmp_path, ROOT)


def test_relative_paths_out_of_the_project_lead_to_images_too(mirror):
    image = mirror.image(ROOT / "notebooks")
    outside = mirror.image(Path("/data/ada/shared/in.csv"))
    assert (image / "../../shared/in.csv").resolve() == outside.resolve()


@pytest.mark.parametrize(
    ("source", "moved"),
    [
        ("open('/data/ada/work/a.csv')", True),
        ("%cd /data/ada/work", True),
        ("p = '/data/ada/work'", True),
        ("!ls /data/ada/work/*.csv", True),
        ("open('/data/ada/work2/a.csv')", False),
        ("open('/data/ada/work.old/a.csv')", False),
        ("open('/mnt/data/ada/work/a.csv')", False),
        ("open('../data/ada/workshop')", False),
        ("s = 'data/ada/work'", False),
    ],
)
def test_the_projects_own_paths_lead_to_its_image(mirror, source, moved):
    translated = mirror.translated(source)
    assert (translated != source) is moved
    assert mirror.original(translated) == source


def test_a_path_below_home_may_be_written_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "home" / "work"
    mirror = Mirror(tmp_path / "mirror", root)
    assert mirror.translated("open('~/work/a.csv')") == f"open('{mirror.image(root)}/a.csv')"


def test_a_file_elsewhere_has_an_image_once_it_is_placed(mirror, tmp_path):
    path = Path("/data/other/in.csv")
    assert mirror.translated("read('/data/other/in.csv')") == "read('/data/other/in.csv')"
    mirror.place(path, b"old")
    assert mirror.image(path).read_bytes() == b"old"
    assert mirror.translated("read('/data/other/in.csv')") == f"read('{mirror.image(path)}')"
    assert mirror.translated("read('/data/other/in.csv2')") == "read('/data/other/in.csv2')"


@given(st.text().filter(lambda text: "/files/" not in text))
def test_texts_without_images_stay_as_they_are(text):
    assert Mirror(Path("/tmp/mirror"), ROOT).original(text) == text


def test_a_project_at_the_top_moves_no_path(tmp_path):
    assert Mirror(tmp_path, Path("/")).translated("open('/a/b')\nx = 1 / 2") == "open('/a/b')\nx = 1 / 2"


def test_the_copy_has_the_projects_files_and_large_ones_only_when_they_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr("trackbook.tracking.reproduction.mirror.MAX_SPARE", 10)
    root = tmp_path / "project"
    for name in ("a.py", "sub/b.csv", "large.bin", "used.bin", ".git/config", ".trackbook/db", "env/pyvenv.cfg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x" * (100 if name.endswith(".bin") else 1))
    mirror = Mirror(tmp_path / "mirror", root)
    mirror.fill([root / "used.bin"])
    image = mirror.image(root)
    found = {path.relative_to(image).as_posix() for path in image.rglob("*") if path.is_file()}
    assert found == {"a.py", "sub/b.csv", "used.bin"}


def test_a_project_that_was_moved_is_known_by_its_folders(tmp_path):
    root = tmp_path / "new"
    (root / "notebooks" / "deep").mkdir(parents=True)
    other = tmp_path / "other"
    other.mkdir()
    assert place_of(root / "notebooks", root) == (root, root)
    assert place_of(Path("/old/place/notebooks/deep"), root) == (Path("/old/place"), root)
    assert place_of(Path("/old/place"), root) == (Path("/old/place"), root)
    assert place_of(other, root) == (other, other)


def test_what_is_put_or_taken_away_behind_a_link_leaves_the_links_target_as_it_is(tmp_path):
    root, shared = tmp_path / "project", tmp_path / "shared"
    (shared / "deep").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "deep/c.txt"):
        (shared / name).write_text("mine")
    root.mkdir()
    (root / "data").symlink_to(shared)
    mirror = Mirror(tmp_path / "mirror", root)
    mirror.fill([])
    assert str(shared) in mirror.protected
    mirror.remove(root / "data" / "a.txt")
    mirror.place(root / "data" / "b.txt", b"old")
    mirror.place(root / "data" / "deep" / "c.txt", b"old")
    image = mirror.image(root / "data")
    assert not (image / "a.txt").exists()
    assert ((image / "b.txt").read_text(), (image / "deep" / "c.txt").read_text()) == ("old", "old")
    assert {path.read_text() for path in shared.rglob("*.txt")} == {"mine"}
    assert len(list(shared.rglob("*.txt"))) == 3
