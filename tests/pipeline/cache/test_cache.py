"""What makes a kept result valid, piece by piece."""

import os
from pathlib import Path

import pytest

from trackbook.pipeline.cache.cache import StepCache, unchanged
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.key import Call, step_key
from trackbook.pipeline.cache.modules import ProjectModules
from trackbook.pipeline.plan import StepPlan, parse_plan
from trackbook.pipeline.worker.seen import ABSENT, see
from trackbook.pipeline.worker.signature import UnsignedError, reachable, shared, signature
from trackbook.store import Store, now_ms

SCRIPT = "import os\ndef f(x):\n    return {}\ndef main(params):\n    a = g()\n    b = f(a)\ndef g():\n    return 1\n"


def step(expression: str = "x + 1") -> StepPlan:
    return parse_plan(SCRIPT.format(expression), Path("p.py")).steps[1]


def key(plan: StepPlan, **changes: str) -> str:
    given = {"environment": "e", "module": "m", "state": "s", "argument": "1", "cwd": "/p"} | changes
    arguments, modules = (("a", given.pop("argument")),), {"own.py": given.pop("module")}
    return step_key(Call(plan, arguments, modules=modules, **given))


def test_a_key_depends_on_code_arguments_environment_modules_and_state() -> None:
    variants = [key(step()), key(step("x + 2"))]
    variants += [key(step(), **{name: "other"}) for name in ("argument", "environment", "module", "state")]
    assert len(set(variants)) == len(variants)
    assert key(step()) == key(step("x  +  1  # same"))


def test_the_folder_counts_only_for_code_that_may_tell_it() -> None:
    """The project may lie elsewhere on another machine, and its results are to be of use there."""
    assert key(step(), cwd="other") == key(step())
    for expression in ("os.getcwd()", "__file__", "os.path.abspath(x)"):
        assert key(step(expression), cwd="other") != key(step(expression))


def test_an_environment_variable_counts_for_code_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = step("os.environ['SIZE']")
    monkeypatch.setenv("SIZE", "1")
    before = key(reading), key(step())
    monkeypatch.setenv("SIZE", "2")
    assert key(reading) != before[0]
    assert key(step()) == before[1]


def test_modules_of_the_project_are_followed_through_packages_and_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "own"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from . import b\nfrom .deep import c\nimport json\n")
    for name in ("b", "deep", "unused"):
        (package / f"{name}.py").write_text("")
    (tmp_path / "other.py").write_text("")
    names = set(ProjectModules(tmp_path).reached(["own.a", "numpy"]))
    assert names == {"own/__init__.py", "own/a.py", "own/b.py", "own/deep.py"}


def test_a_file_is_unchanged_by_content_and_a_recent_time_stamp_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("one")
    seen = see(str(path))
    assert unchanged(seen, tmp_path, now_ms())
    path.write_text("two")
    os.utime(path, ns=(seen.mtime_ns, seen.mtime_ns))
    assert not unchanged(seen, tmp_path, now_ms())
    path.unlink()
    assert not unchanged(seen, tmp_path, now_ms())
    assert see(str(path)).digest == ABSENT
    assert unchanged(see(str(path)), tmp_path, now_ms())


def test_an_entry_is_found_only_whole_in_its_context_and_with_its_random_state(tmp_path: Path) -> None:
    store = Store.open(tmp_path / ".trackbook")
    cache = StepCache(store, tmp_path)
    digest = store.objects.put(b"outputs")
    entry = Entry(digest, ("s",), random_before="r", random_after=store.objects.put(b"state"), context="c")
    cache.keep("k", "step", entry, "run")
    assert StepCache(store, tmp_path, ["other"]).find("s", "k", "r", "c") is None
    cache = StepCache(store, tmp_path, ["step", "other"])
    assert cache.find("s", "k", "r", "c") == entry
    assert cache.newest("step") == entry
    assert cache.find("s", "other", "r", "c") is None
    assert cache.find("s", "k", "another", "c") == "the random state is another"
    assert "something else might see that" in cache.find("s", "k", "r", "another")
    store.objects.path(digest).write_bytes(b"forged!")
    assert cache.find("s", "k", "r", "c") == "what was kept of it is damaged or gone"


def test_signatures_tell_apart_what_fingerprints_call_the_same() -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": [1, 2], "o": pd.Series(["a", None], dtype=object)})
    other = [frame.astype({"x": "Int64"}), frame.assign(x=[1, 3]), frame[["o", "x"]], frame.set_index("x")]
    other.append(frame.assign(o=pd.Series(["a", float("nan")], dtype=object)))
    assert len({signature(item) for item in [frame, *other]}) == 6
    assert signature(frame) == signature(frame.copy())
    assert signature({"a": 1, "b": 2}) != signature({"b": 2, "a": 1})
    with pytest.raises(UnsignedError, match="a generator cannot be pickled"):
        signature(item for item in ())


def test_shared_parts_are_found_in_containers_objects_and_array_views() -> None:
    import numpy as np

    class Holder:
        def __init__(self, inside: object) -> None:
            self.inside = inside

    rows, array = [1], np.arange(4)
    assert shared([{"deep": (rows,)}], [Holder(rows)])
    assert shared([array[1:]], [array])
    assert not shared([[1, "a", None]], [[1, "a", None]])
    assert not shared([rows], [list(rows)])
    box = [rows]
    assert id(rows) in reachable([box])
    assert reachable([box], stop={id(box)}) == {id(box)}
