"""The round trip: edits of a script in its cells, changes of a notebook in its script, and conflicts left alone."""

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.cli.main import main
from trackbook.errors import PipelineError, UsageError
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.script.formatting import formatted
from trackbook.pipeline.steps.notebook import Cell, Notebook, read_notebook
from trackbook.pipeline.sync.edits import cells_from_script, with_texts
from trackbook.pipeline.sync.mapping import FUNCTIONS, STEP, map_script
from trackbook.pipeline.sync.merge import merge
from trackbook.project import Project

CELLS = {
    "imp": ("imports", "import json\nimport math"),
    "par": ("parameters", "n = 3  # how many\nrate: float = 0.5"),
    "fun": ("functions", "def half(v):\n    # halves\n    return v / 2\n"),
    "load": (
        "step:load",
        "%matplotlib inline\n# the numbers\nxs=list(range(n))\nfor x in xs:\n    print( 'x', x )\nxs",
    ),
    "more": ("", "w = 2\ndef scaled(v):\n    return v * w\nxs.append(scaled(4))"),
    "fit": ("step:fit", "total = half(sum(xs)) * rate\nprint(math.sqrt(total), scaled(1))"),
}


def notebook(**texts):
    cells = [(name, tag, texts.get(name, text)) for name, (tag, text) in CELLS.items()]
    return Notebook(
        "n.ipynb", tuple(Cell(i, name, text, (tag,) if tag else ()) for i, (name, tag, text) in enumerate(cells))
    )


def inside(text):
    """Return the lines of a script between its parameters and its helpers."""
    return [line for line in text[text.index("# %% [functions]") : text.index("def main(")].split("\n") if line]


def back(*changes, base=None):
    """Return what edits of the script (text, new text) make of the cells, by id, and what is refused."""
    base = base or notebook()
    was = convert(base).text
    now = was
    for old, new in changes:
        assert now.count(old) == 1, old
        now = now.replace(old, new)
    texts, refused = cells_from_script(base, was, formatted(now))
    if texts:
        assert inside(formatted(now)) == inside(convert(with_texts(base, texts)).text)
    return {base.cells[index].id: text for index, text in texts.items()}, [item.reason for item in refused]


EDITS = {
    "a changed line, whose neighbours keep their own layout": (
        [('print("x", x)', 'print("y", x)')],
        {"load": "%matplotlib inline\n# the numbers\nxs=list(range(n))\nfor x in xs:\n    print(\"y\", x)\nxs"},
    ),
    "a changed comment": ([("# the numbers", "# all numbers")], {"load": "%matplotlib inline\n# all numbers\n" + "\n".join(CELLS["load"][1].split("\n")[2:])}),
    "an added line, indented": (
        [('        print("x", x)\n', '        print("x", x)\n        print(x + 1)\n')],
        {"load": "%matplotlib inline\n# the numbers\nxs=list(range(n))\nfor x in xs:\n    print( 'x', x )\n    print(x + 1)\nxs"},
    ),
    "a deleted block": (
        [('    for x in xs:\n        print("x", x)\n', "")],
        {"load": "%matplotlib inline\n# the numbers\nxs=list(range(n))\nxs"},
    ),
    "a value that is shown": ([("show(xs)", "show(xs[:2])")], {"load": CELLS["load"][1][:-2] + "xs[:2]"}),
    "a comment behind a value that is shown": ([("show(xs)", "show(xs[0])  # one")], {"load": CELLS["load"][1][:-2] + "xs[0]  # one"}),
    "several at once": (
        [('print("x", x)', 'print("y", x)\n        print("z")'), ("show(xs)", "show(xs[1:])"), ("    w = 2\n", "    w = 3\n")],
        {
            "load": "%matplotlib inline\n# the numbers\nxs=list(range(n))\nfor x in xs:\n    print(\"y\", x)\n    print(\"z\")\nxs[1:]",
            "more": CELLS["more"][1].replace("w = 2", "w = 3"),
        },
    ),
    "a function at module level": ([("    return v / 2", "    half = v / 2\n    return half")], {"fun": "def half(v):\n    # halves\n    half = v / 2\n    return half\n"}),
    "the value of a parameter": ([("n: int = 3", "n: int = 30")], {"par": "n = 30  # how many\nrate: float = 0.5"}),
    "an import that a changed line needs": (
        [("import math\n", "import math\nimport os\n"), ("    total =", "    print(os.sep)\n    total =")],
        {"imp": "import json\nimport math\nimport os", "fit": "print(os.sep)\n" + CELLS["fit"][1]},
    ),
    "a line behind a value that is shown, which must stay the last of its cell": (
        [("    show(xs)\n", "    show(xs)\n    print(1)\n")],
        {"more": "print(1)\n\n" + CELLS["more"][1]},
    ),
    "a line at the end of a step": (
        [("scaled(1))\n", "scaled(1))\n\n    print(total)\n")],
        {"fit": CELLS["fit"][1] + "\n\nprint(total)"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_inside_a_step_goes_into_its_cell(name):
    changes, wanted = EDITS[name]
    assert back(*changes) == (wanted, [])


def test_lines_keep_the_indentation_that_their_cell_has():
    base = notebook(
        fun="def half(v):\n\tif v:\n\t  return v / 2", more="w = 2\nif w:\n  xs.append(4)\ndef scaled(v):\n  return v"
    )
    texts, _ = back(
        ("        return v / 2", '        text = """a\nb"""\n        return v / 2'),
        ("        xs.append(4)\n", "        xs.append(4)\n        if xs:\n            xs.append(5)\n    w += 1\n"),
        base=base,
    )
    assert texts["fun"] == 'def half(v):\n\tif v:\n\t  text = """a\nb"""\n\t  return v / 2'
    assert (
        texts["more"]
        == "w = 2\nif w:\n  xs.append(4)\n  if xs:\n      xs.append(5)\nw += 1\ndef scaled(v):\n  return v"
    )


REFUSED = {
    "a result": ([("    return w, xs", "    return w, xs[1:]")], "conversion writes itself"),
    "main": ([("    fit(", "    print()\n    fit(")], "outside the steps"),
    "what stands between functions": ([("def parse_params(", "X = 1\n\n\ndef parse_params(")], "outside the steps"),
    "what no longer converts": ([("    w = 2\n", "    w = 2\n    exec('a')\n")], "would not convert any more"),
    "a type of a parameter": ([("n: int = 3", "n: float = 3")], "only the value of a parameter"),
    "an import that nothing needs": ([("import math\n", "import math\nimport os\n")], "would not write `import os`"),
    "one copy of a function": ([("    def scaled(v):\n        return v * w\n\n    total", "    def scaled(v):\n        return v + w\n\n    total")], "conversion would"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_edit_without_a_place_in_a_cell_is_refused_with_the_reason(name):
    changes, says = REFUSED[name]
    texts, reasons = back(*changes)
    assert texts == {}
    assert any(says in reason for reason in reasons), reasons


LINES = st.sampled_from(["q = 1", "# note", "xs.append(1)", "for i in range(2):\n    print(i)", "print('a')", "xs", ""])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["before", "after", "instead"]), LINES), max_size=3))
def test_random_edits_are_either_refused_or_come_back_from_the_changed_notebook(edits):
    base = notebook()
    was = convert(base).text
    script = map_script(was, base.cells)
    own = [unit for unit, region in zip(script.units, script.regions, strict=True) if region.kind in (STEP, FUNCTIONS)]
    lines = was.split("\n")
    for place, way, text in sorted(edits, reverse=True):
        unit = own[place % len(own)]
        new = [" " * unit.margin + line for line in text.split("\n")] if text else []
        first, last = {"before": (unit.first - 1, unit.first - 1), "after": (unit.last, unit.last)}.get(
            way, (unit.first - 1, unit.last)
        )
        lines[first:last] = new
    try:
        now = formatted("\n".join(lines))
    except SyntaxError:
        return
    texts, refused = cells_from_script(base, was, now)
    if texts:
        again = convert(with_texts(base, texts)).text
        assert not refused
        assert kept(map_script(again, with_texts(base, texts).cells)) <= set(now.split("\n"))
        assert cells_from_script(with_texts(base, texts), again, again) == ({}, [])


def kept(script):
    return {line for number in script.places for line in script.lines(number, number)}


def test_cells_that_both_sides_changed_are_conflicts_unless_they_agree():
    base, now = notebook(), notebook(fit="total = 1", more="w = 5")
    texts, conflicts = merge(base, now, {5: "total = 2", 4: "w = 5", 2: "def half(v):\n    return 0"})
    assert texts == {2: "def half(v):\n    return 0"}
    (conflict,) = conflicts
    assert (conflict.cell, conflict.notebook, conflict.script) == ("fit", "total = 1", "total = 2")
    assert "-total = 1\n+total = 2" in conflict.diff


def test_cells_without_ids_are_known_by_what_they_hold():
    def book(*texts):
        return Notebook("n.ipynb", tuple(Cell(i, f"cell-{i}", text) for i, text in enumerate(texts)))

    assert merge(book("a = 1", "b = 1"), book("new = 1", "a = 1", "b = 1"), {1: "b = 2"}) == ({2: "b = 2"}, [])
    (conflict,) = merge(book("a = 1", "b = 1"), book("a = 1"), {1: "b = 2"})[1]
    assert conflict.notebook is None


@pytest.fixture
def pair(tmp_path):
    """Return a notebook's file with outputs, and its script, in a project."""
    cells = [
        {
            "cell_type": "code",
            "id": name,
            "metadata": {"tags": [tag] if tag else []},
            "source": text.splitlines(keepends=True),
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
            "execution_count": 7,
        }
        for name, (tag, text) in CELLS.items()
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {"a": 1}, "nbformat": 4, "nbformat_minor": 5}, indent=1))
    project = Project.open(path)
    project.pipelines.convert(path, tmp_path / "n.py")
    return path, tmp_path / "n.py", project.pipelines


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_changes_of_both_sides_meet_and_a_second_time_there_is_nothing_to_do(pair):
    path, script, pipelines = pair
    outputs = [cell["outputs"] for cell in json.loads(path.read_text())["cells"]]
    edit(script, 'print("x", x)', 'print("y", x)')
    edit(path, "w = 2", "w = 3")
    done = pipelines.sync(path, script)
    assert (done.from_script, done.from_notebook, done.is_done) == (("load",), ("more",), True)
    assert 'print("y", x)' in read_notebook(path).cells[3].source
    assert [cell["outputs"] for cell in json.loads(path.read_text())["cells"]] == outputs
    assert "w = 3" in script.read_text()
    both = path.read_bytes(), script.read_bytes()
    assert pipelines.sync(path, script).from_script == ()
    assert convert(read_notebook(path)).text.encode() == both[1]
    assert (path.read_bytes(), script.read_bytes()) == both


def test_new_and_deleted_cells_of_the_notebook_reach_the_script(pair):
    path, script, pipelines = pair
    content = json.loads(path.read_text())
    content["cells"][5:] = [{**content["cells"][5], "id": "new", "source": "print('new')"}]
    path.write_text(json.dumps(content))
    edit(script, "# the numbers", "# numbers")
    assert pipelines.sync(path, script).from_notebook == ("new", "fit")
    assert 'print("new")' in script.read_text()
    assert "# numbers" in read_notebook(path).cells[3].source


def test_a_conflict_writes_nothing_and_shows_both_texts(pair, capsys):
    path, script, _ = pair
    edit(script, "# the numbers", "# numbers")
    edit(path, "# the numbers", "# NUMBERS")
    both = path.read_bytes(), script.read_bytes()
    with pytest.raises(SystemExit) as status:
        main(["convert", str(path), "-o", str(script), "--sync"])
    out = capsys.readouterr().out
    assert status.value.code == 1
    assert "id load, was changed in both" in out
    assert "-# NUMBERS\n+# numbers" in out
    assert (path.read_bytes(), script.read_bytes()) == both


def test_without_a_store_the_script_alone_or_git_tells_what_it_was_made_of(pair, monkeypatch):
    path, script, pipelines = pair
    monkeypatch.setattr(type(pipelines), "_remember", lambda *_: None)
    monkeypatch.setattr(type(pipelines), "_kept", lambda *_: None)
    edit(script, "# the numbers", "# numbers")
    assert pipelines.sync(path, script).from_script == ("load",)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "m"]):
        subprocess.run(["git", *words], cwd=path.parent, check=True)
    edit(script, "# numbers", "# all numbers")
    edit(path, "w = 2", "w = 3")
    done = pipelines.sync(path, script)
    assert (done.from_script, done.from_notebook) == (("load",), ("more",))
    edit(script, "# all numbers", "# some numbers")
    edit(path, "w = 3", "w = 4")
    with pytest.raises(PipelineError, match="neither the store nor git"):
        pipelines.sync(path, script)


def test_a_script_that_is_not_python_is_an_error_with_its_line(pair):
    path, script, pipelines = pair
    edit(script, "    w = 2", "    w = (2")
    with pytest.raises(PipelineError, match=r"n\.py, line \d+ is not Python"):
        pipelines.sync(path, script)


def test_converting_again_writes_over_edits_of_the_script_only_by_force(pair):
    path, script, pipelines = pair
    pipelines.convert(path, script)
    edit(script, 'print("x", x)', 'print("y", x)')
    edited = script.read_text()
    with pytest.raises(UsageError, match=r"n.py was edited since it was made: .*--sync.*--force"):
        pipelines.convert(path, script)
    assert script.read_text() == edited
    pipelines.convert(path, script, force=True)
    assert 'print("x", x)' in script.read_text()
