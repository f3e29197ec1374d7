"""A place that is shared: a folder and a real S3 server behave alike, and neither ever shows half a file."""

import os
import socket
import sys

import pytest

from trackbook.errors import IntegrityError, NotFoundError, RemoteError, UsageError
from trackbook.store import remote as module
from trackbook.store.remote import Remote


def test_what_is_written_is_there_and_listed_with_its_size(remote):
    assert remote.names("runs") == {}
    assert not remote.exists("runs/aa/bb")
    remote.write("runs/aa/bb", b"first")
    remote.write("runs/aa/bb", b"second!")
    remote.write("other/x", b"x")
    assert remote.read("runs/aa/bb", 100) == b"second!"
    assert remote.exists("runs/aa/bb")
    assert remote.names("runs") == {"runs/aa/bb": 7}


def test_files_of_any_size_go_there_and_come_back(remote, tmp_path):
    content = os.urandom(3_000_000)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    remote.send(source, "objects/ab/cd")
    remote.fetch("objects/ab/cd", target)
    assert target.read_bytes() == content


def test_what_is_not_there_is_not_found_and_may_be_removed(remote, tmp_path):
    with pytest.raises(NotFoundError, match="read runs/none"):
        remote.read("runs/none", 10)
    with pytest.raises(NotFoundError):
        remote.fetch("runs/none", tmp_path / "target")
    remote.remove("runs/none")
    remote.write("runs/some", b"x")
    remote.remove("runs/some")
    assert remote.names("runs") == {}


def test_more_than_is_expected_is_not_read(remote):
    remote.write("runs/large", b"x" * 1001)
    assert len(remote.read("runs/large", 1001)) == 1001
    with pytest.raises(IntegrityError, match="more than 1,000 bytes"):
        remote.read("runs/large", 1000)


def test_a_name_that_leads_elsewhere_is_refused(remote):
    for name in ("../x", "a/../b", "/etc/passwd", "a//b", "A", "a b", "", ".hidden", "a/.tmp", "a\n"):
        for use in (lambda: remote.read(name, 1), lambda: remote.write(name, b""), lambda: remote.exists(name)):  # noqa: B023
            with pytest.raises(IntegrityError, match="crafted"):
                use()


def test_many_at_a_time_come_in_order_and_the_first_fault_ends_them(remote):
    names = [f"runs/{number:03d}" for number in range(3 * module.THREADS)]
    list(remote.each(lambda name: remote.write(name, name.encode()), names))
    assert list(remote.each(lambda name: remote.read(name, 100).decode(), names)) == names
    with pytest.raises(NotFoundError):
        list(remote.each(lambda name: remote.read(name, 100), [*names, "runs/none"]))


def test_a_write_that_fails_leaves_nothing_in_a_folder(tmp_path, monkeypatch):
    remote = Remote(str(tmp_path / "shared"))
    remote.write("runs/a", b"old")
    monkeypatch.setattr(module, "FIRST_WAIT", 0.001)

    def fail(temporary, path):
        raise OSError("no space left")

    monkeypatch.setattr(module, "_settle", fail)
    with pytest.raises(RemoteError, match="no space left"):
        remote.write("runs/a", b"new")
    assert [path.name for path in (tmp_path / "shared" / "runs").iterdir()] == ["a"]
    assert remote.read("runs/a", 10) == b"old"


def test_a_fault_that_passes_is_tried_again(tmp_path, monkeypatch):
    remote = Remote(str(tmp_path / "shared"))
    monkeypatch.setattr(module, "FIRST_WAIT", 0.001)
    settle, faults = module._settle, [OSError("reset"), TimeoutError("slow")]

    def sometimes(temporary, path):
        if faults:
            raise faults.pop()
        settle(temporary, path)

    monkeypatch.setattr(module, "_settle", sometimes)
    remote.write("runs/a", b"new")
    assert remote.read("runs/a", 10) == b"new"
    assert faults == []


def test_a_bucket_that_is_not_there_is_an_error_that_names_it(bucket):
    remote = Remote("s3://never-made/prefix", bucket.options)
    with pytest.raises((RemoteError, NotFoundError), match="s3://never-made/prefix"):
        remote.write("runs/a", b"x")


def test_a_server_that_is_gone_is_an_error_that_names_the_url(bucket):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    remote = Remote(
        bucket.url, {"endpoint_url": f"http://127.0.0.1:{port}", "config_kwargs": {"retries": {"max_attempts": 0}}}
    )
    with pytest.raises(RemoteError, match=r"s3://.*cannot list runs.*the network and the credentials"):
        remote.names("runs")


@pytest.mark.parametrize(("url", "extra"), [("gs://bucket/x", "gcs"), ("az://box/x", "azure")])
def test_a_missing_package_is_named_with_the_way_to_install_it(url, extra, monkeypatch):
    for name in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"pip install 'trackbook\[{extra}\]'"):
        Remote(url)


def test_a_url_with_a_password_is_refused_and_not_shown():
    with pytest.raises(UsageError, match="environment") as refused:
        Remote("s3://key:sesame@bucket/x")
    assert "sesame" not in str(refused.value)


def test_a_url_that_means_nothing_is_refused():
    with pytest.raises(UsageError, match="nosuch"):
        Remote("nosuch://bucket/x")


def test_a_forked_child_opens_its_own_connections(bucket):
    remote = Remote(*bucket)
    remote.write("runs/a", b"parent")
    child = os.fork()
    if child == 0:
        try:
            remote.write("runs/b", remote.read("runs/a", 100) + b" and child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert remote.read("runs/b", 100) == b"parent and child"
