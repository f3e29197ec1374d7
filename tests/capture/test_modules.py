"""The modules that a user wrote are found, whatever a library puts among the modules, and kept as they were imported."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest
from blake3 import blake3

from trackbook.capture import modules as rules
from trackbook.capture.modules import ModuleReader


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of modules, which are forgotten after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def paths(reader):
    return {module.name: module.path for module in reader.read()}


def load(folder, name, text):
    path = folder.joinpath(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def found(reader, name):
    return next((module for module in reader.read() if module.name == name), None)


def test_an_imported_module_is_found_with_digest_and_content(folder):
    reader = ModuleReader()
    assert "d_one" not in paths(reader)
    load(folder, "d_one", "x = 1\n")
    assert paths(reader)["d_one"] == str(folder / "d_one.py")
    module = found(reader, "d_one")
    assert module.content == b"x = 1\n"
    assert module.digest == blake3(b"x = 1\n").hexdigest()


def test_packages_and_what_is_in_them_are_found(folder):
    (folder / "d_package").mkdir()
    (folder / "d_package" / "__init__.py").touch()
    load(folder, "d_package.inner", "x = 1\n")
    assert {"d_package", "d_package.inner"} <= paths(ModuleReader()).keys()


def test_libraries_and_trackbook_itself_are_not_local():
    names = paths(ModuleReader())
    assert not {"json", "os", "numpy", "blake3", "msgspec", "trackbook", "trackbook.errors"} & names.keys()


def test_what_was_imported_is_kept_even_when_the_file_changes_later(folder):
    reader = ModuleReader()
    load(folder, "d_two", "x = 1\n")
    reader.read()
    (folder / "d_two.py").write_text("x = 2\n")
    assert found(reader, "d_two").content == b"x = 1\n"


def test_a_reloaded_module_is_read_again(folder):
    reader = ModuleReader()
    module = load(folder, "d_three", "x = 1\n")
    reader.read()
    (folder / "d_three.py").write_text("x = 2222\n")
    importlib.reload(module)
    assert found(reader, "d_three").content == b"x = 2222\n"


def test_a_module_that_was_removed_and_comes_back_is_read_again(folder):
    reader = ModuleReader()
    load(folder, "d_four", "x = 1\n")
    reader.read()
    del sys.modules["d_four"]
    assert found(reader, "d_four") is None
    load(folder, "d_four", "x = 4444\n")
    assert found(reader, "d_four").content == b"x = 4444\n"


def test_the_content_of_a_module_with_a_secret_is_not_kept(folder):
    load(folder, "d_five", "password = 'hunter2-Zq9x'\n")
    module = found(ModuleReader(), "d_five")
    assert module.content is None
    assert module.digest == blake3(b"password = 'hunter2-Zq9x'\n").hexdigest()
    assert module.reason == rules.HAS_SECRET


def test_the_content_of_a_large_module_is_not_kept(folder, monkeypatch):
    monkeypatch.setattr(rules, "MAX_CONTENT", 10)
    load(folder, "d_six", "x = 1  # more than ten bytes\n")
    module = found(ModuleReader(), "d_six")
    assert (module.content, module.reason) == (None, rules.TOO_LARGE)


def test_a_module_whose_file_is_gone_says_so(folder):
    load(folder, "d_seven", "x = 1\n")
    (folder / "d_seven.py").unlink()
    module = found(ModuleReader(), "d_seven")
    assert (module.digest, module.content) == (None, None)
    assert "No such file" in module.reason


class Hostile(ModuleType):
    def __getattr__(self, name):
        raise RuntimeError("a lazy module was woken")


@pytest.mark.parametrize(
    "impostor",
    [None, 5, object(), type("T", (), {"__file__": "x"}), Hostile("lazy"), ModuleType("plain")],
    ids=["none", "number", "object", "class", "lazy", "without a file"],
)
def test_whatever_stands_among_the_modules_is_no_trouble(monkeypatch, impostor):
    monkeypatch.setitem(sys.modules, "d_impostor", impostor)
    assert "d_impostor" not in paths(ModuleReader())


@pytest.mark.parametrize("path", ["", 7, "a\0b", "<string>", None])
def test_odd_paths_are_no_trouble(monkeypatch, path):
    module = ModuleType("d_odd")
    module.__file__ = path
    monkeypatch.setitem(sys.modules, "d_odd", module)
    seen = found(ModuleReader(), "d_odd")
    assert seen is None or seen.reason


def test_the_script_itself_is_a_module(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from trackbook.capture.modules import ModuleReader\nprint({each.name: each.path for each in ModuleReader().read()}['__main__'])\n"
    )
    answer = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str(script)
