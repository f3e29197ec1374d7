"""Files and folders as models, pickles, and which format a model is kept in."""

import io
import os
import pickle
import tarfile
from pathlib import Path

import pytest
from sklearn.linear_model import Ridge

from trackbook.errors import NotFoundError, RegistryError, UsageError
from trackbook.registry.formats import opaque, table
from trackbook.registry.formats.contract import DANGEROUS, Policy


@pytest.fixture
def policy(tmp_path):
    return Policy(tmp_path / "restored")


def kept(path, policy):
    archive, _ = opaque.dump(path, policy)
    data = archive.read_bytes()
    archive.unlink()
    return data


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "net"
    (source / "deep" / "empty").mkdir(parents=True)
    (source / "weights.bin").write_bytes(bytes(range(256)) * 300)
    (source / "deep" / "naïve.txt").write_text("words")
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    return source


def test_a_folder_is_restored_as_a_copy_of_its_own_each_time(folder, policy):
    data = kept(folder, policy)
    first, second = opaque.load([data[:700], data[700:]], policy), opaque.load([data], policy)
    assert first != second
    assert first.name == "net"
    for path in folder.rglob("*"):
        copy = first / path.relative_to(folder)
        assert copy.is_dir() if path.is_dir() else copy.read_bytes() == path.read_bytes()
    assert os.access(first / "run.sh", os.X_OK)
    assert not os.access(first / "weights.bin", os.X_OK) or os.getuid() == 0


def test_copies_of_a_process_that_was_killed_are_removed_and_no_others(folder, policy):
    data = kept(folder, policy)
    copy = opaque.load([data], policy)
    orphan, foreign = policy.folder / f"{opaque._HOST}-{2**22 + 1}-ab", policy.folder / "elsewhere-4194305-ab"
    for each in (orphan, foreign):
        each.mkdir()
    opaque.load([data], policy)
    assert (orphan.exists(), foreign.exists(), copy.exists()) == (False, True, True)


def test_the_same_content_has_the_same_bytes(folder, policy):
    before = kept(folder, policy)
    os.utime(folder / "weights.bin", (1, 1))
    assert kept(folder, policy) == before


def test_a_file_is_restored_under_its_name(tmp_path, policy):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert opaque.load([kept(tmp_path / "model.gguf", policy)], policy).name == "model.gguf"


def test_links_are_refused_and_a_missing_path_has_a_suggestion(folder, policy):
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(RegistryError, match="is a link"):
        opaque.dump(folder, policy)
    assert list(policy.folder.iterdir()) == []
    with pytest.raises(NotFoundError, match="did you mean 'net'"):
        opaque.dump(folder.with_name("nett"), policy)
    with pytest.raises(RegistryError, match="give a path, not a Ridge"):
        opaque.dump(Ridge(), policy)


def crafted(*entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
    return buffer.getvalue()


FILE, LINK, HARD, DEVICE = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE


@pytest.mark.parametrize(
    "entries",
    [
        [("../evil", FILE)],
        [("a/../../evil", FILE)],
        [("/evil", FILE)],
        [("a", FILE), ("b", FILE)],
        [("a", FILE), ("a", FILE)],
        [("a", LINK), ("a/x", FILE)],
        [("a", HARD)],
        [("a", DEVICE)],
        [("a/b", FILE)],
        [],
    ],
)
def test_a_crafted_archive_writes_nothing_and_leaves_nothing(entries, policy, tmp_path):
    with pytest.raises(RegistryError, match="damaged"):
        opaque.load([crafted(*entries)], policy)
    assert [path for path in tmp_path.rglob("*") if path != policy.folder] == []


def test_bytes_that_are_proved_wrong_at_their_end_leave_nothing(folder, policy):
    data = kept(folder, policy)

    def pieces():
        yield data
        raise RegistryError("not what was stored")

    with pytest.raises(RegistryError, match="not what was stored"):
        opaque.load(pieces(), policy)
    assert list(policy.folder.iterdir()) == []


class Gadget:
    def __reduce__(self):
        return os.mkdir, ("fired",)


def test_pickles_are_neither_kept_nor_loaded_unless_the_project_allows_it(policy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(Gadget())
    for attempt in (
        lambda: table.FORMATS["pickle"].load([data], policy),
        lambda: table.FORMATS["pickle"].dump(Ridge(), policy),
    ):
        with pytest.raises(RegistryError, match=r"\[models\] allow_pickle = true"):
            attempt()
    assert not Path("fired").exists()
    allowed = Policy(policy.folder, allow_pickle=True)
    model = table.FORMATS["pickle"].load([table.FORMATS["pickle"].dump(Ridge(alpha=3.0), allowed)[0]], allowed)
    assert model.alpha == 3.0
    with pytest.raises(RegistryError, match="cannot be pickled"):
        table.FORMATS["pickle"].dump(lambda: 1, allowed)
    with pytest.raises(RegistryError, match="cannot be loaded"):
        table.FORMATS["pickle"].load([b"\x80\x04K"], allowed)


def test_the_format_is_that_of_the_type_unless_one_is_asked_for(tmp_path):
    assert table.choose(Ridge()).name == "skops"
    assert table.choose(tmp_path).name == "opaque"
    assert table.choose(Ridge(), "pickle").name == "pickle"
    with pytest.raises(UsageError, match=r"'xgbost' is no format of models; did you mean 'xgboost'\?"):
        table.choose(Ridge(), "xgbost")


def test_an_unknown_format_is_not_loaded():
    assert set(table.FORMATS) > DANGEROUS
    with pytest.raises(RegistryError, match="update with"):
        table.stored("keras")


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "torch", "skops"])
def test_no_format_reads_the_bytes_of_another_or_unpickles(name, policy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    foreign = [pickle.dumps(Gadget()), crafted(("a", FILE)), b"", b"tree\nversion=v4\n", b"{}"]
    for data in foreign:
        if name == "torch":
            pytest.importorskip("safetensors.torch", reason="the extra `torch` is not installed")
        with pytest.raises(RegistryError):
            table.FORMATS[name].load([data], policy)
    assert not Path("fired").exists()
